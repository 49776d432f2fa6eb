import type { EntryTensor, Program } from '../../compiler/5-fuse/program.ts'
import { evaluateDim } from '../../compiler/dimensions/dimension.ts'
import { UserError } from '../user-error.ts'

/** Sizes of the run-time dimensions by name. */
export type Sizes = Readonly<Record<string, number>>

/**
 * The sizes a file is measured at: the batch asked for, else that of the `train` block, else the largest; other
 * dimensions at their largest. Without a `train` block the batch is the leading dimension of the inputs.
 */
export function measuredSizes(program: Program, batch: number | undefined): Sizes {
  const dims = new Map(
    [...program.dims, ...program.entries.flatMap((entry) => entry.dims)].map((dim) => [dim.name, dim]),
  )
  const named = program.trains.map(({ batchDim }) => batchDim).filter((name) => name !== undefined)
  const batchDims = new Set(named.length > 0 ? named : leadingDims(program))
  if (batch !== undefined && batchDims.size === 0)
    throw new UserError('no input has a batch dimension', 'leave `--batch` out')
  return Object.fromEntries(
    [...dims.values()].map(({ name, minimum, maximum }) => {
      if (!batchDims.has(name)) return [name, maximum]
      if (batch !== undefined && (batch < minimum || batch > maximum))
        throw new UserError(
          `the file allows ${name} from ${minimum} to ${maximum}, not ${batch}`,
          `give \`dim ${name} in …\` a wider range, or choose another \`--batch\``,
        )
      return [name, batch ?? program.trains.find((train) => train.batchDim === name)?.batch ?? maximum]
    }),
  )
}

function leadingDims({ entries }: Program): string[] {
  return entries.flatMap(({ inputs }) =>
    inputs.flatMap(({ type: { shape } }) => {
      const first = shape[0]
      const atom = typeof first === 'object' && first.terms.length === 1 ? first.terms[0]!.factors[0] : undefined
      return atom?.kind === 'symbol' ? [atom.name] : []
    }),
  )
}

export function shapeAt({ type }: EntryTensor, sizes: Sizes): number[] {
  return type.shape.map((dim) => evaluateDim(dim, sizes))
}

/**
 * Values for an input that nothing can learn by heart: floats from −1 to 1, whole numbers below the input's limit, else
 * truth values. `random` gives numbers from 0 to 1.
 */
export function randomInput(tensor: EntryTensor, sizes: Sizes, random: () => number): Float32Array | Int32Array {
  const count = shapeAt(tensor, sizes).reduce((product, size) => product * size, 1)
  if (tensor.type.dtype === 'f32') return Float32Array.from({ length: count }, () => 2 * random() - 1)
  const limit = tensor.limit === undefined ? 2 : evaluateDim(tensor.limit, sizes)
  return Int32Array.from({ length: count }, () => Math.floor(random() * limit))
}

/** Numbers from 0 to 1, the same ones every time (Marsaglia's xorshift). */
export function steadyRandom(): () => number {
  let state = 0x9e3779b9
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
