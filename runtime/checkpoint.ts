import type { Bytes, RestoreOptions, SaveOptions } from './api.ts'
import { bytesOf } from './bytes.ts'
import { crc32 } from './crc32.ts'
import type { Engine } from './engine.ts'
import { EPOCH, readEpoch, type StoredEpoch, storeEpoch } from './epoch-record.ts'
import { ModelError } from './error.ts'
import { described } from './flatten.ts'
import type { ManifestVariable } from './manifest.ts'
import { readSafetensors, refused, type SafetensorsFile, type StoredTensor, writeSafetensors } from './safetensors.ts'
import { elementCount } from './size.ts'
import { variableShape } from './variables.ts'
import { keptVariables, type WatchRecord } from './watch-epochs.ts'

const DTYPES = { f32: 'F32', i32: 'I32', bool: 'BOOL' } as const
const CHECKSUM = 'nnc.crc32'
const UNKNOWN_CHECKSUM = '00000000'

/** What a checkpoint written here says in its metadata, beside strings of the caller's own. */
interface Progress {
  readonly seed: number
  readonly steps: number
  readonly hypers: Readonly<Record<string, number>>
  readonly watch?: StoredWatch
  /** Absent between two epochs. */
  readonly epoch?: StoredEpoch
}

/** A watch record; JSON has no infinite numbers, so `best` is text. */
type StoredWatch = Omit<WatchRecord, 'best' | 'kept'> & {
  readonly best: string
  /** Whether the best epoch's variables are tensors of their own, those of the file, or not kept. */
  readonly kept: 'apart' | 'same' | 'none'
}

/** What the best epoch's variables are called; no variable's name begins so. */
const BEST = 'nnc.best/'

/** A safetensors file of the model's variables; its metadata hold the progress and a checksum of the whole file. */
export function writeCheckpoint(engine: Engine, options: SaveOptions): Uint8Array<ArrayBuffer> {
  const { manifest } = engine
  const full = options.optimizer ?? true
  const tensors = new Map<string, StoredTensor>()
  for (const variable of manifest.variables) {
    if (full || variable.kind !== 'optimizer') {
      const shape = variableShape(manifest, variable)
      tensors.set(variable.name, {
        dtype: DTYPES[variable.dtype],
        shape,
        bytes: tensorBytes(variable, variableWords(engine, variable)),
      })
    }
  }
  for (const [key, value] of Object.entries(options.metadata ?? {})) {
    if (typeof value !== 'string' || key.startsWith('nnc.')) {
      const fault = key.startsWith('nnc.') ? 'names that begin nnc. are taken' : 'only strings can be stored'
      throw new ModelError('bad-option', `metadata ${key} cannot be saved: ${fault}`)
    }
  }
  const metadata: Record<string, string> = {
    ...options.metadata,
    'nnc.model': manifest.name,
    'nnc.compiler': manifest.compiler,
  }
  if (full) {
    const { watch } = engine.memory
    const epoch = engine.memory.epoch?.()
    const progress: Progress = {
      seed: engine.integers[manifest.seedOffset / 4]!,
      steps: engine.integers[manifest.stepOffset / 4]!,
      hypers: Object.fromEntries(manifest.hypers.map(({ name, offset }) => [name, engine.floats[offset / 4]!])),
      ...(watch && { watch: storeWatch(engine, watch, tensors) }),
      ...(epoch && { epoch: storeEpoch(epoch, tensors) }),
    }
    metadata['nnc.progress'] = JSON.stringify(progress)
  }
  return withChecksum({ tensors, metadata })
}

/** Adds the best epoch's variables to the tensors, unless they are the present ones. */
function storeWatch(
  engine: Engine,
  { kept, best, ...facts }: WatchRecord,
  tensors: Map<string, StoredTensor>,
): StoredWatch {
  const same = [...(kept ?? [])].every(([variable, words]) => {
    const present = variableWords(engine, variable)
    return words.every((word, at) => word === present[at])
  })
  if (kept && !same) {
    for (const [variable, words] of kept) {
      const { dtype, shape } = tensors.get(variable.name)!
      tensors.set(`${BEST}${variable.name}`, { dtype, shape, bytes: tensorBytes(variable, words) })
    }
  }
  return { ...facts, best: String(best), kept: kept === undefined ? 'none' : same ? 'same' : 'apart' }
}

/** A safetensors file whose metadata hold its checksum, taken while its own digits are zeros. */
export function withChecksum({ tensors, metadata }: SafetensorsFile): Uint8Array<ArrayBuffer> {
  const file = writeSafetensors({ tensors, metadata: { ...metadata, [CHECKSUM]: UNKNOWN_CHECKSUM } })
  file.set(new TextEncoder().encode(hexadecimal(crc32(file))), checksumPlace(file, UNKNOWN_CHECKSUM))
  return file
}

/** Checks a checkpoint against the model, then puts it back. Returns the file's metadata. */
export function readCheckpoint(
  engine: Engine,
  source: Bytes,
  options: RestoreOptions,
): Readonly<Record<string, string>> {
  const { manifest } = engine
  const file = bytesOf(source)
  if (file === undefined) throw refused(`${described(source)} was given instead of its bytes`)
  const { tensors, metadata } = readStored(file)
  const withOptimizer = options.optimizer ?? true
  const strict = options.strict ?? true
  const wanted = manifest.variables.filter((variable) => withOptimizer || variable.kind !== 'optimizer')
  const writes: [ManifestVariable, StoredTensor][] = []
  const missing: ManifestVariable[] = []
  for (const variable of wanted) {
    const tensor = fittingTensor(engine, variable, tensors, variable.name)
    if (tensor === undefined) missing.push(variable)
    else writes.push([variable, tensor])
  }
  if (strict) refuseDifferences(engine, tensors, missing, withOptimizer, metadata['nnc.model'])
  const progress = withOptimizer ? readProgress(engine, metadata['nnc.progress'], strict) : undefined
  const kept = progress?.watch?.kept === 'apart' ? readKept(engine, tensors) : undefined

  engine.variablesChanged()
  for (const [variable, tensor] of writes) engine.integers.set(tensorWords(variable, tensor), variable.offset / 4)
  engine.memory.watch = progress?.watch && readWatch(engine, progress.watch, kept)
  const epoch = progress?.epoch && readEpoch(progress.epoch, tensors)
  engine.memory.epoch = epoch && (() => epoch)
  if (progress) {
    engine.integers[manifest.seedOffset / 4] = progress.seed
    engine.integers[manifest.stepOffset / 4] = progress.steps
    for (const { name, offset } of manifest.hypers)
      engine.floats[offset / 4] = progress.hypers[name] ?? engine.floats[offset / 4]!
  }
  return metadata
}

function fittingTensor(
  engine: Engine,
  variable: ManifestVariable,
  tensors: ReadonlyMap<string, StoredTensor>,
  name: string,
): StoredTensor | undefined {
  const tensor = tensors.get(name)
  if (tensor === undefined) return undefined
  const expected = `${DTYPES[variable.dtype]}[${variableShape(engine.manifest, variable).join(', ')}]`
  const found = `${tensor.dtype}[${tensor.shape.join(', ')}]`
  if (found !== expected) throw mismatch(`\`${name}\` is ${found} in the checkpoint and ${expected} in the model`)
  return tensor
}

/** The best epoch's variables, if all of them are there. */
function readKept(engine: Engine, tensors: ReadonlyMap<string, StoredTensor>): WatchRecord['kept'] {
  const kept = new Map<ManifestVariable, Int32Array>()
  for (const variable of keptVariables(engine)) {
    const tensor = fittingTensor(engine, variable, tensors, `${BEST}${variable.name}`)
    if (tensor === undefined) return undefined
    kept.set(variable, tensorWords(variable, tensor))
  }
  return kept
}

/** The record, once the variables have their values. */
function readWatch(
  engine: Engine,
  { kept: where, best, ...facts }: StoredWatch,
  kept: WatchRecord['kept'],
): WatchRecord {
  const present = where === 'same' && new Map(keptVariables(engine).map((each) => [each, variableWords(engine, each)]))
  const found = present || kept
  return { ...facts, best: Number(best), ...(found && { kept: found }) }
}

/** A safetensors file whose checksum, if it is one of ours, is right. */
export function readStored(file: Uint8Array): SafetensorsFile {
  const stored = readSafetensors(file)
  verifyChecksum(file, stored.metadata)
  return stored
}

function refuseDifferences(
  engine: Engine,
  tensors: ReadonlyMap<string, StoredTensor>,
  missing: readonly ManifestVariable[],
  withOptimizer: boolean,
  model: string | undefined,
): void {
  const { manifest } = engine
  const known = new Set(manifest.variables.map((variable) => variable.name))
  const surplus = [...tensors.keys()].filter(
    (name) => !known.has(name) && !name.startsWith(BEST) && !name.startsWith(EPOCH),
  )
  if (missing.length === 0 && surplus.length === 0) return
  if (missing.length + surplus.length > 0 && !manifest.variables.some((variable) => tensors.has(variable.name))) {
    throw new ModelError(
      'foreign-checkpoint',
      `this checkpoint${model === undefined ? '' : ` of the model \`${model}\``} belongs to another model: it holds ${tensors.size === 0 ? 'no tensors' : shortList([...tensors.keys()])}, none of which is a variable of \`${manifest.name}\``,
    )
  }
  const lists = [
    missing.length > 0 ? `it lacks ${shortList(missing.map((variable) => variable.name))}` : '',
    surplus.length > 0 ? `the model has no ${shortList(surplus)}` : '',
  ].filter((text) => text !== '')
  const onlyOptimizer = withOptimizer && surplus.length === 0 && missing.every(({ kind }) => kind === 'optimizer')
  throw mismatch(
    `${lists.join(', and ')}; ${onlyOptimizer ? 'it holds no optimizer, so restore it with { optimizer: false }' : 'restore with { strict: false } to take what fits'}`,
  )
}

function readProgress(engine: Engine, text: string | undefined, strict: boolean): Progress | undefined {
  if (text === undefined) {
    if (!strict) return undefined
    throw mismatch('it does not say how far training had come; restore it with { optimizer: false }')
  }
  let progress: Partial<Progress> | null
  try {
    progress = JSON.parse(text)
  } catch {
    progress = null
  }
  const word = (value: unknown): boolean => Number.isInteger(value) && (value as number) === ((value as number) | 0)
  if (typeof progress !== 'object' || !word(progress?.seed) || !word(progress?.steps)) throw unreadable()
  for (const hyper of engine.manifest.hypers) {
    const value = progress?.hypers?.[hyper.name]
    if (value !== undefined && !Number.isFinite(value)) throw unreadable()
  }
  return { ...(progress as Progress), hypers: progress?.hypers ?? {} }
}

function unreadable(): ModelError {
  return refused("the progress in its metadata can't be understood")
}

/** Files of other tools have no checksum and need none; one that says it is ours must have it. */
function verifyChecksum(file: Uint8Array, metadata: Readonly<Record<string, string>>): void {
  const stated = metadata[CHECKSUM] ?? ''

  if (!Object.keys(metadata).some((key) => key.startsWith('nnc.'))) return
  // Not slice(): that of Node's buffers copies nothing.
  const copy = new Uint8Array(file)
  const place = checksumPlace(copy, stated)
  copy.set(new TextEncoder().encode(UNKNOWN_CHECKSUM), Math.max(place, 0))
  if (place < 0 || hexadecimal(crc32(copy)) !== stated) {
    throw new ModelError(
      'damaged-checkpoint',
      'this checkpoint is damaged: its checksum does not match its content; use another copy (a tool that changes checkpoints must leave out the metadata that begin with nnc.)',
    )
  }
}

/** Where the checksum's digits stand in a file, −1 if they do not. */
function checksumPlace(file: Uint8Array, digits: string): number {
  const header = 8 + new DataView(file.buffer, file.byteOffset).getUint32(0, true)
  // Bytes as characters, one each, so that positions in the text are positions in the file.
  const text = new TextDecoder('latin1').decode(file.subarray(0, header))
  const key = `"${CHECKSUM}":"`
  const at = text.indexOf(`${key}${digits}"`)
  return at < 0 || digits.length !== 8 ? -1 : at + key.length
}

function hexadecimal(sum: number): string {
  return sum.toString(16).padStart(8, '0')
}

/** A copy of a variable's words. */
function variableWords({ manifest, integers }: Engine, variable: ManifestVariable): Int32Array<ArrayBuffer> {
  const start = variable.offset / 4
  return integers.slice(start, start + elementCount(variableShape(manifest, variable)))
}

function tensorBytes({ dtype }: ManifestVariable, words: Int32Array): Uint8Array {
  return dtype === 'bool' ? Uint8Array.from(words) : new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
}

function tensorWords({ dtype }: ManifestVariable, { bytes }: StoredTensor): Int32Array<ArrayBuffer> {
  if (dtype === 'bool') return Int32Array.from(bytes)
  // A copy, because a tensor's place in a file is not aligned.
  return new Int32Array(Uint8Array.from(bytes).buffer)
}

function mismatch(what: string): ModelError {
  return new ModelError('checkpoint-mismatch', `the checkpoint does not fit the model: ${what}`)
}

function shortList(names: readonly string[]): string {
  const more = names.length > 4 ? ` and ${names.length - 4} more` : ''
  return (
    names
      .slice(0, 4)
      .map((name) => `\`${name}\``)
      .join(', ') + more
  )
}
