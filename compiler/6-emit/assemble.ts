/**
 * AssemblyScript text → a finished WebAssembly module, all in memory: asc compiles, binaryen optimises, and the
 * manifest goes in as the custom section `nnc`. Both tools load only when this function is first called.
 */
import type { Transform } from 'assemblyscript/transform'
import { simdOf } from '../../runtime/builds.ts'
import type { BuildName, Manifest } from '../../runtime/manifest.ts'
import { sealModule } from '../../runtime/seal.ts'
import { pagesFor, threadedBytes } from '../../runtime/thread-memory.ts'
import { type ConstantTable, hoistConstants } from './hoist-constants.ts'
import { dropSection, foreignParts, functionSizes } from './wasm-sections.ts'

export interface AssembleOptions {
  readonly build: BuildName
  readonly manifest: Manifest
  /** The kernel library: AssemblyScript text by file name; the source imports `./<file name without .ts>`. */
  readonly kernels: Readonly<Record<string, string>>
  /** The memory the module starts with, rounded up to whole pages of 64 KiB. It never grows. */
  readonly memoryBytes: number
  /** Where in memory the static data of the source goes; without it there may be none. */
  readonly dataOffset?: number
  /** Room in memory for the vector constants of loops; without it they stay where they are. */
  readonly constants?: ConstantTable
  /** Lets the source import functions; without it that is an error. */
  readonly imports?: boolean
  /** 0 to 3; 2 by default. */
  readonly optimizeLevel?: number
  /** Keeps function names in the module, for profilers. */
  readonly names?: boolean
}

export interface AssemblyReport {
  readonly bytes: number
  /** Code bytes of each function, largest first. */
  readonly functions: readonly { readonly name: string; readonly bytes: number }[]
  readonly milliseconds: { readonly asc: number; readonly binaryen: number }
}

/**
 * Compiles the main file `source` together with the kernel library. The result imports nothing, has no start function
 * and no data segments but the tables at `dataOffset` and `constants`, and exports `memory` with exactly the pages `memoryBytes` needs. A build for
 * several threads imports `env.memory` instead, shared.
 *
 * Each build sees its own `./build` module, `export const RELAXED: bool`, `WIDE` and for threads the layout of their memory, which
 * asc folds at compile time.
 *
 * @throws Error `internal: assemble: …` with asc's text: generated code that does not compile is never the user's fault.
 */
export async function assemble(
  source: string,
  options: AssembleOptions,
): Promise<{ wasm: Uint8Array; report: AssemblyReport }> {
  const [asc, { default: binaryen }] = await Promise.all([import('assemblyscript/asc'), import('binaryen')])
  const simd = simdOf(options.build)
  const relaxed = simd !== 'plain'
  const { threads } = options.manifest
  const constants = {
    RELAXED: `bool = ${relaxed}`,
    WIDE: `bool = ${simd === 'wide'}`,
    ...(threads && {
      CONTROL: `usize = ${threads.control}`,
      PRIVATE: `usize = ${threads.privateOffset}`,
      PRIVATE_BYTES: `usize = ${threads.privateBytes}`,
    }),
  }
  const files: Readonly<Record<string, string>> = {
    ...(simd === 'wide' ? withVectorsInline(options.kernels) : options.kernels),
    'build.ts': Object.entries(constants)
      .map(([name, value]) => `export const ${name}: ${value}\n`)
      .join(''),
    'main.ts': source,
  }
  const pages = pagesFor(options.memoryBytes)
  const most = threads ? pagesFor(threadedBytes(threads, threads.maximum)) : pages
  const messages: string[] = []
  const collect = { write: (text: string | Uint8Array) => void messages.push(String(text)) }

  const started = performance.now()
  let binaryenMilliseconds = 0
  let binary: Uint8Array | undefined
  let failure: unknown

  // asc hands over its binaryen module here, which saves writing it out and reading it back. Nothing in this function
  // waits, so binaryen's process-wide settings cannot leak between concurrent calls.
  const finish = (module: InstanceType<typeof binaryen.Module>): void => {
    const begun = performance.now()
    const before = {
      optimize: binaryen.getOptimizeLevel(),
      shrink: binaryen.getShrinkLevel(),
      debug: binaryen.getDebugInfo(),
      inline: binaryen.getOneCallerInlineMaxSize(),
    }
    binaryen.setOptimizeLevel(options.optimizeLevel ?? 2)
    binaryen.setShrinkLevel(0)
    binaryen.setDebugInfo(true)
    // Kernels stay functions of their own: engines optimise function by function and replace one at its next call.
    binaryen.setOneCallerInlineMaxSize(30)
    try {
      module.optimize()
      if (!module.validate()) throw new Error('the optimised module is not valid')
      binary = module.emitBinary()
    } catch (error) {
      // Kept, not thrown on: asc expects an Error with a stack, which binaryen does not always throw.
      failure = error
    } finally {
      binaryen.setOptimizeLevel(before.optimize)
      binaryen.setShrinkLevel(before.shrink)
      binaryen.setDebugInfo(before.debug)
      binaryen.setOneCallerInlineMaxSize(before.inline)
    }
    binaryenMilliseconds = performance.now() - begun
  }

  const { error } = await asc.main(
    [
      'main.ts',
      ...[
        '--runtime',
        'stub',
        '--use',
        'abort=',
        '--noAssert',
        '--noColors',
        '--debug',
        '--noEmit',
        '--disableWarning',
        '112',
      ],
      ...['--enable', 'simd', ...(relaxed ? ['--enable', 'relaxed-simd'] : [])],
      ...(threads ? ['--enable', 'threads', '--importMemory', '--sharedMemory'] : []),
      ...['--initialMemory', String(pages), '--maximumMemory', String(most)],
      ...(options.dataOffset === undefined ? [] : ['--memoryBase', String(options.dataOffset)]),
    ],
    {
      readFile: (name) => files[name] ?? null,
      writeFile: () => {},
      listFiles: () => [],
      stdout: collect,
      stderr: collect,
      transforms: [{ afterCompile: finish } as Transform],
    },
  )
  if (failure) throw new Error(`internal: assemble: binaryen: ${failure}`)
  if (error || !binary) throw new Error(`internal: assemble: ${error?.message ?? 'no output'}\n${messages.join('')}`)

  // Several threads have to be given the memory they share.
  const foreign = foreignParts(binary, {
    data: options.dataOffset !== undefined,
    imports: threads !== undefined || (options.imports ?? false),
  })
  if (foreign.length > 0) throw new Error(`internal: assemble: the module has ${foreign.join(' and ')}`)
  const hoisted = options.constants ? hoistConstants(binary, options.constants) : binary
  const functions = functionSizes(hoisted)
  const bare = options.names ? hoisted : dropSection(hoisted, 'name')
  const wasm = sealModule(bare, options.manifest)
  return {
    wasm,
    report: {
      bytes: wasm.length,
      functions,
      milliseconds: {
        asc: performance.now() - started - binaryenMilliseconds,
        binaryen: binaryenMilliseconds,
      },
    },
  }
}

/**
 * The library with every function inline that takes a vector. V8's revectoriser joins nothing across a call, and where the first of two joined
 * vectors is an argument it ends the process (Node 24.21, V8 13.6: the register allocator has no 256-bit arguments).
 */
function withVectorsInline(kernels: Readonly<Record<string, string>>): Record<string, string> {
  const takesVector = /(?<!@inline\n)^(?:export )?function (?=\w+\([^)]*: v128\b)/gm
  return Object.fromEntries(
    Object.entries(kernels).map(([name, text]) => [name, text.replace(takesVector, (start) => `@inline\n${start}`)]),
  )
}
