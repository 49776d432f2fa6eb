import { availableParallelism, cpus } from 'node:os'
import { compilerFingerprint } from '../../compiler/generated/identity.ts'
import { cacheKey } from '../cache.ts'
import { unchangedSources, userCache } from '../compile-file.ts'
import type { Assignments } from '../options.ts'
import { importReader, readSource, type SourceText } from '../source-file.ts'
import { styleFor } from '../style.ts'
import type { Terminal } from '../terminal.ts'
import { type Candidate, describeCandidate } from './candidate.ts'

/** What a command does with a file: steps and evaluation, or predictions. */
export type Purpose = 'training' | 'prediction'

/** What `nnc tune` found to be fastest here, for what the file has. */
export type Tuning = Partial<Readonly<Record<Purpose, Candidate>>>

interface TuningRecord {
  readonly tuning: Tuning
  /** Digests of the imported files by name: the choice holds as long as they are the same. */
  readonly imports: Readonly<Record<string, string>>
}

/** The options that, given by the user, go before what was tuned. */
export interface OwnChoice {
  readonly set?: Assignments
  readonly build?: unknown
  readonly avx2?: unknown
  readonly threads?: unknown
  /** False for `--no-cache`. */
  readonly cache?: boolean
}

/** A name for this machine and engine: on another one something else may be faster. */
export function machineName(): string {
  return `${cpus()[0]?.model.trim() || process.arch}, ${availableParallelism()} threads, Node.js ${process.versions.node}`
}

/** Keeps what was found in the cache. */
export async function keepTuning(
  source: SourceText,
  set: Assignments | undefined,
  tuning: Tuning,
  imports: Readonly<Record<string, string>>,
  terminal: Terminal,
): Promise<void> {
  const record: TuningRecord = { tuning, imports }
  await userCache(terminal).write(keyOf(source, set), { description: record, blobs: {} })
}

/** Removes what was found; false if there is nothing. */
export async function forgetTuning(
  source: SourceText,
  set: Assignments | undefined,
  terminal: Terminal,
): Promise<boolean> {
  return userCache(terminal).remove(keyOf(source, set))
}

/**
 * The way to run a file that `nnc tune` chose on this machine, said in one line on standard error; undefined if there is
 * none, or if the user chooses. `purposes`: the first one there is something for.
 */
export async function tunedChoice(
  file: string,
  own: OwnChoice,
  purposes: readonly Purpose[],
  terminal: Terminal,
): Promise<Candidate | undefined> {
  if (own.build !== undefined || own.avx2 !== undefined || own.threads !== undefined || own.cache === false)
    return undefined
  const source = await readSource(file, terminal.directory)
  const entry = await userCache(terminal).read(keyOf(source, own.set))
  if (!entry) return undefined
  const record = entry.description as TuningRecord
  if (!unchangedSources(source, record, importReader(terminal.directory))) return undefined
  const { tuning } = record
  const purpose = purposes.find((candidate) => tuning[candidate])
  const choice = purpose && tuning[purpose]
  if (choice) {
    const style = styleFor(terminal.errorColor)
    terminal.writeError(style.dim(`tuned: ${describeCandidate(choice)} (nnc tune --forget ${source.name} undoes it)\n`))
  }
  return choice
}

function keyOf(source: SourceText, set: Assignments | undefined): string {
  return cacheKey([
    compilerFingerprint,
    'tuning',
    machineName(),
    source.name,
    source.text,
    JSON.stringify(Object.entries(set ?? {}).sort()),
  ])
}
