import { Command, Option } from 'commander'
import type { SimdBuild } from '../../runtime/manifest.ts'
import type { FedInputs } from '../data/dataset.ts'
import { type Categories, metricTables, plainMetrics, scalarMetrics } from '../metric-table.ts'
import { formatCount } from '../numbers.ts'
import { type Assignments, avx2Option, buildOption, cacheOption, setOption, threadsOption } from '../options.ts'
import type { CommandContext } from '../program.ts'
import { styleFor } from '../style.ts'
import { UserError } from '../user-error.ts'

const examples = `
Examples:
  $ nnc eval digits.nn --weights out/digits.safetensors
  $ nnc eval iris.nn --weights out/iris.safetensors --part valid --json
  $ nnc eval iris.nn --weights out/iris.safetensors --data more-flowers.csv
`

interface EvalOptions {
  readonly weights?: string
  readonly train?: string
  readonly part?: 'train' | 'valid' | 'test'
  readonly data?: readonly string[]
  readonly set?: Assignments
  readonly json?: true
  readonly build?: SimdBuild
  readonly avx2?: true
  readonly threads?: number
  readonly cache: boolean
}

/** `nnc eval`: loss and metrics of saved weights. */
export function evalCommand(context: CommandContext): Command {
  return new Command('eval')
    .description('measure saved weights on data: the loss and the metrics of the `train` block')
    .argument('<file>', 'the .nn file')
    .option('--weights <file>', 'a .safetensors file `nnc train` saved (default: what the `load` blocks name)')
    .option('--data <files...>', "rows to use instead of the file's own: one .csv, or IDX images and labels")
    .addOption(
      new Option('--part <part>', "which part of the file's own data (default: test, or what there is)").choices([
        'train',
        'valid',
        'test',
      ]),
    )
    .option('--train <name>', 'which `train` block, if there are several')
    .addOption(setOption())
    .addOption(buildOption())
    .addOption(avx2Option())
    .addOption(threadsOption())
    .option('--json', 'print one JSON object')
    .addOption(cacheOption())
    .addHelpText('after', examples)
    .action((file: string, options: EvalOptions) => evaluate(file, options, context))
}

async function evaluate(file: string, options: EvalOptions, { terminal }: CommandContext): Promise<void> {
  const { openModel } = await import('../open-model.ts')
  const { chooseTrain, dataOf, stepEntry, wantedInputs } = await import('../train-block.ts')
  const { restoreOrLoad } = await import('../restore-or-load.ts')
  const { loadData, loadRows } = await import('../data/load-data.ts')
  const open = await openModel(file, { ...options, purpose: 'training' }, terminal)
  const { compiled, model } = open
  const { source } = compiled
  const settings = chooseTrain(model, source.name, options.train)
  const declaration = dataOf(compiled, settings)
  const notes = await restoreOrLoad(open, options.weights, terminal.directory)
  const wanted = wantedInputs(stepEntry(model, settings), settings.batchDim)
  let part: string
  let inputs: FedInputs
  let categories: Categories = notes?.categories ?? {}
  if (options.data) {
    part = options.data.join(' ')
    inputs = await loadRows(declaration, source, options.data, terminal.directory, wanted, notes?.learned ?? {})
  } else {
    const loaded = await loadData(declaration, source, wanted, notes?.learned)
    const { parts } = loaded
    categories = loaded.categories
    const chosen = options.part ?? (parts.test ? 'test' : parts.valid ? 'valid' : 'train')
    const found = parts[chosen]
    if (!found)
      throw new UserError(`\`data ${settings.data}\` has no part ${chosen}`, `it has ${Object.keys(parts).join(', ')}`)
    part = chosen
    inputs = found
  }
  const metrics = model.evaluateAll(settings.name, inputs)
  const rows = Object.values(inputs)[0]?.shape[0] ?? 0
  if (options.json) {
    terminal.write(`${JSON.stringify({ part, rows, ...plainMetrics(metrics) })}\n`)
    return
  }
  const style = styleFor(terminal.outputColor)
  const values = scalarMetrics(metrics, settings.metrics, style)
  terminal.write(`${style.bold(part)}  ${values} on ${formatCount(rows)} rows\n`)
  for (const line of metricTables(metrics, settings.metrics, categories, style)) terminal.write(`${line}\n`)
}
