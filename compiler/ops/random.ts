/** Counter-based random numbers: an element is a function of (seed, site, step, element) and of nothing else. */
import { symbol } from '../dimensions/dimension.ts'
import type { EvaluationContext, OpDef, TensorValue } from './definition.ts'
import type { OpAttributes } from './op.ts'
import { elementCount } from './strides.ts'

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const

/**
 * Threefry-2x32 with 20 rounds: two words from a key of two words and a counter of two words.
 * Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.2.
 */
export function threefry(key0: number, key1: number, counter0: number, counter1: number): [number, number] {
  const keys = [key0 | 0, key1 | 0, 0x1bd11bda ^ key0 ^ key1]
  let x0 = (counter0 + keys[0]!) | 0
  let x1 = (counter1 + keys[1]!) | 0
  for (let round = 0; round < 20; round++) {
    x0 = (x0 + x1) | 0
    const distance = rotations[round % 8]!
    x1 = ((x1 << distance) | (x1 >>> (32 - distance))) ^ x0
    if (round % 4 === 3) {
      const injection = (round + 1) / 4
      x0 = (x0 + keys[injection % 3]!) | 0
      x1 = (x1 + keys[(injection + 1) % 3]! + injection) | 0
    }
  }
  return [x0 >>> 0, x1 >>> 0]
}

const fraction = 2 ** -24

function generate(
  attributes: OpAttributes['uniform'],
  context: EvaluationContext,
  number: (x0: number, x1: number) => number,
): TensorValue {
  const shape = attributes.shape.map((dim) => context.size(dim))
  const data = Float64Array.from({ length: elementCount(shape) }, (_, element) =>
    number(...threefry(context.seed, attributes.site, element, context.step)),
  )
  return { dtype: 'f32', shape, data }
}

const shapes: readonly OpAttributes['uniform'][] = [
  { shape: [], site: 0 },
  { shape: [17], site: 1 },
  { shape: [symbol('Batch'), 3], site: 2 },
]

const uniform: OpDef<'uniform'> = {
  arity: 0,
  class: 'random',
  infer: (_, { shape }) => ({ dtype: 'f32', shape }),
  gradient: null,
  evaluate: (_, attributes, context) => generate(attributes, context, (x0) => (x0 >>> 8) * fraction),
  samples: () => shapes.map((attributes) => ({ inputs: [], attributes, dims: { Batch: 5 } })),
}

const normal: OpDef<'normal'> = {
  arity: 0,
  class: 'random',
  infer: (_, { shape }) => ({ dtype: 'f32', shape }),
  gradient: null,
  // Box and Muller 1958; the first word is shifted into (0, 1] so that its logarithm is finite.
  evaluate: (_, attributes, context) =>
    generate(
      attributes,
      context,
      (x0, x1) => Math.sqrt(-2 * Math.log(((x0 >>> 8) + 1) * fraction)) * Math.cos(2 * Math.PI * (x1 >>> 8) * fraction),
    ),
  samples: () => shapes.map((attributes) => ({ inputs: [], attributes, dims: { Batch: 5 } })),
}

export const random = { uniform, normal }
