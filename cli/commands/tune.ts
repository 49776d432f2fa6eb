import { Command } from 'commander'
import { formatTime } from '../measure/format-time.ts'
import { type Assignments, avx2Option, positiveInteger, positiveNumber, setOption } from '../options.ts'
import type { CommandContext } from '../program.ts'
import { styleFor } from '../style.ts'
import type { Terminal } from '../terminal.ts'
import type { TuneReport } from '../tune/tune-file.ts'

const examples = `
Examples:
  $ nnc tune digits.nn
  $ nnc tune digits.nn --avx2 --seconds 30
  $ nnc tune --forget digits.nn
`

interface TuneOptions {
  readonly batch?: number
  readonly seconds: number
  readonly threads?: number
  readonly set?: Assignments
  readonly avx2?: true
  readonly forget?: true
  readonly json?: true
}

/** `nnc tune`: measures ways to run a file on this machine and keeps the fastest. */
export function tuneCommand(context: CommandContext): Command {
  return new Command('tune')
    .description(
      'measure which build and how many threads are fastest for a file on this machine, and use them from now on',
    )
    .argument('<file>', 'the .nn file')
    .option('--batch <size>', "rows in a batch (default: the train block's, else the largest)", positiveInteger)
    .option('--seconds <time>', 'how long to measure', positiveNumber, 10)
    .option('--threads <n>', 'the most threads to try (default: one for each core, up to 4)', positiveInteger)
    .addOption(avx2Option())
    .addOption(setOption())
    .option('--forget', 'remove what was chosen')
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples)
    .action((file: string, options: TuneOptions) => tune(file, options, context))
}

async function tune(file: string, options: TuneOptions, { terminal }: CommandContext): Promise<void> {
  if (options.forget) return forget(file, options, terminal)
  const { tuneFile } = await import('../tune/tune-file.ts')
  const report = await tuneFile(file, options, terminal)
  if (options.json) terminal.write(`${JSON.stringify(report)}\n`)
  else await print(report, terminal)
}

async function forget(file: string, { set, json }: TuneOptions, terminal: Terminal): Promise<void> {
  const [{ readSource }, { forgetTuning }] = await Promise.all([
    import('../source-file.ts'),
    import('../tune/tuning.ts'),
  ])
  const source = await readSource(file, terminal.directory)
  const forgotten = await forgetTuning(source, set, terminal)
  if (json) terminal.write(`${JSON.stringify({ file: source.name, forgotten })}\n`)
  else
    terminal.write(forgotten ? `forgot what was tuned for ${source.name}\n` : `nothing was tuned for ${source.name}\n`)
}

async function print(report: TuneReport, terminal: Terminal): Promise<void> {
  const { describeCandidate, isSame } = await import('../tune/candidate.ts')
  const style = styleFor(terminal.outputColor)
  const at = Object.entries(report.sizes).map(([name, size]) => `${name} ${size}`)
  terminal.write(`${style.bold(report.file)}${at.length > 0 ? ` at ${at.join(', ')}` : ''}; ${report.machine}\n`)
  const width = Math.max(...report.candidates.map((candidate) => describeCandidate(candidate).length))
  for (const { entry, purpose, ms } of report.entries) {
    const chosen = report.chosen[purpose]
    terminal.write(style.dim(`\n  ${entry.padEnd(width)}         ms   times as fast as usual\n`))
    report.candidates.forEach((candidate, number) => {
      const mark = chosen && isSame(chosen.candidate, candidate) ? '  ●' : ''
      const ratio = (ms[0]! / ms[number]!).toFixed(2)
      terminal.write(
        `  ${describeCandidate(candidate).padEnd(width)}${formatTime(ms[number]!).padStart(11)}${ratio.padStart(7)}${mark}\n`,
      )
    })
  }
  for (const candidate of report.differing)
    terminal.write(
      `\nleft out, since its results differ from those of the plain build: ${describeCandidate(candidate)}\n`,
    )
  terminal.write('\n')
  for (const [purpose, standing] of Object.entries(report.chosen)) {
    const usual = isSame(standing.candidate, report.candidates[0]!)
    const gain = usual ? 'as without tuning' : `${standing.ratio.toFixed(2)} times as fast as usual`
    terminal.write(`${purpose}: ${style.bold(describeCandidate(standing.candidate))}, ${gain}\n`)
  }
  terminal.write(
    style.dim(`used from now on where no --build, --threads or --avx2 is given; nnc tune --forget ${report.file}\n`),
  )
}
