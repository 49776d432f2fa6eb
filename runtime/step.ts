import { ModelError } from './error.ts'
import type { ManifestDimension, ManifestEntry, ManifestSize, ManifestTensor } from './manifest.ts'
import { namesIn, typeText } from './size.ts'

/** An infer entry as a step of generation: tokens in, logits out, and what is carried from call to call. */
export interface Step {
  readonly entry: ManifestEntry
  readonly tokens: ManifestTensor
  readonly logits: ManifestTensor
  /** Inputs that come out under the same name. */
  readonly carried: readonly ManifestTensor[]
  /** Rows fed in each call; generation follows the first. */
  readonly batch: number
  /** Most tokens a call takes; 1 where the entry has no time dimension. */
  readonly longest: number
  /** The number of different tokens, where it is known when compiled. */
  readonly vocabulary: number | undefined
}

/** Reads an entry as a step. Throws a ModelError, code `not-a-step`, that says what it lacks. */
export function stepOf(entry: ManifestEntry, dims: readonly ManifestDimension[]): Step {
  const refuse = (why: string): ModelError =>
    new ModelError(
      'not-a-step',
      `\`${entry.name}\` is no step of generation: ${why}; a step takes tokens (i32[Batch] or i32[Batch, T]) and returns logits (f32[Batch, Vocab] or f32[Batch, T, Vocab]) and whatever it carries under the name of an input`,
    )
  const rangeOf = (size: ManifestSize | undefined): ManifestDimension | undefined => {
    if (typeof size === 'number') return { name: String(size), minimum: size, maximum: size }
    return dims.find((dim) => dim.name === size)
  }
  const returned = new Set(entry.outputs.map((output) => output.name))
  const carried = entry.inputs.filter((input) => returned.has(input.name))
  const fed = entry.inputs.filter((input) => !returned.has(input.name))
  const [tokens, other] = fed
  if (!tokens) throw refuse('all its inputs are carried, and none takes tokens')
  if (tokens.dtype !== 'i32' || tokens.shape.length < 1 || tokens.shape.length > 2)
    throw refuse(`its input \`${tokens.name}\`, ${typeText(tokens)}, takes no tokens and is not returned either`)
  if (other) throw refuse(`its input \`${other.name}\`, ${typeText(other)}, is not returned, so nothing feeds it`)
  const names = new Set(carried.map((input) => input.name))
  const [logits, more] = entry.outputs.filter((output) => !names.has(output.name))
  if (logits?.dtype !== 'f32' || logits.shape.length !== tokens.shape.length + 1)
    throw refuse(
      logits
        ? `its output \`${logits.name}\`, ${typeText(logits)}, is not one row of logits per token`
        : 'it returns no logits',
    )
  if (more) throw refuse(`it returns \`${logits.name}\` and \`${more.name}\`, and only one of them can be the logits`)
  for (const input of carried) {
    const output = entry.outputs.find(({ name }) => name === input.name)!
    if (output.dtype !== input.dtype || output.shape.length !== input.shape.length)
      throw refuse(`it takes \`${input.name}\` as ${typeText(input)} and returns ${typeText(output)}`)
  }
  const batch = rangeOf(tokens.shape[0])
  const time = tokens.shape.length === 2 ? rangeOf(tokens.shape[1]) : undefined
  if (!batch || (tokens.shape.length === 2 && !time)) throw refuse(`the sizes of \`${tokens.name}\` are no dimensions`)
  if (time && time.minimum > 1)
    throw refuse(
      `it takes at least ${time.minimum} tokens at a time; one must be possible: \`dim ${time.name} in 1..n\``,
    )
  const own = new Set(tokens.shape.filter((size): size is string => typeof size === 'string'))
  for (const input of carried)
    for (const name of input.shape.flatMap(namesIn)) {
      if (own.has(name) || rangeOf(name)?.minimum === 0) continue
      throw refuse(
        `what \`${input.name}\` starts with has the size ${name}, which is not known; \`dim ${name} in 0..n\` starts empty`,
      )
    }
  const last = logits.shape.at(-1)
  return {
    entry,
    tokens,
    logits,
    carried,
    batch: Math.max(1, batch.minimum),
    longest: time?.maximum ?? 1,
    vocabulary: typeof last === 'number' ? last : undefined,
  }
}
