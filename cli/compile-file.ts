import type { DataDeclaration } from '../compiler/1-parse/ast.ts'
import { compilerFingerprint } from '../compiler/generated/identity.ts'
import type { BuildName, CheckedLoad, CheckedProgram, Compilation, Diagnostic } from '../compiler/index.ts'
import { type Cache, cacheFolder, cacheKey, noCache, openCache } from './cache.ts'
import type { Assignments } from './options.ts'
import { importReader, readSource, type SourceText } from './source-file.ts'
import { styleFor } from './style.ts'
import type { Terminal } from './terminal.ts'
import { DiagnosticsError } from './user-error.ts'

export interface CompileFileOptions {
  readonly set?: Assignments
  readonly builds: readonly BuildName[]
  /** False: no convolution by Winograd's filtering. */
  readonly winograd?: boolean
  /** False for `--no-cache`. */
  readonly cache: boolean
}

/** A compiled file as the commands use it, whether fresh or from the cache. */
export interface CompiledFile {
  readonly source: SourceText
  readonly modules: Partial<Record<BuildName, Uint8Array>>
  readonly data: readonly DataDeclaration[]
  readonly loads: readonly CheckedLoad[]
  readonly constants: CheckedProgram['constants']
  readonly fromCache: boolean
  readonly milliseconds: number
}

interface CachedDescription {
  readonly data: readonly DataDeclaration[]
  readonly loads: readonly CheckedLoad[]
  readonly constants: CheckedProgram['constants']
  readonly warnings: readonly Diagnostic[]
  /** Digests of the imported files by name: the entry holds as long as they are the same. */
  readonly imports: Readonly<Record<string, string>>
}

/**
 * Compiles a `.nn` file, or takes it from the cache. Warnings go to standard error; errors are thrown as a
 * {@link DiagnosticsError}.
 */
export async function compileFile(
  file: string,
  options: CompileFileOptions,
  terminal: Terminal,
): Promise<CompiledFile> {
  const started = performance.now()
  const source = await readSource(file, terminal.directory)
  const cache = options.cache ? userCache(terminal) : noCache
  const key = cacheKey([
    compilerFingerprint,
    source.name,
    source.text,
    JSON.stringify(Object.entries(options.set ?? {}).sort()),
    options.builds.join('+'),
    String(options.winograd ?? true),
  ])
  const resolve = importReader(terminal.directory)
  const cached = await cache.read(key)
  const sources = cached && unchangedSources(source, cached.description as CachedDescription, resolve)
  if (cached && sources) {
    const { warnings, imports: _, ...described } = cached.description as CachedDescription
    await printWarnings(warnings, sources, terminal)
    return { source, modules: cached.blobs, ...described, fromCache: true, milliseconds: performance.now() - started }
  }
  const { compileOnce } = await import('./compile-once.ts')
  const compilation = await compileOnce(source.text, {
    file: source.name,
    settings: options.set ?? {},
    resolve,
    builds: options.builds,
    winograd: options.winograd ?? true,
  })
  const { checkData } = await import('./data/check-data.ts')
  const ofData = compilation.checked ? checkData(compilation.checked.data) : []
  const warnings = await settle({ ...compilation, diagnostics: [...compilation.diagnostics, ...ofData] }, terminal)
  const modules = compilation.modules!
  const { data, loads, constants } = compilation.checked!
  const milliseconds = performance.now() - started
  const imports = importDigests(compilation)
  await cache.write(key, {
    description: { data, loads, constants, warnings, imports } satisfies CachedDescription,
    blobs: modules,
  })
  return { source, modules, data, loads, constants, fromCache: false, milliseconds }
}

/** Digests of the files a compiled one imports, by name. */
export function importDigests({ imports, sources }: Compilation): Readonly<Record<string, string>> {
  return Object.fromEntries([...imports!.keys()].map((name) => [name, cacheKey([sources.get(name)!])]))
}

/** The texts of the file and its imports, or undefined if an imported file has changed. */
export function unchangedSources(
  source: SourceText,
  { imports }: Pick<CachedDescription, 'imports'>,
  resolve: ReturnType<typeof importReader>,
): ReadonlyMap<string, string> | undefined {
  const sources = new Map([[source.name, source.text]])
  for (const [name, digest] of Object.entries(imports)) {
    const text = resolve(`./${name.split('/').at(-1)}`, name)
    if (text === undefined || cacheKey([text]) !== digest) return undefined
    sources.set(name, text)
  }
  return sources
}

/** Throws the diagnostics if one is an error; otherwise prints the warnings, and returns them. */
export async function settle(compilation: Compilation, terminal: Terminal): Promise<readonly Diagnostic[]> {
  const { diagnostics, sources } = compilation
  if (diagnostics.some((diagnostic) => diagnostic.severity === 'error'))
    throw new DiagnosticsError(diagnostics, sources)
  await printWarnings(diagnostics, sources, terminal)
  return diagnostics
}

async function printWarnings(
  warnings: readonly Diagnostic[],
  sources: ReadonlyMap<string, string>,
  terminal: Terminal,
): Promise<void> {
  if (warnings.length === 0) return
  const { renderDiagnostics } = await import('../compiler/diagnostics/render.ts')
  terminal.writeError(renderDiagnostics(warnings, sources, { color: terminal.errorColor }))
}

/** Where the terminal's user keeps compiled modules. */
export function userCache(terminal: Terminal): Cache {
  const style = styleFor(terminal.errorColor)
  return openCache({
    folder: cacheFolder(terminal.environment, process.platform),
    warn: (message) => terminal.writeError(`${style.bold(style.yellow('warning'))}: ${message}\n`),
  })
}
