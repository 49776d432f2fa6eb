/**
 * Merging loop nests. A draft joins an earlier one if both run over the same outer axes and it reads the other's
 * results only at the same outer index (softmax over a row), or if both run over the same elements and share inputs
 * (Adam's three results). Results passed on inside a kernel are values, not loads.
 */

import { boundsOf, type DimRange } from '../dimensions/bounds.ts'
import type { Dim } from '../dimensions/dimension.ts'
import { add, dimEqual, dimKey, multiply, subtract } from '../dimensions/dimension.ts'
import { type Affine, affineEqual, coefficientOf, renameAxes } from './affine.ts'
import {
  buffersRead,
  buffersWritten,
  type Draft,
  type DraftStage,
  type DraftStore,
  intern,
  reachable,
  stageRoots,
  translateValue,
} from './draft.ts'
import { type Step, writesOf } from './step.ts'

/** A merged kernel's largest number of values: beyond it registers spill and compilation slows. */
const LARGEST_KERNEL = 240
/** How many earlier kernels over the same space are tried. */
const SIBLINGS_TRIED = 6

export interface MergeContext {
  readonly extents: readonly Dim[]
  readonly ranges: Readonly<Record<string, DimRange>>
}

/** Merges drafts greedily, in topological order; the steps returned are in a valid order of execution. */
export function mergeSteps(steps: readonly Step[], context: MergeContext): Step[] {
  const placed: Step[] = []
  const producers = new Map<number, number>()
  const bySpace = new Map<string, number[]>()
  for (const step of scalarsFirst(steps)) {
    if (step.kind !== 'draft') {
      for (const buffer of writesOf(step)) producers.set(buffer, placed.length)
      placed.push(step)
      continue
    }
    const { draft } = step
    const reads = buffersRead(draft)
    let ready = -1
    for (const buffer of reads) ready = Math.max(ready, producers.get(buffer) ?? -1)
    const position = findHost(draft, ready, step.guard) ?? placed.length
    if (position === placed.length) placed.push(step)
    for (const buffer of buffersWritten(draft)) producers.set(buffer, Math.max(position, producers.get(buffer) ?? -1))
    remember(draft, position)
  }
  return placed

  function findHost(draft: Draft, ready: number, guard: number | undefined): number | undefined {
    const producer = placed[ready]
    if (producer?.kind === 'draft' && producer.guard === guard && mergeInto(producer.draft, draft, true, context))
      return ready
    const siblings = new Set(
      spacesOf(draft, context).flatMap((space) => (bySpace.get(space) ?? []).slice(-SIBLINGS_TRIED)),
    )
    for (const position of siblings) {
      const host = placed[position]!
      if (position <= ready || host.kind !== 'draft' || host.guard !== guard) continue
      if (mergeInto(host.draft, draft, false, context)) return position
    }
    return undefined
  }

  function remember(draft: Draft, position: number): void {
    for (const space of spacesOf(draft, context)) {
      const positions = bySpace.get(space) ?? []
      if (positions.at(-1) !== position) positions.push(position)
      bySpace.set(space, positions)
    }
  }
}

/** Work on scalars that depends on nothing computed moves to the front, out of the way of other merges. */
function scalarsFirst(steps: readonly Step[]): Step[] {
  const computed = new Set<number>()
  const first: Step[] = []
  const others: Step[] = []
  for (const step of steps) {
    const independent =
      step.kind === 'draft' &&
      step.draft.flexible &&
      step.draft.stages[0]!.inner.length === 0 &&
      [...buffersRead(step.draft)].every((buffer) => !computed.has(buffer))
    if (independent) {
      first.push(step)
      continue
    }
    others.push(step)
    for (const buffer of writesOf(step)) computed.add(buffer)
  }
  return [...first, ...others]
}

/** What a draft's stages iterate over, as text. */
function spacesOf(draft: Draft, { extents }: MergeContext): string[] {
  return draft.stages
    .filter((stage) => stage.inner.length > 0 || draft.flexible)
    .map((stage) => [...draft.outer, ...stage.inner].map((axis) => dimKey(extents[axis]!)).join())
}

/** Merges `guest` into `host` if that is legal and worth it. `depends`: the guest reads what the host computes. */
export function mergeInto(host: Draft, guest: Draft, depends: boolean, context: MergeContext): boolean {
  if (host.values.length + guest.values.length > LARGEST_KERNEL) return false
  if (!depends && !isScalar(host) && !loadsInCommon(host, guest)) return false
  const sameSpace = host.flexible && guest.flexible
  if (sameSpace && host.stages.length === 1) {
    const names = alignAxes(guest.stages[0]!.inner, host.stages[0]!.inner, context)
    if (names && host.stages[0]!.inner.length === guest.stages[0]!.inner.length) {
      const scalar = host.stages[0]!.inner.length === 0
      const merge = planMerge(host, guest, [...host.stages], host.outer, names, context)
      if (merge && merge.targets[0] === 0 && (depends || scalar || sharesLoad(host, guest, names))) {
        applyMerge(host, guest, merge)
        return true
      }
    }
  }
  const outerCount = commonOuterCount(host, guest)
  if (outerCount === undefined) return false
  const hostStages = host.flexible ? [splitStage(host.stages[0]!, outerCount)] : host.stages
  const hostOuter = host.flexible ? host.stages[0]!.inner.slice(0, outerCount) : host.outer
  const guestAxes = guest.flexible ? guest.stages[0]!.inner.slice(0, outerCount) : guest.outer
  const names = alignAxes(guestAxes, hostOuter, context)
  if (!names) return false
  const scalarGuest = guest.stages.every((stage) => stage.inner.length === 0)
  if (outerCount === 0 && !(scalarGuest && depends) && !joinsEveryReduction(host, guest)) return false
  const merge = planMerge(host, guest, hostStages, hostOuter, names, context)
  if (!merge) return false
  const joined = merge.targets.some((target) => target < host.stages.length)
  if (!depends && !(joined && sharesLoad(host, guest, merge.names))) return false
  if (outerCount === 0 && !scalarGuest && merge.targets[0]! >= host.stages.length) return false
  host.outer = [...hostOuter]
  if (host.flexible) host.stages[0] = splitStage(host.stages[0]!, outerCount)
  host.flexible = false
  applyMerge(host, guest, merge)
  return true
}

/** Two reductions to scalars over the same elements may share their pass. */
function joinsEveryReduction(host: Draft, guest: Draft): boolean {
  return (
    !host.flexible && !guest.flexible && guest.stages[0]!.reductions.length > 0 && host.stages[0]!.reductions.length > 0
  )
}

/** How many leading axes the two would share as outer axes; undefined if they cannot. */
function commonOuterCount(host: Draft, guest: Draft): number | undefined {
  if (!host.flexible && !guest.flexible) return host.outer.length === guest.outer.length ? host.outer.length : undefined
  if (!host.flexible) return guest.stages[0]!.inner.length >= host.outer.length ? host.outer.length : undefined
  if (!guest.flexible) return host.stages[0]!.inner.length >= guest.outer.length ? guest.outer.length : undefined
  const count = Math.min(host.stages[0]!.inner.length, guest.stages[0]!.inner.length)
  return count > 0 ? count : undefined
}

function splitStage(stage: DraftStage, outerCount: number): DraftStage {
  return { ...stage, inner: stage.inner.slice(outerCount) }
}

/** Pairs guest axes with host axes in order, if the extents agree. */
function alignAxes(
  guest: readonly number[],
  host: readonly number[],
  { extents }: MergeContext,
): Map<number, number> | undefined {
  if (guest.length !== host.length) return undefined
  const names = new Map<number, number>()
  for (const [at, axis] of guest.entries()) {
    if (!dimEqual(extents[axis]!, extents[host[at]!]!)) return undefined
    names.set(axis, host[at]!)
  }
  return names
}

interface MergePlan {
  /** Guest axis → host axis. */
  readonly names: Map<number, number>
  /** For each guest stage, the host stage it joins, or a number past the host's last for a new one. */
  readonly targets: number[]
  /** The guest's stages, their outer axes removed. */
  readonly stages: readonly DraftStage[]
}

/** Finds a stage for every guest stage, in order, such that everything it reads is there; undefined if illegal. */
function planMerge(
  host: Draft,
  guest: Draft,
  hostStages: readonly DraftStage[],
  hostOuter: readonly number[],
  outerNames: ReadonlyMap<number, number>,
  context: MergeContext,
): MergePlan | undefined {
  const names = new Map(outerNames)
  const targets: number[] = []
  const stages = guest.stages.map((stage) => ({ ...stage, inner: stage.inner.filter((axis) => !outerNames.has(axis)) }))
  if (guest.flexible && host.flexible && hostOuter.length === 0) stages[0]!.inner = [...guest.stages[0]!.inner]
  const written = new Map<number, { stage: number; store: DraftStore }[]>()
  hostStages.forEach((stage, at) => {
    for (const store of stage.stores)
      written.set(store.buffer, [...(written.get(store.buffer) ?? []), { stage: at, store }])
  })
  // The pieces of a concatenation lie apart; what is added up does not.
  const overwritten = guest.stages.some((stage) =>
    stage.stores.some((store) => written.get(store.buffer)?.some((own) => own.store.accumulate || store.accumulate)),
  )
  let earliest = 0
  let next = hostStages.length
  for (const stage of stages) {
    const loads = reachable(guest.values, stageRoots(stage)).flatMap((id) => {
      const value = guest.values[id]!
      return value.kind === 'load' && written.has(value.buffer) ? [value] : []
    })
    let target: number | undefined
    for (let at = earliest; at < hostStages.length && target === undefined; at++) {
      const inner = hostStages[at]!.inner
      const own = alignAxes(stage.inner, inner, context)
      if (!own) continue
      const trial = new Map([...names, ...own])
      if (loads.every((load) => readable(load.offset, load.buffer, at, trial))) {
        target = at
        for (const [from, to] of own) names.set(from, to)
      }
    }
    if (target === undefined) {
      if (!loads.every((load) => readable(load.offset, load.buffer, next, names))) return undefined
      target = next++
    }
    targets.push(target)
    // Work that follows an inner loop of the guest must not come before that loop.
    earliest = target + (stage.reductions.length > 0 || stage.stores.some((store) => store.accumulate) ? 1 : 0)
    if (guest.stages.length > 1) earliest = Math.max(earliest, target + 1)
  }
  if (overwritten && targets.some((target) => target < hostStages.length)) return undefined
  return { names, targets, stages }

  function readable(offset: Affine, buffer: number, stage: number, trial: ReadonlyMap<number, number>): boolean {
    const renamed = renameAxes(offset, trial)
    return written.get(buffer)!.every(({ stage: from, store }) => {
      if (from > stage) return false
      const inner = hostStages[from]!.inner
      if (!store.accumulate && affineEqual(store.offset, renamed) && (from === stage || inner.length === 0)) return true
      return from < stage && sameBlock(renamed, store.offset, hostOuter, context)
    })
  }
}

/** Both maps stay, for one outer index, within the same block of the buffer, which no other outer index touches. */
function sameBlock(
  read: Affine,
  written: Affine,
  outer: readonly number[],
  { extents, ranges }: MergeContext,
): boolean {
  if (outer.length === 0) return true
  if (!outer.every((axis) => dimEqual(coefficientOf(read, axis), coefficientOf(written, axis)))) return false
  const block = coefficientOf(written, outer.at(-1)!)
  if (block === 0 || written.constant !== 0) return false
  return within(read) && within(written)

  function within(map: Affine): boolean {
    let largest: Dim = map.constant
    for (const { axis, coefficient } of map.terms) {
      if (outer.includes(axis)) continue
      if (boundsOf(coefficient, ranges).minimum < 0) return false
      largest = add(largest, multiply(coefficient, subtract(extents[axis]!, 1)))
    }
    return boundsOf(map.constant, ranges).minimum >= 0 && boundsOf(subtract(block, largest), ranges).minimum >= 1
  }
}

function isScalar({ flexible, stages }: Draft): boolean {
  return flexible && stages[0]!.inner.length === 0
}

/** Whether some tensor is read by both: without one {@link sharesLoad} need not be asked. */
function loadsInCommon(host: Draft, guest: Draft): boolean {
  const buffers = new Set<number>()
  for (const value of host.values) if (value.kind === 'load') buffers.add(value.buffer)
  return guest.values.some(
    (value) => value.kind === 'load' && value.offset.terms.length > 0 && buffers.has(value.buffer),
  )
}

/** Whether some tensor is read at the same place by both. Scalars do not count. */
function sharesLoad(host: Draft, guest: Draft, names: ReadonlyMap<number, number>): boolean {
  const loads = new Map<number, Affine[]>()
  for (const value of host.values)
    if (value.kind === 'load') loads.set(value.buffer, [...(loads.get(value.buffer) ?? []), value.offset])
  return guest.values.some(
    (value) =>
      value.kind === 'load' &&
      value.offset.terms.length > 0 &&
      loads.get(value.buffer)?.some((offset) => affineEqual(offset, renameAxes(value.offset, names))),
  )
}

function applyMerge(host: Draft, guest: Draft, plan: MergePlan): void {
  for (const node of guest.nodes) host.nodes.add(node)
  const numbers = new Map<number, number>()
  plan.stages.forEach((stage, at) => {
    const target = plan.targets[at]!
    host.stages[target] ??= {
      inner: stage.inner.map((axis) => plan.names.get(axis) ?? axis),
      reductions: [],
      stores: [],
    }
    const into = host.stages[target]!
    const number = (id: number): number => numbers.get(id)!
    for (const id of reachable(guest.values, stageRoots(stage))) {
      if (numbers.has(id)) continue
      const value = translateValue(guest.values[id]!, number, plan.names)
      numbers.set(id, (value.kind === 'load' ? passedOn(host, value, target) : undefined) ?? intern(host, value))
    }
    for (const id of stage.reductions) if (!into.reductions.includes(number(id))) into.reductions.push(number(id))
    for (const store of stage.stores)
      into.stores.push({ ...store, offset: renameAxes(store.offset, plan.names), value: number(store.value) })
  })
}

/** The value an earlier store of the same kernel put where `load` reads, if it is still at hand. */
function passedOn(host: Draft, load: { buffer: number; offset: Affine }, stage: number): number | undefined {
  let stored = false
  for (const { stores } of host.stages)
    for (const { buffer, accumulate } of stores) {
      if (buffer !== load.buffer) continue
      if (accumulate) return undefined
      stored = true
    }
  if (!stored) return undefined
  for (let at = 0; at <= stage; at++) {
    if (at < stage && host.stages[at]!.inner.length > 0) continue
    const store = host.stages[at]!.stores.find(
      (candidate) => candidate.buffer === load.buffer && affineEqual(candidate.offset, load.offset),
    )
    if (store) return store.value
  }
  return undefined
}
