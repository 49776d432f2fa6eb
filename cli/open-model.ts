import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import type { Model, SimdBuild } from '../runtime/index.ts'
import { load, ModelError } from '../runtime/index.ts'
import { chooseBuild } from './choose-build.ts'
import { type CompiledFile, compileFile } from './compile-file.ts'
import type { LearnedFields } from './data/fields.ts'
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
