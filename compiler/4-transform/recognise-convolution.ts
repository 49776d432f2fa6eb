/**
 * Contractions of sliding windows are convolutions: Σ x[n, c, i·stride + p·dilation − low]·w[o, c, p], however it was
 * written. Found before differentiation, so that the gradients are convolutions too.
 */
import { builderLike } from '../3-graph/builder.ts'
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { type Dim, dimEqual, multiply, product } from '../dimensions/dimension.ts'
import { type Expressions, expressions } from '../ops/expressions.ts'
import { isLoop, withBody } from '../ops/loops.ts'
import type { OpAttributes } from '../ops/op.ts'
import { pick } from '../ops/strides.ts'
import { poolingOf } from './recognise-pooling.ts'
import { type AxisView, viewsOf, type WindowView } from './window-view.ts'

/** Replaces every contraction that is a convolution, and every reduction that is a pooling. */
export function recogniseWindows(graph: Graph): Graph {
  const sources = new Set(graph.nodes.flatMap((node) => (node.op === 'gradient' ? [node.inputs[1]!] : [])))
  const builder = builderLike(graph)
  const build = expressions(builder)
  const nodes = new Int32Array(graph.nodes.length)
  // What a gradient is taken with respect to must stay on the way to the result.
  const fixed = new Set<number>()
  for (const node of graph.nodes) {
    builder.span = node.span
    const inputs = node.inputs.map((input) => nodes[input]!)
    const nodeOf = (id: number): GraphNode | undefined => (fixed.has(id) ? undefined : builder.node(id))
    let found: number | undefined
    if (node.op === 'contract') found = convolutionOf(inputs, node.attributes, build, nodeOf)
    if (node.op === 'reduce_max' || node.op === 'reduce_sum')
      found = poolingOf(node.op, inputs[0]!, node.attributes.axes, build, nodeOf)
    const operation = isLoop(node) ? withBody(node, recogniseWindows(node.attributes.body)) : node
    nodes[node.id] = found ?? builder.add(operation, inputs)
    if (sources.has(node.id)) fixed.add(nodes[node.id]!)
  }
  return builder.finish(
    graph.outputs.map(({ name, node }) => ({ name, node: nodes[node]! })),
    graph.updates.map(({ variable, node }) => ({ variable, node: nodes[node]! })),
  )
}

/**
 * The convolution that a contraction of two operands is, laid out as its result; undefined if it is none. `nodeOf`
 * gives the node of an operand that may be looked through.
 */
function convolutionOf(
  [left, right]: readonly number[],
  { batch, contracted }: OpAttributes['contract'],
  build: Expressions,
  nodeOf: (id: number) => GraphNode | undefined,
): number | undefined {
  const swap = (pairs: readonly (readonly [number, number])[]): [number, number][] => pairs.map(([l, r]) => [r, l])
  const sides = [
    { windowed: left!, filter: right!, batch, contracted, exchanged: false },
    { windowed: right!, filter: left!, batch: swap(batch), contracted: swap(contracted), exchanged: true },
  ]
  for (const side of sides) {
    const own = rolesBySide(side)
    for (const view of viewsOf(side.windowed, build, nodeOf, own.slide)) {
      const roles = rolesOf(view, own, build.shapeOf(side.windowed))
      if (roles) return assemble(view, roles, side, build)
    }
  }
  return undefined
}

interface Side {
  readonly windowed: number
  readonly filter: number
  /** Pairs of a windowed and a filter axis. */
  readonly batch: readonly (readonly [number, number])[]
  readonly contracted: readonly (readonly [number, number])[]
  /** The windowed operand is the contraction's right one. */
  readonly exchanged: boolean
}

/** Axes of the windowed operand; a spatial axis has one in the result and, unless the filter is one wide, one summed. */
interface Roles {
  readonly batch: readonly number[]
  readonly groups: readonly number[]
  readonly channels: readonly number[]
  readonly spatial: readonly Spatial[]
}

interface Spatial {
  readonly result: number
  readonly summed: number | undefined
  readonly stride: number
  readonly dilation: number
  readonly low: Dim
}

interface OperandAxes {
  readonly grouped: ReadonlySet<number>
  readonly summed: ReadonlySet<number>
  free(axis: number): boolean
  /** One axis of the result and one summed. */
  slide(axes: readonly number[]): boolean
}

function rolesBySide({ batch, contracted }: Side): OperandAxes {
  const grouped = new Set(batch.map(([own]) => own))
  const summed = new Set(contracted.map(([own]) => own))
  const free = (axis: number): boolean => !grouped.has(axis) && !summed.has(axis)
  const slide = (axes: readonly number[]): boolean =>
    axes.length === 2 && axes.some(free) && axes.some((axis) => summed.has(axis))
  return { grouped, summed, free, slide }
}

/** What every axis of the tensor behind the windows is for, or undefined if that makes no convolution. */
function rolesOf(view: WindowView, { grouped, summed, free }: OperandAxes, shape: readonly Dim[]): Roles | undefined {
  const batch: number[] = []
  const groups: number[] = []
  const channels: number[] = []
  const spatial: Spatial[] = []
  let slides = 0
  let tiles = 0
  for (const axis of view.axes) {
    if (axis.kind === 'plain') {
      if (grouped.has(axis.axis)) groups.push(axis.axis)
      else if (summed.has(axis.axis)) channels.push(axis.axis)
      else if (channels.length + groups.length === 0) batch.push(axis.axis)
      else spatial.push({ result: axis.axis, summed: undefined, stride: 1, dilation: 1, low: 0 })
      continue
    }
    const found = spatialOf(axis, free, summed)
    if (!found) return undefined
    spatial.push(found)
    if (found.summed === undefined) slides += found.stride > 1 ? 1 : 0
    else if (dimEqual(shape[found.summed]!, found.stride) && axis.whole) tiles++
    else slides++
  }
  // Windows side by side along one axis are that axis split in two: a plain contraction.
  if (spatial.length > 3 || slides + (tiles > 1 ? tiles : 0) === 0) return undefined
  return { batch, groups, channels, spatial }
}

function spatialOf(
  { terms, constant }: AxisView & { kind: 'affine' },
  free: (axis: number) => boolean,
  summed: ReadonlySet<number>,
): Spatial | undefined {
  const result = terms.filter(({ axis }) => free(axis))
  const sums = terms.filter(({ axis }) => summed.has(axis))
  if (result.length !== 1 || sums.length > 1 || result.length + sums.length !== terms.length) return undefined
  return {
    result: result[0]!.axis,
    summed: sums[0]?.axis,
    stride: result[0]!.coefficient,
    dilation: sums[0]?.coefficient ?? 1,
    low: multiply(-1, constant),
  }
}

function assemble(view: WindowView, roles: Roles, side: Side, build: Expressions): number {
  const shape = build.shapeOf(side.windowed)
  const { batch, groups, channels, spatial } = roles
  const partner = new Map([...side.batch, ...side.contracted])
  const order = [...batch, ...groups, ...channels, ...spatial.map(({ result }) => result)]
  const position = (axis: number): number => view.axes.findIndex((own) => uses(own, axis))
  const planes = spatial.map(({ result }) => build.shapeOf(view.node)[position(result)]!)
  const x = build.reshape(build.permute(view.node, order.map(position)), [
    ...[batch, groups, channels].map((axes) => product(pick(shape, axes))),
    ...planes,
  ])

  const filterShape = build.shapeOf(side.filter)
  const paired = new Set(partner.values())
  const filters = filterShape.map((_, axis) => axis).filter((axis) => !paired.has(axis))
  const placed = [...groups, ...channels, ...spatial.flatMap(({ summed }) => summed ?? [])].map(
    (axis) => partner.get(axis)!,
  )
  // Pairs of axes of size one need no place in the input.
  const others = [...paired].filter((axis) => !placed.includes(axis))
  const own = (axes: readonly number[]): number[] => axes.map((axis) => partner.get(axis)!)
  const sums = spatial.map(({ summed }) => (summed === undefined ? undefined : partner.get(summed)!))
  const w = build.reshape(
    build.permute(side.filter, [
      ...others,
      ...own(groups),
      ...filters,
      ...own(channels),
      ...sums.flatMap((axis) => axis ?? []),
    ]),
    [
      ...[own(groups), filters, own(channels)].map((axes) => product(pick(filterShape, axes))),
      ...sums.map((axis) => (axis === undefined ? 1 : filterShape[axis]!)),
    ],
  )
  const y = build.convolve(x, w, {
    strides: spatial.map(({ stride }) => stride),
    low: spatial.map(({ low }) => low),
    size: spatial.map(({ result }) => shape[result]!),
    inputDilation: spatial.map(() => 1),
    filterDilation: spatial.map(({ dilation }) => dilation),
  })
  return layOut(y, roles, side, filters, build)
}

function uses(view: AxisView, axis: number): boolean {
  return view.kind === 'plain' ? view.axis === axis : view.terms.some((term) => term.axis === axis)
}

/** The convolution's result with the axes of the contraction's. */
function layOut(y: number, roles: Roles, side: Side, filters: readonly number[], build: Expressions): number {
  const shape = build.shapeOf(side.windowed)
  const filterShape = build.shapeOf(side.filter)
  const { batch, groups, spatial } = roles
  const x = (axis: number): string => `x${axis}`
  const w = (axis: number): string => `w${axis}`
  const results = spatial.map(({ result }) => result)
  const labels = [...batch.map(x), ...groups.map(x), ...filters.map(w), ...results.map(x)]
  const apart = build.reshape(y, [
    ...pick(shape, batch),
    ...pick(shape, groups),
    ...pick(filterShape, filters),
    ...pick(shape, results),
  ])
  const taken = new Set([...side.batch, ...side.contracted].map(([own]) => own))
  const free = shape.map((_, axis) => axis).filter((axis) => !taken.has(axis))
  const grouped = side.batch.map(([own]) => own)
  const rest = side.exchanged ? [...filters.map(w), ...free.map(x)] : [...free.map(x), ...filters.map(w)]
  const wanted = [...grouped.map(x), ...rest]
  const sizes = new Map<string, Dim>([
    ...shape.map((dim, axis) => [x(axis), dim] as const),
    ...filterShape.map((dim, axis) => [w(axis), dim] as const),
  ])
  const order = wanted.map((label) => labels.indexOf(label)).filter((at) => at >= 0)
  return build.reshape(
    build.permute(apart, order),
    wanted.map((label) => sizes.get(label)!),
  )
}
