import { Command } from 'commander'
import { diagnosticJson } from '../diagnostic-json.ts'
import { exitCode } from '../exit-code.ts'
import { type Assignments, setOption } from '../options.ts'
import type { CommandContext } from '../program.ts'
import { importReader, readSource } from '../source-file.ts'

const examples = `
Examples:
  $ nnc check model.nn
  $ nnc check src/*.nn --json
  $ nnc check model.nn --set Hidden=512     would it still fit together with 512?
`

interface CheckOptions {
  readonly json?: true
  readonly set?: Assignments
}

/** `nnc check`: every error and warning of the files, without compiling. */
export function checkCommand(context: CommandContext): Command {
  return new Command('check')
    .description('report every mistake in the files: syntax, names, shapes, data')
    .argument('<files...>', '.nn files')
    .option('--json', 'print the diagnostics as one JSON object')
    .addOption(setOption())
    .addHelpText('after', examples)
    .action((files: string[], options: CheckOptions) => check(files, options, context))
}

async function check(files: readonly string[], options: CheckOptions, { terminal, outcome }: CommandContext) {
  const [{ checkSource }, { renderDiagnostics }, { checkData }] = await Promise.all([
    import('../../compiler/index.ts'),
    import('../../compiler/diagnostics/render.ts'),
    import('../data/check-data.ts'),
  ])
  const reports = []
  for (const file of files) {
    const source = await readSource(file, terminal.directory)
    const { diagnostics, sources, checked } = checkSource(source.text, {
      file: source.name,
      settings: options.set ?? {},
      resolve: importReader(terminal.directory),
    })
    const ofData = checked ? checkData(checked.data) : []
    reports.push({ file: source.name, sources, diagnostics: [...diagnostics, ...ofData] })
  }
  const all = reports.flatMap((report) => report.diagnostics)
  const errors = all.filter((diagnostic) => diagnostic.severity === 'error').length
  if (options.json) {
    const listed = reports.map(({ file, diagnostics, sources }) => ({
      file,
      diagnostics: diagnostics.map((diagnostic) => diagnosticJson(diagnostic, sources)),
    }))
    terminal.write(`${JSON.stringify({ files: listed, errors, warnings: all.length - errors })}\n`)
  } else {
    for (const { file, diagnostics, sources } of reports) {
      if (diagnostics.length === 0) terminal.write(`${file}: no mistakes found\n`)
      else terminal.writeError(renderDiagnostics(diagnostics, sources, { color: terminal.errorColor }))
    }
  }
  if (errors > 0) outcome.code = exitCode.userError
}
