/**
 * The loop order of a finished draft: which axis the vector lanes run along, and which neighbouring axes are really one.
 */
import { type Dim, dimEqual, isConstant, multiply } from '../dimensions/dimension.ts'
import { type Affine, coefficientOf, withoutAxis } from './affine.ts'
import { type Draft, type DraftStage, type DraftValue, mapOf, reachable, stageRoots, withMap } from './draft.ts'

export interface LoopOrder {
  readonly values: readonly DraftValue[]
  readonly outer: readonly number[]
  readonly stages: readonly DraftStage[]
  readonly lanes: 'outer' | 'inner'
  /** Axis → extent, merged axes included. */
  readonly extents: ReadonlyMap<number, Dim>
}

/** Costs of one access for four lanes. */
const ADJACENT = 1
const REPEATED = 0.3
const APART = 5

export function orderLoops(draft: Draft, allExtents: readonly Dim[]): LoopOrder {
  const choice = chooseLanes(draft, allExtents)
  const state = {
    values: [...draft.values],
    outer: choice.outer,
    stages: draft.stages.map((stage, at) => ({ ...stage, stores: [...stage.stores], inner: choice.inner[at]! })),
    extents: new Map(axesOf(draft).map((axis) => [axis, allExtents[axis]!] as const)),
  }
  mergeNeighbours(state, state.outer)
  for (const stage of state.stages) mergeNeighbours(state, stage.inner)
  return { ...state, lanes: choice.lanes }
}

function axesOf(draft: Draft): number[] {
  return [...draft.outer, ...draft.stages.flatMap((stage) => stage.inner)]
}

interface LaneChoice {
  readonly lanes: 'outer' | 'inner'
  readonly outer: number[]
  readonly inner: number[][]
}

function chooseLanes(draft: Draft, extents: readonly Dim[]): LaneChoice {
  const accesses = draft.stages.map((stage) => accessesOf(draft, stage))
  const weight = (stage: DraftStage): number => (stage.inner.length > 0 ? 16 : 1)
  let along = 0
  const inner = draft.stages.map((stage, at) => {
    if (stage.inner.length === 0) {
      along += accesses[at]!.length * 4 * ADJACENT
      return []
    }
    // On equal costs the last axis wins: the order of the shape.
    const [axis, cost] = cheapest([...stage.inner].reverse(), accesses[at]!, extents)
    along += cost * weight(stage)
    return last(stage.inner, axis)
  })
  if (draft.outer.length === 0) return { lanes: 'inner', outer: [], inner }
  let best: [axis: number, cost: number] = [-1, along]
  for (const axis of [...draft.outer].reverse()) {
    let cost = 0
    draft.stages.forEach((stage, at) => {
      cost += costAlong(axis, accesses[at]!, extents) * weight(stage)
    })
    if (cost < best[1]) best = [axis, cost]
  }
  if (best[0] < 0) return { lanes: 'inner', outer: [...draft.outer], inner }
  return { lanes: 'outer', outer: last(draft.outer, best[0]), inner: draft.stages.map((stage) => [...stage.inner]) }
}

function cheapest(axes: readonly number[], accesses: readonly Affine[], extents: readonly Dim[]): [number, number] {
  let best: [number, number] = [axes[0]!, costAlong(axes[0]!, accesses, extents)]
  for (const axis of axes.slice(1)) {
    const cost = costAlong(axis, accesses, extents)
    if (cost < best[1]) best = [axis, cost]
  }
  return best
}

/** Cost of four iterations with the lanes along `axis`, unused lanes included. */
function costAlong(axis: number, accesses: readonly Affine[], extents: readonly Dim[]): number {
  const extent = extents[axis]!
  const waste = isConstant(extent) && extent > 0 ? (Math.ceil(extent / 4) * 4) / extent : 1
  let cost = ADJACENT
  for (const access of accesses) {
    const coefficient = coefficientOf(access, axis)
    cost += coefficient === 1 ? ADJACENT : coefficient === 0 ? REPEATED : APART
  }
  return cost * waste
}

/** Offsets of a stage's loads, and of its stores twice. */
function accessesOf(draft: Draft, stage: DraftStage): Affine[] {
  const loads = reachable(draft.values, stageRoots(stage)).flatMap((id) => {
    const value = draft.values[id]!
    return value.kind === 'load' ? [value.offset] : []
  })
  return [...loads, ...stage.stores.flatMap((store) => [store.offset, store.offset])]
}

function last(axes: readonly number[], chosen: number): number[] {
  return [...axes.filter((axis) => axis !== chosen), chosen]
}

interface LoopState {
  values: DraftValue[]
  outer: number[]
  stages: DraftStage[]
  readonly extents: Map<number, Dim>
}

/** Joins neighbouring axes of `group` (changed in place) that every access walks through as one. */
function mergeNeighbours(state: LoopState, group: number[]): void {
  for (let at = group.length - 2; at >= 0; at--) {
    const [outer, inner] = [group[at]!, group[at + 1]!]
    const extent = state.extents.get(inner)!
    const maps = [
      ...reachable(state.values, state.stages.flatMap(stageRoots)).flatMap((id) => mapOf(state.values[id]!) ?? []),
      ...state.stages.flatMap((stage) => stage.stores.map((store) => store.offset)),
    ]
    const joins = (map: Affine): boolean =>
      dimEqual(coefficientOf(map, outer), multiply(coefficientOf(map, inner), extent))
    const argmax = state.values.some(
      (value) => value.kind === 'reduction' && value.reducer === 'argmax' && value.axes.includes(inner),
    )
    if (argmax || !maps.every(joins)) continue
    state.extents.set(inner, multiply(state.extents.get(outer)!, extent))
    const drop = (map: Affine): Affine => withoutAxis(map, outer)
    state.values = state.values.map((value) =>
      value.kind === 'reduction'
        ? { ...value, axes: value.axes.filter((axis) => axis !== outer) }
        : withMap(value, drop),
    )
    for (const stage of state.stages)
      stage.stores = stage.stores.map((store) => ({ ...store, offset: drop(store.offset) }))
    group.splice(at, 1)
  }
}
