/** Ops without operands that read what is outside the graph, or are fixed. */
import type { Dim } from '../dimensions/dimension.ts'
import { symbol } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import type { OpDef } from './definition.ts'
import { requireAxis } from './requirements.ts'
import { elementCount, rowMajorStrides } from './strides.ts'

const sampleType: TensorType = { dtype: 'f32', shape: [symbol('Batch'), 3] }
const sampleDims = { Batch: 5 }

const input: OpDef<'input'> = {
  arity: 0,
  class: 'leaf',
  infer: (_, { type }) => type,
  gradient: null,
  evaluate: (_, { name, type }, context) => context.input(name, type),
  samples: () => [
    { inputs: [], attributes: { name: 'x', type: sampleType }, dims: sampleDims },
    { inputs: [], attributes: { name: 'ids', type: { dtype: 'i32', shape: [] } } },
  ],
}

const variable: OpDef<'variable'> = {
  arity: 0,
  class: 'leaf',
  infer: (_, { type }) => type,
  gradient: null,
  evaluate: (_, { name, type }, context) => context.variable(name, type),
  samples: () => [{ inputs: [], attributes: { name: 'fc1.w', type: { dtype: 'f32', shape: [4, 3] } } }],
}

const hyper: OpDef<'hyper'> = {
  arity: 0,
  class: 'leaf',
  infer: () => ({ dtype: 'f32', shape: [] }),
  gradient: null,
  evaluate: (_, { name }, context) => ({ dtype: 'f32', shape: [], data: Float64Array.of(context.hyper(name)) }),
  samples: () => [{ inputs: [], attributes: { name: 'lr' } }],
}

const constant: OpDef<'constant'> = {
  arity: 0,
  class: 'leaf',
  infer: (_, { dtype }) => ({ dtype, shape: [] }),
  gradient: null,
  evaluate: (_, { value, dtype }) => ({ dtype, shape: [], data: Float64Array.of(value) }),
  samples: () => [
    ...[0, -0, 1.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-30].map((value) => ({
      inputs: [],
      attributes: { value, dtype: 'f32' as const },
    })),
    { inputs: [], attributes: { value: -7, dtype: 'i32' } },
    { inputs: [], attributes: { value: 1, dtype: 'bool' } },
  ],
}

const dimension: OpDef<'dimension'> = {
  arity: 0,
  class: 'leaf',
  infer: () => ({ dtype: 'i32', shape: [] }),
  gradient: null,
  evaluate: (_, { dim }, context) => ({ dtype: 'i32', shape: [], data: Float64Array.of(context.size(dim)) }),
  samples: () => [{ inputs: [], attributes: { dim: symbol('Batch') as Dim }, dims: sampleDims }],
}

const iota: OpDef<'iota'> = {
  arity: 0,
  class: 'leaf',
  infer: (_, { shape, axis }) => {
    requireAxis('iota', axis, shape.length)
    return { dtype: 'i32', shape }
  },
  gradient: null,
  evaluate: (_, { shape, axis }, context) => {
    const sizes = shape.map((dim) => context.size(dim))
    const stride = rowMajorStrides(sizes)[axis]!
    const data = Float64Array.from({ length: elementCount(sizes) }, (_, at) => Math.floor(at / stride) % sizes[axis]!)
    return { dtype: 'i32', shape: sizes, data }
  },
  samples: () => [
    { inputs: [], attributes: { shape: [17], axis: 0 } },
    { inputs: [], attributes: { shape: [3, symbol('Batch'), 2], axis: 1 }, dims: sampleDims },
  ],
}

export const leaves = { input, variable, hyper, constant, dimension, iota }
