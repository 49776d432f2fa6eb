/** The canonical text of an operation's attributes: what graphs print, and what the builder compares nodes by. */
import { type Dim, formatDim } from '../dimensions/dimension.ts'
import { formatType } from '../ops/requirements.ts'
import type { TensorType } from '../types.ts'

/** `{name: value, …}`; a list as `[…]`, a dimension or a type bare, other text quoted; the body of a loop is left out. */
export function formatAttributes(attributes: object): string {
  const parts: string[] = []
  for (const [name, value] of Object.entries(attributes))
    if (name !== 'body') parts.push(`${name}: ${formatAttribute(name, value)}`)
  parts.sort()
  return `{${parts.join(', ')}}`
}

function formatAttribute(name: string, value: unknown): string {
  if (typeof value === 'number') return formatNumber(value)
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return name === 'dtype' ? value : JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((element) => formatAttribute('', element)).join(', ')}]`
  if (isDim(value)) return formatDim(value)
  if (isType(value)) return formatType(value)
  throw new Error(`internal: print: the attribute ${name} has no text form`)
}

export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
  return Object.is(value, -0) ? '-0' : String(value)
}

function isDim(value: unknown): value is Exclude<Dim, number> {
  return typeof value === 'object' && value !== null && 'terms' in value && 'key' in value
}

function isType(value: unknown): value is TensorType {
  return typeof value === 'object' && value !== null && 'dtype' in value && 'shape' in value
}
