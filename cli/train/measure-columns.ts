import type { ManifestMetric } from '../../runtime/manifest.ts'
import { LOSS } from '../metric-table.ts'
import { formatMetric } from '../numbers.ts'

/** The loss and every metric that is one number: each has a column. */
export function scalarMeasures(metrics: readonly ManifestMetric[]): readonly ManifestMetric[] {
  return [LOSS, ...metrics.filter(({ scalar }) => scalar)]
}

/** The columns' names, each after two spaces. */
export function measureHead(measures: readonly ManifestMetric[]): string {
  return measures.map((measure) => `  ${measure.name.padStart(widthOf(measure))}`).join('')
}

/** A row of values below `measureHead`; what is no number is shown as NaN. */
export function measureCells(
  measures: readonly ManifestMetric[],
  values: Readonly<Record<string, unknown>> | undefined,
): string {
  const cell = (measure: ManifestMetric): string => {
    const value = values?.[measure.name]
    const text = formatMetric(measure, typeof value === 'number' ? value : Number.NaN)
    return `  ${text.padStart(widthOf(measure))}`
  }
  return measures.map(cell).join('')
}

/** Wide enough for its name and for any value. */
function widthOf({ name }: ManifestMetric): number {
  return Math.max(10, name.length)
}
