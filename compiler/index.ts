/**
 * The compiler: `.nn` text in, WebAssembly modules out. `passes` is the table of contents; each numbered folder holds
 * the stages of its number. Nothing here reads files or prints, so the same code runs in Node and in a browser.
 */
import type { BuildName, Manifest } from '../runtime/manifest.ts'
import type { SourceFile } from './1-parse/ast.ts'
import { type ImportResolver, readImports } from './1-parse/imports.ts'
import { parse } from './1-parse/parse.ts'
import { printAst } from './1-parse/print.ts'
import { errorsBesideDamage } from './2-check/beside-damage.ts'
import { check } from './2-check/check.ts'
import type { CheckedProgram } from './2-check/checked.ts'
import { printChecked } from './2-check/print.ts'
import type { Graph, GraphProgram } from './3-graph/graph.ts'
import { buildGraphs } from './3-graph/lower.ts'
import { printGraph } from './3-graph/print.ts'
import { differentiate } from './4-transform/differentiate.ts'
import { erase } from './4-transform/erase.ts'
import { hoist } from './4-transform/hoist.ts'
import { recogniseAttention } from './4-transform/recognise-attention.ts'
import { recogniseWindows } from './4-transform/recognise-convolution.ts'
import { simplify } from './4-transform/simplify.ts'
import { fuse } from './5-fuse/fuse.ts'
import { MemoryLimitError } from './5-fuse/memory-limit.ts'
import { printProgram } from './5-fuse/print.ts'
import { largestTile } from './5-fuse/product-scratch.ts'
import type { Program } from './5-fuse/program.ts'
import { type AssemblyReport, assemble } from './6-emit/assemble.ts'
import { type Emission, emit } from './6-emit/emit.ts'
import type { Diagnostic } from './diagnostics/diagnostic.ts'
import { compilerVersion } from './generated/identity.ts'
import { kernelLibrary, standardLibrary } from './generated/library.ts'
import { libraryTrees } from './generated/library-trees.ts'
import type { WrittenModel } from './onnx/export.ts'
import { type Pass, type PipelineOptions, runPasses } from './pipeline.ts'

export type { BuildName, Manifest } from '../runtime/manifest.ts'
export type { SourceFile } from './1-parse/ast.ts'
export { format } from './1-parse/format.ts'
export type { ImportResolver } from './1-parse/imports.ts'
export type { CheckedLoad, CheckedProgram } from './2-check/checked.ts'
export type { GraphProgram } from './3-graph/graph.ts'
export type { Program } from './5-fuse/program.ts'
export type { AssemblyReport } from './6-emit/assemble.ts'
export type { Diagnostic } from './diagnostics/diagnostic.ts'
export { renderDiagnostics } from './diagnostics/render.ts'

export interface CheckOptions {
  /** The name shown in diagnostics; its last part without extension names the program. */
  readonly file: string
  /** Values for `const` declarations by name, as `--set Hidden=256` gives them. */
  readonly settings?: Readonly<Record<string, number>>
  /** Finds the files of `import { … } from "path"`; without it every import is an error. */
  readonly resolve?: ImportResolver
}

export interface CompileOptions extends CheckOptions, PipelineOptions {
  /** Which modules to make; when absent, both for one thread. */
  readonly builds?: readonly BuildName[]
  /** False computes 3×3 convolutions as they are written, not by Winograd's filtering. */
  readonly winograd?: boolean
  /** Keeps function names in the module, for profilers. */
  readonly names?: boolean
  /** Makes modules that import `profile.mark` and report to it after each call; `load` takes none of these. */
  readonly profile?: boolean
}

/** What a compilation has come to: as far as the last pass that ran, everything with an error absent. */
export interface Compilation {
  /** In source order. No module is made if one is an error. */
  readonly diagnostics: readonly Diagnostic[]
  /** Texts by file name, the standard library's among them: what {@link renderDiagnostics} needs. */
  readonly sources: ReadonlyMap<string, string>
  readonly ast?: SourceFile
  /** The files it imports, directly or not, by name. */
  readonly imports?: ReadonlyMap<string, SourceFile>
  readonly checked?: CheckedProgram
  readonly graphs?: GraphProgram
  readonly program?: Program
  /** The generated AssemblyScript, for reading. */
  readonly assemblyScript?: string
  readonly manifest?: Manifest
  readonly modules?: Partial<Record<BuildName, Uint8Array>>
  readonly reports?: Partial<Record<BuildName, AssemblyReport>>
}

interface CompileState extends Compilation {
  readonly source: string
  readonly options: CompileOptions
  readonly emission?: Emission
  /** For several threads, if such a build is wanted. */
  readonly threadedEmission?: Emission
}

/** The library's files carry this prefix in diagnostics: `std/layers.nn`. */
const LIBRARY_FOLDER = 'std/'

const passes: readonly Pass<CompileState>[] = [
  {
    name: 'parse',
    run: ({ source, options, sources }) => {
      const { sources: imported, ...result } = read(source, options)
      return { ...result, sources: new Map([...sources, ...imported]) }
    },
    print: (state) => printAst(need(state.ast)),
  },
  {
    name: 'check',
    run(state) {
      const { program, diagnostics } = checkWithLibrary(need(state.ast), need(state.imports), state.options)
      return { diagnostics: [...state.diagnostics, ...diagnostics], ...(program && { checked: program }) }
    },
    print: (state) => printChecked(need(state.checked)),
  },
  {
    name: 'graph',
    run: ({ checked }) => ({ graphs: buildGraphs(need(checked)) }),
    print: printGraphs,
  },
  {
    name: 'recognise',
    run: ({ graphs }) => ({ graphs: mapGraphs(need(graphs), (graph) => recogniseAttention(recogniseWindows(graph))) }),
    print: printGraphs,
  },
  {
    name: 'differentiate',
    run(state) {
      const found: Diagnostic[] = []
      const graphs = mapGraphs(need(state.graphs), (graph) => {
        const result = differentiate(graph)
        found.push(...result.diagnostics)
        return result.graph
      })
      return { graphs, diagnostics: [...state.diagnostics, ...found] }
    },
    print: printGraphs,
  },
  {
    name: 'erase',
    run: ({ graphs }) => ({ graphs: mapGraphs(need(graphs), erase) }),
    print: printGraphs,
  },
  {
    name: 'simplify',
    run: ({ graphs }) => ({ graphs: mapGraphs(need(graphs), (graph) => simplify(graph)) }),
    print: printGraphs,
  },
  {
    name: 'hoist',
    run: ({ graphs }) => ({ graphs: mapGraphs(need(graphs), hoist) }),
    print: printGraphs,
  },
  {
    name: 'fuse',
    run({ graphs, diagnostics, options }) {
      try {
        return { program: fuse(need(graphs), largestTile(options.builds), options.winograd) }
      } catch (error) {
        if (!(error instanceof MemoryLimitError)) throw error
        return { diagnostics: [...diagnostics, outOfMemory(error, options.file)] }
      }
    },
    print: (state) => printProgram(need(state.program)),
  },
  {
    name: 'emit',
    run({ program, sources, checked, options }) {
      const settings = {
        sources,
        compiler: compilerVersion,
        profile: options.profile ?? false,
        loads: need(checked).loads,
      }
      const emission = emit(need(program), settings)
      const threads = options.builds?.some(isThreaded) ?? false
      return {
        emission,
        assemblyScript: emission.source,
        manifest: emission.manifest('plain'),
        ...(threads && { threadedEmission: emit(need(program), { ...settings, threads }) }),
      }
    },
    print: (state) => need(state.assemblyScript),
  },
  {
    name: 'assemble',
    async run({ emission, threadedEmission, options }) {
      const modules: Partial<Record<BuildName, Uint8Array>> = {}
      const reports: Partial<Record<BuildName, AssemblyReport>> = {}
      for (const build of options.builds ?? (['plain', 'relaxed'] as const)) {
        const { source, manifest, dataOffset, constants } = need(isThreaded(build) ? threadedEmission : emission)
        const description = manifest(build)
        const { wasm, report } = await assemble(source, {
          build,
          manifest: description,
          kernels: kernelLibrary,
          constants,
          memoryBytes: description.threads?.privateOffset ?? description.memory.total,
          names: options.names ?? false,
          imports: options.profile ?? false,
          ...(dataOffset !== undefined && { dataOffset }),
        })
        modules[build] = wasm
        reports[build] = report
      }
      return { modules, reports }
    },
  },
]

/** The names `--stop-after` and `--dump` take, in order. */
export const passNames: readonly string[] = passes.map((pass) => pass.name)

/**
 * Compiles one file as far as its diagnostics allow. Never throws for what the user wrote; an Error beginning
 * `internal:` is a fault of the compiler.
 */
export async function compile(source: string, options: CompileOptions): Promise<Compilation> {
  const initial: CompileState = { source, options, diagnostics: [], sources: sourcesWith(source, options.file) }
  const final = await runPasses(passes, initial, hasErrors, options)
  const { source: _, options: __, emission: ___, threadedEmission: ____, ...compilation } = final
  return { ...compilation, diagnostics: inSourceOrder(compilation.diagnostics, options.file) }
}

export interface OnnxOptions {
  /** The `infer` block or model; the first of the file if it is absent. */
  readonly entry?: string
  /** Row-major elements of every parameter and state the entry reads. */
  readonly variables: Readonly<Record<string, ArrayLike<number>>>
  /** Other values for hypers than those in the file. */
  readonly hypers?: Readonly<Record<string, number>>
}

/** An entry as an ONNX file, or the errors that say what of it ONNX does not have. */
export interface OnnxExport {
  readonly diagnostics: readonly Diagnostic[]
  readonly model?: WrittenModel
}

/**
 * Writes a prediction entry with its variables as an ONNX file, from what `compile` makes of a source without errors when
 * it is stopped after the pass `graph` or later. Only this entry goes on through the passes before fusion.
 *
 * @throws RangeError for an entry or a variable there is not, or a compilation that has come to no graphs
 */
export async function exportOnnx(compilation: Compilation, options: OnnxOptions): Promise<OnnxExport> {
  if (!compilation.graphs) throw new RangeError('there is nothing to export: the source has errors')
  const { name, graphs, hypers } = compilation.graphs
  const entries = graphs.filter(({ kind }) => kind === 'infer')
  const entry = options.entry === undefined ? entries[0] : entries.find((own) => own.name === options.entry)
  if (!entry) throw new RangeError(`there is no entry ${options.entry ?? 'to predict with'}`)
  const { graph: differentiated, diagnostics } = differentiate(recogniseWindows(entry))
  if (hasErrors({ diagnostics })) return { diagnostics }
  const graph = hoist(simplify(erase(differentiated)))
  const trees = [need(compilation.ast), ...need(compilation.imports).values(), ...libraryFiles()]
  const { NotInOnnxError, writeOnnx } = await import('./onnx/export.ts')
  const { places } = await import('./onnx/place.ts')
  try {
    const model = await writeOnnx({
      ...{ graph, program: name, compiler: compilerVersion, place: places(trees, compilation.sources) },
      variable(variable) {
        const elements = options.variables[variable]
        if (!elements) throw new RangeError(`the variable ${variable} has no elements`)
        return elements
      },
      hyper: (hyper) => options.hypers?.[hyper] ?? need(hypers.find((own) => own.name === hyper)).default,
    })
    return { diagnostics, model }
  } catch (error) {
    if (!(error instanceof NotInOnnxError)) throw error
    return { diagnostics: [...diagnostics, error.diagnostic] }
  }
}

/** Parses and checks only: every error and warning of the file, without loading the back end. */
export function checkSource(source: string, options: CheckOptions): Compilation {
  const { ast, imports, sources: imported, diagnostics } = read(source, options)
  const sources = new Map([...sourcesWith(source, options.file), ...imported])
  if (hasErrors({ diagnostics }))
    return { sources, ast, imports, diagnostics: inSourceOrder(diagnostics, options.file) }
  const { program, diagnostics: found } = checkWithLibrary(ast, imports, options)
  return {
    sources,
    ast,
    imports,
    diagnostics: inSourceOrder([...diagnostics, ...found], options.file),
    ...(program && { checked: program }),
  }
}

interface ReadFile {
  readonly ast: SourceFile
  readonly imports: ReadonlyMap<string, SourceFile>
  readonly sources: ReadonlyMap<string, string>
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * The tree of the file and of all it imports, with the syntax errors and, where only the file itself has any, what the
 * checker can already say about the rest of it.
 */
function read(source: string, options: CheckOptions): ReadFile {
  const { ast, diagnostics } = parse(source, options.file)
  const { files: imports, sources, diagnostics: ofImports } = readImports(ast, options.resolve)
  const result = { ast, imports, sources, diagnostics: [...diagnostics, ...ofImports] }
  const damaged = ofImports.some(({ span }) => span.file !== options.file)
  if (damaged || !hasErrors(result)) return result
  const found = checkWithLibrary(ast, imports, options).diagnostics
  return {
    ...result,
    diagnostics: [...result.diagnostics, ...errorsBesideDamage(found, result.diagnostics, ast, source)],
  }
}

function checkWithLibrary(
  ast: SourceFile,
  imports: ReadonlyMap<string, SourceFile>,
  options: CheckOptions,
): ReturnType<typeof check> {
  return check(ast, { library: libraryFiles(), settings: options.settings ?? {}, imports })
}

let parsedLibrary: readonly SourceFile[] | undefined

/**
 * The standard library's trees, parsed at first use unless the build did; constant, so sharing them between
 * compilations is safe.
 */
function libraryFiles(): readonly SourceFile[] {
  parsedLibrary ??=
    libraryTrees ??
    Object.entries(standardLibrary).map(([name, text]) => {
      const { ast, diagnostics } = parse(text, LIBRARY_FOLDER + name)
      if (diagnostics.length > 0)
        throw new Error(`internal: parse: ${LIBRARY_FOLDER}${name}: ${diagnostics[0]!.message}`)
      return ast
    })
  return parsedLibrary
}

function outOfMemory(error: MemoryLimitError, file: string): Diagnostic {
  return {
    code: 'NN0302',
    severity: 'error',
    span: error.span ?? { file, start: 0, end: 0 },
    message: error.message,
    labels: [],
    hint: 'give the run-time dimensions smaller ranges, as in `dim Batch in 1..32`, or make the largest tensor, here, smaller',
  }
}

function sourcesWith(source: string, file: string): ReadonlyMap<string, string> {
  const library = Object.entries(standardLibrary).map(([name, text]) => [LIBRARY_FOLDER + name, text] as const)
  return new Map([...library, [file, source]])
}

function hasErrors({ diagnostics }: { readonly diagnostics: readonly Diagnostic[] }): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === 'error')
}

function inSourceOrder(diagnostics: readonly Diagnostic[], file: string): readonly Diagnostic[] {
  return [...diagnostics].sort(
    (a, b) =>
      Number(b.span.file === file) - Number(a.span.file === file) ||
      a.span.file.localeCompare(b.span.file) ||
      a.span.start - b.span.start,
  )
}

function isThreaded(build: BuildName): boolean {
  return build.endsWith('-threads')
}

function mapGraphs(program: GraphProgram, transform: (graph: Graph) => Graph): GraphProgram {
  return { ...program, graphs: program.graphs.map(transform) }
}

function printGraphs(state: CompileState): string {
  return need(state.graphs)
    .graphs.map((graph) => printGraph(graph))
    .join('\n')
}

function need<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('internal: pipeline: a pass ran before what it needs')
  return value
}
