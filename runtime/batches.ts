import type { Metrics, Tensor } from './api.ts'
import { batchSize, type Dataset, feedRows, readOutputs } from './dataset.ts'
import type { Engine } from './engine.ts'
import { ModelError } from './error.ts'
import type { ManifestTrain } from './manifest.ts'
import { beginMeasures } from './measures.ts'
import { streamOrder } from './shuffle.ts'
import { type DimensionValues, elementCount, typeText } from './size.ts'

/** Rows at a time where nobody is watching: large enough for the kernels, small enough for the caches. */
const DEFAULT_BATCH = 256

/** Evaluates all rows batch by batch; whoever drives it decides whether to pause in between. */
export function* evaluateRows(
  engine: Engine,
  train: ManifestTrain,
  dataset: Dataset,
  batch?: number,
  order?: Uint32Array,
): Generator<void, Metrics, void> {
  const size = rowsAtATime(engine, dataset, batch)
  const measures = beginMeasures(engine, train, dataset.entry)
  for (const { dims, count } of runRows(engine, dataset, size, order)) {
    measures.add(dims, count)
    yield
  }
  return measures.read()
}

/**
 * Evaluates the rows as a train block takes them. Those in streams carry the block's states from batch to batch, from
 * their first values on; afterwards the states are what they were.
 */
export function* evaluatePart(
  engine: Engine,
  settings: ManifestTrain,
  dataset: Dataset,
  batch?: number,
): Generator<void, Metrics, void> {
  if (settings.order !== 'streams') return yield* evaluateRows(engine, settings, dataset, batch)
  const streams = batchSize(engine, dataset, batch ?? Math.min(settings.batch ?? 32, dataset.rows), 32)
  const putBack = engine.carried.setAside(settings)
  try {
    engine.carried.begin(settings)
    return yield* evaluateRows(engine, settings, dataset, streams, streamOrder(dataset.rows, streams))
  } finally {
    putBack()
  }
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
  order?: Uint32Array,
): Generator<{ readonly dims: DimensionValues; readonly count: number; readonly start: number }> {
  const rows = order?.length ?? dataset.rows
  for (let start = 0; start < rows; start += size) {
    const count = Math.min(size, rows - start)
    const dims = feedRows(engine, dataset, order, start, count)
    engine.run(dataset.entry, dims)
    yield { dims, count, start }
  }
}
