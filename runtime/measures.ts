import type { Metrics, Tensor } from './api.ts'
import { readTensor } from './dataset.ts'
import type { Engine } from './engine.ts'
import type { ManifestEntry, ManifestTensor, ManifestTrain } from './manifest.ts'
import { type DimensionValues, elementCount, shapeValue } from './size.ts'
import { computeStatistic } from './statistics.ts'

/** The loss and the metrics of a train block over the batches of an epoch. */
export interface Measures {
  /** Takes what the entry has put out for a batch of `weight` examples. */
  add(dims: DimensionValues, weight: number): void
  /** The loss of the last batch, and its mean so far. */
  loss(): number
  meanLoss(): number
  /** The values for all batches so far. */
  read(): Metrics
  /** All that has been added up, for an epoch that is to go on later. */
  record(): MeasuresRecord
}

/** What the batches of an epoch so far have come to. */
export interface MeasuresRecord {
  /** Of the loss and of each metric that is averaged, over the examples. */
  readonly sums: readonly number[]
  readonly weight: number
  /** The words of each total of the train block. */
  readonly totals: readonly Int32Array<ArrayBuffer>[]
  /** All values of each column metrics gather. */
  readonly columns: readonly Float32Array<ArrayBuffer>[]
}

/** Starts an epoch of a step or an evaluation, or goes on with one. */
export function beginMeasures(
  engine: Engine,
  train: ManifestTrain,
  entry: ManifestEntry,
  earlier?: MeasuresRecord,
): Measures {
  if (earlier) engine.totals.resume(train, earlier.totals)
  else engine.totals.begin(train)
  const outputOf = (name: string): ManifestTensor => entry.outputs.find((output) => output.name === name)!
  const numberOf = ({ offset }: ManifestTensor): number => engine.floats[offset / 4]!
  const averaged = ['loss', ...train.metrics.filter(({ over }) => over === 'batch').map(({ name }) => name)].map(
    (name, index) => ({ name, output: outputOf(name), sum: earlier?.sums[index] ?? 0 }),
  )
  const running = train.metrics
    .filter(({ over }) => over === 'epoch')
    .map(({ name, scalar }) => ({ name, scalar, output: outputOf(name), value: Number.NaN as number | Tensor }))
  const before = [...(earlier?.columns ?? [])]
  const gathered = train.metrics.flatMap(({ name, over }) =>
    typeof over === 'string'
      ? []
      : [
          {
            name,
            statistic: over.statistic,
            columns: over.columns.map((column) => createColumn(outputOf(column), before.shift())),
          },
        ],
  )
  let total = earlier?.weight ?? 0
  let lastLoss = Number.NaN
  return {
    add(dims, weight) {
      lastLoss = numberOf(averaged[0]!.output)
      for (const item of averaged) item.sum += numberOf(item.output) * weight
      for (const item of running)
        item.value = item.scalar
          ? numberOf(item.output)
          : readTensor(engine, item.output, shapeValue(item.output.shape, dims))
      for (const { columns } of gathered) for (const column of columns) column.add(engine, dims)
      total += weight
    },
    loss: () => lastLoss,
    meanLoss: () => averaged[0]!.sum / total,
    read() {
      const values = new Map<string, number | Tensor>()
      for (const { name, sum } of averaged) values.set(name, sum / total)
      for (const { name, value } of running) values.set(name, value)
      for (const { name, statistic, columns } of gathered)
        values.set(
          name,
          computeStatistic(
            statistic,
            columns.map((column) => column.values()),
          ),
        )
      // In the order of the train block.
      const entries = ['loss', ...train.metrics.map(({ name }) => name)].map((name) => [name, values.get(name)!])
      return Object.fromEntries(entries) as Metrics
    },
    record: () => ({
      sums: averaged.map(({ sum }) => sum),
      weight: total,
      totals: engine.totals.read(train),
      columns: gathered.flatMap(({ columns }) => columns.map((column) => column.values().slice())),
    }),
  }
}

/** What a step or an evaluation of a single batch has put out; `Totals.begin` came before it. */
export function readMeasures(
  engine: Engine,
  train: ManifestTrain,
  entry: ManifestEntry,
  dims: DimensionValues,
): Metrics {
  // Most often the only one, and looked up in every step.
  const [only] = entry.outputs
  if (train.metrics.length === 0 && only!.name === 'loss') return { loss: engine.floats[only!.offset / 4]! }
  const outputOf = (name: string): ManifestTensor => entry.outputs.find((output) => output.name === name)!
  const numberOf = ({ offset }: ManifestTensor): number => engine.floats[offset / 4]!
  const loss = numberOf(outputOf('loss'))
  if (train.metrics.length === 0) return { loss }
  const valuesOf = (output: ManifestTensor): Tensor => readTensor(engine, output, shapeValue(output.shape, dims))
  const metrics = train.metrics.map(({ name, over, scalar }): [string, number | Tensor] => {
    if (typeof over === 'object')
      return [
        name,
        computeStatistic(
          over.statistic,
          over.columns.map((column) => valuesOf(outputOf(column)).data),
        ),
      ]
    return [name, scalar || over === 'batch' ? numberOf(outputOf(name)) : valuesOf(outputOf(name))]
  })
  return { loss, ...Object.fromEntries(metrics) }
}

/** A growing column of all values an output has had. */
function createColumn(
  output: ManifestTensor,
  earlier = new Float32Array(0),
): {
  add(engine: Engine, dims: DimensionValues): void
  values(): Float32Array<ArrayBuffer>
} {
  let data = new Float32Array(Math.max(1024, earlier.length))
  let { length } = earlier
  data.set(earlier)
  return {
    add(engine, dims) {
      const count = elementCount(shapeValue(output.shape, dims))
      if (length + count > data.length) {
        const larger = new Float32Array(Math.max(2 * data.length, length + count))
        larger.set(data.subarray(0, length))
        data = larger
      }
      const start = output.offset / 4
      data.set(engine.floats.subarray(start, start + count), length)
      length += count
    },
    values: () => data.subarray(0, length),
  }
}
