import { Command } from 'commander'
import { compilerVersion } from '../compiler/generated/identity.ts'
import { benchCommand } from './commands/bench.ts'
import { buildCommand } from './commands/build.ts'
import { checkCommand } from './commands/check.ts'
import { curveCommand } from './commands/curve.ts'
import { docCommand } from './commands/doc.ts'
import { evalCommand } from './commands/eval.ts'
import { exportCommand } from './commands/export.ts'
import { fmtCommand } from './commands/fmt.ts'
import { generateCommand } from './commands/generate.ts'
import { inspectCommand } from './commands/inspect.ts'
import { predictCommand } from './commands/predict.ts'
import { profileCommand } from './commands/profile.ts'
import { sweepCommand } from './commands/sweep.ts'
import { trainCommand } from './commands/train.ts'
import { tuneCommand } from './commands/tune.ts'
import type { Terminal } from './terminal.ts'

/** Where a command leaves the exit code of a run that ended without an error. */
export interface Outcome {
  code: number
}

/** What every command is given. */
export interface CommandContext {
  readonly terminal: Terminal
  readonly outcome: Outcome
}

const examples = `
Examples:
  $ nnc check model.nn                 every mistake in the file, with its place and remedy
  $ nnc train model.nn                 compile, train on the file's data, save the parameters
  $ nnc predict model.nn --weights model.safetensors --input rows.csv
  $ nnc build model.nn -o dist         a folder that runs by itself in Node and the browser

'nnc <command> --help' shows a command's options and examples.
`

/** The command line's grammar. Each command loads what it needs only when it runs. */
export function createProgram(terminal: Terminal, outcome: Outcome): Command {
  const context = { terminal, outcome }
  const program = new Command('nnc')
    .description(
      'The neural-network compiler: a .nn file becomes one small WebAssembly module that trains and predicts.',
    )
    .version(compilerVersion, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => terminal.writeError(text),
      getOutHelpWidth: () => Math.min(terminal.columns(), 110),
      getErrHelpWidth: () => Math.min(terminal.columns(), 110),
      getOutHasColors: () => terminal.outputColor,
      getErrHasColors: () => terminal.errorColor,
    })
    .addHelpText('after', examples)
  const commands = [
    checkCommand,
    buildCommand,
    trainCommand,
    sweepCommand,
    evalCommand,
    predictCommand,
    generateCommand,
    exportCommand,
    curveCommand,
    inspectCommand,
    benchCommand,
    profileCommand,
    tuneCommand,
    docCommand,
    fmtCommand,
  ]
  for (const create of commands) {
    const command = create(context).copyInheritedSettings(program)
    program.addCommand(command.showHelpAfterError(`Run 'nnc ${command.name()} --help' for its options and examples.`))
  }
  return program
}
