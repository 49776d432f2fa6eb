import type { LoadOptions, ModuleSource, ModuleSources } from './api.ts'
import { isThreaded, simdNames, simdOf } from './builds.ts'
import { bytesOf } from './bytes.ts'
import { type CarriedStates, createCarriedStates } from './carried-states.ts'
import { bad, checkManifest, checkOffsets } from './check-manifest.ts'
import type { EpochRecord } from './epoch-record.ts'
import { ModelError } from './error.ts'
import { createFiniteCheck, type FiniteCheck } from './finite.ts'
import { createInputSizes, type SizesOfInputs } from './input-sizes.ts'
import type { Manifest, ManifestEntry, ManifestThreads, ManifestTrain, SimdBuild } from './manifest.ts'
import { find } from './names.ts'
import { damaged, readManifestSection } from './section.ts'
import type { DimensionValues } from './size.ts'
import { pagesFor, threadedBytes } from './thread-memory.ts'
import { createThreadTrial, type ThreadTrial } from './thread-trial.ts'
import { startThreads, threadObstacle } from './threads.ts'
import { createTotals, type Totals } from './totals.ts'
import type { WatchRecord } from './watch-epochs.ts'

const LOAD_OPTIONS = ['build', 'threads'].map((name) => ({ name }))

/** An instantiated module with its memory in view. */
export interface Engine {
  readonly manifest: Manifest
  readonly floats: Float32Array
  readonly integers: Int32Array
  readonly isFinite: FiniteCheck
  readonly sizes: SizesOfInputs
  readonly totals: Totals
  readonly carried: CarriedStates
  /** What training remembers beside the variables. */
  readonly memory: {
    watch: WatchRecord | undefined
    /** Where in an epoch training stands at this moment, if it is within one. */
    epoch: (() => EpochRecord | undefined) | undefined
    /** The run of `fit` that began last, for each train block. */
    readonly runs: Map<ManifestTrain, object>
  }
  /** How many threads share an entry's work. */
  readonly threads: number
  /** Why there is only one, if more were wanted. */
  readonly obstacle?: string
  /** Calls the entry's exported function; a trap becomes a ModelError. */
  run(entry: ManifestEntry, dims: DimensionValues): void
  /** To be called by whoever has written to a variable: what was prepared from it is out of date. */
  variablesChanged(): void
  /** Ends the other threads. */
  close(): void
}

/** Smallest modules that use one instruction: `i32x4.splat`, `f32x4.relaxed_madd`. */
const probes = {
  plain: [10, 10, 1, 8, 0, 65, 0, 253, 17, 26, 11],
  relaxed: [10, 16, 1, 14, 0, 65, 0, 253, 17, 65, 0, 253, 17, 65, 0, 253, 17, 253, 133, 2, 26, 11],
}

/** Whether this engine runs a build's instructions. */
export function supports(simd: SimdBuild): boolean {
  const code = [...probes[simd === 'plain' ? 'plain' : 'relaxed']]
  code[1] = code.length - 2
  code[3] = code.length - 4
  return WebAssembly.validate(Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, ...code]))
}

/** Picks the build, reads and checks the module, and starts it. */
export async function createEngine(source: ModuleSource | ModuleSources, options: LoadOptions): Promise<Engine> {
  for (const name of Object.keys(options)) find(LOAD_OPTIONS, name, 'option of load', 'bad-option')
  const { bytes, obstacle } = await chooseModule(source, options)
  const manifest = checkManifest(readManifestSection(bytes))
  const simd = simdOf(manifest.build)
  if (options.build !== undefined && simd !== options.build) {
    throw new ModelError(
      'build-unavailable',
      `the ${options.build} build was asked for, but the module given is the ${manifest.build} build`,
    )
  }
  if (!WebAssembly.validate(bytes)) {
    if (supports(simd)) throw damaged('WebAssembly rejects its code')
    throw new ModelError(
      'unsupported-engine',
      simd !== 'plain'
        ? 'this engine has no relaxed SIMD, which the module needs; load the plain build instead, or both as { plain, relaxed } so that the right one is taken'
        : 'this engine has no WebAssembly SIMD, which the module needs; use Node 20, Chrome 91, Firefox 89, Safari 16.4 or later',
    )
  }
  const wanted = wantedThreads(options)
  const { threads } = manifest
  if (threads && wanted > threads.maximum)
    throw new ModelError('bad-option', `threads is ${wanted}; a module runs on up to ${threads.maximum}`)
  const module = await compile(bytes)
  const count = obstacle === undefined ? wanted : 1
  const given = threads && sharedMemory(threads, count)
  const { exports } = await instantiate(module, given)
  const memory = given ?? exports.memory
  if (!(memory instanceof WebAssembly.Memory)) throw bad('belongs to a module that exports no memory')
  checkOffsets(manifest, memory.buffer.byteLength)
  const runners = new Map<ManifestEntry, Runner>()
  for (const entry of manifest.entries) {
    const code = exports[entry.export]
    if (typeof code !== 'function') throw bad(`lists the function ${entry.export}, which the module does not export`)
    runners.set(entry, { call: callOf(entry.dims, code as EntryCode), trials: [] })
  }
  const pool = threads && given && (await startThreads(module, given, threads, count))
  const integers = new Int32Array(memory.buffer)
  const floats = new Float32Array(memory.buffer)
  return {
    manifest,
    floats,
    integers,
    isFinite: createFiniteCheck(memory, floats, given !== undefined),
    sizes: createInputSizes(manifest),
    totals: createTotals(manifest, integers),
    carried: createCarriedStates(manifest, integers),
    memory: { watch: undefined, epoch: undefined, runs: new Map() },
    threads: pool?.count ?? 1,
    ...(wanted > 1 && (pool?.count ?? 1) === 1 && { obstacle: obstacle ?? whyAlone(manifest) }),
    run(entry, dims) {
      if (pool?.failed)
        throw new ModelError(
          'threads-failed',
          'a thread of this model has died; load the module again and restore a checkpoint',
        )
      const { call, trials } = runners.get(entry)!
      const trial = pool && entry.shared !== undefined ? trialOf(entry.dims, entry.shared, trials, dims) : undefined
      try {
        if (trial) {
          pool!.together(trial.together())
          if (trial.timed()) {
            const begun = performance.now()
            call(dims)
            trial.took(performance.now() - begun)
          } else call(dims)
        } else call(dims)
      } catch (error) {
        const dead = pool?.failed
        pool?.fail()
        if (dead)
          throw new ModelError(
            'threads-failed',
            `a thread stopped in \`${entry.name}\`, or did nothing for half a minute; values may be half-updated, so load the module again and restore a checkpoint`,
          )
        throw trap(`\`${entry.name}\``, error)
      }
    },
    variablesChanged() {
      const { prepared } = manifest
      if (prepared) integers.fill(0, prepared.offset / 4, prepared.offset / 4 + prepared.count)
    },
    close: () => pool?.close(),
  }
}

function whyAlone({ build }: Manifest): string {
  return isThreaded(build)
    ? 'nothing the module does takes long enough for several threads to gain by it'
    : 'the module was compiled for one thread'
}

type EntryCode = (...sizes: number[]) => void

interface Runner {
  /** Calls the exported function with the sizes it takes. */
  readonly call: (dims: DimensionValues) => void
  /** By the order of magnitude of the sizes. */
  readonly trials: (ThreadTrial | undefined)[]
}

/** Almost every entry has one dimension; spreading a list takes as long as a small layer. */
function callOf(names: readonly string[], code: EntryCode): (dims: DimensionValues) => void {
  const [name] = names
  if (name === undefined) return () => code()
  if (names.length === 1) return (dims) => code(dims[name]!)
  return (dims) => code(...names.map((dim) => dims[dim]!))
}

/** The trial of an entry at these sizes, unless they are so small that one thread does it alone anyway. */
function trialOf(
  names: readonly string[],
  shared: number,
  trials: (ThreadTrial | undefined)[],
  dims: DimensionValues,
): ThreadTrial | undefined {
  let product = 1
  for (const name of names) product *= dims[name]!
  if (product < shared) return undefined
  const magnitude = Math.round(Math.log2(Math.max(product, 1)))
  trials[magnitude] ??= createThreadTrial()
  return trials[magnitude]
}

/** The bytes to use, and if several threads were wanted and cannot be had, why. */
async function chooseModule(
  source: ModuleSource | ModuleSources,
  options: LoadOptions,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly obstacle?: string }> {
  const { build: wanted } = options
  if (wanted !== undefined && !simdNames.includes(wanted))
    throw new ModelError('bad-option', `build is ${JSON.stringify(wanted)}; it can be 'plain', 'relaxed' or 'wide'`)
  const obstacle = wantedThreads(options) > 1 ? threadObstacle() : undefined
  if (!(typeof source === 'object' && source !== null && 'plain' in source)) {
    const bytes = await readBytes(source)
    return { bytes, ...(obstacle && { obstacle }) }
  }
  const simd = wanted ?? (source.relaxed !== undefined && supports('relaxed') ? 'relaxed' : 'plain')
  const threaded = source[`${simd}-threads`]
  if (threaded !== undefined && wantedThreads(options) > 1 && obstacle === undefined)
    return { bytes: await readBytes(threaded) }
  const chosen = source[simd]
  if (chosen === undefined) {
    const given = simdNames.filter((name) => source[name] !== undefined)
    throw new ModelError(
      'build-unavailable',
      `the ${simd} build was asked for, but only the ${given.join(' and the ')} one is given`,
    )
  }
  return { bytes: await readBytes(chosen), ...(obstacle && { obstacle }) }
}

function wantedThreads({ threads = 1 }: LoadOptions): number {
  if (Number.isInteger(threads) && threads >= 1) return threads
  throw new ModelError('bad-option', `threads is ${String(threads)}; it must be a whole number from 1`)
}

function sharedMemory(threads: ManifestThreads, count: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({
      initial: pagesFor(threadedBytes(threads, count)),
      maximum: pagesFor(threadedBytes(threads, threads.maximum)),
      shared: true,
    })
  } catch (error) {
    throw new ModelError(
      'threads-failed',
      `there is no shared memory here for a module of several threads: ${messageOf(error)}`,
    )
  }
}

async function readBytes(source: ModuleSource): Promise<Uint8Array<ArrayBuffer>> {
  const given = await (typeof source === 'function' ? source() : source)
  const bytes = bytesOf(given)
  // A copy: WebAssembly takes no shared memory, and nothing may change what has been checked.
  if (bytes) return new Uint8Array(bytes)
  const response = given as Response | undefined
  if (typeof response?.arrayBuffer !== 'function') {
    throw new ModelError(
      'not-wasm',
      'load takes the bytes of a module (Uint8Array, ArrayBuffer or Response), or { plain, relaxed } of those',
    )
  }
  if (response.ok === false)
    throw new ModelError(
      'not-wasm',
      `the module could not be fetched: ${response.url || 'the server'} answered ${response.status}`,
    )
  return new Uint8Array(await response.arrayBuffer())
}

async function compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes)
  } catch (error) {
    throw damaged(messageOf(error))
  }
}

async function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory | undefined,
): Promise<WebAssembly.Instance> {
  const needed = WebAssembly.Module.imports(module).find(({ kind }) => !(memory && kind === 'memory'))
  if (needed) throw bad(`belongs to a module that imports ${needed.module}.${needed.name}`)
  try {
    return await WebAssembly.instantiate(module, memory ? { env: { memory } } : {})
  } catch (error) {
    throw trap('its start', error)
  }
}

function trap(where: string, error: unknown): ModelError {
  return new ModelError(
    'trap',
    `the compiled code stopped in ${where}: ${messageOf(error)}; its values may be half-updated, so restore a checkpoint or call init; this is a fault of the module or of the compiler, not of the data`,
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
