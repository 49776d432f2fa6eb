import type { Program } from '../../compiler/5-fuse/program.ts'
import type { SimdBuild } from '../../runtime/manifest.ts'
import { type BuildChoice, chooseBuild } from '../choose-build.ts'
import { settle } from '../compile-file.ts'
import { compileOnce } from '../compile-once.ts'
import type { Assignments } from '../options.ts'
import { importReader, readSource } from '../source-file.ts'
import type { Terminal } from '../terminal.ts'
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
  readonly wasm: Uint8Array
  readonly program: Program
  readonly sources: ReadonlyMap<string, string>
  readonly sizes: Sizes
}

/** Compiles a file afresh, since what is measured is looked up in the program, which no cache keeps. */
export async function compileMeasured(file: string, choice: MeasureChoice, terminal: Terminal): Promise<MeasuredFile> {
  const simd = await chooseBuild(choice, terminal)
  const build = (choice.threads ?? 1) > 1 ? (`${simd}-threads` as const) : simd
  const source = await readSource(file, terminal.directory)
  const compilation = await compileOnce(source.text, {
    file: source.name,
    settings: choice.set ?? {},
    resolve: importReader(terminal.directory),
    builds: [build],
    profile: choice.profile ?? false,
  })
  await settle(compilation, terminal)
  const program = compilation.program!
  const wasm = compilation.modules![build]!
  if (choice.avx2) await (await import('../revectoriser.ts')).requireCompilation(wasm)
  return {
    name: source.name,
    simd,
    wasm,
    program,
    sources: compilation.sources,
    sizes: measuredSizes(program, choice.batch),
  }
}
