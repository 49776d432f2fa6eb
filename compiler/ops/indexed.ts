/** Access at positions that are themselves data. */
import { type Dim, dimEqual, formatDim, formatShape, shapeEqual, symbol } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { type OpDef, type OpSample, ShapeError, type TensorValue } from './definition.ts'
import type { OpAttributes } from './op.ts'
import { requireAxis, requireDType } from './requirements.ts'
import { elementCount } from './strides.ts'

const batch = symbol('Batch')
const f32 = (...shape: Dim[]): TensorType => ({ dtype: 'f32', shape })
const i32 = (...shape: Dim[]): TensorType => ({ dtype: 'i32', shape })

// f(x, i)[p…, q…, s…] = x[p…, i[q…], s…], ∂f/∂x = scatter_add
const gather: OpDef<'gather'> = {
  arity: 2,
  class: 'indexed',
  infer: ([x, indices], { axis }) => {
    requireAxis('gather', axis, x!.shape.length)
    requireDType('gather', indices!, ['i32'])
    return { dtype: x!.dtype, shape: x!.shape.toSpliced(axis, 1, ...indices!.shape) }
  },
  gradient: ({ build, inputs, cotangent, attributes: { axis } }) => [
    build.scatterAdd(cotangent, inputs[1]!, axis, build.shapeOf(inputs[0]!)[axis]!),
    undefined,
  ],
  evaluate: ([x, indices], { axis }) => {
    const shape = x!.shape.toSpliced(axis, 1, ...indices!.shape)
    const data = new Float64Array(elementCount(shape))
    visit(x!.shape, indices!, axis, (whole, part) => {
      data[part] = x!.data[whole]!
    })
    return { dtype: x!.dtype, shape, data }
  },
  samples: () =>
    places().map(({ whole, indices, axis, size }) => ({
      inputs: [whole, indices],
      attributes: { axis },
      domains: [undefined, { low: 0, high: size - 1 }],
      dims: { Batch: 5 },
    })),
}

// f(u, i)[p…, n, s…] = Σ u[p…, q…, s…] over i[q…] = n, ∂f/∂u = gather
const scatter_add: OpDef<'scatter_add'> = {
  arity: 2,
  class: 'indexed',
  infer: ([updates, indices], { axis, size }) => {
    requireDType('scatter_add', updates!, ['f32', 'i32'])
    requireDType('scatter_add', indices!, ['i32'])
    const rank = indices!.shape.length
    const replaced = updates!.shape.slice(axis, axis + rank)
    if (axis < 0 || !shapeEqual(replaced, indices!.shape))
      throw new ShapeError(
        `scatter_add takes updates with the indices' shape ${formatShape(indices!.shape)} at axis ${axis}, not ${formatShape(updates!.shape)}`,
      )
    if (dimEqual(size, 0)) throw new ShapeError(`scatter_add needs a positive size, not ${formatDim(size)}`)
    return { dtype: updates!.dtype, shape: updates!.shape.toSpliced(axis, rank, size) }
  },
  gradient: ({ build, inputs, cotangent, attributes: { axis } }) => [
    build.gather(cotangent, inputs[1]!, axis),
    undefined,
  ],
  evaluate: ([updates, indices], { axis, size }, context) => {
    const shape = updates!.shape.toSpliced(axis, indices!.shape.length, context.size(size))
    const data = new Float64Array(elementCount(shape))
    visit(shape, indices!, axis, (whole, part) => {
      data[whole]! += updates!.data[part]!
    })
    return { dtype: updates!.dtype, shape, data }
  },
  samples: () =>
    places().map(
      ({ whole, indices, axis, size }): OpSample<OpAttributes['scatter_add']> => ({
        inputs: [{ dtype: whole.dtype, shape: whole.shape.toSpliced(axis, 1, ...indices.shape) }, indices],
        attributes: { axis, size: whole.shape[axis]! },
        domains: [undefined, { low: 0, high: size - 1 }],
        dims: { Batch: 5 },
      }),
    ),
}

/** Calls `use` with the offset in the whole tensor and in the gathered part, for every element of the part. */
function visit(
  whole: readonly number[],
  indices: TensorValue,
  axis: number,
  use: (whole: number, part: number) => void,
): void {
  const size = whole[axis]!
  const prefix = elementCount(whole.slice(0, axis))
  const suffix = elementCount(whole.slice(axis + 1))
  let part = 0
  for (let p = 0; p < prefix; p++) {
    for (const index of indices.data) {
      if (!(index >= 0 && index < size)) throw new RangeError(`the index ${index} lies outside an axis of size ${size}`)
      for (let s = 0; s < suffix; s++) use((p * size + index) * suffix + s, part++)
    }
  }
}

function places(): { whole: TensorType; indices: TensorType; axis: number; size: number }[] {
  return [
    { whole: f32(7), indices: i32(17), axis: 0, size: 7 },
    { whole: f32(5, 3), indices: i32(batch), axis: 0, size: 5 },
    { whole: f32(2, 4, 3), indices: i32(3, 2), axis: 1, size: 4 },
    { whole: f32(batch, 4), indices: i32(), axis: 1, size: 4 },
    { whole: i32(4, 2), indices: i32(5), axis: 0, size: 4 },
  ]
}

export const indexed = { gather, scatter_add }
