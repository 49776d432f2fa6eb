import type { GenerateOptions, Input, Tensor } from './api.ts'
import { feed, readOutputs } from './dataset.ts'
import type { Engine } from './engine.ts'
import { ModelError } from './error.ts'
import type { ManifestEntry } from './manifest.ts'
import { type Sampling, sampleToken } from './sample.ts'
import { elementCount, namesIn, shapeValue } from './size.ts'
import { type Step, stepOf } from './step.ts'

/** Generates tokens one after the other; see `Model.generate`. Options are checked at once. */
export function startGenerate(
  engine: Engine,
  entry: ManifestEntry,
  options: GenerateOptions,
): Generator<number, void, void> {
  const step = stepOf(entry, engine.manifest.dims)
  const prompt = Array.from(options.prompt)
  if (prompt.length === 0)
    throw new ModelError('bad-option', 'prompt is empty; it needs at least one token to go on from')
  const sampling: Sampling = {
    temperature: within('temperature', options.temperature ?? 1, 0, Number.MAX_VALUE),
    topK: whole('topK', options.topK ?? 0, 0),
    topP: within('topP', options.topP ?? 1, Number.MIN_VALUE, 1),
    seed: whole('seed', options.seed ?? 0, -(2 ** 31)),
  }
  const avoided = new Set(options.avoid ?? [])
  if (step.vocabulary !== undefined && step.vocabulary <= [...avoided].filter((id) => id < step.vocabulary!).length)
    throw new ModelError('bad-option', 'avoid leaves no token to choose')
  return run(engine, step, prompt, whole('count', options.count ?? 100, 0), sampling, (id) => !avoided.has(id))
}

function* run(
  engine: Engine,
  step: Step,
  prompt: readonly number[],
  count: number,
  sampling: Sampling,
  allowed: (id: number) => boolean,
): Generator<number, void, void> {
  const text = [...prompt]
  const context = createContext(engine, step)
  for (let made = 0; made < count; made++) {
    const id = sampleToken(context.logitsAfter(text), sampling, made, allowed)
    text.push(id)
    yield id
  }
}

interface Context {
  /** The logits after the last of the tokens, which go on from those given before. */
  logitsAfter(text: readonly number[]): Float32Array
}

/** What the step carries, and how much of the text is in it. */
function createContext(engine: Engine, step: Step): Context {
  const { entry, carried, longest } = step
  let values: Readonly<Record<string, Input>> = {}
  // The carried values stand for the tokens from `start` to `fed`.
  let start = 0
  let fed = 0
  const begin = (at: number): void => {
    values = Object.fromEntries(carried.map((input) => [input.name, firstValue(step, input.name)]))
    start = at
    fed = at
  }
  const call = (tokens: readonly number[]): Float32Array => {
    const dims = feed(engine, entry, { ...values, [step.tokens.name]: tokenInput(step, tokens) })
    engine.run(entry, dims)
    const outputs = readOutputs(engine, entry, dims)
    values = Object.fromEntries(carried.map(({ name }) => [name, outputs[name]!]))
    return lastLogits(outputs[step.logits.name]!, step, tokens.length)
  }
  begin(0)
  return {
    logitsAfter(text) {
      // Without anything to carry, the last tokens are fed again each time, as many as the entry takes.
      if (carried.length === 0) return call(text.slice(-longest))
      let logits: Float32Array | undefined
      while (fed < text.length) {
        // A full context begins anew with the later half of what it held.
        if (isFull(engine, step, values)) begin(text.length - Math.max(1, Math.floor((fed - start) / 2)))
        const tokens = text.slice(fed, fed + longest)
        logits = call(tokens)
        fed += tokens.length
      }
      if (!logits) throw new Error('internal: generate: nothing new to feed')
      return logits
    },
  }
}

/** Zeros, or nothing at all along an axis that may be empty. */
function firstValue(step: Step, name: string): Tensor {
  const input = step.carried.find((own) => own.name === name)!
  const sizes = Object.fromEntries(input.shape.flatMap(namesIn).map((dim) => [dim, 0]))
  for (const [axis, size] of step.tokens.shape.entries())
    if (typeof size === 'string') sizes[size] = axis === 0 ? step.batch : 1
  const shape = shapeValue(input.shape, sizes)
  const Kind = input.dtype === 'f32' ? Float32Array : Int32Array
  return { data: new Kind(elementCount(shape)), shape }
}

/** Whether a carried value has outgrown the range of one of its dimensions. */
function isFull(engine: Engine, step: Step, values: Readonly<Record<string, Input>>): boolean {
  return step.carried.some(({ name, shape }) => {
    const actual = (values[name] as Tensor).shape
    return shape.some((size, axis) => {
      const range = engine.manifest.dims.find((dim) => dim.name === size)
      return range !== undefined && actual[axis]! > range.maximum
    })
  })
}

function tokenInput({ batch, tokens: { shape } }: Step, tokens: readonly number[]): Input {
  const rows = Array.from({ length: batch }, () => tokens).flat()
  return { data: rows, shape: shape.length === 2 ? [batch, tokens.length] : [batch] }
}

/** The first row's logits at its last token. */
function lastLogits({ data, shape }: Tensor, step: Step, tokens: number): Float32Array {
  const size = shape.at(-1)!
  const at = step.tokens.shape.length === 2 ? (tokens - 1) * size : 0
  return (data as Float32Array).subarray(at, at + size)
}

function whole(name: string, value: number, minimum: number): number {
  if (Number.isInteger(value) && value >= minimum && value < 2 ** 31) return value
  throw new ModelError('bad-option', `${name} is ${String(value)}; it must be a whole number from ${minimum}`)
}

function within(name: string, value: number, minimum: number, maximum: number): number {
  if (typeof value === 'number' && value >= minimum && value <= maximum) return value
  const range = maximum === Number.MAX_VALUE ? 'from 0 on' : `above 0 and at most ${maximum}`
  throw new ModelError('bad-option', `${name} is ${String(value)}; it must be a number ${range}`)
}
