import type { GraphNode } from '../3-graph/graph.ts'
import { dimEqual, shapeEqual } from '../dimensions/dimension.ts'
import { otherAxes, pick } from '../ops/strides.ts'
import { as, bothWays, factorsOf, meanOf, nodeAt, spreadAlong } from './match.ts'
import type { Tensor } from './onnx-graph.ts'
import type { Context } from './translation.ts'
import { isPlain, isStatic, type View, whole } from './view.ts'

// γ·(x − mean x)·(1/√(mean (x − mean x)² + ε)) + β over the last axes, γ and β along these
export function layerNormalization(node: GraphNode, context: Context): View | undefined {
  if (node.op !== 'add') return undefined
  for (const [scaled, shift] of bothWays(node)) {
    const factors = factorsOf(scaled, context)
    if (factors.length !== 3) continue
    for (const centred of factors) {
      const found = centredOverLast(centred, context)
      if (!found) continue
      const others = factors.filter((factor) => factor !== centred)
      for (const [inverse, scale] of [others, [...others].reverse()] as const) {
        const epsilon = inverseDeviation(inverse!, centred, found.axes, context)
        if (epsilon === undefined || scale === undefined) continue
        const [gamma, beta] = [scale, shift].map((id) => overLast(id, found.axes, context))
        if (!gamma || !beta) continue
        const { shape, dtype } = node.type
        const x = context.layouts.exact(context.value(found.x))
        const attributes = { axis: found.axes[0]! - shape.length, epsilon: { float: epsilon } }
        return whole(context.writer.emit('LayerNormalization', [x, gamma, beta], attributes, { dtype, shape }))
      }
    }
  }
  return undefined
}

/** x and the axes, if the node is x minus its mean over its last axes. */
function centredOverLast(
  id: number,
  context: Context,
): { readonly x: number; readonly axes: readonly number[] } | undefined {
  const difference = as(id, 'sub', context)
  const spread = difference && as(difference.inputs[1]!, 'expand', context)
  if (!difference || !spread) return undefined
  const { shape, axes: kept } = spread.attributes
  const axes = otherAxes(shape.length, kept)
  const last = axes.every((axis, at) => axis === shape.length - axes.length + at)
  if (!last || axes.length === 0 || !isStatic(pick(shape, axes))) return undefined
  const x = meanOf(spread.inputs[0]!, axes, context)
  return x !== undefined && x === difference.inputs[0] ? { x, axes } : undefined
}

/** ε where the node is 1/√(mean of the centred values' squares + ε), repeated. */
function inverseDeviation(id: number, centred: number, axes: readonly number[], context: Context): number | undefined {
  const inner = spreadAlong(id, axes, context)
  const root = inner === undefined ? undefined : as(inner, 'rsqrt', context)
  const sum = root && as(root.inputs[0]!, 'add', context)
  if (!sum) return undefined
  for (const [variance, constant] of bothWays(sum)) {
    const epsilon = context.numberOf(constant)
    const squares = meanOf(variance, axes, context)
    const square = squares === undefined ? undefined : as(squares, 'mul', context)
    if (epsilon !== undefined && square?.inputs.every((input) => input === centred)) return epsilon
  }
  return undefined
}

/** The value repeated along all but the last axes, as it is along these. */
function overLast(id: number, axes: readonly number[], context: Context): Tensor | undefined {
  const node = as(id, 'expand', context)
  if (!node || String(node.attributes.axes) !== String(axes)) return undefined
  return context.layouts.exact(context.value(node.inputs[0]!))
}

// (x − μ)·γ·(1/√(σ² + ε)) + β, all of them numbers for each channel, the axis behind the first
export function batchNormalization(node: GraphNode, context: Context): View | undefined {
  if (node.op === 'mul') return normalizedChannels(node, undefined, context)
  if (node.op !== 'add') return undefined
  for (const [product, shift] of bothWays(node)) {
    const scaled = as(product, 'mul', context)
    const found = scaled && normalizedChannels(scaled, shift, context)
    if (found) return found
  }
  return undefined
}

function normalizedChannels(node: GraphNode, shift: number | undefined, context: Context): View | undefined {
  for (const [centred, factor] of bothWays(node)) {
    const difference = as(centred, 'sub', context)
    const scale = perChannel(factor, context)
    const product = scale === undefined ? undefined : as(scale, 'mul', context)
    if (!difference || !product) continue
    const mean = perChannel(difference.inputs[1]!, context)
    const beta = shift === undefined ? undefined : perChannel(shift, context)
    if (mean === undefined || (shift !== undefined && beta === undefined)) continue
    for (const [gamma, inverse] of bothWays(product)) {
      const deviation = varianceOf(inverse, context)
      const x = context.value(difference.inputs[0]!)
      const [, channels] = x.tensor.shape
      const { shape } = nodeAt(mean, context).type
      if (!deviation || !isPlain(x) || channels === undefined || !dimEqual(channels, shape[0]!)) continue
      if (!shapeEqual(x.tensor.shape, node.type.shape) || !isStatic(shape)) continue
      return { ...x, tensor: normalized(x.tensor, { gamma, beta, mean, ...deviation }, shape, context) }
    }
  }
  return undefined
}

interface Statistics {
  readonly gamma: number
  readonly beta: number | undefined
  readonly mean: number
  readonly variance: number
  readonly epsilon: number
}

function normalized(
  x: Tensor,
  { gamma, beta, mean, variance, epsilon }: Statistics,
  shape: readonly number[],
  { writer, layouts, value }: Context,
): Tensor {
  const channels = (id: number): Tensor => layouts.exact(value(id))
  const none = writer.constant('f32', shape, new Float64Array(shape[0]!))
  const inputs = [x, channels(gamma), beta === undefined ? none : channels(beta), channels(mean), channels(variance)]
  const type = { dtype: x.dtype, shape: x.shape }
  return writer.emit('BatchNormalization', inputs, { epsilon: { float: epsilon } }, type)
}

/** What is repeated along all axes but the second. */
function perChannel(id: number, context: Context): number | undefined {
  const node = as(id, 'expand', context)
  return node && String(node.attributes.axes) === '1' ? node.inputs[0] : undefined
}

/** The variance and ε where the node is 1/√(variance + ε). */
function varianceOf(id: number, context: Context): { readonly variance: number; readonly epsilon: number } | undefined {
  const root = as(id, 'rsqrt', context)
  const sum = root && as(root.inputs[0]!, 'add', context)
  if (!sum) return undefined
  for (const [variance, constant] of bothWays(sum)) {
    const epsilon = context.numberOf(constant)
    if (epsilon !== undefined) return { variance, epsilon }
  }
  return undefined
}
