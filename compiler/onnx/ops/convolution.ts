import {
  add,
  type Dim,
  dimEqual,
  floorDivide,
  isConstant,
  multiply,
  shapeEqual,
  subtract,
} from '../../dimensions/dimension.ts'
import type { ConvolutionAttributes } from '../../ops/op.ts'
import type { Tensor } from '../onnx-graph.ts'
import type { Context, NodeOf, Translation } from '../translation.ts'
import { isStatic, type View, whole } from '../view.ts'
import { padded, reversed, sliced } from './movement.ts'

/** Axes of the graph's operands before the spatial ones: batch or group, group or filter, channel. */
const LEADING = 3
/** Axes before the spatial ones in ONNX: batch and channels of all groups. */
const CHANNELS = 2

// y[n, g, o, s] = Σ x[n, g, c, s·stride + k·dilation − low]·w[g, o, c, k]; ONNX has g and c, and g and o, in one axis.
const convolve: Translation<'convolve'> = (node, context) => {
  const { value, layouts } = context
  const [x, w] = node.inputs.map((input) => value(input)) as [View, View]
  const groups = w.shape[0]!
  if (!isConstant(groups)) return context.refuse(node, 'a convolution whose number of groups is set at run time', FIXED)
  const averaged = averagePooling(node, 1, context)
  if (averaged) return averaged
  const input = layouts.exact(layouts.reshape(x, joined(x.shape)))
  const call = forwards(node.attributes, w.shape.slice(LEADING))
  if (!call) return context.refuse(node, 'a convolution whose filter is turned round and sized at run time', FIXED)
  const transposed = transposedCall(call, input.shape.slice(CHANNELS), w.shape.slice(LEADING))
  const result = transposed
    ? transposedConvolution(input, w, transposed, groups, context)
    : plainConvolution(input, w, call, groups, context)
  return layouts.reshape(whole(result), node.type.shape)
}

const FIXED = 'give it a size fixed when compiled'

function joined([first, second, third, ...spatial]: readonly Dim[]): Dim[] {
  return [first!, multiply(second!, third!), ...spatial]
}

/** A convolution whose steps are positive, of operands and a result that may be turned round first. */
interface Call extends ConvolutionAttributes {
  readonly reversedFilter: readonly boolean[]
  readonly reversedResult: readonly boolean[]
}

function forwards(attributes: ConvolutionAttributes, kernel: readonly Dim[]): Call | undefined {
  const { strides, filterDilation, inputDilation, size } = attributes
  const reversedFilter = filterDilation.map((dilation) => dilation < 0)
  const reversedResult = strides.map((stride) => stride < 0)
  const low = attributes.low.map((first, axis) => {
    // k·d = (K − 1)·d + (K − 1 − k)·|d| for a negative d, and s alike.
    const filterShift = reversedFilter[axis] ? multiply(subtract(kernel[axis]!, 1), -filterDilation[axis]!) : 0
    const resultShift = reversedResult[axis] ? multiply(subtract(size[axis]!, 1), -strides[axis]!) : 0
    return add(first, add(filterShift, resultShift))
  })
  return {
    ...{ reversedFilter, reversedResult, low, size, inputDilation },
    strides: strides.map(Math.abs),
    filterDilation: filterDilation.map(Math.abs),
  }
}

function spatialAxes(axes: readonly boolean[], leading: number): number[] {
  return axes.flatMap((own, axis) => (own ? [leading + axis] : []))
}

function plainConvolution(x: Tensor, w: View, call: Call, groups: number, context: Context): Tensor {
  const { writer, layouts } = context
  const [g, o, c, ...kernel] = w.shape as [Dim, Dim, Dim, ...Dim[]]
  const filter = reversed(
    layouts.exact(layouts.reshape(w, [multiply(g, o), c, ...kernel])),
    spatialAxes(call.reversedFilter, CHANNELS),
    context,
  )
  const apart = dilated(x, call.inputDilation, context)
  const window = kernel.map((size, axis) => add(multiply(subtract(size, 1), call.filterDilation[axis]!), 1))
  const fit = padding(apart, { ...call, window }, 0, context)
  const attributes = {
    ...(call.strides.some((stride) => stride !== 1) && { strides: call.strides }),
    ...(call.filterDilation.some((dilation) => dilation !== 1) && { dilations: call.filterDilation }),
    ...(fit.pads.some((size) => size !== 0) && { pads: fit.pads }),
    ...(groups !== 1 && { group: groups }),
  }
  const shape = [x.shape[0]!, multiply(g, o), ...call.size]
  const result = writer.emit('Conv', [fit.tensor, filter], attributes, { dtype: 'f32', shape })
  return reversed(result, spatialAxes(call.reversedResult, CHANNELS), context)
}

/** The elements `dilation` apart, zeros between them. */
function dilated(x: Tensor, dilation: readonly number[], context: Context): Tensor {
  const { layouts } = context
  return dilation.reduce((tensor, apart, at) => {
    if (apart === 1) return tensor
    const axis = CHANNELS + at
    const count = tensor.shape[axis]!
    const split = layouts.exact(layouts.reshape(whole(tensor), tensor.shape.toSpliced(axis, 1, count, 1)))
    const none = split.shape.map(() => 0)
    const filled = padded(split, none, none.with(axis + 1, apart - 1), 0, context)
    const joint = layouts.exact(layouts.reshape(whole(filled), tensor.shape.with(axis, multiply(count, apart))))
    const size = add(multiply(subtract(count, 1), apart), 1)
    return sliced(joint, [{ axis, start: 0, size, stride: 1 }], context)
  }, x)
}

/** How windows lie over the spatial axes: the first begins `low` before the tensor, `size` of them `strides` apart. */
interface Windows {
  readonly strides: readonly number[]
  readonly low: readonly Dim[]
  readonly size: readonly Dim[]
  /** From the first to the last element of a window. */
  readonly window: readonly Dim[]
  /** What the runtimes take as padding at most; anything if absent. */
  readonly mostPadding?: readonly number[]
}

/**
 * The `pads` attribute that gives the wanted number of windows, and the tensor it is for: padded or cropped before if no
 * fixed amounts do.
 */
export function padding(
  x: Tensor,
  { strides, low, size, window, mostPadding }: Windows,
  value: number,
  context: Pick<Context, 'writer' | 'sizes'>,
): { readonly tensor: Tensor; readonly pads: number[] } {
  const lengths = x.shape.slice(x.shape.length - size.length)
  const high = size.map((count, axis) =>
    subtract(add(multiply(subtract(count, 1), strides[axis]!), window[axis]!), add(low[axis]!, lengths[axis]!)),
  )
  const ends = high.map((end, axis) => {
    const begin = low[axis]!
    const limit = mostPadding?.[axis] ?? Number.POSITIVE_INFINITY
    if (!isConstant(begin) || begin < 0 || begin > limit) return undefined
    // Fewer elements than a stride may stay unread at the end.
    const most = isConstant(window[axis]!) ? window[axis]! : 0
    const candidates = isConstant(end) ? [Math.max(0, end)] : Array.from({ length: most + 1 }, (_, pad) => pad)
    return candidates.find((candidate) => {
      if (candidate > limit) return false
      const span = subtract(add(lengths[axis]!, begin + candidate), window[axis]!)
      return dimEqual(add(floorDivide(span, strides[axis]!), 1), size[axis]!)
    })
  })
  const begins = low.map((begin) => (isConstant(begin) ? begin : 0))
  if (ends.every((end) => end !== undefined)) return { tensor: x, pads: [...begins.map((begin) => begin + 0), ...ends] }
  const leading = x.shape.slice(0, x.shape.length - size.length).map(() => 0)
  const tensor = padded(x, [...leading, ...low], [...leading, ...high], value, context)
  return { tensor, pads: size.flatMap(() => [0, 0]) }
}

/** A transposed convolution: `pads` crop the full result, `outputPadding` lengthens it. */
interface TransposedCall {
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly pads: readonly number[]
  readonly outputPadding: readonly number[]
  readonly reversedFilter: readonly boolean[]
  readonly size: readonly Dim[]
}

/**
 * y[s] = Σ x[i]·w[k] where i·D = s + k·d − low. A transposed convolution puts i·D + k'·d at s − low + (K − 1)·d with
 * k' = K − 1 − k, so the filter is turned round, unless it runs backwards already.
 */
function transposedCall(call: Call, lengths: readonly Dim[], kernel: readonly Dim[]): TransposedCall | undefined {
  const { inputDilation, strides, filterDilation, low, size, reversedResult } = call
  if (inputDilation.every((dilation) => dilation === 1)) return undefined
  if (strides.some((stride) => stride !== 1) || reversedResult.some(Boolean)) return undefined
  const begins = low.map((first, axis) => subtract(multiply(subtract(kernel[axis]!, 1), filterDilation[axis]!), first))
  const extra = size.map((count, axis) => {
    const full = add(
      multiply(subtract(lengths[axis]!, 1), inputDilation[axis]!),
      add(multiply(subtract(kernel[axis]!, 1), filterDilation[axis]!), 1),
    )
    return subtract(add(count, begins[axis]!), full)
  })
  if (![...begins, ...extra].every(isConstant) || !begins.every((begin) => (begin as number) >= 0)) return undefined
  const beyond = extra as number[]
  const outputPadding = beyond.map((count) => Math.max(0, count))
  // The runtimes take less than a stride only.
  if (outputPadding.some((count, axis) => count >= inputDilation[axis]!)) return undefined
  return {
    strides: inputDilation,
    dilations: filterDilation,
    pads: [...(begins as number[]), ...beyond.map((count) => Math.max(0, -count))],
    outputPadding,
    reversedFilter: call.reversedFilter.map((turned) => !turned),
    size,
  }
}

function transposedConvolution(
  x: Tensor,
  w: View,
  { strides, dilations, pads, outputPadding, reversedFilter, size }: TransposedCall,
  groups: number,
  context: Context,
): Tensor {
  const { writer, layouts } = context
  const [g, o, c, ...kernel] = w.shape as [Dim, Dim, Dim, ...Dim[]]
  const turned = { ...w, ...exchanged(w) }
  const filter = reversed(
    layouts.exact(layouts.reshape(turned, [multiply(g, c), o, ...kernel])),
    spatialAxes(reversedFilter, CHANNELS),
    context,
  )
  const attributes = {
    strides,
    ...(dilations.some((dilation) => dilation !== 1) && { dilations }),
    ...(pads.some((size) => size !== 0) && { pads }),
    ...(outputPadding.some((count) => count !== 0) && { output_padding: outputPadding }),
    ...(groups !== 1 && { group: groups }),
  }
  const shape = [x.shape[0]!, multiply(g, o), ...size]
  return writer.emit('ConvTranspose', [x, filter], attributes, { dtype: 'f32', shape })
}

/** Filters and channels exchanged. */
function exchanged({ shape, axes }: View): Pick<View, 'shape' | 'axes'> {
  const swap = <T>([g, o, c, ...rest]: readonly T[]): T[] => [g!, c!, o!, ...rest]
  return { shape: swap(shape), axes: swap(axes) }
}

/**
 * `factor` times a convolution in which one number is all of the filter, of one channel at a time, as an average pooling;
 * undefined if it is another convolution.
 */
export function averagePooling(node: NodeOf<'convolve'>, factor: number, context: Context): View | undefined {
  const { value, layouts, writer, numberOf } = context
  const { strides, low, size, inputDilation, filterDilation } = node.attributes
  const [x, w] = node.inputs.map((input) => value(input)) as [View, View]
  const [, filters, channels] = w.shape
  const kernel: readonly Dim[] = w.shape.slice(LEADING)
  const weight = numberOf(node.inputs[1]!)
  if (weight === undefined || filters !== 1 || channels !== 1 || !isStatic(kernel)) return undefined
  if (strides.some((stride) => stride < 1) || [...inputDilation, ...filterDilation].some((apart) => apart !== 1))
    return undefined
  const [batch, groups, , ...spatial] = x.shape
  const pooled = pooledAxes(x, [multiply(batch!, groups!), ...spatial], layouts)
  const windows = { strides, low, size, window: kernel, mostPadding: kernel.map((length) => length - 1) }
  const fit = padding(pooled, windows, 0, context)
  const attributes = {
    ...{ kernel_shape: kernel, strides },
    ...(fit.pads.some((amount) => amount !== 0) && { pads: fit.pads, count_include_pad: 1 }),
  }
  const type = { dtype: 'f32', shape: [...pooled.shape.slice(0, CHANNELS), ...size] } as const
  const mean = writer.emit('AveragePool', [fit.tensor], attributes, type)
  const scale = kernel.reduce((count, length) => count * length, weight * factor)
  // 1/n, rounded and multiplied by n, may be off by as much.
  const exact = Math.abs(scale - 1) <= 2 ** -22
  const result = exact ? mean : writer.emit('Mul', [mean, writer.scalar('f32', Math.fround(scale))], {}, type)
  return layouts.reshape(whole(result), node.type.shape)
}

/**
 * The tensor of a view of [n, spatial…] with two axes before the spatial ones, as poolings want it: those the first was
 * made of, if there are two.
 */
export function pooledAxes(view: View, [first, ...spatial]: readonly Dim[], layouts: Context['layouts']): Tensor {
  const source = view.tensor.reshapedFrom ?? view.tensor
  const two = source.shape.length === spatial.length + CHANNELS && shapeEqual(source.shape.slice(CHANNELS), spatial)
  const leading = two ? source.shape.slice(0, CHANNELS) : [first!, 1]
  return layouts.exact(layouts.reshape(view, [...leading, ...spatial]))
}

/** The result of a convolution with a number added for each filter, as one Conv; undefined if it is not that. */
export function withChannelBias(result: View, bias: View, { writer }: Context): View | undefined {
  const { tensor } = result
  if (tensor.origin.kind !== 'node') return undefined
  const { node } = tensor.origin
  if ((node.op !== 'Conv' && node.op !== 'ConvTranspose') || node.inputs.length !== 2) return undefined
  const channel = result.axes.indexOf(1)
  if (channel < 0 || !bias.axes.every((axis, at) => (axis !== undefined) === (at === channel))) return undefined
  if (bias.tensor.shape.length !== 1 || bias.tensor.dtype !== 'f32') return undefined
  const { dtype, shape } = tensor
  return { ...result, tensor: writer.emit(node.op, [...node.inputs, bias.tensor], node.attributes, { dtype, shape }) }
}

export const convolution = { convolve }
