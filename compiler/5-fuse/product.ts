/**
 * A contraction as matrix products: batch × (m×k)·(k×n), the operands read in place as strided views. Axes that do not
 * collapse into m, n or k become loops around the product; a loop over a contracted axis accumulates.
 */
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { add, type Dim, dimEqual, isConstant, multiply, product as productOfDims } from '../dimensions/dimension.ts'
import { type Affine, along, coefficientOf, offsetOf, stridesOf } from './affine.ts'
import { type Materialisation, storedAt } from './materialise.ts'
import { moveIndex } from './movement.ts'

export interface ProductAxis {
  readonly extent: Dim
  readonly a: Dim
  readonly b: Dim
  readonly c: Dim
}

export interface ProductPlan {
  readonly a: { readonly node: number; readonly elements: Dim }
  readonly b: { readonly node: number; readonly elements: Dim }
  readonly m: ProductAxis
  readonly n: ProductAxis
  readonly k: ProductAxis
  /** Around the product, outermost first; those with c = 0 run over contracted axes and come last. */
  readonly loops: readonly ProductAxis[]
  /** Adds to what lies there: always, or unless the scalar in a buffer is true. */
  readonly onto?: 'always' | { readonly unless: number }
}

/**
 * Lays an operand out anew and gives the buffer, or one laid out before: its axes in the order given.
 */
export type PackOperand = (operand: number, order: readonly number[]) => number

/** Shorter runs than these, where there are more of them, are worth a copy that makes them one. */
const SHORT_SUM = 16
const SHORT_SIDE = 8

/** Plans the product whose result is `target`: a contraction, or the permutation of one. */
export function planProduct(
  graph: Graph,
  materialisation: Materialisation,
  target: number,
  pack: PackOperand,
): ProductPlan {
  const node = graph.nodes[target]!
  const contract = (node.op === 'permute' ? graph.nodes[node.inputs[0]!]! : node) as GraphNode & { op: 'contract' }
  const { batch } = contract.attributes
  const views = [0, 1].map((side) => viewOf(graph, materialisation, contract.inputs[side]!)) as [View, View]
  // Sums run in the order in which the operand with the fewest axes holds them.
  const leading = views[0].shape.length < views[1].shape.length ? 0 : 1
  const contracted = [...contract.attributes.contracted].sort((p, q) => p[leading]! - q[leading]!)
  const [left, right] = views.map((view, side) => {
    const batchAxes = batch.map((pair) => pair[side]!)
    const summed = contracted.map((pair) => pair[side]!)
    const free = view.shape.map((_, axis) => axis).filter((axis) => !batchAxes.includes(axis) && !summed.includes(axis))
    if (!isScattered(view, summed, SHORT_SUM) && !isScattered(view, free, SHORT_SIDE)) return view
    const order = [...batchAxes, ...free, ...summed]
    const strides: Dim[] = []
    stridesOf(order.map((axis) => view.shape[axis]!)).forEach((stride, position) => {
      const axis = order[position]!
      strides[axis] = view.shape[axis] === 1 ? 0 : stride
    })
    return { node: pack(contract.inputs[side]!, order), shape: view.shape, strides, start: 0 }
  }) as [View, View]
  const natural = stridesOf(node.type.shape)
  const order = node.op === 'permute' ? node.attributes.order : contract.type.shape.map((_, axis) => axis)
  const strides: Dim[] = []
  order.forEach((axis, position) => {
    strides[axis] = natural[position]!
  })
  const freeOf = (view: View, side: 0 | 1): number[] => {
    const used = new Set([...batch, ...contracted].map((pair) => pair[side]))
    return view.strides.map((_, axis) => axis).filter((axis) => !used.has(axis))
  }
  const freeLeft = freeOf(left, 0)
  const freeRight = freeOf(right, 1)
  const batchAxes = batch.map(([l, r], at) => ({
    extent: left.shape[l]!,
    a: left.strides[l]!,
    b: right.strides[r]!,
    c: strides[at]!,
  }))
  const rows = freeLeft.map((axis, at) => ({
    extent: left.shape[axis]!,
    a: left.strides[axis]!,
    b: 0,
    c: strides[batch.length + at]!,
  }))
  const columns = freeRight.map((axis, at) => ({
    extent: right.shape[axis]!,
    a: 0,
    b: right.strides[axis]!,
    c: strides[batch.length + freeLeft.length + at]!,
  }))
  const sums = contracted.map(([l, r]) => ({
    extent: left.shape[l]!,
    a: left.strides[l]!,
    b: right.strides[r]!,
    c: 0,
  }))
  // c's columns must be adjacent: where the left operand's are, the two change places.
  const exchanged = rows.some((axis) => axis.extent !== 1 && axis.c === 1) || (columns.length === 0 && rows.length > 0)
  if (!exchanged) return assemblePlan(left, right, batchAxes, rows, columns, sums)
  const swap = (axes: readonly ProductAxis[]): ProductAxis[] => axes.map((axis) => ({ ...axis, a: axis.b, b: axis.a }))
  return assemblePlan(right, left, swap(batchAxes), swap(columns), swap(rows), swap(sums))
}

function assemblePlan(
  a: View,
  b: View,
  batch: readonly ProductAxis[],
  rows: readonly ProductAxis[],
  columns: readonly ProductAxis[],
  sums: readonly ProductAxis[],
): ProductPlan {
  const m = collapse(rows)
  const n = collapse(columns)
  const k = collapse(sums)
  if (n.axis.extent !== 1 && n.axis.c !== 1) throw new Error('internal: fuse: the columns of a product lie apart')
  const loops = [...batch, ...m.rest, ...n.rest, ...k.rest].filter(({ extent }) => extent !== 1)
  return {
    a: { node: a.node, elements: a.start },
    b: { node: b.node, elements: b.start },
    m: m.axis,
    n: n.axis,
    k: k.axis,
    loops,
  }
}

/** The innermost axes as one, as far as they are evenly spaced in all three; the others, outermost first. */
function collapse(axes: readonly ProductAxis[]): { axis: ProductAxis; rest: ProductAxis[] } {
  const rest = axes.filter(({ extent }) => extent !== 1)
  let axis = rest.pop()
  if (!axis) return { axis: { extent: 1, a: 1, b: 1, c: 1 }, rest }
  // Where c's unit stride is not last (a permuted result), that axis is the one to keep.
  const unit = rest.findIndex((candidate) => candidate.c === 1)
  if (unit >= 0 && axis.c !== 1) {
    rest.push(axis)
    axis = rest.splice(unit, 1)[0]!
  }
  for (let at = rest.length - 1; at >= 0; at--) {
    const outer = rest[at]!
    const even = (side: 'a' | 'b' | 'c'): boolean => dimEqual(outer[side], multiply(axis![side], axis!.extent))
    if (!even('a') || !even('b') || !even('c')) continue
    axis = { ...axis, extent: productOfDims([outer.extent, axis.extent]) }
    rest.splice(at, 1)
    at = rest.length
  }
  return { axis, rest }
}

/** Whether a group of a view's axes falls into several runs, the innermost of them short. */
function isScattered(view: View, group: readonly number[], short: number): boolean {
  const axes = group
    .map((axis) => ({ extent: view.shape[axis]!, a: view.strides[axis]!, b: 0, c: 0 }))
    .filter(({ extent }) => extent !== 1)
  const { axis, rest } = collapse(axes)
  return rest.length > 0 && isConstant(axis.extent) && axis.extent < short && !axes.some(({ a }) => a === 0)
}

export interface View {
  readonly node: number
  readonly shape: readonly Dim[]
  readonly strides: readonly Dim[]
  readonly start: Dim
}

/** An operand as strides into the buffer behind it. */
export function viewOf(graph: Graph, materialisation: Materialisation, id: number): View {
  const { shape } = graph.nodes[id]!.type
  let at = id
  let index: readonly Affine[] = shape.map((_, axis) => along(axis))
  while (storedAt(graph, materialisation, at) === undefined) {
    const node = graph.nodes[at]!
    const input = graph.nodes[node.inputs[0]!]!
    if (node.op !== 'stop_gradient' && node.op !== 'bounded') {
      const moved = moveIndex(node, input.type.shape, index)
      if (!moved || moved.guards.length > 0) throw new Error(`internal: fuse: operand ${id} is not a strided view`)
      index = moved.index
    }
    at = input.id
  }
  const { node, elements } = storedAt(graph, materialisation, at)!
  const offset = offsetOf(index, graph.nodes[at]!.type.shape)
  return {
    node,
    shape,
    strides: shape.map((extent, axis) => (extent === 1 ? 0 : coefficientOf(offset, axis))),
    start: add(offset.constant, elements),
  }
}
