import { Command } from 'commander'
import { exitCode } from '../exit-code.ts'
import type { CommandContext } from '../program.ts'
import { replaceFile } from '../replace-file.ts'
import { readSource } from '../source-file.ts'
import { DiagnosticsError, UsageError } from '../user-error.ts'

const examples = `
Examples:
  $ nnc fmt model.nn              print the file in its standard form
  $ nnc fmt --write *.nn          rewrite the files
  $ nnc fmt --check *.nn          for CI: name the files that would change, exit with 1 if any
`

interface FormatOptions {
  readonly check?: true
  readonly write?: true
}

/** `nnc fmt`: the standard form of a file. */
export function fmtCommand(context: CommandContext): Command {
  return new Command('fmt')
    .description('put files into the standard form')
    .argument('<files...>', '.nn files')
    .option('--check', 'change nothing; name the files that are not in the standard form')
    .option('--write', 'rewrite the files in place')
    .addHelpText('after', examples)
    .action((files: string[], options: FormatOptions) => formatFiles(files, options, context))
}

async function formatFiles(files: readonly string[], options: FormatOptions, { terminal, outcome }: CommandContext) {
  if (options.check && options.write) throw new UsageError('--check and --write exclude each other')
  if (files.length > 1 && !options.check && !options.write)
    throw new UsageError('several files need --write or --check', 'without either, the one file is printed')
  const { format } = await import('../../compiler/1-parse/format.ts')
  for (const file of files) {
    const source = await readSource(file, terminal.directory)
    const { text, diagnostics } = format(source.text, source.name)
    if (diagnostics.some((diagnostic) => diagnostic.severity === 'error'))
      throw new DiagnosticsError(diagnostics, new Map([[source.name, source.text]]))
    if (!options.check && !options.write) terminal.write(text)
    else if (text !== source.text) {
      if (options.check) outcome.code = exitCode.userError
      else await replaceFile(source.path, text)
      terminal.write(`${source.name}${options.check ? ' is not in the standard form' : ''}\n`)
    }
  }
}
