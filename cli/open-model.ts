import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import type { DataDeclaration } from '../compiler/1-parse/ast.ts'
import { suggest } from '../compiler/diagnostics/suggest.ts'
import type { ManifestEntry, ManifestTrain, Model, SimdBuild } from '../runtime/index.ts'
import { load, ModelError } from '../runtime/index.ts'
import { chooseBuild } from './choose-build.ts'
import { type CompiledFile, compileFile } from './compile-file.ts'
import type { LearnedFields, WantedInput } from './data/fields.ts'
import type { Assignments } from './options.ts'
import type { Terminal } from './terminal.ts'
import { type Purpose, tunedChoice } from './tune/tuning.ts'
import { UserError } from './user-error.ts'

export interface OpenOptions {
  readonly set?: Assignments
  readonly build?: SimdBuild
  readonly avx2?: true
  readonly threads?: number
  readonly cache: boolean
  /** What the model is opened for, where the way `nnc tune` chose is wanted. */
  readonly purpose?: Purpose
}

/** A compiled and loaded file. */
export interface OpenModel {
  readonly compiled: CompiledFile
  readonly model: Model
}

/** Of its own accord a command takes no more; models small enough for one file rarely gain from them. */
const MOST_THREADS = 4

/** How many threads a command takes where none are asked for. */
export function usualThreads(): number {
  return Math.min(availableParallelism(), MOST_THREADS)
}

/** Compiles the one build this process runs best, or takes it from the cache, and loads it. */
export async function openModel(file: string, options: OpenOptions, terminal: Terminal): Promise<OpenModel> {
  const tuned = options.purpose && (await tunedChoice(file, options, [options.purpose], terminal))
  const simd = await chooseBuild(tuned ? { tuned: tuned.simd } : options, terminal)
  const threads = tuned?.threads ?? options.threads ?? usualThreads()
  const build = threads > 1 ? (`${simd}-threads` as const) : simd
  const compiled = await compileFile(file, { ...options, builds: [build], winograd: tuned?.winograd ?? true }, terminal)
  const module = compiled.modules[build]!
  if (simd === 'wide') await (await import('./revectoriser.ts')).requireCompilation(module)
  return { compiled, model: await load(new Uint8Array(module), { build: simd, threads }) }
}

/** The train block a command means: the one named, else the only one. */
export function chooseTrain(model: Model, file: string, named: string | undefined): ManifestTrain {
  const { trains } = model.manifest
  const names = trains.map((train) => train.name)
  if (names.length === 0) throw new UserError(`${file} has no \`train\` block`)
  if (named === undefined) {
    if (trains.length === 1) return trains[0]!
    throw new UserError(
      `${file} has several \`train\` blocks: ${names.join(', ')}`,
      `choose one, as in --train ${names[0]}`,
    )
  }
  const found = trains.find((train) => train.name === named)
  if (found) return found
  const near = suggest(named, names)
  throw new UserError(
    `${file} has no \`train\` block \`${named}\``,
    near ? `did you mean ${near}?` : `there is ${names.join(', ')}`,
  )
}

/** The data block a train block names. */
export function dataOf(compiled: CompiledFile, train: ManifestTrain): DataDeclaration {
  const declaration = compiled.data.find((data) => data.name.text === train.data)
  if (declaration) return declaration
  throw new UserError(
    `\`train ${train.name}\` names no data`,
    `add a \`data\` block and write \`train ${train.name}(…) on NAME { … }\``,
  )
}

/** What a data block has to give for an entry, each input by one row. */
export function wantedInputs(entry: ManifestEntry, batchDim: string | undefined): readonly WantedInput[] {
  return entry.inputs.map(({ name, dtype, shape, limit }) => {
    const row = shape[0] === batchDim ? shape.slice(1) : shape
    const sizes = row.filter((size): size is number => typeof size === 'number')
    return {
      name,
      dtype,
      ...(sizes.length === row.length && { shape: sizes }),
      ...(typeof limit === 'number' && { limit }),
    }
  })
}

/** The entry a train block runs to train; its evaluation takes the same inputs. */
export function stepEntry(model: Model, train: ManifestTrain): ManifestEntry {
  const entry = model.manifest.entries.find(({ name }) => name === train.step)
  if (!entry) throw new Error(`internal: manifest: the step ${train.step} is no entry`)
  return entry
}

/** Rows a step of a train block takes when the command line does not say. */
export function batchOf(model: Model, settings: ManifestTrain): number {
  const dimension = model.manifest.dims.find((dim) => dim.name === settings.batchDim)
  return settings.batch ?? Math.min(32, dimension?.maximum ?? 1)
}

/** Numbers that are trained. */
export function parameterCount(model: Model): number {
  return model.parameters
    .list()
    .filter(({ kind }) => kind === 'parameter')
    .reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0)
}

/** What the command itself keeps in a checkpoint's metadata. */
export interface CheckpointNotes {
  /** Complete epochs. */
  readonly epochs: number
  readonly learned: LearnedFields
  /** Names of the classes, by train input. */
  readonly categories: Readonly<Record<string, readonly string[]>>
}

const NOTES = 'train'

export function writeNotes(notes: CheckpointNotes): Readonly<Record<string, string>> {
  return { [NOTES]: JSON.stringify(notes) }
}

/** Reads weights into the model; files from elsewhere come without notes. */
export async function restoreWeights(
  model: Model,
  file: string,
  directory: string,
  options: { readonly optimizer: boolean },
): Promise<CheckpointNotes | undefined> {
  let bytes: Buffer<ArrayBuffer>
  try {
    bytes = await readFile(resolve(directory, file))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new UserError(code === 'ENOENT' ? `${file} does not exist` : `${file} cannot be read: ${message}`)
  }
  try {
    const { [NOTES]: notes } = model.restore(bytes, options)
    return notes === undefined ? undefined : (JSON.parse(notes) as CheckpointNotes)
  } catch (error) {
    throw error instanceof ModelError ? new UserError(`${file}: ${error.message}`) : error
  }
}
