/**
 * Convolution, general enough that its own derivatives are convolutions again: strides, dilation of input and filter (a
 * negative filter dilation runs the filter backwards), cropping, groups, and a result of any extent.
 */
import { type Dim, dimEqual, formatDim, multiply, symbol } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { type EvaluationContext, type OpDef, ShapeError } from './definition.ts'
import type { ConvolutionAttributes } from './op.ts'
import { formatType, requireDType, requireLength, requirePositive } from './requirements.ts'
import { elementCount, offsetsOf, rowMajorStrides } from './strides.ts'

/** Axes before the spatial ones: batch, group, channel. */
const LEADING = 3

/** The convolution with the same meaning whose input dilation is positive. */
export function withPositiveDilation(attributes: ConvolutionAttributes): ConvolutionAttributes {
  const flip = attributes.inputDilation.map((dilation) => (dilation < 0 ? -1 : 1))
  const signed = (list: readonly number[]): number[] => list.map((value, axis) => value * flip[axis]! + 0)
  return {
    size: attributes.size,
    low: attributes.low.map((dim, axis) => multiply(flip[axis]!, dim)),
    strides: signed(attributes.strides),
    inputDilation: signed(attributes.inputDilation),
    filterDilation: signed(attributes.filterDilation),
  }
}

// y[n, g, o, s] = Σ_{c, k} x̂[n, g, c, s·stride + k·dilation − low]·w[g, o, c, k], where x̂ is x with its elements
// `inputDilation` apart and zero elsewhere. ∂y/∂x is a sum over o and the same k, with s sought for a given position:
// input and output exchange their spacing and the filter runs backwards. ∂y/∂w is a sum over n and s: s and k exchange.
const convolve: OpDef<'convolve'> = {
  arity: 2,
  class: 'convolution',
  infer: ([x, w], { strides, low, size, inputDilation, filterDilation }) => {
    requireDType('convolve', x!, ['f32'])
    requireDType('convolve', w!, ['f32'])
    const spatial = x!.shape.length - LEADING
    if (spatial < 1 || spatial > 3)
      throw new ShapeError(`convolve takes an input of 1 to 3 spatial axes behind three others, not ${formatType(x!)}`)
    requireLength('convolve', 'filter axes', w!.shape, x!.shape.length)
    for (const list of [strides, low, size, inputDilation, filterDilation])
      requireLength('convolve', 'values of each attribute', list, spatial)
    for (const dilation of inputDilation) requirePositive('convolve', 'input dilation', dilation)
    for (const step of [...strides, ...filterDilation])
      if (!Number.isInteger(step) || step === 0) throw new ShapeError(`convolve takes no step of ${step}`)
    const pairs: [Dim, Dim, string][] = [
      [x!.shape[1]!, w!.shape[0]!, 'groups'],
      [x!.shape[2]!, w!.shape[2]!, 'channels'],
    ]
    for (const [own, other, what] of pairs)
      if (!dimEqual(own, other))
        throw new ShapeError(`convolve has ${formatDim(own)} ${what} of input, but a filter for ${formatDim(other)}`)
    return { dtype: 'f32', shape: [x!.shape[0]!, x!.shape[1]!, w!.shape[1]!, ...size] }
  },
  gradient: ({ build, inputs, cotangent, attributes }) => {
    const [x, w] = [inputs[0]!, inputs[1]!]
    const { strides, low, inputDilation, filterDilation } = attributes
    const spatial = strides.map((_, axis) => LEADING + axis)
    const toInput = build.convolve(
      cotangent,
      build.permute(w, [0, 2, 1, ...spatial]),
      withPositiveDilation({
        strides: inputDilation,
        inputDilation: strides,
        filterDilation: filterDilation.map((dilation) => -dilation),
        low: low.map((dim) => multiply(-1, dim)),
        size: build.shapeOf(x).slice(LEADING),
      }),
    )
    const toFilter = build.convolve(
      build.permute(x, [2, 1, 0, ...spatial]),
      build.permute(cotangent, [1, 2, 0, ...spatial]),
      { strides: filterDilation, filterDilation: strides, inputDilation, low, size: build.shapeOf(w).slice(LEADING) },
    )
    return [toInput, build.permute(toFilter, [1, 2, 0, ...spatial])]
  },
  evaluate: ([x, w], attributes, context) => {
    const [batch, groups, channels] = x!.shape as [number, number, number]
    const filters = w!.shape[1]!
    const taps = tapsOf(x!.shape.slice(LEADING), w!.shape.slice(LEADING), attributes, context)
    const shape = [batch, groups, filters, ...taps.size]
    const plane = elementCount(x!.shape.slice(LEADING))
    const kernel = elementCount(w!.shape.slice(LEADING))
    const results = elementCount(taps.size)
    const data = new Float64Array(elementCount(shape))
    let at = 0
    for (let n = 0; n < batch; n++) {
      for (let g = 0; g < groups; g++) {
        for (let o = 0; o < filters; o++, at += results) {
          for (let c = 0; c < channels; c++) {
            const from = ((n * groups + g) * channels + c) * plane
            const weight = ((g * filters + o) * channels + c) * kernel
            for (let tap = 0; tap < taps.results.length; tap++)
              data[at + taps.results[tap]!]! +=
                x!.data[from + taps.inputs[tap]!]! * w!.data[weight + taps.filters[tap]!]!
          }
        }
      }
    }
    return { dtype: 'f32', shape, data }
  },
  samples: () => {
    const batch = symbol('Batch')
    const f32 = (...shape: TensorType['shape']): TensorType => ({ dtype: 'f32', shape })
    const dims = { Batch: 3 }
    const plain = (spatial: number, size: readonly Dim[]): ConvolutionAttributes => {
      const each = <T>(value: T): T[] => Array.from({ length: spatial }, () => value)
      return { strides: each(1), low: each(0), size, inputDilation: each(1), filterDilation: each(1) }
    }
    return [
      { inputs: [f32(2, 1, 1, 5), f32(1, 1, 1, 3)], attributes: plain(1, [3]) },
      {
        inputs: [f32(batch, 1, 2, 5, 4), f32(1, 3, 2, 3, 3)],
        attributes: { ...plain(2, [5, 4]), low: [1, 1] },
        dims,
      },
      {
        inputs: [f32(batch, 1, 2, 7, 6), f32(1, 2, 2, 3, 2)],
        attributes: { ...plain(2, [4, 3]), low: [1, 0], strides: [2, 2] },
        dims,
      },
      {
        inputs: [f32(2, 2, 2, 7), f32(2, 3, 2, 3)],
        attributes: { ...plain(1, [6]), low: [2], filterDilation: [2], inputDilation: [1] },
      },
      { inputs: [f32(1, 3, 1, 5, 5), f32(3, 1, 1, 3, 3)], attributes: { ...plain(2, [5, 5]), low: [1, 1] } },
      {
        inputs: [f32(1, 1, 2, 3), f32(1, 2, 2, 3)],
        attributes: { ...plain(1, [7]), low: [-2], inputDilation: [3], filterDilation: [-1] },
      },
      {
        inputs: [f32(2, 1, 1, 9), f32(1, 1, 1, 2)],
        attributes: { ...plain(1, [3]), low: [-5], strides: [-2], filterDilation: [3] },
      },
      {
        inputs: [f32(1, 1, 2, 3, 2, 3), f32(1, 1, 2, 2, 2, 2)],
        attributes: { ...plain(3, [2, 3, 3]), low: [0, 1, 1] },
      },
      {
        inputs: [f32(batch, 1, 2, 4, 5), f32(1, 3, 2, 3, 3)],
        attributes: { ...plain(2, [8, 10]), low: [1, 1], inputDilation: [2, 2] },
        dims,
      },
      {
        inputs: [f32(2, 2, 1, 3, 4), f32(2, 1, 1, 1, 2)],
        attributes: { ...plain(2, [7, 11]), low: [-1, 2], inputDilation: [3, 2], filterDilation: [1, -2] },
      },
      { inputs: [f32(2, 1, 1, 17), f32(1, 1, 1, 13)], attributes: { ...plain(1, [5]) } },
    ]
  },
}

/** For every product within one plane: the elements of result, input and filter that meet. */
function tapsOf(
  input: readonly number[],
  filter: readonly number[],
  { strides, low, size, inputDilation, filterDilation }: ConvolutionAttributes,
  context: EvaluationContext,
): { size: number[]; results: Int32Array; inputs: Int32Array; filters: Int32Array } {
  const sizes = size.map((dim) => context.size(dim))
  // Per axis all (result, filter, input) positions that meet, then their combinations.
  const resultStrides = rowMajorStrides(sizes)
  const filterStrides = rowMajorStrides(filter)
  const inputStrides = rowMajorStrides(input)
  let [results, filters, inputs] = [offsetsOf([], []), offsetsOf([], []), offsetsOf([], [])]
  sizes.forEach((count, axis) => {
    const first = context.size(low[axis]!)
    const own: [number, number, number][] = []
    for (let s = 0; s < count; s++) {
      for (let k = 0; k < filter[axis]!; k++) {
        const position = s * strides[axis]! + k * filterDilation[axis]! - first
        const at = position / inputDilation[axis]!
        if (!Number.isInteger(at) || at < 0 || at >= input[axis]!) continue
        own.push([s * resultStrides[axis]!, k * filterStrides[axis]!, at * inputStrides[axis]!])
      }
    }
    const spread = (offsets: Int32Array, which: 0 | 1 | 2): Int32Array =>
      Int32Array.from([...offsets].flatMap((offset) => own.map((taps) => offset + taps[which])))
    results = spread(results, 0)
    filters = spread(filters, 1)
    inputs = spread(inputs, 2)
  })
  return { size: sizes, results, inputs, filters }
}

export const convolution = { convolve }
