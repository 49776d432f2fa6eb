/** Ops that speak to the compiler and are gone before fusion. */
import { type Dim, formatDim, symbol } from '../dimensions/dimension.ts'
import type { OpDef } from './definition.ts'
import { requireDType } from './requirements.ts'

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

export const pseudo = { stop_gradient, bounded, gradient }
