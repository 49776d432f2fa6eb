/**
 * A large product that only the map after it reads becomes a loop over blocks of its rows: some rows of the product, at
 * once the map over them. No more than one block of the product is ever in memory, and the map finds it in a cache: so
 * the gradient of a large weight is used up by the optimizer as it comes.
 */
import { add, type Dim, dimEqual, isConstant, multiply, symbol } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { type Affine, coefficientOf, renameAxes } from './affine.ts'
import type { AxisTable } from './build-draft.ts'
import { counterName } from './counter.ts'
import { type Draft, type DraftValue, reachable, stageRoots, withMap } from './draft.ts'
import type { Loop } from './flatten.ts'
import type { Storage } from './plan-graph.ts'
import type { ProductPlan } from './product.ts'
import { type DraftStep, type LoopStep, readsOf, type Step, writesOf } from './step.ts'

/** Smaller results stay in a cache until the map comes: measured, bench/kernels/README.md. */
const FEWEST_ELEMENTS = 2 ** 21
/** A block fits a second-level cache beside the panels, and has rows enough for the product to be as fast as whole. */
const MOST_BLOCK_ELEMENTS = 2 ** 17
const MOST_ROWS = 96
const FEWEST_ROWS = 12

export interface Interleaving {
  readonly loop: Loop
  /** The product of one block, in place of the whole. */
  readonly product: ProductPlan
  /** Of the buffer that holds a block, that of the product's node. */
  readonly type: TensorType
}

export interface InterleaveContext {
  readonly axes: AxisTable
  readonly products: ReadonlyMap<number, ProductPlan>
  readonly storage: ReadonlyMap<number, Storage>
  readonly typeOf: (buffer: number) => TensorType
  /** How many loops the graph has. */
  readonly loops: number
}

/** The steps with such loops in place of their two, and the loops in the order of their numbers. `kept`: buffers read after the last step. */
export function interleave(
  steps: readonly Step[],
  kept: ReadonlySet<number>,
  context: InterleaveContext,
): { readonly steps: Step[]; readonly found: Interleaving[] } {
  const readers = new Map<number, number>()
  for (const step of steps)
    for (const buffer of new Set(readsOf(step))) readers.set(buffer, (readers.get(buffer) ?? 0) + 1)
  const found: Interleaving[] = []
  const result: Step[] = []
  for (let at = 0; at < steps.length; at++) {
    const [step, next] = [steps[at]!, steps[at + 1]]
    const pair = pairOf(step, next, readers, kept, context)
    if (!pair) {
      result.push(step)
      continue
    }
    const { node, plan, rows, axis, draft } = pair
    const number = context.loops + found.length
    const counter = counterName(number)
    const first = multiply(rows, symbol(counter))
    const map: DraftStep = { kind: 'draft', draft: blockOf(draft, node, axis, rows, first, context.axes) }
    const outside = [...readsOf(step), ...readsOf(next!)].filter((buffer) => buffer !== node)
    const loop: LoopStep = {
      kind: 'loop',
      loop: number,
      body: [{ kind: 'library', node, reads: [plan.a.node, plan.b.node] }, map],
      reads: [...new Set(outside)],
      writes: [...writesOf(next!)],
    }
    result.push(step.guard === undefined ? loop : { ...loop, guard: step.guard })
    const count = (plan.m.extent as number) / rows
    found.push({
      loop: { node, parent: 0, counter, count, reverse: false, carries: [], yields: [] },
      product: {
        ...plan,
        a: { ...plan.a, elements: add(plan.a.elements, multiply(first, plan.m.a)) },
        m: { ...plan.m, extent: rows },
      },
      type: { ...context.typeOf(node), shape: [rows, plan.n.extent] },
    })
    at++
  }
  return { steps: result, found }
}

interface Pair {
  readonly node: number
  readonly plan: ProductPlan
  readonly rows: number
  readonly draft: Draft
  /** The draft's axis of the product's rows. */
  readonly axis: number
}

function pairOf(
  step: Step,
  next: Step | undefined,
  readers: ReadonlyMap<number, number>,
  kept: ReadonlySet<number>,
  context: InterleaveContext,
): Pair | undefined {
  if (step.kind !== 'library' || next?.kind !== 'draft' || step.guard !== next.guard) return undefined
  const { node } = step
  const plan = context.products.get(node)
  const rows = plan && rowsOf(plan)
  if (rows === undefined || readers.get(node) !== 1 || kept.has(node) || context.storage.has(node)) return undefined
  const axis = rowAxisOf(node, plan!, next.draft, context)
  return axis === undefined ? undefined : { node, plan: plan!, rows, draft: next.draft, axis }
}

/** How many rows a block has, if the product is one of those that gain. */
function rowsOf({ m, n, loops }: ProductPlan): number | undefined {
  const plain = loops.length === 0 && dimEqual(m.c, n.extent)
  if (!plain || !isConstant(m.extent) || !isConstant(n.extent) || m.extent * n.extent < FEWEST_ELEMENTS)
    return undefined
  for (let rows = Math.min(MOST_ROWS, Math.floor(MOST_BLOCK_ELEMENTS / n.extent)); rows >= FEWEST_ROWS; rows--)
    if (m.extent % rows === 0) return rows
  return undefined
}

/** The axis of a map that runs over the rows of the product in `buffer`, if the map can be done by blocks of them. */
function rowAxisOf(
  buffer: number,
  { a, b, m, n }: ProductPlan,
  { values, stages, flexible }: Draft,
  { axes: { extents }, storage }: InterleaveContext,
): number | undefined {
  const [stage] = stages
  if (!flexible || !stage || stages.length > 1 || stage.reductions.length > 0) return undefined
  const loads = reachable(values, stageRoots(stage)).flatMap((id) => {
    const value = values[id]!
    return value.kind === 'load' && value.buffer === buffer ? [value.offset] : []
  })
  const [read] = loads
  if (!read || loads.length > 1 || read.constant !== 0) return undefined
  const rows = read.terms.find(({ coefficient }) => dimEqual(coefficient, n.extent))
  if (!rows || !dimEqual(extents[rows.axis]!, m.extent)) return undefined
  let last = 0
  for (const { axis, coefficient } of read.terms) {
    const extent = extents[axis]!
    if (axis === rows.axis) continue
    if (!isConstant(coefficient) || coefficient < 0 || !isConstant(extent)) return undefined
    last += coefficient * (extent - 1)
  }
  if (last >= (n.extent as number)) return undefined
  const variableOf = (own: number): string | undefined => {
    const place = storage.get(own)
    return place?.kind === 'variable' ? place.name : undefined
  }
  // What the product still reads must not change as the map goes on.
  const operands = [a.node, b.node].map(variableOf)
  const apart = stage.stores.every((store) => {
    const written = variableOf(store.buffer)
    const moves = !store.accumulate && coefficientOf(store.offset, rows.axis) !== 0
    return moves && (written === undefined || !operands.includes(written))
  })
  return apart ? rows.axis : undefined
}

/** The draft for `rows` indices of `axis` from `first` on, the product's rows among them alone in `buffer`. */
function blockOf(draft: Draft, buffer: number, axis: number, rows: number, first: Dim, axes: AxisTable): Draft {
  const own = axes.extents.push(rows) - 1
  const names = new Map([[axis, own]])
  const moved = (map: Affine): Affine => ({
    ...renameAxes(map, names),
    constant: add(map.constant, multiply(coefficientOf(map, axis), first)),
  })
  const inBlock = (value: DraftValue): boolean => value.kind === 'load' && value.buffer === buffer
  return {
    ...draft,
    known: new Map(),
    values: draft.values.map((value) => withMap(value, inBlock(value) ? (map) => renameAxes(map, names) : moved)),
    stages: draft.stages.map((stage) => ({
      inner: stage.inner.map((at) => names.get(at) ?? at),
      reductions: [],
      stores: stage.stores.map((store) => ({ ...store, offset: moved(store.offset) })),
    })),
  }
}
