/**
 * Products that are only added to something add to it where it lies: a sum of several products, or the gradients of
 * several steps, need neither a tensor for each term nor a map that adds them.
 */
import { affineEqual } from './affine.ts'
import type { Draft, DraftStore, DraftValue } from './draft.ts'
import type { Storage } from './plan-graph.ts'
import type { ProductPlan } from './product.ts'
import { type DraftStep, readsOf, type Step, writesOf } from './step.ts'

export interface AddInPlaceContext {
  /** Plans of products that add to what is there are replaced. */
  readonly products: Map<number, ProductPlan>
  /** Where terms lie is added. */
  readonly storage: Map<number, Storage>
  /** Buffer of an updated variable's new value, where it is written in place → that of its old value. */
  readonly old: ReadonlyMap<number, number>
  /** Buffers read after the last step. */
  readonly kept: ReadonlySet<number>
}

/** The ordered steps without the maps that only add products up. */
export function addInPlace(steps: readonly Step[], context: AddInPlaceContext): Step[] {
  const { products, storage, old, kept } = context
  const readers = new Map<number, number[]>()
  const writers = new Map<number, number[]>()
  steps.forEach((step, at) => {
    for (const buffer of new Set(readsOf(step))) append(readers, buffer, at)
    for (const buffer of writesOf(step)) append(writers, buffer, at)
  })
  const result: (Step | undefined)[] = [...steps]
  steps.forEach((step, at) => {
    const store = step.kind === 'draft' ? onlyStore(step.draft) : undefined
    if (!store || step.kind !== 'draft') return
    if (storage.get(store.buffer)?.kind === 'variable') addToVariable(step, at, store)
    else if (!storage.has(store.buffer) || storage.get(store.buffer)!.kind === 'output') addTerms(step, at, store)
  })
  return result.filter((step) => step !== undefined)

  /** A sum of tensors that nothing else reads: the one that comes first is where the others, products, are added. */
  function addTerms(step: DraftStep & Step, at: number, store: DraftStore): void {
    const terms = termsOf(step.draft, store)
    if (!terms || terms.length < 2 || !terms.every((term) => isTemporary(term, at))) return
    const inOrder = terms.toSorted((a, b) => writers.get(a)![0]! - writers.get(b)![0]!)
    const [first, ...others] = inOrder as [number, ...number[]]
    if (!others.every((term) => productAt(term, step.guard) !== undefined)) return
    if (steps[writers.get(first)![0]!]!.guard !== step.guard) return
    for (const term of inOrder) storage.set(term, { kind: 'within', buffer: store.buffer, elements: 0 })
    for (const term of others) products.set(term, { ...products.get(term)!, onto: 'always' })
    result[at] = undefined
  }

  /** x, or where the condition does not hold, the old value and x. */
  function addToVariable(step: DraftStep & Step, at: number, store: DraftStore): void {
    const { values } = step.draft
    const before = old.get(store.buffer)
    const choice = values[store.value]!
    if (before === undefined || choice.kind !== 'operation' || choice.op !== 'select') return
    const [condition, alone, sum] = choice.operands.map((id) => values[id]!) as [DraftValue, DraftValue, DraftValue]
    if (condition.kind !== 'load' || condition.offset.terms.length > 0 || alone.kind !== 'load') return
    const term = alone.buffer
    const added = termsOf(step.draft, { ...store, value: choice.operands[2]! })
    const plain = sum.kind === 'operation' && added?.length === 2 && added.includes(term) && added.includes(before)
    if (!plain || !affineEqual(alone.offset, store.offset) || !isTemporary(term, at)) return
    const position = productAt(term, step.guard)
    if (position === undefined) return
    const plan = products.get(term)!
    const known = (writers.get(condition.buffer) ?? []).every((writer) => writer < position)
    const unread = (readers.get(before) ?? []).every((reader) => reader === at || reader < position)
    if (!known || !unread || [plan.a.node, plan.b.node].includes(before)) return
    storage.set(term, { kind: 'within', buffer: store.buffer, elements: 0 })
    products.set(term, { ...plan, onto: { unless: condition.buffer } })
    const product = steps[position]!
    if (product.kind === 'library') result[position] = { ...product, reads: [...product.reads, condition.buffer] }
    result[at] = undefined
  }

  /** Whether a buffer is written once, before the step at `reader`, which alone reads it. */
  function isTemporary(buffer: number, reader: number): boolean {
    const own = writers.get(buffer) ?? []
    const read = readers.get(buffer)!
    return !storage.has(buffer) && !kept.has(buffer) && own.length === 1 && own[0]! < reader && read.length === 1
  }

  /** The place of the product that fills a buffer, if it is one. */
  function productAt(buffer: number, guard: number | undefined): number | undefined {
    const at = writers.get(buffer)![0]!
    const step = steps[at]!
    return step.kind === 'library' && products.has(buffer) && step.guard === guard ? at : undefined
  }
}

/** The one store of a map. */
function onlyStore({ stages, flexible }: Draft): DraftStore | undefined {
  const [stage] = stages
  const plain = flexible && stages.length === 1 && stage!.reductions.length === 0 && stage!.stores.length === 1
  return plain && !stage!.stores[0]!.accumulate ? stage!.stores[0] : undefined
}

/** The different f32 buffers a stored value is the sum of, each read where the store writes. */
function termsOf({ values }: Draft, { value, offset }: DraftStore): number[] | undefined {
  const terms: number[] = []
  const pending = [value]
  while (pending.length > 0) {
    const own = values[pending.pop()!]!
    if (own.kind === 'operation' && own.op === 'add') pending.push(...own.operands)
    else if (own.kind === 'load' && own.dtype === 'f32' && affineEqual(own.offset, offset)) terms.push(own.buffer)
    else return undefined
  }
  return new Set(terms).size === terms.length ? terms : undefined
}

function append(map: Map<number, number[]>, key: number, value: number): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}
