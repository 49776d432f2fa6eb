import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Command, Option } from 'commander'
import { suggest } from '../../compiler/diagnostics/suggest.ts'
import type { Compilation } from '../../compiler/index.ts'
import type { BuildName, SimdBuild } from '../../runtime/manifest.ts'
import { makeFolder } from '../make-folder.ts'
import { formatBytes, formatDuration } from '../numbers.ts'
import { type Assignments, cacheOption, setOption } from '../options.ts'
import type { CommandContext } from '../program.ts'
import { replaceFile } from '../replace-file.ts'
import { displayName, importReader, readSource } from '../source-file.ts'
import { styleFor } from '../style.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../user-error.ts'

const examples = `
Examples:
  $ nnc build digits.nn -o dist              dist/ runs by itself, in Node and in the browser
  $ nnc build digits.nn -o dist --inline     one .js with the module inside
  $ nnc build digits.nn --emit as            also the generated AssemblyScript, for reading
  $ nnc build digits.nn --dump all           every stage of the compiler as text, in dist/stages/
  $ nnc build digits.nn --dump graph | less  one stage
`

interface BuildOptions {
  readonly out: string
  readonly set?: Assignments
  readonly emit?: 'as'
  readonly dump?: string
  readonly stopAfter?: string
  readonly build: 'plain' | 'both'
  readonly inline?: true
  readonly cache: boolean
  readonly threads?: boolean
  readonly avx2?: true
}

/** Stages are called by what they make where that says more than the pass's name. */
const STAGE_NAMES: Readonly<Record<string, string>> = { parse: 'ast', check: 'checked' }

/** `nnc build`: the artifact folder, and every stage on the way to it. */
export function buildCommand(context: CommandContext): Command {
  return new Command('build')
    .description('compile a file into a folder that runs by itself')
    .argument('<file>', 'the .nn file')
    .option('-o, --out <folder>', 'where the artifact goes', 'dist')
    .addOption(setOption())
    .addOption(
      new Option('--build <builds>', 'plain SIMD alone, or the faster relaxed SIMD beside it')
        .choices(['plain', 'both'])
        .default('both'),
    )
    .option('--threads', 'add builds for several threads')
    .option('--avx2', "add the builds for hosts that switch V8's revectoriser on")
    .option('--inline', 'put the modules into the .js file')
    .addOption(new Option('--emit <text>', 'also write the generated AssemblyScript').choices(['as']))
    .option('--dump <stage>', 'print one stage, or write `all` of them')
    .option('--stop-after <pass>', 'end after this pass, without an artifact')
    .addOption(cacheOption())
    .addHelpText('after', examples)
    .action((file: string, options: BuildOptions) => build(file, options, context))
}

async function build(file: string, options: BuildOptions, { terminal }: CommandContext): Promise<void> {
  const simd: readonly SimdBuild[] = [
    'plain',
    ...(options.build === 'both' ? (['relaxed'] as const) : []),
    ...(options.avx2 ? (['wide'] as const) : []),
  ]
  const threaded = options.threads ? simd.map((build) => `${build}-threads` as const) : []
  const builds: readonly BuildName[] = [...simd, ...threaded]
  if (options.dump !== undefined || options.stopAfter !== undefined || options.emit !== undefined) {
    const done = await showStages(file, options, builds, terminal)
    if (done) return
  }
  const { compileFile } = await import('../compile-file.ts')
  const { source, modules, fromCache, milliseconds } = await compileFile(file, { ...options, builds }, terminal)
  const files = await artifactOf(modules, options.inline === true)
  const folder = resolve(terminal.directory, options.out)
  await makeFolder(folder, options.out)
  for (const [name, content] of files) await replaceFile(join(folder, name), content)
  const style = styleFor(terminal.outputColor)
  const how = fromCache ? 'from the cache' : `compiled in ${formatDuration(milliseconds)}`
  terminal.write(`${style.bold(source.name)}, ${how}\n`)
  const rows = [...files].map(([name, content]) => ({
    path: displayName(join(folder, name), terminal.directory),
    size: formatBytes(Buffer.byteLength(content)),
    packed: formatBytes(gzipSync(content).length),
  }))
  const widest = Math.max(...rows.map((row) => row.path.length))
  terminal.write(`${''.padEnd(widest + 2)}${style.dim('    size      gzip')}\n`)
  for (const { path, size, packed } of rows)
    terminal.write(`  ${path.padEnd(widest)}${size.padStart(8)}  ${packed.padStart(8)}\n`)
}

async function artifactOf(
  modules: Partial<Record<BuildName, Uint8Array>>,
  inline: boolean,
): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const { artifactFiles } = await import('../artifact/artifact.ts')
  const { readRuntimeBundle } = await import('../artifact/runtime-bundle.ts')
  const { readManifestSection } = await import('../../runtime/section.ts')
  const { checkManifest } = await import('../../runtime/check-manifest.ts')
  if (!modules.plain) throw new Error('internal: build: no plain module')
  const manifest = checkManifest(readManifestSection(modules.plain))
  return artifactFiles({
    manifest,
    modules,
    runtime: readRuntimeBundle(),
    inline,
  })
}

/** Compiles with texts of the stages. Returns whether that was all that was asked for. */
async function showStages(
  file: string,
  options: BuildOptions,
  builds: readonly BuildName[],
  terminal: Terminal,
): Promise<boolean> {
  const [{ passNames }, { compileOnce }] = await Promise.all([
    import('../../compiler/index.ts'),
    import('../compile-once.ts'),
  ])
  const { settle } = await import('../compile-file.ts')
  const one = options.dump !== undefined && options.dump !== 'all' ? passFor(options.dump, passNames) : undefined
  const last = options.stopAfter !== undefined ? passFor(options.stopAfter, passNames) : (one ?? 'emit')
  const source = await readSource(file, terminal.directory)
  const folder = resolve(terminal.directory, options.out)
  const stages: { pass: string; text: string }[] = []
  const compilation = await compileOnce(source.text, {
    file: source.name,
    settings: options.set ?? {},
    resolve: importReader(terminal.directory),
    builds,
    stopAfter: last,
    dump: (pass, text) => void stages.push({ pass, text }),
  })
  if (one !== undefined) {
    const stage = stages.find(({ pass }) => pass === one)
    if (stage) terminal.write(stage.text.endsWith('\n') ? stage.text : `${stage.text}\n`)
  } else if (options.dump === 'all') await writeStages(stages, passNames, join(folder, 'stages'), terminal)
  await settle(compilation, terminal)
  if (options.emit === 'as') await writeAssemblyScript(compilation, folder, terminal)
  return one !== undefined || options.stopAfter !== undefined
}

function passFor(stage: string, passNames: readonly string[]): string {
  const pass = passNames.find((name) => name === stage || STAGE_NAMES[name] === stage)
  if (pass !== undefined) return pass
  const names = passNames.map((name) => STAGE_NAMES[name] ?? name)
  const near = suggest(stage, [...names, ...passNames, 'all'])
  throw new UsageError(
    `there is no stage ${stage}`,
    near ? `did you mean ${near}?` : `the stages are ${names.join(', ')}`,
  )
}

/** One numbered file per stage; a pass that changed nothing leaves a line that says so. */
async function writeStages(
  stages: readonly { readonly pass: string; readonly text: string }[],
  passNames: readonly string[],
  folder: string,
  terminal: Terminal,
): Promise<void> {
  await makeFolder(folder, displayName(folder, terminal.directory))
  let before: { readonly file: string; readonly text: string } | undefined
  for (const { pass, text } of stages) {
    const number = String(passNames.indexOf(pass) + 1).padStart(2, '0')
    const name = `${number}-${STAGE_NAMES[pass] ?? pass}.txt`
    const same: string | undefined = before?.text === text ? before.file : undefined
    const path = join(folder, name)
    await replaceFile(path, same === undefined ? text : `${pass} changed nothing: see ${same}\n`)
    terminal.write(`${displayName(path, terminal.directory)}${same === undefined ? '' : '  changed nothing'}\n`)
    if (same === undefined) before = { file: name, text }
  }
}

async function writeAssemblyScript(compilation: Compilation, folder: string, terminal: Terminal): Promise<void> {
  const { assemblyScript, checked } = compilation
  if (assemblyScript === undefined || !checked)
    throw new UsageError('--emit as needs the pass emit', 'leave --stop-after out')
  await makeFolder(folder, displayName(folder, terminal.directory))
  const path = join(folder, `${checked.name}.as.ts`)
  await replaceFile(path, assemblyScript)
  terminal.write(`${displayName(path, terminal.directory)}\n`)
}
