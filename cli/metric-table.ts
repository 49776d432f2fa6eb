/** Metrics that are tables: values per class, confusion matrices. */
import type { Metrics, Tensor } from '../runtime/api.ts'
import type { ManifestMetric } from '../runtime/manifest.ts'
import { formatMetric } from './numbers.ts'
import type { Style } from './style.ts'

/** What the data's categories are called, by the name of the input they feed. */
export type Categories = Readonly<Record<string, readonly string[]>>

/** The most rows and columns that are still read as a table. */
const LARGEST = 24

/** The lines of each metric that is no single number, with the names of classes where the data knows them. */
export function metricTables(
  values: Metrics,
  metrics: readonly ManifestMetric[],
  categories: Categories,
  style: Style,
): string[] {
  return metrics.flatMap((metric) => {
    const value = values[metric.name]
    return typeof value === 'object' ? ['', ...table(metric, value, categories, style)] : []
  })
}

function table(metric: ManifestMetric, { data, shape }: Tensor, categories: Categories, style: Style): string[] {
  const [rows = 1, columns = 1] = shape
  const title = style.bold(metric.name)
  if (shape.length > 2 || Math.max(rows, columns) > LARGEST)
    return [`${title}  ${shape.join(' × ')} numbers; --json prints them`]
  const rowNames = classNames(rows, categories)
  const columnNames = shape.length === 2 ? classNames(columns, categories) : []
  const cells = rowNames.map((_, row) =>
    Array.from(data.subarray(row * columns, (row + 1) * columns), (value) => formatMetric(metric, value)),
  )
  const first = Math.max(metric.name.length, ...rowNames.map((name) => name.length + 2))
  const widths = Array.from({ length: columns }, (_, at) =>
    Math.max(columnNames[at]?.length ?? 0, ...cells.map((row) => row[at]!.length)),
  )
  const head = columnNames.map((name, at) => `  ${name.padStart(widths[at]!)}`).join('')
  return [
    `${title}${' '.repeat(first - metric.name.length)}${style.dim(head)}`.trimEnd(),
    ...cells.map(
      (row, at) =>
        `  ${rowNames[at]!.padEnd(first - 2)}${row.map((cell, column) => `  ${cell.padStart(widths[column]!)}`).join('')}`,
    ),
  ]
}

/** The one list of names that has this length; positions where there is none, or several that differ. */
function classNames(size: number, categories: Categories): readonly string[] {
  const fitting = new Map(
    Object.values(categories)
      .filter((names) => names.length === size)
      .map((names) => [names.join('\n'), names]),
  )
  const [only] = fitting.values()
  return fitting.size === 1 ? only! : Array.from({ length: size }, (_, at) => String(at))
}

/** Tensors as nested lists, for JSON. */
export function plainMetrics(values: Metrics): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof value === 'number' ? value : nested(value)]),
  )
}

function nested({ data, shape }: Tensor): unknown {
  const [size, ...rest] = shape
  if (size === undefined) return data[0]
  const step = rest.reduce((product, own) => product * own, 1)
  return Array.from({ length: size }, (_, at) =>
    nested({ data: data.subarray(at * step, (at + 1) * step), shape: rest }),
  )
}

/** "loss 0.0139, accuracy 100.00 %": the metrics that are one number. */
export function scalarMetrics(values: Metrics, metrics: readonly ManifestMetric[], style: Style): string {
  const shown = [LOSS, ...metrics].flatMap((metric) => {
    const value = values[metric.name]
    return typeof value === 'number' ? [`${metric.name} ${style.bold(formatMetric(metric, value))}`] : []
  })
  return shown.join(', ')
}

/** The loss, as if it were declared like a metric. */
export const LOSS: ManifestMetric = { name: 'loss', over: 'batch', scalar: true, better: 'lower' }
