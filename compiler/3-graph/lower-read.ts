/** Reads in index notation, `x[i * 2 + p - 1, ids[b], 3] ?? 0.0`, as views, or as a gather where no view will do. */
import type { AffineSubscript, IndexedExpression } from '../2-check/checked.ts'
import { boundsOf } from '../dimensions/bounds.ts'
import { add, type Dim, dimEqual, isConstant, multiply, product, subtract } from '../dimensions/dimension.ts'
import { otherAxes, pick } from '../ops/strides.ts'
import { align, combine, extentOf, type IndexSpace, inOrder, type Labelled, scalar, size } from './labelled.ts'
import { lowerExpression, lowerPosition } from './lower-indexed.ts'

type Read = Extract<IndexedExpression, { kind: 'read' }>

/** A node some of whose axes are still to be subscripted: for each axis its label, or what will replace it. */
interface Partial<Pending> {
  readonly node: number
  readonly axes: readonly (string | Pending)[]
}

export function lowerRead(space: IndexSpace, read: Read): Labelled {
  const node = space.nodeOf(read.value)
  const inside: Labelled[] = []
  let partial = padAxes(space, gatherAxes(space, node, read, inside), read.otherwise)
  for (let axis = 0; axis < partial.axes.length; axis++) {
    const view = partial.axes[axis]!
    if (typeof view === 'string') continue
    partial = viewAxis(space, partial, axis, view)
    // A view of several indices leaves as many axes, one of none leaves none.
    axis += view.steps.length - 1
  }
  let result: Labelled = takeDiagonals(space, { node: partial.node, labels: partial.axes as readonly string[] })
  for (const condition of inside) {
    const outside = scalar(space, read.otherwise!, space.build.typeOf(node).dtype)
    result = combine(space, 'select', [condition, result, outside])
  }
  return result
}

/** The view of one axis that a subscript describes. */
interface AxisView {
  /** Elements to add on both sides. */
  readonly low: Dim
  readonly high: Dim
  /** First position read, in the padded axis. */
  readonly start: Dim
  /** Index and step, largest step first. */
  readonly steps: readonly (readonly [label: string, step: number])[]
}

/** The view a subscript describes, or undefined if it runs backwards or its bounds cannot be told in advance. */
function describe(space: IndexSpace, subscript: AffineSubscript, length: Dim, padded: boolean): AxisView | undefined {
  const order = [...space.extents.keys()]
  const steps = Object.entries(subscript.coefficients).filter(([, step]) => step !== 0)
  if (steps.some(([, step]) => step < 0)) return undefined
  steps.sort(([a, stepA], [b, stepB]) => stepB - stepA || order.indexOf(a) - order.indexOf(b))
  const { constant } = subscript
  if (!padded) return { low: 0, high: 0, start: constant, steps }
  let last: Dim = constant
  for (const [label, step] of steps) last = add(last, multiply(step, subtract(extentOf(space, label), 1)))
  const low = atLeastZero(space, multiply(-1, constant))
  const high = atLeastZero(space, subtract(last, subtract(length, 1)))
  if (low === undefined || high === undefined) return undefined
  return { low, high, start: add(constant, low), steps }
}

/** max(dim, 0), if its sign is known for all sizes of the run-time dimensions. */
function atLeastZero(space: IndexSpace, dim: Dim): Dim | undefined {
  const bounds = boundsOf(dim, space.ranges)
  if (bounds.maximum <= 0) return 0
  return bounds.minimum >= 0 ? dim : undefined
}

/** Adds what the views need around the tensor, on all axes at once. */
function padAxes(
  space: IndexSpace,
  { node, axes }: Partial<AffineSubscript>,
  otherwise: number | undefined,
): Partial<AxisView> {
  const shape = space.build.shapeOf(node)
  const views = axes.map((subscript, axis) =>
    typeof subscript === 'string' ? subscript : describe(space, subscript, shape[axis]!, otherwise !== undefined)!,
  )
  const side = (which: 'low' | 'high'): Dim[] => views.map((view) => (typeof view === 'string' ? 0 : view[which]))
  return { node: space.build.pad(node, side('low'), side('high'), otherwise ?? 0), axes: views }
}

function viewAxis(
  space: IndexSpace,
  { node, axes }: Partial<AxisView>,
  axis: number,
  { start, steps }: AxisView,
): Partial<AxisView> {
  const { build } = space
  const shape = build.shapeOf(node)
  const zeros: Dim[] = shape.map(() => 0)
  const sliced = (count: Dim, step: number): number =>
    build.slice(
      node,
      zeros.with(axis, start),
      shape.with(axis, count),
      shape.map((_, at) => (at === axis ? step : 1)),
    )
  const labels = steps.map(([label]) => label)
  const replaced = axes.toSpliced(axis, 1, ...labels)
  if (steps.length === 0) return { node: build.reshape(sliced(1, 1), shape.toSpliced(axis, 1)), axes: replaced }
  if (steps.length === 1) return { node: sliced(extentOf(space, labels[0]!), steps[0]![1]), axes: replaced }
  let span = subtract(shape[axis]!, start)
  let spread = sliced(span, 1)
  // One index after the other is split off, the span of the others becoming the window.
  for (let at = 0; at + 1 < steps.length; at++) {
    const [label, stride] = steps[at]!
    const count = extentOf(space, label)
    const final = at + 2 === steps.length
    const dilation = final ? steps[at + 1]![1] : 1
    const window = final ? extentOf(space, labels[at + 1]!) : spanOf(space, steps.slice(at + 1))
    const tiles = dilation === 1 && dimEqual(window, stride) && dimEqual(multiply(count, stride), span)
    spread = tiles
      ? build.reshape(spread, build.shapeOf(spread).toSpliced(axis + at, 1, count, window))
      : build.window(spread, { axis: axis + at, count, size: window, stride, dilation })
    span = window
  }
  return { node: spread, axes: replaced }
}

/** The number of positions from the first to the last that the indices reach. */
function spanOf(space: IndexSpace, steps: AxisView['steps']): Dim {
  return steps.reduce<Dim>((span, [label, step]) => add(span, multiply(step, subtract(extentOf(space, label), 1))), 1)
}

/**
 * Replaces the axes that need a gather: subscripts that are tensors, those that are no view, and plain ones whose
 * index a tensor subscript also uses, as in x[b, ids[b]]. Several such axes are gathered as one, flattened.
 */
function gatherAxes(space: IndexSpace, node: number, read: Read, inside: Labelled[]): Partial<AffineSubscript> {
  const { build } = space
  const shape = build.shapeOf(node)
  const padded = read.otherwise !== undefined
  const positions = new Map<number, Labelled>()
  read.subscripts.forEach((subscript, axis) => {
    if ('kind' in subscript) positions.set(axis, lowerExpression(space, subscript))
    else if (!describe(space, subscript, shape[axis]!, padded)) positions.set(axis, lowerPosition(space, subscript))
  })
  const used = new Set([...positions.values()].flatMap((position) => position.labels))
  if (used.size > 0)
    read.subscripts.forEach((subscript, axis) => {
      if ('kind' in subscript || positions.has(axis)) return
      const shares = Object.entries(subscript.coefficients).some(([label, step]) => step !== 0 && used.has(label))
      if (shares) positions.set(axis, lowerPosition(space, subscript))
    })
  const whole: Partial<AffineSubscript> = { node, axes: read.subscripts as readonly AffineSubscript[] }
  if (positions.size === 0) return whole
  if (padded)
    for (const [axis, position] of positions) positions.set(axis, clampInside(space, position, shape[axis]!, inside))
  const gathered = [...positions.keys()].sort((a, b) => a - b)
  const kept = otherAxes(shape.length, gathered)
  const adjacent = gathered.every((axis, at) => axis === gathered[0]! + at)
  const at = adjacent ? gathered[0]! : 0
  const order = [...kept.slice(0, at), ...gathered, ...kept.slice(at)]
  const flattened = build.reshape(
    build.permute(node, order),
    pick(shape, kept).toSpliced(at, 0, product(pick(shape, gathered))),
  )
  let flat: Labelled | undefined
  for (const axis of gathered) {
    const position = positions.get(axis)!
    flat = flat ? combine(space, 'add', [combine(space, 'mul', [flat, size(space, shape[axis]!)]), position]) : position
  }
  const labels = inOrder(space, new Set(flat!.labels))
  const indices = align(space, flat!, labels)
  const rest = pick(whole.axes, kept)
  return { node: build.gather(flattened, indices, at), axes: rest.toSpliced(at, 0, ...labels) }
}

/** The position moved into 0..length−1, and a condition noted for where it was there already. */
function clampInside(space: IndexSpace, position: Labelled, length: Dim, inside: Labelled[]): Labelled {
  const zero = scalar(space, 0, 'i32')
  const limit = size(space, length)
  inside.push(
    combine(space, 'and', [combine(space, 'less_equal', [zero, position]), combine(space, 'less', [position, limit])]),
  )
  const last = size(space, subtract(length, 1))
  return combine(space, 'maximum', [combine(space, 'minimum', [position, last]), zero])
}

/** Where a label stands at two axes, as in x[i, i], keeps the elements at which they agree. */
function takeDiagonals(space: IndexSpace, x: Labelled): Labelled {
  const { build } = space
  let { node, labels } = x
  for (;;) {
    const second = labels.findIndex((label, axis) => labels.indexOf(label) < axis)
    if (second < 0) return { node, labels }
    const first = labels.indexOf(labels[second]!)
    const others = otherAxes(labels.length, [first, second])
    const extent = extentOf(space, labels[first]!)
    const moved = build.permute(node, [...others, first, second])
    node = isConstant(extent) ? diagonalByStride(space, moved, extent) : diagonalBySelection(space, moved)
    labels = [...pick(labels, others), labels[first]!]
  }
}

/** The last two axes, n by n, flattened: every (n + 1)th element. */
function diagonalByStride({ build }: IndexSpace, node: number, n: number): number {
  const outer = build.shapeOf(node).slice(0, -2)
  const starts = [...outer.map(() => 0), 0]
  return build.slice(build.reshape(node, [...outer, n * n]), starts, [...outer, n], [...outer.map(() => 1), n + 1])
}

function diagonalBySelection({ build }: IndexSpace, node: number): number {
  const { dtype, shape } = build.typeOf(node)
  const last = shape.length - 1
  const onDiagonal = build.equal(build.iota(shape, last - 1), build.iota(shape, last))
  // Conditions are not added up, but the numbers 0 and 1 are.
  const numbers = dtype === 'bool' ? build.cast(node, 'i32') : node
  return build.cast(build.reduceSum(build.select(onDiagonal, numbers, build.like(numbers, 0)), [last]), dtype)
}
