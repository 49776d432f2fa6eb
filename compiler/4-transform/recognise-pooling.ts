/**
 * The largest elements of windows, however written, are a pooling; and what keeps the order of elements (a bias, relu) can
 * as well follow the pooling, where there are fewer. Sums of windows are convolutions with ones. Found before
 * differentiation, so that the gradients need no windows either.
 */
import type { GraphNode } from '../3-graph/graph.ts'
import { type Dim, isConstant, multiply, product } from '../dimensions/dimension.ts'
import type { Expressions } from '../ops/expressions.ts'
import { otherAxes, pick } from '../ops/strides.ts'
import { type AxisView, viewsOf, type WindowView } from './window-view.ts'

/** Longer windows side by side are as fast as a plain reduction along them. */
const LONGEST_WINDOW = 8

interface Spatial {
  readonly result: number
  readonly summed: number | undefined
  readonly stride: number
  readonly dilation: number
  readonly low: Dim
}

/** The pooling that a reduction of x over `axes` is, laid out as its result; undefined if it is none. */
export function poolingOf(
  op: 'reduce_max' | 'reduce_sum',
  x: number,
  axes: readonly number[],
  build: Expressions,
  nodeOf: (id: number) => GraphNode | undefined,
): number | undefined {
  const shape = build.shapeOf(x)
  if (build.typeOf(x).dtype !== 'f32') return undefined
  const summed = new Set(axes)
  const slides = (pair: readonly number[]): boolean =>
    pair.length === 2 && pair.some((axis) => summed.has(axis)) && pair.some((axis) => !summed.has(axis))
  for (const view of viewsOf(x, build, nodeOf, slides, op === 'reduce_max' ? Number.NEGATIVE_INFINITY : 0)) {
    const spatial = spatialOf(view, summed, shape)
    if (!spatial) continue
    const outer = view.axes.flatMap((axis) => (axis.kind === 'plain' ? [axis.axis] : []))
    const source = { node: view.node, outer: pick(shape, outer) }
    const pooled =
      op === 'reduce_max' ? largest(source, spatial, shape, build, nodeOf) : total(source, spatial, shape, build)
    const labels = [...outer, ...spatial.map(({ result }) => result)]
    const kept = otherAxes(shape.length, axes)
    const order = kept.map((axis) => labels.indexOf(axis)).filter((at) => at >= 0)
    return build.reshape(build.permute(pooled, order), pick(shape, kept))
  }
  return undefined
}

/** The windowed axes, if all others come first and are kept, and some window is short. */
function spatialOf(view: WindowView, summed: ReadonlySet<number>, shape: readonly Dim[]): Spatial[] | undefined {
  const first = view.axes.findIndex(({ kind }) => kind === 'affine')
  if (first < 1 || view.axes.length - first > 3) return undefined
  const spatial: Spatial[] = []
  for (const [at, axis] of view.axes.entries()) {
    if (axis.kind === 'plain') {
      if (at > first || summed.has(axis.axis)) return undefined
      continue
    }
    const own = slide(axis, summed)
    if (!own) return undefined
    const window = own.summed === undefined ? 1 : shape[own.summed]!
    if (!isConstant(window) || (isConstant(own.low) && own.low < 0)) return undefined
    spatial.push(own)
  }
  const last = spatial.at(-1)!
  const window = last.summed === undefined ? 1 : (shape[last.summed] as number)
  const windows = spatial.some(({ summed: own }) => own !== undefined)
  return windows && window <= LONGEST_WINDOW ? spatial : undefined
}

function slide({ terms, constant }: AxisView & { kind: 'affine' }, summed: ReadonlySet<number>): Spatial | undefined {
  const kept = terms.filter(({ axis }) => !summed.has(axis))
  const reduced = terms.filter(({ axis }) => summed.has(axis))
  if (kept.length !== 1 || reduced.length > 1) return undefined
  const [stride, dilation] = [kept[0]!.coefficient, reduced[0]?.coefficient ?? 1]
  if (stride < 1 || dilation < 1) return undefined
  return { result: kept[0]!.axis, summed: reduced[0]?.axis, stride, dilation, low: multiply(-1, constant) }
}

interface Source {
  readonly node: number
  /** Extents of the axes in front of the spatial ones. */
  readonly outer: readonly Dim[]
}

function windowSizes(spatial: readonly Spatial[], shape: readonly Dim[]): number[] {
  return spatial.map(({ summed }) => (summed === undefined ? 1 : (shape[summed] as number)))
}

/** max (f x) = f (max x) for an increasing f: x + b with one b for a whole plane, and max(x, c). */
function largest(
  { node, outer }: Source,
  spatial: readonly Spatial[],
  shape: readonly Dim[],
  build: Expressions,
  nodeOf: (id: number) => GraphNode | undefined,
): number {
  const results = [...outer, ...spatial.map(({ result }) => shape[result]!)]
  const constantOf = (id: number): number | undefined => {
    const found = nodeOf(id)
    const inner = found?.op === 'expand' ? nodeOf(found.inputs[0]!) : found
    return inner?.op === 'constant' ? inner.attributes.value : undefined
  }
  const pooled = (id: number): number => {
    const found = nodeOf(id)
    if (found?.op === 'maximum') {
      for (const [x, c] of [found.inputs, [...found.inputs].reverse()] as [number, number][]) {
        const value = constantOf(c)
        if (value !== undefined) return build.maximum(pooled(x), build.full(value, results))
      }
    }
    if (found?.op === 'add') {
      for (const [x, b] of [found.inputs, [...found.inputs].reverse()] as [number, number][]) {
        const bias = nodeOf(b)
        if (bias?.op === 'expand' && bias.attributes.axes.every((axis) => axis < outer.length))
          return build.add(pooled(x), build.expand(bias.inputs[0]!, results, bias.attributes.axes))
      }
    }
    return pool(id)
  }
  const pool = (id: number): number => {
    const planes = build.shapeOf(id).slice(outer.length)
    const y = build.emit('pool_max', [build.reshape(id, [product(outer), ...planes])], {
      strides: spatial.map(({ stride }) => stride),
      low: spatial.map(({ low }) => low),
      size: spatial.map(({ result }) => shape[result]!),
      window: windowSizes(spatial, shape),
      dilation: spatial.map(({ dilation }) => dilation),
    })
    return build.reshape(y, results)
  }
  return pooled(node)
}

/** Each plane convolved with ones. */
function total(
  { node, outer }: Source,
  spatial: readonly Spatial[],
  shape: readonly Dim[],
  build: Expressions,
): number {
  const planes = build.shapeOf(node).slice(outer.length)
  const sizes = spatial.map(({ result }) => shape[result]!)
  const y = build.convolve(
    build.reshape(node, [product(outer), 1, 1, ...planes]),
    build.full(1, [1, 1, 1, ...windowSizes(spatial, shape)]),
    {
      strides: spatial.map(({ stride }) => stride),
      low: spatial.map(({ low }) => low),
      size: sizes,
      inputDilation: spatial.map(() => 1),
      filterDilation: spatial.map(({ dilation }) => dilation),
    },
  )
  return build.reshape(y, [...outer, ...sizes])
}
