import type { Manifest } from '../../runtime/manifest.ts'
import type { Categories } from '../metric-table.ts'
import type { Classes } from './write-predictions.ts'

/** The classes of the train input that is one, if exactly one is. */
export function classesOf(manifest: Manifest, categories: Categories | undefined): Classes | undefined {
  const labels = manifest.trains.flatMap((train) => {
    const step = manifest.entries.find((entry) => entry.name === train.step)
    return step?.inputs.filter((input) => typeof input.limit === 'number' && input.shape.length === 1) ?? []
  })
  const [label] = labels
  if (!label || labels.some((other) => other.name !== label.name)) return undefined
  const count = label.limit as number
  const names = categories?.[label.name]
  return { name: label.name, count, ...(names && names.length === count && { names }) }
}
