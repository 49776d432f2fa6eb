import type { Program } from '../../compiler/5-fuse/program.ts'
import type { SimdBuild } from '../../runtime/manifest.ts'
import { type BuildChoice, chooseBuild } from '../choose-build.ts'
import { settle } from '../compile-file.ts'
import { compileOnce } from '../compile-once.ts'
import type { Assignments } from '../options.ts'
import { importReader, readSource } from '../source-file.ts'
import type { Terminal } from '../terminal.ts'
import { tunedChoice } from '../tune/tuning.ts'
import { measuredSizes, type Sizes } from './sizes.ts'

export interface MeasureChoice extends BuildChoice {
  readonly set?: Assignments
  readonly batch?: number
  readonly threads?: number
  /** Every call is marked, so that its time can be told. */
  readonly profile?: boolean
}

/** A file compiled to be measured. */
export interface MeasuredFile {
  /** The file's name, as it is shown. */
  readonly name: string
  readonly simd: SimdBuild
  readonly threads: number
  readonly wasm: Uint8Array
  readonly program: Program
  readonly sources: ReadonlyMap<string, string>
  readonly sizes: Sizes
}

/** Compiles a file afresh, since what is measured is looked up in the program, which no cache keeps. */
export async function compileMeasured(file: string, choice: MeasureChoice, terminal: Terminal): Promise<MeasuredFile> {
  const tuned = await tunedChoice(file, choice, ['training', 'prediction'], terminal)
  const simd = await chooseBuild(tuned ? { tuned: tuned.simd } : choice, terminal)
  const threads = choice.profile ? 1 : (tuned?.threads ?? choice.threads ?? 1)
  const build = threads > 1 ? (`${simd}-threads` as const) : simd
  const source = await readSource(file, terminal.directory)
  const compilation = await compileOnce(source.text, {
    file: source.name,
    settings: choice.set ?? {},
    resolve: importReader(terminal.directory),
    builds: [build],
    winograd: tuned?.winograd ?? true,
    profile: choice.profile ?? false,
  })
  await settle(compilation, terminal)
  const program = compilation.program!
  const wasm = compilation.modules![build]!
  if (simd === 'wide') await (await import('../revectoriser.ts')).requireCompilation(wasm)
  return {
    name: source.name,
    simd,
    threads,
    wasm,
    program,
    sources: compilation.sources,
    sizes: measuredSizes(program, choice.batch),
  }
}
