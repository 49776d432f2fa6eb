import { basename, dirname, extname, join, resolve } from 'node:path'
import { Command } from 'commander'
import type { ManifestTensor } from '../../runtime/manifest.ts'
import { typeText } from '../../runtime/size.ts'
import { makeFolder } from '../make-folder.ts'
import { formatBytes } from '../numbers.ts'
import type { OpenModel } from '../open-model.ts'
import { type Assignments, cacheOption, hyperOption, setOption } from '../options.ts'
import { chooseEntry } from '../predict/choose-entry.ts'
import type { CommandContext } from '../program.ts'
import { replaceFile } from '../replace-file.ts'
import { displayName, importReader } from '../source-file.ts'
import { styleFor } from '../style.ts'
import type { Terminal } from '../terminal.ts'

const examples = `
Examples:
  $ nnc export digits.nn --weights out/digits.safetensors              out/digits.onnx
  $ nnc export gpt.nn --weights out/gpt.safetensors --entry next -o next.onnx

The file holds one prediction, an \`infer\` block or a model, with its parameters. It runs in onnxruntime, natively and in
the browser. What prepares rows (the \`data\` block) is not in it: its inputs are those of the entry.
`

interface ExportOptions {
  readonly weights?: string
  readonly out?: string
  readonly entry?: string
  readonly hyper?: Assignments
  readonly set?: Assignments
  readonly cache: boolean
}

/** `nnc export`: a prediction with its parameters as an ONNX file. */
export function exportCommand(context: CommandContext): Command {
  return new Command('export')
    .description('write a prediction with its parameters as an ONNX file')
    .argument('<file>', 'the .nn file')
    .option('--weights <file>', 'a .safetensors file `nnc train` saved (default: what the `load` blocks name)')
    .option('-o, --out <file>', 'the file to write (default: out/<name>.onnx)')
    .option('--entry <name>', 'which `infer` block or model (default: the first)')
    .addOption(hyperOption())
    .addOption(setOption())
    .addOption(cacheOption())
    .addHelpText('after', examples)
    .action((file: string, options: ExportOptions) => exportEntry(file, options, context))
}

async function exportEntry(file: string, options: ExportOptions, { terminal }: CommandContext): Promise<void> {
  const { openModel } = await import('../open-model.ts')
  const { restoreOrLoad } = await import('../restore-or-load.ts')
  const open = await openModel(file, options, terminal)
  await restoreOrLoad(open, options.weights, terminal.directory)
  const entry = chooseEntry(open, options.entry)
  for (const [name, value] of Object.entries(options.hyper ?? {})) open.model.hyper.set(name, value)
  const { bytes, operators } = await writeEntry(open, entry.name, options.set ?? {}, terminal)
  const out = options.out ?? join('out', `${basename(file, extname(file))}.onnx`)
  const path = resolve(terminal.directory, out)
  await makeFolder(dirname(path), dirname(out))
  await replaceFile(path, bytes)
  const style = styleFor(terminal.outputColor)
  const list = (tensors: readonly ManifestTensor[]): string =>
    tensors.map((tensor) => `${tensor.name}: ${typeText(tensor)}`).join(', ')
  const counts = Object.entries(operators).sort(([, left], [, right]) => right - left)
  const total = counts.reduce((sum, [, count]) => sum + count, 0)
  const most = counts.slice(0, 6).map(([op, count]) => (count > 1 ? `${count} ${op}` : op))
  if (counts.length > most.length) most.push('…')
  terminal.write(`${style.bold(`${open.compiled.source.name}, ${entry.name}`)}\n`)
  terminal.write(`  inputs     ${list(entry.inputs)}\n`)
  terminal.write(`  outputs    ${list(entry.outputs)}\n`)
  terminal.write(`  operators  ${total}: ${most.join(', ')}\n`)
  terminal.write(`  ${displayName(path, terminal.directory)}  ${formatBytes(bytes.length)}\n`)
}

/** The model's variables and hypers in the graph of one entry. */
async function writeEntry(
  { compiled, model }: OpenModel,
  entry: string,
  settings: Assignments,
  terminal: Terminal,
): Promise<{ readonly bytes: Uint8Array; readonly operators: Readonly<Record<string, number>> }> {
  const { compile, exportOnnx } = await import('../../compiler/index.ts')
  const { settle } = await import('../compile-file.ts')
  const { name: file, text } = compiled.source
  const resolveImport = importReader(terminal.directory)
  const compilation = await compile(text, { file, settings, resolve: resolveImport, stopAfter: 'graph' })
  const { variables, hyper } = model
  const { diagnostics, model: written } = await exportOnnx(compilation, {
    entry,
    variables: Object.fromEntries(variables.names.map((name) => [name, variables.get(name)])),
    hypers: Object.fromEntries(hyper.names.map((name) => [name, hyper.get(name)])),
  })
  await settle({ ...compilation, diagnostics }, terminal)
  if (!written) throw new Error('internal: export: neither a file nor an error')
  return written
}
