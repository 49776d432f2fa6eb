import { resolve } from 'node:path'
import { Command } from 'commander'
import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import type { SimdBuild } from '../../runtime/manifest.ts'
import { type Assignments, avx2Option, buildOption, positiveInteger, positiveNumber, setOption } from '../options.ts'
import type { CommandContext } from '../program.ts'
import { UserError } from '../user-error.ts'

const examples = `
Examples:
  $ nnc profile digits.nn
  $ nnc profile digits.nn --entry fit.step --batch 128 --html profile.html
`

interface ProfileOptions {
  readonly entry?: string
  readonly batch?: number
  readonly seconds: number
  readonly html?: string
  readonly set?: Assignments
  readonly build?: SimdBuild
  readonly avx2?: true
  readonly json?: true
}

/** `nnc profile`: which kernels the time goes to. */
export function profileCommand(context: CommandContext): Command {
  return new Command('profile')
    .description('show where the time goes: each kernel with its line, its arithmetic and how near it is to the limits')
    .argument('<file>', 'the .nn file')
    .option('--entry <name>', 'one entry point, as `nnc inspect` names it (default: all)')
    .option('--batch <size>', "rows in a batch (default: the train block's, else the largest)", positiveInteger)
    .option('--seconds <time>', 'how long to measure each entry point', positiveNumber, 1)
    .option('--html <file>', 'also write a page with a flame view')
    .addOption(setOption())
    .addOption(buildOption())
    .addOption(avx2Option())
    .option('--json', 'print one JSON object for each entry point')
    .addHelpText('after', examples)
    .action((file: string, options: ProfileOptions) => profile(file, options, context))
}

async function profile(file: string, options: ProfileOptions, { terminal }: CommandContext): Promise<void> {
  const [{ compileMeasured }, measure, limits] = await Promise.all([
    import('../measure/compile-measured.ts'),
    import('../measure/profile.ts'),
    import('../measure/machine-limits.ts'),
  ])
  const measured = await compileMeasured(file, { ...options, profile: true }, terminal)
  const { program, sources, simd } = measured
  const entries = program.entries.filter(({ name }) => options.entry === undefined || name === options.entry)
  if (entries.length === 0)
    throw new UserError(
      `${measured.name} has no entry point \`${options.entry}\``,
      `there is ${program.entries.map(({ name }) => name).join(', ')}`,
    )
  const placeOf = ({ file: name, start }: Span): string =>
    `${name}:${(sources.get(name) ?? '').slice(0, start).split('\n').length}`
  const profiler = await measure.Profiler.start(program, measured.sizes, measured.wasm)
  const machine = await limits.machineLimits(simd)
  const profiles = entries.map((entry) => profiler.measure(entry, options.seconds, machine, placeOf))
  if (options.json) for (const own of profiles) terminal.write(`${JSON.stringify(own)}\n`)
  else {
    const { profileText } = await import('../measure/profile-text.ts')
    const memory = machine.bandwidths.map(({ gigabytes }) => gigabytes)
    terminal.write(
      `${measured.name}, ${simd} build, one thread; this machine does ${machine.gflops.toFixed(0)} GFLOP/s and moves ${Math.min(...memory).toFixed(0)} to ${Math.max(...memory).toFixed(0)} GB/s\n\n`,
    )
    terminal.write(profileText(profiles, terminal.outputColor))
  }
  if (options.html === undefined) return
  const { profileHtml } = await import('../measure/profile-html.ts')
  const { replaceFile } = await import('../replace-file.ts')
  await replaceFile(resolve(terminal.directory, options.html), profileHtml(measured.name, profiles))
  if (!options.json) terminal.write(`\nwrote ${options.html}\n`)
}
