import type { Metrics, Tensor } from './api.ts'
import { batchSize, type Dataset, feedRows, readMetrics, readOutputs } from './dataset.ts'
import type { Engine } from './engine.ts'
import { ModelError } from './error.ts'
import { type DimensionValues, elementCount, typeText } from './size.ts'

/** Rows at a time where nobody is watching: large enough for the kernels, small enough for the caches. */
const DEFAULT_BATCH = 256

/** Averages of scalars over batches, weighted by their rows. */
export interface Average {
  add(metrics: Readonly<Record<string, number>>, weight: number): void
  read(): Metrics
}

export function createAverage(): Average {
  const sums: Record<string, number> = {}
  let total = 0
  return {
    add(metrics, weight) {
      for (const name in metrics) sums[name] = (sums[name] ?? 0) + metrics[name]! * weight
      total += weight
    },
    read: () =>
      Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / total])) as unknown as Metrics,
  }
}

/** Runs an evaluation over all rows. */
export function evaluateRows(engine: Engine, dataset: Dataset, batch?: number): Metrics {
  const average = createAverage()
  runRows(engine, dataset, batch, (_dims, count) => average.add(readMetrics(engine, dataset.entry), count))
  return average.read()
}

/** Runs an inference over all rows and joins the outputs along their first axis. */
export function predictRows(engine: Engine, dataset: Dataset, batch?: number): Record<string, Tensor> {
  const { entry, rows, rowDim } = dataset
  const size = batchSize(engine, dataset, batch, DEFAULT_BATCH)
  const uncut = entry.outputs.find((output) => output.shape[0] !== rowDim)
  if (rows > size && uncut !== undefined) {
    throw new ModelError(
      'wrong-shape',
      `output \`${uncut.name}\`, ${typeText(uncut)}, has no row per row of the input, so batches cannot be joined; call predict with at most ${size} rows`,
    )
  }
  const whole: Record<string, Tensor> = {}
  runRows(engine, dataset, size, (dims, count, start) => {
    for (const [name, { data, shape }] of Object.entries(readOutputs(engine, entry, dims))) {
      if (count === rows) whole[name] = { data, shape }
      else {
        whole[name] ??= {
          data: new (data.constructor as Float32ArrayConstructor)((data.length / count) * rows),
          shape: [rows, ...shape.slice(1)],
        }
        whole[name].data.set(data, start * elementCount(shape.slice(1)))
      }
    }
  })
  return whole
}

function runRows(
  engine: Engine,
  dataset: Dataset,
  batch: number | undefined,
  after: (dims: DimensionValues, count: number, start: number) => void,
): void {
  const size = batchSize(engine, dataset, batch, DEFAULT_BATCH)
  for (let start = 0; start < dataset.rows; start += size) {
    const count = Math.min(size, dataset.rows - start)
    const dims = feedRows(engine, dataset, undefined, start, count)
    engine.run(dataset.entry, dims)
    after(dims, count, start)
  }
}
