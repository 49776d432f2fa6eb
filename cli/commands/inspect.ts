import { Command } from 'commander'
import { type Assignments, setOption } from '../options.ts'
import type { CommandContext } from '../program.ts'

const examples = `
Examples:
  $ nnc inspect digits.nn
  $ nnc inspect digits.nn --set Hidden=512 --json
`

interface InspectOptions {
  readonly set?: Assignments
  readonly json?: true
}

/** `nnc inspect`: what a file compiles to. */
export function inspectCommand(context: CommandContext): Command {
  return new Command('inspect')
    .description('show parameters, entry points, kernels, memory and arithmetic of a file')
    .argument('<file>', 'the .nn file')
    .addOption(setOption())
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples)
    .action((file: string, options: InspectOptions) => inspect(file, options, context))
}

async function inspect(file: string, options: InspectOptions, { terminal }: CommandContext): Promise<void> {
  const [{ compileOnce }, { settle }, { importReader, readSource }, { inspectProgram }] = await Promise.all([
    import('../compile-once.ts'),
    import('../compile-file.ts'),
    import('../source-file.ts'),
    import('../inspect/inspection.ts'),
  ])
  const source = await readSource(file, terminal.directory)
  const compilation = await compileOnce(source.text, {
    file: source.name,
    settings: options.set ?? {},
    resolve: importReader(terminal.directory),
    stopAfter: 'fuse',
  })
  await settle(compilation, terminal)
  const inspection = inspectProgram(compilation.program!)
  if (options.json) {
    terminal.write(`${JSON.stringify(inspection)}\n`)
    return
  }
  const { inspectionText } = await import('../inspect/inspection-text.ts')
  terminal.write(inspectionText(inspection, source.name, terminal.outputColor))
}
