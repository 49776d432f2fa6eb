/** A convolution as a call of asm/convolution.ts: its operands read in place as strided views, up to their spatial axes. */
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { type Dim, dimEqual, evaluateDim, product, symbolsOf } from '../dimensions/dimension.ts'
import { stridesOf } from './affine.ts'
import type { Materialisation } from './materialise.ts'
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

/** Plans the convolution whose result is `target`: a convolution, or the permutation of one that keeps its spatial axes. */
export function planConvolution(
  graph: Graph,
  materialisation: Materialisation,
  target: number,
  allowed: { readonly winograd: boolean },
): ConvolutionPlan {
  const node = graph.nodes[target]!
  const convolve = (node.op === 'permute' ? graph.nodes[node.inputs[0]!]! : node) as GraphNode & { op: 'convolve' }
  const { strides, low, inputDilation, filterDilation } = convolve.attributes
  const x = viewOf(graph, materialisation, convolve.inputs[0]!)
  const w = viewOf(graph, materialisation, convolve.inputs[1]!)
  const shape = convolve.type.shape
  const natural = stridesOf(node.type.shape)
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
    strides: {
      y: leadingStrides(shape, y),
      x: leadingStrides(x.shape, x.strides),
      w: leadingStrides(w.shape, w.strides),
    },
    axes,
  }
  const method = methodOf(plan, allowed)
  const pooled = method.kind === 'depthwise' ? undefined : planPooledGradient(graph, materialisation, plan)
  return pooled ? { ...plan, ...pooled, method: { kind: 'pooled', ...pooled.method } } : { ...plan, method }
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
