/** The largest element of each of many overlapping windows, and the gradient's way back to those elements. */
import { add, type Dim, formatDim, multiply, shapeEqual, subtract, symbol } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { type EvaluationContext, type OpDef, type OpSample, ShapeError } from './definition.ts'
import type { Expressions } from './expressions.ts'
import type { PoolingAttributes } from './op.ts'
import { formatType, requireDType, requireLength, requirePositive } from './requirements.ts'
import { offsetsOf, rowMajorStrides } from './strides.ts'

// y[n, s] = max over k of x[n, s·stride + k·dilation − low], elements outside left out.
const pool_max: OpDef<'pool_max'> = {
  arity: 1,
  class: 'pooling',
  infer: ([x], attributes) => {
    requirePooling('pool_max', x!, attributes)
    return { dtype: 'f32', shape: [x!.shape[0]!, ...attributes.size] }
  },
  gradient: ({ build, inputs, output, cotangent, attributes }) => [
    build.emit('pool_max_gradient', [inputs[0]!, output, cotangent], attributes),
  ],
  evaluate: ([x], attributes, context) => {
    const { shape, windows } = windowsOf(x!.shape, attributes, context)
    const data = windows.map((window) =>
      window.reduce((best, at) => Math.max(best, x!.data[at]!), Number.NEGATIVE_INFINITY),
    )
    return { dtype: 'f32', shape, data: Float64Array.from(data) }
  },
  samples: () => samplesOf(false),
}

// Each g[n, s] is shared equally by the elements of its window that equal y[n, s]. Linear in g; x and y only choose.
const pool_max_gradient: OpDef<'pool_max_gradient'> = {
  arity: 3,
  class: 'pooling',
  infer: ([x, y, g], attributes) => {
    requirePooling('pool_max_gradient', x!, attributes)
    for (const type of [y!, g!])
      if (!shapeEqual(type.shape, [x!.shape[0]!, ...attributes.size]))
        throw new ShapeError(`pool_max_gradient takes results of the pooling, not ${formatType(type)}`)
    return x!
  },
  // The adjoint: for each window the mean of the cotangent over the elements that equal its largest.
  gradient: ({ build, inputs, cotangent, attributes }) => {
    const [x, y] = [inputs[0]!, inputs[1]!]
    const spread = (of: number, outside: number): number => spreadWindows(build, of, attributes, outside)
    const windows = spread(x, Number.NaN)
    const shape = build.shapeOf(windows)
    const kept = [0, ...attributes.size.map((_, axis) => 1 + 2 * axis)]
    const summed = attributes.size.map((_, axis) => 2 + 2 * axis)
    const chosen = build.equal(windows, build.expand(y, shape, kept))
    const count = build.reduceSum(build.cast(chosen, 'f32'), summed)
    const total = build.reduceSum(build.select(chosen, spread(cotangent, 0), build.full(0, shape)), summed)
    const some = build.maximum(count, build.like(count, 1))
    return [build.like(x, 0), build.like(y, 0), build.div(total, some)]
  },
  evaluate: ([x, y, g], attributes, context) => {
    const { windows } = windowsOf(x!.shape, attributes, context)
    const data = new Float64Array(x!.data.length)
    windows.forEach((window, at) => {
      const chosen = window.filter((element) => x!.data[element] === y!.data[at])
      for (const element of chosen) data[element]! += g!.data[at]! / chosen.length
    })
    return { ...x!, data }
  },
  samples: () => samplesOf(true),
}

/** x[n, spatial…] as [n, size, window, …], elements outside `outside`. */
export function spreadWindows(build: Expressions, x: number, attributes: PoolingAttributes, outside: number): number {
  const { strides, low, size, window, dilation } = attributes
  const shape = build.shapeOf(x)
  const high = size.map((count, axis) => {
    const last = add(multiply(subtract(count, 1), strides[axis]!), (window[axis]! - 1) * dilation[axis]!)
    return subtract(subtract(last, low[axis]!), subtract(shape[1 + axis]!, 1))
  })
  const some = (dim: Dim): Dim => (typeof dim === 'number' ? Math.max(0, dim) : dim)
  let spread = build.pad(x, [0, ...low], [0, ...high.map(some)], outside)
  size.forEach((count, axis) => {
    spread = build.window(spread, {
      ...{ axis: 1 + 2 * axis, count, size: window[axis]! },
      ...{ stride: strides[axis]!, dilation: dilation[axis]! },
    })
  })
  return spread
}

function requirePooling(op: string, x: TensorType, { strides, low, size, window, dilation }: PoolingAttributes): void {
  requireDType(op, x, ['f32'])
  const spatial = x.shape.length - 1
  if (spatial < 1 || spatial > 3)
    throw new ShapeError(`${op} takes 1 to 3 spatial axes behind one, not ${formatType(x)}`)
  for (const list of [strides, low, size, window, dilation])
    requireLength(op, 'values of each attribute', list, spatial)
  for (const step of [...strides, ...window, ...dilation]) requirePositive(op, 'step', step)
  for (const dim of low)
    if (typeof dim === 'number' && dim < 0) throw new ShapeError(`${op} leaves out no elements: ${formatDim(dim)}`)
}

/** For each result the elements of the input in its window. */
function windowsOf(
  input: readonly number[],
  { strides, low, size, window, dilation }: PoolingAttributes,
  context: EvaluationContext,
): { shape: number[]; windows: number[][] } {
  const inner = rowMajorStrides(input)
  const sizes = size.map((dim) => context.size(dim))
  let windows: number[][] = [...offsetsOf([input[0]!], [inner[0]!])].map((at) => [at])
  sizes.forEach((count, axis) => {
    const first = context.size(low[axis]!)
    windows = windows.flatMap((elements) =>
      Array.from({ length: count }, (_, s) =>
        elements.flatMap((element) => {
          const own: number[] = []
          for (let k = 0; k < window[axis]!; k++) {
            const at = s * strides[axis]! + k * dilation[axis]! - first
            if (at >= 0 && at < input[1 + axis]!) own.push(element + at * inner[1 + axis]!)
          }
          return own
        }),
      ),
    )
  })
  return { shape: [input[0]!, ...sizes], windows }
}

function samplesOf(gradient: boolean): OpSample<PoolingAttributes>[] {
  const batch = symbol('Batch')
  const cases: readonly [readonly Dim[], PoolingAttributes][] = [
    [[2, 8], { strides: [2], low: [0], size: [4], window: [2], dilation: [1] }],
    [[batch, 6, 18], { strides: [2, 2], low: [0, 0], size: [3, 9], window: [2, 2], dilation: [1, 1] }],
    [[2, 7, 9], { strides: [2, 2], low: [0, 0], size: [3, 4], window: [2, 2], dilation: [1, 1] }],
    [[batch, 5, 9], { strides: [2, 2], low: [1, 1], size: [3, 5], window: [3, 3], dilation: [1, 1] }],
    [[1, 5, 11], { strides: [1, 3], low: [0, 0], size: [3, 3], window: [2, 3], dilation: [2, 1] }],
    [[2, 4, 4, 6], { strides: [2, 2, 2], low: [0, 0, 0], size: [2, 2, 3], window: [2, 2, 2], dilation: [1, 1, 1] }],
  ]
  return cases.map(([shape, attributes]) => {
    const x: TensorType = { dtype: 'f32', shape }
    const result: TensorType = { dtype: 'f32', shape: [shape[0]!, ...attributes.size] }
    return { inputs: gradient ? [x, result, result] : [x], attributes, dims: { Batch: 3 } }
  })
}

export const pooling = { pool_max, pool_max_gradient }
