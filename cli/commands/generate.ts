import { basename, extname, join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { suggest } from '../../compiler/diagnostics/suggest.ts'
import type { Tokenizer, Vocabulary } from '../../runtime/api.ts'
import { ModelError } from '../../runtime/index.ts'
import type { ManifestEntry, SimdBuild } from '../../runtime/manifest.ts'
import { type Step, stepOf } from '../../runtime/step.ts'
import { createTokenizer, PADDING, UNKNOWN } from '../../runtime/tokenizer.ts'
import { exitCode } from '../exit-code.ts'
import type { CheckpointNotes, OpenModel } from '../open-model.ts'
import { type Assignments, avx2Option, buildOption, cacheOption, positiveInteger, seed, setOption } from '../options.ts'
import type { CommandContext } from '../program.ts'
import { styleFor } from '../style.ts'
import type { Terminal } from '../terminal.ts'
import { UserError } from '../user-error.ts'

const examples = `
Examples:
  $ nnc generate gru.nn --prompt "Call me" -n 400 --temperature 0.8
  $ nnc generate gpt.nn --entry next --prompt "The whale" --top-k 40 --top-p 0.95 --seed 1
  $ nnc generate gru.nn --temperature 0 --json      the likeliest text, for a program

An infer entry generates when it takes tokens and returns logits and, under the name of an input, what it carries to the
next call: infer next(id: i32[Batch], h: f32[Batch, Hid]) -> (logits: f32[Batch, Vocab], h: f32[Batch, Hid]).
`

interface GenerateCommandOptions {
  readonly weights?: string
  readonly entry?: string
  readonly prompt: string
  readonly count: number
  readonly temperature: number
  readonly topK?: number
  readonly topP: number
  readonly seed: number
  readonly vocabulary?: string
  readonly json?: true
  readonly set?: Assignments
  readonly build?: SimdBuild
  readonly avx2?: true
  readonly cache: boolean
}

/** `nnc generate`: text from a trained language model, as it comes. */
export function generateCommand(context: CommandContext): Command {
  return new Command('generate')
    .description('text from a trained language model, token by token')
    .argument('<file>', 'the .nn file')
    .option('--weights <file>', 'a .safetensors file `nnc train` saved (default: out/<name>.safetensors)')
    .option('--entry <name>', 'which `infer` block or model (default: the first that generates)')
    .option('--prompt <text>', 'the text to go on from', '\n')
    .option('-n, --count <tokens>', 'how many tokens', positiveInteger, 400)
    .option('--temperature <number>', '0 takes the likeliest token, 1 draws as the model says', number(0, 100), 1)
    .option('--top-k <count>', 'only the likeliest so many', positiveInteger)
    .option('--top-p <share>', 'only the likeliest that together have this probability', number(0, 1), 1)
    .option('--seed <number>', 'of the drawing: the same seed gives the same text', seed, 0)
    .option('--vocabulary <field>', 'the field of the data block whose tokens the model takes, if there are several')
    .option('--json', 'print one JSON object at the end')
    .addOption(setOption())
    .addOption(buildOption())
    .addOption(avx2Option())
    .addOption(cacheOption())
    .addHelpText('after', examples)
    .action((file: string, options: GenerateCommandOptions) => generate(file, options, context))
}

async function generate(
  file: string,
  options: GenerateCommandOptions,
  { terminal, outcome }: CommandContext,
): Promise<void> {
  const { openModel, restoreWeights } = await import('../open-model.ts')
  const open = await openModel(file, { ...options, purpose: 'prediction' }, terminal)
  const weights = options.weights ?? join('out', `${basename(file, extname(file))}.safetensors`)
  const notes = await restoreWeights(open.model, weights, terminal.directory, { optimizer: false })
  const step = chooseStep(open, options.entry)
  const vocabulary = vocabularyFor(step, notes, weights, options.vocabulary)
  const tokenizer = createTokenizer(vocabulary)
  const prompt = encodePrompt(options.prompt, tokenizer, vocabulary.kind, terminal)
  const ids: number[] = []
  const interruption = { requested: false }
  const release = terminal.onInterrupt(() => {
    interruption.requested = true
  })
  if (!options.json) terminal.write(options.prompt)
  const began = performance.now()
  try {
    const made = open.model.generate(step.entry.name, {
      prompt,
      count: options.count,
      temperature: options.temperature,
      topP: options.topP,
      seed: options.seed | 0,
      avoid: unprintable(tokenizer, step),
      ...(options.topK !== undefined && { topK: options.topK }),
    })
    let last = prompt.at(-1)!
    for (const id of made) {
      ids.push(id)
      if (!options.json) terminal.write(tokenizer.decode([last, id]).slice(tokenizer.decode([last]).length))
      last = id
      // Output and Ctrl-C get their turn between tokens.
      if (ids.length % 16 === 0) await new Promise((resolve) => setImmediate(resolve))
      if (interruption.requested) break
    }
  } finally {
    release()
  }
  const seconds = (performance.now() - began) / 1000
  if (options.json) {
    const text = tokenizer.decode([...prompt, ...ids])
    terminal.write(
      `${JSON.stringify({ entry: step.entry.name, prompt: options.prompt, text, ids, seed: options.seed, seconds })}\n`,
    )
  } else terminal.write('\n')
  if (interruption.requested) outcome.code = exitCode.interrupted
}

function chooseStep({ model, compiled }: OpenModel, named: string | undefined): Step {
  const { entries, dims } = model.manifest
  const infers = entries.filter((entry) => entry.kind === 'infer')
  const read = (entry: ManifestEntry): Step | ModelError => {
    try {
      return stepOf(entry, dims)
    } catch (error) {
      if (error instanceof ModelError) return error
      throw error
    }
  }
  if (named !== undefined) {
    const names = infers.map((entry) => entry.name)
    const found = infers.find((entry) => entry.name === named)
    if (!found) {
      const near = suggest(named, names)
      throw new UserError(
        `${compiled.source.name} has no \`infer\` block or model \`${named}\``,
        near ? `did you mean ${near}?` : `there is ${names.join(', ')}`,
      )
    }
    const step = read(found)
    if (step instanceof ModelError) throw new UserError(step.message)
    return step
  }
  const steps = infers.map(read)
  // What carries something is a step written for generation.
  const usable = steps.filter((step): step is Step => !(step instanceof ModelError))
  const step = usable.find(({ carried }) => carried.length > 0) ?? usable[0]
  if (step) return step
  const [why] = steps.filter((step) => step instanceof ModelError)
  throw new UserError(
    why ? why.message : `${compiled.source.name} has nothing to generate with: no model, no \`infer\` block`,
  )
}

/** The vocabulary that was learned in training; of several different ones, the one asked for. */
function vocabularyFor(
  step: Step,
  notes: CheckpointNotes | undefined,
  weights: string,
  named: string | undefined,
): Vocabulary {
  const found = Object.entries(notes?.learned ?? {}).flatMap(([field, learned]) =>
    learned.flatMap((item) =>
      item.kind === 'characters' || item.kind === 'words' ? [{ field, vocabulary: item }] : [],
    ),
  )
  const chosen = named === undefined ? found : found.filter(({ field }) => field === named)
  const distinct = new Map(chosen.map(({ field, vocabulary }) => [JSON.stringify(vocabulary), { field, vocabulary }]))
  const fields = [...new Set(found.map(({ field }) => field))].join(', ')
  if (distinct.size > 1)
    throw new UserError(`${weights} has several vocabularies`, `choose the field of one with --vocabulary: ${fields}`)
  const [only] = distinct.values()
  if (!only)
    throw new UserError(
      named === undefined || found.length === 0
        ? `${weights} comes without a vocabulary`
        : `${weights} has no vocabulary of a field \`${named}\``,
      found.length > 0 ? `there is ${fields}` : 'train on data whose fields use `characters` or `words`',
    )
  const { size } = createTokenizer(only.vocabulary)
  if (step.vocabulary !== undefined && step.vocabulary < size)
    throw new UserError(
      `\`${step.entry.name}\` has ${step.vocabulary} logits, and the vocabulary of \`${only.field}\` has ${size} ids`,
    )
  return only.vocabulary
}

function encodePrompt(prompt: string, tokenizer: Tokenizer, kind: Vocabulary['kind'], terminal: Terminal): number[] {
  const unknown = tokenizer.unknownIn(prompt)
  if (unknown.length > 0) {
    const listed =
      unknown
        .slice(0, 8)
        .map((token) => `\`${token}\``)
        .join(', ') + (unknown.length > 8 ? ', …' : '')
    if (kind === 'characters')
      throw new UserError(`the model was trained on a text without ${listed}`, 'leave them out of the prompt')
    const style = styleFor(terminal.errorColor)
    terminal.writeError(
      `${style.bold(style.yellow('warning'))}: the vocabulary does not have ${listed}; the model sees the unknown token there\n`,
    )
  }
  const ids = Array.from(tokenizer.encode(prompt))
  if (ids.length > 0) return ids
  throw new UserError('the prompt holds no token', 'give some text to go on from with --prompt')
}

/** Padding, the unknown token, and logits beyond the vocabulary stand for no text. */
function unprintable({ size }: Tokenizer, { vocabulary = size }: Step): number[] {
  return [PADDING, UNKNOWN, ...Array.from({ length: Math.max(0, vocabulary - size) }, (_, at) => size + at)]
}

function number(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && value >= minimum && value <= maximum) return value
    throw new InvalidArgumentError(`It must be a number from ${minimum} to ${maximum}.`)
  }
}
