/** The indices visible inside one piece of index notation and what is known about their extents. */
import type { Span } from '../diagnostics/diagnostic.ts'
import type { Dim } from '../dimensions/dimension.ts'
import type { AffineSubscript } from './checked.ts'
import type { Origin } from './values.ts'

export interface IndexContext {
  /** Every index by its unique name. */
  readonly slots: Map<string, IndexSlot>
  /** Reads to prove inside once all extents are known. */
  readonly pending: { subscript: AffineSubscript; size: Dim; span: Span; axis: number; origin: Origin | undefined }[]
}

export interface IndexSlot {
  /** As written. */
  readonly name: string
  readonly unique: string
  readonly span: Span
  extent?: Dim
  source?: Origin
  /** From reads with `??`, used only where nothing else fixes the extent. */
  weak?: Dim
}

/** `...`: as many leading indices as the tensors read through it have. */
export interface EllipsisSlot {
  readonly span: Span
  slots?: IndexSlot[]
  source?: Span
}

export function createIndexContext(): IndexContext {
  return { slots: new Map(), pending: [] }
}

/** Adds an index; names that occur twice in one value get a numeric suffix. */
export function addIndex(context: IndexContext, name: string, span: Span): IndexSlot {
  // Names become keys of plain objects, where one of them has a meaning of its own.
  const base = name === '__proto__' ? 'proto' : name
  let unique = base
  for (let count = 2; context.slots.has(unique); count++) unique = `${base}_${count}`
  const slot: IndexSlot = { name, unique, span }
  context.slots.set(unique, slot)
  return slot
}
