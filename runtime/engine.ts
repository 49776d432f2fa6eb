import type { LoadOptions, ModuleSource } from './api.ts'
import { bytesOf } from './bytes.ts'
import { bad, checkManifest, checkOffsets } from './check-manifest.ts'
import { ModelError } from './error.ts'
import type { BuildName, Manifest, ManifestEntry } from './manifest.ts'
import { damaged, readManifestSection } from './section.ts'
import type { DimensionValues } from './size.ts'
import { createTotals, type Totals } from './totals.ts'

/** An instantiated module with its memory in view. */
export interface Engine {
  readonly manifest: Manifest
  readonly floats: Float32Array
  readonly integers: Int32Array
  readonly totals: Totals
  /** Calls the entry's exported function; a trap becomes a ModelError. */
  run(entry: ManifestEntry, dims: DimensionValues): void
}

/** Smallest modules that use one instruction: `i32x4.splat`, `f32x4.relaxed_madd`. */
const probes = {
  plain: [10, 10, 1, 8, 0, 65, 0, 253, 17, 26, 11],
  relaxed: [10, 16, 1, 14, 0, 65, 0, 253, 17, 65, 0, 253, 17, 65, 0, 253, 17, 253, 133, 2, 26, 11],
}

/** Whether this engine runs a build's instructions. */
export function supports(build: BuildName): boolean {
  const code = [...probes[build]]
  code[1] = code.length - 2
  code[3] = code.length - 4
  return WebAssembly.validate(Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, ...code]))
}

/** Picks the build, reads and checks the module, and starts it. */
export async function createEngine(
  source: ModuleSource | { readonly plain: ModuleSource; readonly relaxed?: ModuleSource },
  options: LoadOptions,
): Promise<Engine> {
  const wanted = options.build
  if (wanted !== undefined && wanted !== 'plain' && wanted !== 'relaxed')
    throw new ModelError('bad-option', `build is ${JSON.stringify(wanted)}; it can be 'plain' or 'relaxed'`)
  let bytes: Uint8Array<ArrayBuffer>
  if (typeof source === 'object' && source !== null && 'plain' in source) {
    const build = wanted ?? (source.relaxed !== undefined && supports('relaxed') ? 'relaxed' : 'plain')
    const chosen = source[build]
    if (chosen === undefined)
      throw new ModelError('build-unavailable', `the ${build} build was asked for, but only the plain one is given`)
    bytes = await readBytes(chosen)
  } else bytes = await readBytes(source)
  const manifest = checkManifest(readManifestSection(bytes))
  if (wanted !== undefined && manifest.build !== wanted) {
    throw new ModelError(
      'build-unavailable',
      `the ${wanted} build was asked for, but the module given is the ${manifest.build} build`,
    )
  }
  if (!WebAssembly.validate(bytes)) {
    if (supports(manifest.build)) throw damaged('WebAssembly rejects its code')
    throw new ModelError(
      'unsupported-engine',
      manifest.build === 'relaxed'
        ? 'this engine has no relaxed SIMD, which the module needs; load the plain build instead, or both as { plain, relaxed } so that the right one is taken'
        : 'this engine has no WebAssembly SIMD, which the module needs; use Node 20, Chrome 91, Firefox 89, Safari 16.4 or later',
    )
  }
  const { exports } = await instantiate(bytes)
  const memory = exports.memory
  if (!(memory instanceof WebAssembly.Memory)) throw bad('belongs to a module that exports no memory')
  checkOffsets(manifest, memory.buffer.byteLength)
  const functions = new Map<ManifestEntry, (...sizes: number[]) => void>()
  for (const entry of manifest.entries) {
    const code = exports[entry.export]
    if (typeof code !== 'function') throw bad(`lists the function ${entry.export}, which the module does not export`)
    functions.set(entry, code as (...sizes: number[]) => void)
  }
  const integers = new Int32Array(memory.buffer)
  return {
    manifest,
    floats: new Float32Array(memory.buffer),
    integers,
    totals: createTotals(manifest, integers),
    run(entry, dims) {
      try {
        functions.get(entry)!(...entry.dims.map((dim) => dims[dim]!))
      } catch (error) {
        throw trap(`\`${entry.name}\``, error)
      }
    },
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

async function instantiate(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Instance> {
  let module: WebAssembly.Module
  try {
    module = await WebAssembly.compile(bytes)
  } catch (error) {
    throw damaged(messageOf(error))
  }
  const needed = WebAssembly.Module.imports(module)[0]
  if (needed) throw bad(`belongs to a module that imports ${needed.module}.${needed.name}`)
  try {
    return await WebAssembly.instantiate(module)
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
