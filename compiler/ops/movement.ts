/** Ops that only move elements. The adjoint of each is another of them, or a sum. */
import { add, dimEqual, formatDim, multiply, product, subtract, symbol } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { type EvaluationContext, type OpDef, ShapeError, type TensorValue } from './definition.ts'
import type { OpAttributes, WindowAttributes } from './op.ts'
import {
  formatType,
  requireAscendingAxes,
  requireAtMost,
  requireAxis,
  requireDType,
  requireLength,
  requireNotNegative,
  requirePositive,
  requireSameDType,
} from './requirements.ts'
import { elementCount, offsetsOf, otherAxes, pick, rowMajorStrides } from './strides.ts'

const batch = symbol('Batch')
const f32 = (...shape: TensorType['shape']): TensorType => ({ dtype: 'f32', shape })
const i32 = (...shape: TensorType['shape']): TensorType => ({ dtype: 'i32', shape })
const dims = { Batch: 5 }

/** The elements of x at the given offsets. */
function view(x: TensorValue, shape: readonly number[], strides: readonly number[], base = 0): TensorValue {
  return { dtype: x.dtype, shape, data: Float64Array.from(offsetsOf(shape, strides, base), (at) => x.data[at]!) }
}

const reshape: OpDef<'reshape'> = {
  arity: 1,
  class: 'movement',
  infer: ([x], { shape }) => {
    if (!dimEqual(product(shape), product(x!.shape)))
      throw new ShapeError(
        `reshape keeps the number of elements, but ${formatType(x!)} has ${formatDim(product(x!.shape))} and the new shape ${formatDim(product(shape))}`,
      )
    return { dtype: x!.dtype, shape }
  },
  gradient: ({ build, inputs, cotangent }) => [build.reshape(cotangent, build.shapeOf(inputs[0]!))],
  evaluate: ([x], { shape }, context) => ({ ...x!, shape: shape.map((dim) => context.size(dim)) }),
  samples: () => [
    { inputs: [f32(6)], attributes: { shape: [2, 3] } },
    { inputs: [f32()], attributes: { shape: [1, 1] } },
    { inputs: [f32(batch, 4, 3)], attributes: { shape: [batch, 12] }, dims },
    { inputs: [i32(2, batch)], attributes: { shape: [multiply(2, batch)] }, dims },
  ],
}

const permute: OpDef<'permute'> = {
  arity: 1,
  class: 'movement',
  infer: ([x], { order }) => {
    requireLength('permute', 'axes', order, x!.shape.length)
    requireAscendingAxes(
      'permute',
      [...order].sort((a, b) => a - b),
      x!.shape.length,
    )
    return { dtype: x!.dtype, shape: pick(x!.shape, order) }
  },
  gradient: ({ build, cotangent, attributes: { order } }) => [build.permute(cotangent, inverse(order))],
  evaluate: ([x], { order }) => view(x!, pick(x!.shape, order), pick(rowMajorStrides(x!.shape), order)),
  samples: () => [
    { inputs: [f32(3, 5)], attributes: { order: [1, 0] } },
    { inputs: [f32(17, 1, 4)], attributes: { order: [2, 0, 1] } },
    { inputs: [f32(batch, 2, 7, 3)], attributes: { order: [0, 2, 1, 3] }, dims },
    { inputs: [i32(4, 8)], attributes: { order: [1, 0] } },
  ],
}

/** The permutation that undoes `order`. */
function inverse(order: readonly number[]): number[] {
  const back = new Array<number>(order.length)
  order.forEach((axis, position) => {
    back[axis] = position
  })
  return back
}

const expand: OpDef<'expand'> = {
  arity: 1,
  class: 'movement',
  infer: ([x], { shape, axes }) => {
    requireLength('expand', 'axes', axes, x!.shape.length)
    requireAscendingAxes('expand', axes, shape.length)
    axes.forEach((axis, position) => {
      if (!dimEqual(shape[axis]!, x!.shape[position]!))
        throw new ShapeError(
          `expand keeps the size of axis ${position}, ${formatDim(x!.shape[position]!)}, but its new size is ${formatDim(shape[axis]!)}`,
        )
    })
    return { dtype: x!.dtype, shape }
  },
  gradient: ({ build, cotangent, attributes: { shape, axes } }) => [
    build.reduceSum(cotangent, otherAxes(shape.length, axes)),
  ],
  evaluate: ([x], { shape, axes }, context) => {
    const strides = shape.map(() => 0)
    rowMajorStrides(x!.shape).forEach((stride, position) => {
      strides[axes[position]!] = stride
    })
    return view(
      x!,
      shape.map((dim) => context.size(dim)),
      strides,
    )
  },
  samples: () => [
    { inputs: [f32()], attributes: { shape: [17], axes: [] } },
    { inputs: [f32(5)], attributes: { shape: [3, 5], axes: [1] } },
    { inputs: [f32(batch)], attributes: { shape: [batch, 7], axes: [0] }, dims },
    { inputs: [f32(2, 3)], attributes: { shape: [2, batch, 3, 4], axes: [0, 2] }, dims },
    { inputs: [{ dtype: 'bool', shape: [4] }], attributes: { shape: [4, 2], axes: [0] } },
  ],
}

const pad: OpDef<'pad'> = {
  arity: 1,
  class: 'movement',
  infer: ([x], { low, high }) => {
    requireLength('pad', 'sizes before', low, x!.shape.length)
    requireLength('pad', 'sizes after', high, x!.shape.length)
    for (const dim of [...low, ...high]) requireNotNegative('pad', 'size', dim)
    return { dtype: x!.dtype, shape: x!.shape.map((dim, axis) => add(dim, add(low[axis]!, high[axis]!))) }
  },
  gradient: ({ build, inputs, cotangent, attributes: { low } }) => [
    build.slice(cotangent, low, build.shapeOf(inputs[0]!)),
  ],
  evaluate: ([x], { low, high, value }, context) => {
    const before = low.map((dim) => context.size(dim))
    const shape = x!.shape.map((size, axis) => before[axis]! + size + context.size(high[axis]!))
    const strides = rowMajorStrides(shape)
    const data = new Float64Array(elementCount(shape)).fill(value)
    const base = before.reduce((total, size, axis) => total + size * strides[axis]!, 0)
    offsetsOf(x!.shape, strides, base).forEach((to, from) => {
      data[to] = x!.data[from]!
    })
    return { dtype: x!.dtype, shape, data }
  },
  samples: () => [
    { inputs: [f32(5)], attributes: { low: [2], high: [1], value: 0 } },
    { inputs: [f32(batch, 3, 4)], attributes: { low: [0, 1, 0], high: [0, 1, 3], value: -1.5 }, dims },
    { inputs: [i32(2, 2)], attributes: { low: [0, 0], high: [1, 0], value: 3 } },
  ],
}

const slice: OpDef<'slice'> = {
  arity: 1,
  class: 'movement',
  infer: ([x], { start, size, stride }) => {
    const rank = x!.shape.length
    requireLength('slice', 'starts', start, rank)
    requireLength('slice', 'sizes', size, rank)
    requireLength('slice', 'strides', stride, rank)
    x!.shape.forEach((dim, axis) => {
      requirePositive('slice', 'stride', stride[axis]!)
      requireNotNegative('slice', 'start', start[axis]!)
      const end = add(start[axis]!, add(multiply(subtract(size[axis]!, 1), stride[axis]!), 1))
      requireAtMost('slice', `the end on axis ${axis},`, end, dim)
    })
    return { dtype: x!.dtype, shape: size }
  },
  // Adjoint: fold spreads each strided axis out again (windows of size one), pad puts it in its place.
  gradient: ({ build, inputs, cotangent, attributes: { start, size, stride } }) => {
    const shape = build.shapeOf(inputs[0]!)
    let spread = cotangent
    let sizes = [...size]
    stride.forEach((step, axis) => {
      if (step === 1) return
      const length = subtract(shape[axis]!, start[axis]!)
      const apart = build.reshape(spread, [...sizes.slice(0, axis + 1), 1, ...sizes.slice(axis + 1)])
      spread = build.fold(apart, { axis, count: size[axis]!, size: 1, stride: step, dilation: 1, length })
      sizes = sizes.with(axis, length)
    })
    const high = shape.map((dim, axis) => subtract(dim, add(start[axis]!, sizes[axis]!)))
    return [build.pad(spread, start, high, 0)]
  },
  evaluate: ([x], { start, size, stride }, context) => {
    const strides = rowMajorStrides(x!.shape)
    const base = start.reduce<number>((total, dim, axis) => total + context.size(dim) * strides[axis]!, 0)
    return view(
      x!,
      size.map((dim) => context.size(dim)),
      strides.map((apart, axis) => apart * stride[axis]!),
      base,
    )
  },
  samples: () => [
    { inputs: [f32(8)], attributes: { start: [1], size: [5], stride: [1] } },
    { inputs: [f32(17)], attributes: { start: [2], size: [5], stride: [3] } },
    { inputs: [f32(batch, 7)], attributes: { start: [0, 1], size: [batch, 3], stride: [1, 2] }, dims },
    { inputs: [f32(8, 9)], attributes: { start: [1, 0], size: [3, 3], stride: [2, 4] } },
    { inputs: [i32(4, 3)], attributes: { start: [0, 2], size: [4, 1], stride: [1, 1] } },
  ],
}

const concat: OpDef<'concat'> = {
  arity: 'variadic',
  class: 'movement',
  infer: (inputs, { axis }) => {
    const first = inputs[0]!
    requireAxis('concat', axis, first.shape.length)
    for (const type of inputs) {
      requireSameDType('concat', first, type)
      const fits =
        type.shape.length === first.shape.length &&
        type.shape.every((dim, at) => at === axis || dimEqual(dim, first.shape[at]!))
      if (!fits) throw new ShapeError(`concat along axis ${axis} takes ${formatType(first)}, not ${formatType(type)}`)
    }
    const length = inputs.map((type) => type.shape[axis]!).reduce(add)
    return { dtype: first.dtype, shape: first.shape.with(axis, length) }
  },
  gradient: ({ build, inputs, cotangent, attributes: { axis } }) => {
    let start = build.shapeOf(cotangent).map(() => 0 as TensorType['shape'][number])
    return inputs.map((input) => {
      const shape = build.shapeOf(input)
      const part = build.slice(cotangent, start, shape)
      start = start.with(axis, add(start[axis]!, shape[axis]!))
      return part
    })
  },
  evaluate: (inputs, { axis }) => {
    const length = inputs.reduce((total, value) => total + value.shape[axis]!, 0)
    const shape = inputs[0]!.shape.with(axis, length)
    const strides = rowMajorStrides(shape)
    const data = new Float64Array(elementCount(shape))
    let base = 0
    for (const value of inputs) {
      offsetsOf(value.shape, strides, base).forEach((to, from) => {
        data[to] = value.data[from]!
      })
      base += value.shape[axis]! * strides[axis]!
    }
    return { dtype: inputs[0]!.dtype, shape, data }
  },
  samples: () => [
    { inputs: [f32(3), f32(4)], attributes: { axis: 0 } },
    { inputs: [f32(2, 1), f32(2, 3), f32(2, 5)], attributes: { axis: 1 } },
    { inputs: [f32(batch, 4), f32(batch, 4)], attributes: { axis: 0 }, dims },
    { inputs: [i32(3)], attributes: { axis: 0 } },
  ],
}

/** The shape with a window's two axes in place of one, and the strides that read (or write) it from a tensor. */
function windowLayout(
  shape: readonly number[],
  { axis, count, size, stride, dilation }: WindowAttributes,
  context: EvaluationContext,
): { shape: number[]; strides: number[] } {
  const strides = rowMajorStrides(shape)
  const apart = strides[axis]!
  return {
    shape: shape.toSpliced(axis, 1, context.size(count), context.size(size)),
    strides: strides.toSpliced(axis, 1, apart * stride, apart * dilation),
  }
}

function requireWindow(op: string, attributes: WindowAttributes, length: TensorType['shape'][number]): void {
  requirePositive(op, 'stride', attributes.stride)
  requirePositive(op, 'dilation', attributes.dilation)
  const lastWindow = multiply(subtract(attributes.count, 1), attributes.stride)
  const lastElement = multiply(subtract(attributes.size, 1), attributes.dilation)
  requireAtMost(op, 'the last position read,', add(lastWindow, lastElement), subtract(length, 1))
}

const window: OpDef<'window'> = {
  arity: 1,
  class: 'movement',
  infer: ([x], attributes) => {
    requireAxis('window', attributes.axis, x!.shape.length)
    requireWindow('window', attributes, x!.shape[attributes.axis]!)
    return { dtype: x!.dtype, shape: x!.shape.toSpliced(attributes.axis, 1, attributes.count, attributes.size) }
  },
  gradient: ({ build, inputs, cotangent, attributes }) => [
    build.fold(cotangent, { ...attributes, length: build.shapeOf(inputs[0]!)[attributes.axis]! }),
  ],
  evaluate: ([x], attributes, context) => {
    const layout = windowLayout(x!.shape, attributes, context)
    return view(x!, layout.shape, layout.strides)
  },
  samples: () => windowSamples().map(({ x, attributes }) => ({ inputs: [x], attributes, dims })),
}

const fold: OpDef<'fold'> = {
  arity: 1,
  class: 'movement',
  infer: ([x], attributes) => {
    const { axis, count, size, length } = attributes
    requireDType('fold', x!, ['f32', 'i32'])
    requireAxis('fold', axis + 1, x!.shape.length)
    requireWindow('fold', attributes, length)
    if (!dimEqual(x!.shape[axis]!, count) || !dimEqual(x!.shape[axis + 1]!, size))
      throw new ShapeError(
        `fold takes [${formatDim(count)}, ${formatDim(size)}] at axis ${axis}, not ${formatType(x!)}`,
      )
    return { dtype: x!.dtype, shape: x!.shape.toSpliced(axis, 2, length) }
  },
  gradient: ({ build, cotangent, attributes: { length: _, ...attributes } }) => [build.window(cotangent, attributes)],
  evaluate: ([x], attributes, context) => {
    const shape = x!.shape.toSpliced(attributes.axis, 2, context.size(attributes.length))
    const layout = windowLayout(shape, attributes, context)
    const data = new Float64Array(elementCount(shape))
    offsetsOf(layout.shape, layout.strides).forEach((to, from) => {
      data[to]! += x!.data[from]!
    })
    return { dtype: x!.dtype, shape, data }
  },
  samples: () =>
    windowSamples().map(({ x, attributes }) => ({
      inputs: [{ dtype: x.dtype, shape: x.shape.toSpliced(attributes.axis, 1, attributes.count, attributes.size) }],
      attributes: { ...attributes, length: x.shape[attributes.axis]! } satisfies OpAttributes['fold'],
      dims,
    })),
}

function windowSamples(): { x: TensorType; attributes: WindowAttributes }[] {
  return [
    { x: f32(8), attributes: { axis: 0, count: 6, size: 3, stride: 1, dilation: 1 } },
    { x: f32(17), attributes: { axis: 0, count: 4, size: 3, stride: 3, dilation: 2 } },
    { x: f32(batch, 5, 7), attributes: { axis: 2, count: 3, size: 3, stride: 2, dilation: 1 } },
    { x: f32(2, 9, 3), attributes: { axis: 1, count: 4, size: 2, stride: 2, dilation: 1 } },
    { x: i32(5), attributes: { axis: 0, count: 5, size: 1, stride: 1, dilation: 1 } },
  ]
}

export const movement = { reshape, permute, expand, pad, slice, concat, window, fold }
