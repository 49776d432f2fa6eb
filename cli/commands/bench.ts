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
  const [
    { compileOnce },
    { settle },
    { importReader, readSource },
    { chooseBuild },
    { tunedChoice },
    { load },
    { measuredSizes },
    measure,
  ] = await Promise.all([
    import('../compile-once.ts'),
    import('../compile-file.ts'),
    import('../source-file.ts'),
    import('../choose-build.ts'),
    import('../tune/tuning.ts'),
    import('../../runtime/index.ts'),
    import('../measure/sizes.ts'),
    import('../measure/bench.ts'),
  ])
  const tuned = await tunedChoice(file, options, ['training', 'prediction'], terminal)
  const simd = await chooseBuild(tuned ? { tuned: tuned.simd } : options, terminal)
  const threads = tuned?.threads ?? options.threads ?? 1
  const build = threads > 1 ? (`${simd}-threads` as const) : simd
  const source = await readSource(file, terminal.directory)
  const compilation = await compileOnce(source.text, {
    file: source.name,
    settings: options.set ?? {},
    resolve: importReader(terminal.directory),
    builds: [build],
    winograd: tuned?.winograd ?? true,
  })
  await settle(compilation, terminal)
  const sizes = measuredSizes(compilation.program!, options.batch)
  const model = await load(new Uint8Array(compilation.modules![build]!), { build: simd, threads })
  const style = styleFor(terminal.outputColor)
  if (!options.json) {
    const at = Object.entries(sizes).map(([name, size]) => `${name} ${size}`)
    terminal.write(
      `${style.bold(source.name)}, ${simd} build, ${threads === 1 ? 'one thread' : `${threads} threads`}${at.length > 0 ? `, ${at.join(', ')}` : ''}\n`,
    )
    terminal.write(style.dim(`  ${'entry'.padEnd(24)}    median       min   GFLOP/s    memory traffic\n`))
  }
  for (const entry of measure.benchEntries(compilation.program!, model, sizes, options.seconds)) {
    if (options.json) terminal.write(`${JSON.stringify(entry)}\n`)
    else {
      const times = [entry.ms_median, entry.ms_min].map((ms) => formatTime(ms).padStart(10)).join('')
      const speed = entry.gflops.toFixed(1).padStart(10)
      terminal.write(`  ${entry.entry.padEnd(24)}${times}${speed}${formatBytes(entry.bytes).padStart(18)}\n`)
    }
  }
  model.close()
}
