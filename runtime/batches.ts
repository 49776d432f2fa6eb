import type { Metrics, Tensor } from './api.ts'
import { batchSize, type Dataset, feedRows, readOutputs } from './dataset.ts'
import type { Engine } from './engine.ts'
import { ModelError } from './error.ts'
import type { ManifestTrain } from './manifest.ts'
import { beginMeasures } from './measures.ts'
import { type DimensionValues, elementCount, typeText } from './size.ts'

/** Rows at a time where nobody is watching: large enough for the kernels, small enough for the caches. */
const DEFAULT_BATCH = 256

/** Evaluates all rows batch by batch; whoever drives it decides whether to pause in between. */
export function* evaluateRows(
  engine: Engine,
  train: ManifestTrain,
  dataset: Dataset,
  batch?: number,
): Generator<void, Metrics, void> {
  const size = rowsAtATime(engine, dataset, batch)
  const measures = beginMeasures(engine, train, dataset.entry)
  for (const { dims, count } of runRows(engine, dataset, size)) {
    measures.add(dims, count)
    yield
  }
  return measures.read()
}

/** Runs a generator to its end. */
export function finish<Result>(steps: Generator<void, Result, void>): Result {
  let step = steps.next()
  while (!step.done) step = steps.next()
  return step.value
}

/** The batch size asked for or a good one, checked. */
export function rowsAtATime(engine: Engine, dataset: Dataset, batch?: number): number {
  return batchSize(engine, dataset, batch, DEFAULT_BATCH)
}

/** Runs an inference over all rows and joins the outputs along their first axis. */
export function predictRows(engine: Engine, dataset: Dataset, batch?: number): Record<string, Tensor> {
  const { entry, rows, rowDim } = dataset
  const size = rowsAtATime(engine, dataset, batch)
  const uncut = entry.outputs.find((output) => output.shape[0] !== rowDim)
  if (rows > size && uncut !== undefined) {
    throw new ModelError(
      'wrong-shape',
      `output \`${uncut.name}\`, ${typeText(uncut)}, has no row per row of the input, so batches cannot be joined; call predict with at most ${size} rows`,
    )
  }
  const whole: Record<string, Tensor> = {}
  for (const { dims, count, start } of runRows(engine, dataset, size)) {
    for (const [name, { data, shape }] of Object.entries(readOutputs(engine, entry, dims))) {
      if (count === rows) whole[name] = { data, shape }
      else {
        const [, ...rest] = shape
        const Kind = data.constructor as Float32ArrayConstructor
        whole[name] ??= { data: new Kind(rows * elementCount(rest)), shape: [rows, ...rest] }
        whole[name].data.set(data, start * elementCount(rest))
      }
    }
  }
  return whole
}

function* runRows(
  engine: Engine,
  dataset: Dataset,
  size: number,
): Generator<{ readonly dims: DimensionValues; readonly count: number; readonly start: number }> {
  for (let start = 0; start < dataset.rows; start += size) {
    const count = Math.min(size, dataset.rows - start)
    const dims = feedRows(engine, dataset, undefined, start, count)
    engine.run(dataset.entry, dims)
    yield { dims, count, start }
  }
}
