import { readFile } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { DataDeclaration } from '../../compiler/1-parse/ast.ts'
import type { Input } from '../../runtime/api.ts'
import type { ManifestEntry, ManifestTrain, SimdBuild } from '../../runtime/manifest.ts'
import { unpacked } from '../data/data-file.ts'
import { decodeBytes } from '../data/decode-bytes.ts'
import type { PredictedRows } from '../data/feed-rows.ts'
import type { WantedInput } from '../data/fields.ts'
import { FormatError } from '../data/format-error.ts'
import type { Table } from '../data/table.ts'
import { formatCount } from '../numbers.ts'
import type { CheckpointNotes, OpenModel } from '../open-model.ts'
import { type Assignments, avx2Option, buildOption, cacheOption, setOption, threadsOption } from '../options.ts'
import { chooseEntry } from '../predict/choose-entry.ts'
import type { PredictInput } from '../predict/read-rows.ts'
import type { Classes } from '../predict/write-predictions.ts'
import type { CommandContext } from '../program.ts'
import { type Style, styleFor } from '../style.ts'
import type { Terminal } from '../terminal.ts'
import { UserError } from '../user-error.ts'

const examples = `
Examples:
  $ nnc predict iris.nn --weights out/iris.safetensors --input flowers.csv
  $ echo '{"a": 1, "b": 0}' | nnc predict xor.nn --weights out/xor.safetensors --input -

Rows have the columns of the file's data (they go through its \`data\` block, with what was learned in training), or
the model's own inputs: {"x": [[0, 1], [1, 1]]} feeds two rows at once.
`

interface PredictOptions {
  readonly weights?: string
  readonly input: string
  readonly entry?: string
  readonly format?: 'json' | 'csv'
  readonly set?: Assignments
  readonly build?: SimdBuild
  readonly avx2?: true
  readonly threads?: number
  readonly cache: boolean
}

/** `nnc predict`: rows in, predictions out. */
export function predictCommand(context: CommandContext): Command {
  return new Command('predict')
    .description('run an `infer` block, or the model itself, on rows')
    .argument('<file>', 'the .nn file')
    .option('--weights <file>', 'a .safetensors file `nnc train` saved (default: what the `load` blocks name)')
    .requiredOption('--input <file>', 'a .json or .csv file, or - for standard input')
    .option('--entry <name>', 'which `infer` block or model (default: the first)')
    .addOption(new Option('--format <format>', 'what to print (default: as the input)').choices(['json', 'csv']))
    .addOption(setOption())
    .addOption(buildOption())
    .addOption(avx2Option())
    .addOption(threadsOption())
    .addOption(cacheOption())
    .addHelpText('after', examples)
    .action((file: string, options: PredictOptions) => predict(file, options, context))
}

async function predict(file: string, options: PredictOptions, { terminal }: CommandContext): Promise<void> {
  const { openModel } = await import('../open-model.ts')
  const { restoreOrLoad } = await import('../restore-or-load.ts')
  const { predictionsCsv, predictionsJson } = await import('../predict/write-predictions.ts')
  const open = await openModel(file, { ...options, purpose: 'prediction' }, terminal)
  const { model } = open
  const notes = await restoreOrLoad(open, options.weights, terminal.directory)
  const entry = chooseEntry(open, options.entry)
  const { input, format } = await readInput(options.input, entry, terminal)
  const { inputs, skipped } =
    input.kind === 'inputs'
      ? { inputs: input.inputs as Record<string, Input> }
      : await feedTable(input.table, entry, open, notes)
  const outputs = model.predictAll(entry.name, inputs)
  const rows = (Object.values(outputs)[0]?.shape[0] ?? 1) + (skipped?.size ?? 0)
  if (input.kind === 'rows' && skipped && skipped.size > 0)
    terminal.writeError(skippedText(skipped, input.table, open, styleFor(terminal.errorColor)))
  const classes = classesOf(open, notes)
  const print = (options.format ?? format) === 'csv' ? predictionsCsv : predictionsJson
  terminal.write(print({ outputs, rows, ...(skipped && { skipped }), ...(classes && { classes }) }))
}

async function readInput(
  file: string,
  entry: ManifestEntry,
  terminal: Terminal,
): Promise<{ input: PredictInput; format: 'json' | 'csv' }> {
  const name = file === '-' ? 'standard input' : file
  const bytes = await inputBytes(file, name, terminal)
  const isCsv = extname(file.replace(/\.gz$/i, '')).toLowerCase() === '.csv'
  const format = isCsv || !/^\s*[[{]/.test(startOf(bytes)) ? 'csv' : 'json'
  try {
    if (format === 'csv') {
      const { readCsv } = await import('../data/read-csv.ts')
      return { input: { kind: 'rows', table: readCsv(bytes, name) }, format }
    }
    const { readInput } = await import('../predict/read-rows.ts')
    const names = entry.inputs.map((input) => input.name)
    return { input: readInput(bytes, name, names), format }
  } catch (error) {
    throw error instanceof FormatError ? new UserError(error.message, error.hint) : error
  }
}

/** Enough of a text to tell its format. */
function startOf(bytes: Uint8Array): string {
  return decodeBytes(bytes.subarray(0, 1024))
}

async function inputBytes(file: string, name: string, terminal: Terminal): Promise<Uint8Array> {
  const bytes = file === '-' ? await terminal.readInput() : await readBytes(file, terminal.directory)
  try {
    return await unpacked(bytes)
  } catch (error) {
    throw new UserError(`the gzip of ${name} is damaged: ${(error as Error).message}`)
  }
}

async function readBytes(file: string, directory: string): Promise<Uint8Array> {
  try {
    return await readFile(resolve(directory, file))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'EISDIR' ? 'it is a folder' : message
    throw new UserError(code === 'ENOENT' ? `${file} does not exist` : `${file} cannot be read: ${why}`)
  }
}

/** Rows named at most when some are skipped. */
const NAMED_ROWS = 10

/** Which rows have no prediction, and why. */
function skippedText(skipped: PredictedRows['skipped'], table: Table, { compiled }: OpenModel, style: Style): string {
  const inOrder = [...skipped].sort(([one], [other]) => one - other)
  const lines = inOrder.slice(0, NAMED_ROWS).map(([row, { kind, span }]) => {
    const line = compiled.source.text.slice(0, span.start).split('\n').length
    const why = kind === 'where' ? '`where` does not hold' : 'a value is missing, see `drop missing`'
    return `  ${table.describeRow(row)}: ${why} (${compiled.source.name}:${line})\n`
  })
  if (skipped.size > NAMED_ROWS) lines.push(`  and ${formatCount(skipped.size - NAMED_ROWS)} more\n`)
  const few = skipped.size === 1 ? 'row has' : 'rows have'
  return `${style.bold(style.yellow('warning'))}: ${formatCount(skipped.size)} ${few} no prediction, as the data block leaves them out\n${lines.join('')}`
}

/** Rows through the fields of the data block the model was trained with, or as they are where there is none. */
async function feedTable(
  table: Table,
  entry: ManifestEntry,
  { compiled, model }: OpenModel,
  notes: CheckpointNotes | undefined,
): Promise<PredictedRows> {
  const { asDiagnostics, planOf } = await import('../data/load-data.ts')
  const { feedRows } = await import('../data/feed-rows.ts')
  const { wantedInputs } = await import('../open-model.ts')
  if (table.rows === 0) throw new UserError(`${table.origin} has no rows`)
  const declaration = dataFor(entry, compiled.data, model.manifest.trains)
  const plan = declaration && planOf(declaration, compiled.source)
  const batchDim = entry.inputs.map(({ shape }) => shape[0]).find((size) => typeof size === 'string')
  const wanted: readonly WantedInput[] = wantedInputs(entry, batchDim)
  return asDiagnostics(compiled.source, async () => feedRows(plan, table, wanted, notes?.learned ?? {}))
}

/** The data block of the train block whose data feeds most of the entry's inputs; the first of several. */
function dataFor(
  entry: ManifestEntry,
  declarations: readonly DataDeclaration[],
  trains: readonly ManifestTrain[],
): DataDeclaration | undefined {
  const inputs = new Set(entry.inputs.map((input) => input.name))
  const used = declarations.filter((declaration) => trains.some((train) => train.data === declaration.name.text))
  const fed = (declaration: DataDeclaration): number =>
    declaration.statements.filter((statement) => statement.kind === 'field' && inputs.has(statement.name.text)).length
  return [...used].sort((a, b) => fed(b) - fed(a))[0]
}

/** The classes of the train input that is one, if exactly one is. */
function classesOf({ model }: OpenModel, notes: CheckpointNotes | undefined): Classes | undefined {
  const { manifest } = model
  const labels = manifest.trains.flatMap((train) => {
    const step = manifest.entries.find((entry) => entry.name === train.step)
    return step?.inputs.filter((input) => typeof input.limit === 'number' && input.shape.length === 1) ?? []
  })
  const [label] = labels
  if (!label || labels.some((other) => other.name !== label.name)) return undefined
  const count = label.limit as number
  const names = notes?.categories[label.name]
  return { name: label.name, count, ...(names && names.length === count && { names }) }
}
