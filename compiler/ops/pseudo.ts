/** Ops that speak to the compiler and are gone before fusion. */
import { type Dim, formatDim, symbol } from '../dimensions/dimension.ts'
import { type OpDef, ShapeError } from './definition.ts'
import { requireDType, requireSameDType, requireSameShape } from './requirements.ts'
import { elementCount } from './strides.ts'

// f(x) = x, f'(x) = 0
const stop_gradient: OpDef<'stop_gradient'> = {
  arity: 1,
  class: 'pseudo',
  infer: ([x]) => x!,
  gradient: null,
  evaluate: ([x]) => x!,
  samples: () => [{ inputs: [{ dtype: 'f32', shape: [symbol('Batch'), 3] }], attributes: {}, dims: { Batch: 5 } }],
}

// f(x) = x where 0 ≤ x < limit, an error elsewhere
const bounded: OpDef<'bounded'> = {
  arity: 1,
  class: 'pseudo',
  infer: ([x]) => {
    requireDType('bounded', x!, ['i32'])
    return x!
  },
  gradient: null,
  evaluate: ([x], { limit }, context) => {
    const size = context.size(limit)
    const outside = x!.data.find((value) => !(value >= 0 && value < size))
    if (outside !== undefined)
      throw new RangeError(`${outside} is not an index below ${formatDim(limit)}${size === limit ? '' : ` = ${size}`}`)
    return x!
  },
  samples: () => [
    {
      inputs: [{ dtype: 'i32', shape: [17] }],
      attributes: { limit: symbol('Batch') as Dim },
      domains: [{ low: 0, high: 4 }],
      dims: { Batch: 5 },
    },
  ],
}

/** d Σy / dx; differentiation replaces it, so it has no value of its own. */
const gradient: OpDef<'gradient'> = {
  arity: 2,
  class: 'pseudo',
  infer: ([y, x]) => {
    requireDType('gradient', y!, ['f32'])
    requireDType('gradient', x!, ['f32'])
    return x!
  },
  gradient: null,
  evaluate: () => {
    throw new Error('internal: interpret: a gradient must be differentiated before it can be evaluated')
  },
  samples: () => [],
}

const cotangent: OpDef<'cotangent'> = {
  arity: 0,
  class: 'pseudo',
  infer: (_, { type }) => type,
  gradient: null,
  // Nothing but a gradient still to be taken depends on it.
  evaluate: (_, { type }, context) => {
    const shape = type.shape.map((dim) => context.size(dim))
    return { dtype: type.dtype, shape, data: new Float64Array(elementCount(shape)) }
  },
  samples: () => [
    { inputs: [], attributes: { site: 1, type: { dtype: 'f32', shape: [symbol('Batch'), 3] } }, dims: { Batch: 5 } },
  ],
}

const with_gradient: OpDef<'with_gradient'> = {
  arity: 'variadic',
  class: 'pseudo',
  infer: ([y, dy, ...rest], { count }) => {
    if (rest.length !== 2 * count) throw new ShapeError(`with_gradient takes ${2 + 2 * count} operands`)
    const pairs = [[y!, dy!], ...rest.slice(0, count).map((x, at) => [x, rest[count + at]!])] as const
    for (const pair of pairs) {
      requireSameShape('with_gradient', pair)
      requireSameDType('with_gradient', pair[0]!, pair[1]!)
    }
    return y!
  },
  gradient: () => {
    throw new Error('internal: differentiate: a given gradient has no rule of its own')
  },
  evaluate: ([y]) => y!,
  samples: () => {
    const type = { dtype: 'f32', shape: [symbol('Batch'), 3] } as const
    return [{ inputs: [type, type, type, type], attributes: { count: 1 }, dims: { Batch: 5 } }]
  },
}

export const pseudo = { stop_gradient, bounded, gradient, cotangent, with_gradient }
