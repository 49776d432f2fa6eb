/**
 * A loop → the ordered steps of its body, and where its values lie. A stacked result is written entry by entry. A carry
 * that is also stacked is read where the step before put it; else it is overwritten in place if everything else
 * that reads it can come first; else two buffers change places after each step.
 */
import { type Dim, multiply, product, symbol } from '../dimensions/dimension.ts'
import type { Carry } from './flatten.ts'
import { storedAt } from './materialise.ts'
import type { Planning } from './plan-graph.ts'
import { readsOf } from './step.ts'

/** Graph buffers; those not named here lie where `storage` says. */
export interface LoopPlan {
  readonly pointers: readonly LoopPointer[]
}

export type LoopPointer =
  /** `now` and `next` begin at `home` and `other`; what `now` points to in the end is brought home if it is needed. */
  | {
      readonly kind: 'swap'
      readonly now: number
      readonly next: number
      readonly home: number
      readonly other: number
      readonly needed: boolean
    }
  /** `now` begins at `first` and after each step points to what lies at `next`. */
  | { readonly kind: 'follow'; readonly now: number; readonly first: number; readonly next: number }

/** Plans the loop, whose body's steps are known, and appends it to the steps of the region it runs in. */
export function planLoop(planning: Planning, number: number): LoopPlan {
  const { graph, storage, steps } = planning
  const { live } = planning.context
  const { parent, counter, carries, yields, until } = graph.loops[number]!
  const region = number + 1
  const reads = new Set<number>()
  const writes = new Set<number>()
  const kept = new Set<number>()

  const stacked = new Map<number, number>()
  for (const { node: value, result } of yields) {
    if (!live[result]) continue
    const buffer = planning.claim(value, region)
    const elements: Dim = multiply(symbol(counter), product(graph.nodes[value]!.type.shape))
    storage.set(buffer, { kind: 'within', buffer: result, elements })
    if (buffer === value) stacked.set(value, buffer)
    kept.add(buffer)
    writes.add(result)
  }
  if (until) kept.add(planning.claim(until.moved, region))
  if (until?.steps !== undefined && live[until.steps]) writes.add(until.steps)

  const pointers: LoopPointer[] = []
  const moving: { readonly carry: Carry; readonly next: number; readonly home: number }[] = []
  for (const carry of carries) {
    const { now, next, first, result } = carry
    const needed = result !== undefined && live[result]
    if (!live[now] && !needed) continue
    if (stacked.has(next) && !needed) {
      const start = startOf(planning, first, parent)
      reads.add(start)
      storage.set(now, { kind: 'pointer' })
      pointers.push({ kind: 'follow', now, first: start, next })
      continue
    }
    const home = needed ? result : planning.extra(now, parent)
    planning.fill(first, home, parent)
    reads.add(home)
    writes.add(home)
    if (next === now) storage.set(now, { kind: 'within', buffer: home, elements: 0 })
    else moving.push({ carry, home, next: planning.claim(next, region) })
  }

  for (const { next } of moving) kept.add(next)
  const candidates = moving.map(({ carry, next }) => ({ buffer: next, old: carry.now }))
  const { steps: body, inPlace } = planning.order(region, kept, candidates)
  for (const { carry, next, home } of moving) {
    const { now, result } = carry
    if (inPlace.has(next)) {
      for (const buffer of [now, next]) storage.set(buffer, { kind: 'within', buffer: home, elements: 0 })
      continue
    }
    const other = planning.extra(now, parent)
    writes.add(other)
    for (const buffer of [now, next]) storage.set(buffer, { kind: 'pointer' })
    pointers.push({ kind: 'swap', now, next, home, other, needed: result !== undefined && live[result]! })
  }
  for (const step of body)
    for (const buffer of readsOf(step)) if (planning.regionOf(buffer) !== region) reads.add(buffer)
  steps[parent]!.push({ kind: 'loop', loop: number, body, reads: [...reads], writes: [...writes] })
  return { pointers }
}

/** A graph buffer with a carry's first value: its own, if it has one. */
function startOf(planning: Planning, first: number, parent: number): number {
  const { graph, context } = planning
  const own = storedAt(graph, context, first)
  if (own?.elements === 0) return own.node
  const buffer = planning.extra(first, parent)
  planning.fill(first, buffer, parent)
  return buffer
}
