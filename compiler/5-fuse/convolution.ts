/** A convolution as a call of asm/convolution.ts: its operands read in place as strided views, up to their spatial axes. */
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { type Dim, dimEqual, evaluateDim, isConstant, product, symbolsOf } from '../dimensions/dimension.ts'
import { stridesOf } from './affine.ts'
import { behindAliases, type Materialisation } from './materialise.ts'
import { type PooledGradientPlan, type PooledOperands, planPooledGradient } from './pooled-gradient.ts'
import { viewOf } from './product.ts'
import { planWinograd, type WinogradPlan } from './winograd.ts'

/** Per spatial axis, filled up to three with axes of one element in front. */
export interface ConvolutionAxis {
  readonly result: Dim
  readonly input: Dim
  readonly filter: Dim
  readonly stride: number
  readonly low: Dim
  readonly inputDilation: number
  readonly filterDilation: number
}

/**
 * How: as a matrix product (asm/convolution.ts), by Winograd's minimal filtering (asm/winograd.ts), where one channel meets one filter four of
 * them side by side (asm/depthwise.ts), or from what a max pooling chose (asm/pooled-gradient.ts).
 */
export type ConvolutionMethod =
  | { readonly kind: 'product' }
  | ({ readonly kind: 'winograd' } & WinogradPlan)
  | { readonly kind: 'depthwise' }
  | ({ readonly kind: 'pooled' } & PooledGradientPlan)

export interface ConvolutionPlan {
  /** The filter is larger than the result: sums run over positions rather than over filter elements. */
  readonly large: boolean
  /** Of every square of two by two results only the largest is written, as a max pooling that follows wants it. */
  readonly pools: boolean
  readonly method: ConvolutionMethod
  readonly x: { readonly node: number; readonly elements: Dim }
  readonly w: { readonly node: number; readonly elements: Dim }
  readonly pooled?: PooledOperands
  readonly batch: Dim
  readonly groups: Dim
  readonly filters: Dim
  readonly channels: Dim
  /** Strides in elements: of the result by batch, group, filter; the input by batch, group, channel; the filter by group, filter, channel. */
  readonly strides: { readonly y: readonly Dim[]; readonly x: readonly Dim[]; readonly w: readonly Dim[] }
  readonly axes: readonly ConvolutionAxis[]
}

/** The three axes in front of the spatial ones. */
const LEADING = 3

/**
 * Plans the convolution whose result is `target`: a convolution, the permutation of one that keeps its spatial axes, or a max pooling of either
 * that `poolsAsItGoes`.
 */
export function planConvolution(
  graph: Graph,
  materialisation: Materialisation,
  target: number,
  allowed: { readonly winograd: boolean },
): ConvolutionPlan {
  const last = graph.nodes[target]!
  const pools = last.op === 'pool_max'
  const node = pools ? graph.nodes[behindAliases(graph, last.inputs[0]!)]! : last
  const convolve = (node.op === 'permute' ? graph.nodes[node.inputs[0]!]! : node) as GraphNode & { op: 'convolve' }
  const { strides, low, inputDilation, filterDilation } = convolve.attributes
  const x = viewOf(graph, materialisation, convolve.inputs[0]!)
  const w = viewOf(graph, materialisation, convolve.inputs[1]!)
  const shape = convolve.type.shape
  const natural = stridesOf(
    pools ? [...node.type.shape.slice(0, -strides.length), ...last.attributes.size] : node.type.shape,
  )
  const y: Dim[] = []
  const order = node.op === 'permute' ? node.attributes.order : shape.map((_, axis) => axis)
  order.forEach((axis, position) => {
    y[axis] = natural[position]!
  })
  const axes = strides.map(
    (stride, at): ConvolutionAxis => ({
      result: shape[LEADING + at]!,
      input: x.shape[LEADING + at]!,
      filter: w.shape[LEADING + at]!,
      stride,
      low: low[at]!,
      inputDilation: inputDilation[at]!,
      filterDilation: filterDilation[at]!,
    }),
  )
  while (axes.length < 3)
    axes.unshift({ result: 1, input: 1, filter: 1, stride: 1, low: 0, inputDilation: 1, filterDilation: 1 })
  const plan = {
    large: typicalSize(w.shape.slice(LEADING)) > typicalSize(shape.slice(LEADING)),
    x: { node: x.node, elements: x.start },
    w: { node: w.node, elements: w.start },
    batch: shape[0]!,
    groups: shape[1]!,
    filters: shape[2]!,
    channels: w.shape[2]!,
    pools,
    strides: {
      y: leadingStrides(pools ? [...shape.slice(0, LEADING), ...last.attributes.size] : shape, y),
      x: leadingStrides(x.shape, x.strides),
      w: leadingStrides(w.shape, w.strides),
    },
    axes,
  }
  const method = methodOf(plan, allowed)
  const pooled = method.kind === 'depthwise' ? undefined : planPooledGradient(graph, materialisation, plan)
  return pooled ? { ...plan, ...pooled, method: { kind: 'pooled', ...pooled.method } } : { ...plan, method }
}

/** The longest sums and the shortest rows that asm/short-sums.ts computes. */
const longestSum = 128
const shortestRow = 8

/**
 * Whether `pooling` of the planes of `convolution` can be done while results are in registers: squares of two by two, side by side, of results
 * that Winograd's method or short sums compute.
 */
export function poolsAsItGoes(
  graph: Graph,
  materialisation: Materialisation,
  pooling: GraphNode & { op: 'pool_max' },
  convolution: number,
  allowed: { readonly winograd: boolean },
): boolean {
  const { strides, low, size, window, dilation } = pooling.attributes
  const all = (list: readonly Dim[], wanted: number): boolean => list.every((own) => own === wanted)
  const squares = all(strides, 2) && all(low, 0) && all(window, 2) && all(dilation, 1)
  if (strides.length !== 2 || !squares) return false
  const { axes, large, channels, method } = planConvolution(graph, materialisation, convolution, allowed)
  const [outer, vertical, horizontal] = axes as [ConvolutionAxis, ConvolutionAxis, ConvolutionAxis]
  const halved = [vertical, horizontal].every(
    ({ result }, at) => isConstant(result) && result >= 2 && size[at] === Math.floor(result / 2),
  )
  const planes = pooling.inputs[0]!
  const extents = graph.nodes[planes]!.type.shape.slice(1)
  if (large || !halved || outer.result !== 1 || !extents.every((extent, at) => dimEqual(extent, axes[1 + at]!.result)))
    return false
  if (method.kind === 'winograd') return true
  const sums = product([channels, ...axes.map(({ filter }) => filter)])
  const direct = axes.every(({ stride, inputDilation }) => stride === 1 && inputDilation === 1)
  const short = isConstant(sums) && sums > 0 && sums <= longestSum && (horizontal.result as number) >= shortestRow
  return method.kind === 'product' && direct && short && axes.every(({ input }) => isConstant(input) && input > 0)
}

function methodOf(plan: Omit<ConvolutionPlan, 'method'>, allowed: { readonly winograd: boolean }): ConvolutionMethod {
  const { large, batch, channels, filters } = plan
  if (filters === 1 && (large ? batch : channels) === 1) return { kind: 'depthwise' }
  const winograd = allowed.winograd ? planWinograd(plan) : undefined
  return winograd ? { kind: 'winograd', ...winograd } : { kind: 'product' }
}

/** Whether a permutation leaves the last `spatial` axes where they are, so that a view through it stays dense there. */
export function keepsSpatialAxes(order: readonly number[], spatial: number): boolean {
  return (
    order.length >= spatial &&
    order.slice(order.length - spatial).every((axis, at) => axis === order.length - spatial + at)
  )
}

/** The leading strides, an axis of one element taken as dense; the spatial axes must be. */
function leadingStrides(shape: readonly Dim[], strides: readonly Dim[]): Dim[] {
  const dense = stridesOf(shape.slice(LEADING))
  dense.forEach((stride, at) => {
    const own = strides[LEADING + at]!
    if (shape[LEADING + at] !== 1 && !dimEqual(own, stride))
      throw new Error('internal: fuse: an operand of a convolution is not dense along its spatial axes')
  })
  const plane = product(shape.slice(LEADING))
  return [0, 1, 2].map((axis) => (shape[axis] === 1 ? plane : strides[axis]!))
}

/** The tensors a convolution reads. */
export function operandsOfConvolution({ x, w, pooled }: ConvolutionPlan): number[] {
  return [x, w, ...(pooled ? [pooled.input, pooled.largest] : [])].map(({ node }) => node)
}

/** A number of elements to compare by; run-time dimensions are taken to be 64. */
function typicalSize(shape: readonly Dim[]): number {
  const count = product(shape)
  return evaluateDim(count, Object.fromEntries(symbolsOf(count).map((name) => [name, 64])))
}
