import { Command } from 'commander'
import type { SimdBuild } from '../../runtime/manifest.ts'
import { formatTime } from '../measure/format-time.ts'
import { formatBytes } from '../numbers.ts'
import { type Assignments, avx2Option, buildOption, positiveInteger, positiveNumber, setOption } from '../options.ts'
import type { CommandContext } from '../program.ts'
import { styleFor } from '../style.ts'

const examples = `
Examples:
  $ nnc bench digits.nn
  $ nnc bench digits.nn --batch 128 --json
`

interface BenchOptions {
  readonly batch?: number
  readonly seconds: number
  readonly threads?: number
  readonly set?: Assignments
  readonly build?: SimdBuild
  readonly avx2?: true
  readonly json?: true
}

/** `nnc bench`: how long each entry point takes. */
export function benchCommand(context: CommandContext): Command {
  return new Command('bench')
    .description('time every entry point of a file on random inputs')
    .argument('<file>', 'the .nn file')
    .option('--batch <size>', "rows in a batch (default: the train block's, else the largest)", positiveInteger)
    .option('--seconds <time>', 'how long to measure each entry point', positiveNumber, 1)
    .option('--threads <n>', 'threads that share large steps (default: 1, or as tuned)', positiveInteger)
    .addOption(setOption())
    .addOption(buildOption())
    .addOption(avx2Option())
    .option('--json', 'print one JSON object for each entry point')
    .addHelpText('after', examples)
    .action((file: string, options: BenchOptions) => bench(file, options, context))
}

async function bench(file: string, options: BenchOptions, { terminal }: CommandContext): Promise<void> {
  const [{ compileMeasured }, { load }, measure] = await Promise.all([
    import('../measure/compile-measured.ts'),
    import('../../runtime/index.ts'),
    import('../measure/bench.ts'),
  ])
  const { name, simd, threads: wanted, wasm, program, sizes } = await compileMeasured(file, options, terminal)
  const model = await load(new Uint8Array(wasm), { build: simd, threads: wanted })
  const { threads } = model
  const style = styleFor(terminal.outputColor)
  if (!options.json) {
    const at = Object.entries(sizes).map(([dimension, size]) => `${dimension} ${size}`)
    terminal.write(
      `${style.bold(name)}, ${simd} build, ${threads === 1 ? 'one thread' : `${threads} threads`}${at.length > 0 ? `, ${at.join(', ')}` : ''}\n`,
    )
    terminal.write(style.dim(`  ${'entry'.padEnd(24)}    median       min   GFLOP/s    memory traffic\n`))
  }
  for (const entry of measure.benchEntries(program, model, sizes, options.seconds)) {
    if (options.json) terminal.write(`${JSON.stringify(entry)}\n`)
    else {
      const times = [entry.ms_median, entry.ms_min].map((ms) => formatTime(ms).padStart(10)).join('')
      const speed = entry.gflops.toFixed(1).padStart(10)
      terminal.write(`  ${entry.entry.padEnd(24)}${times}${speed}${formatBytes(entry.bytes).padStart(18)}\n`)
    }
  }
  model.close()
}
