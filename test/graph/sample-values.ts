/** Deterministic values for the samples of the op registry. */
import { evaluateDim } from '../../compiler/dimensions/dimension.ts'
import type { Domain, OpSample } from '../../compiler/ops/definition.ts'
import { elementCount } from '../../compiler/ops/strides.ts'
import type { TensorType } from '../../compiler/types.ts'

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Row-major elements for a type: f32 rounded to float32 so that compiled code sees the same numbers. */
export function randomElements(
  type: TensorType,
  dims: Readonly<Record<string, number>>,
  random: () => number,
  domain?: Domain,
): Float64Array {
  const count = elementCount(type.shape.map((dim) => evaluateDim(dim, dims)))
  return Float64Array.from({ length: count }, () => {
    if (type.dtype === 'bool') return random() < 0.5 ? 0 : 1
    const { low, high } = domain ?? (type.dtype === 'i32' ? { low: -5, high: 5 } : { low: -2, high: 2 })
    return type.dtype === 'i32'
      ? Math.floor(low + random() * (high - low + 1))
      : Math.fround(low + random() * (high - low))
  })
}

/** Elements for each operand of a sample. */
export function sampleElements(sample: OpSample<unknown>, seed: number): Float64Array[] {
  const random = randomNumbers(seed)
  return sample.inputs.map((type, at) => randomElements(type, sample.dims ?? {}, random, sample.domains?.[at]))
}
