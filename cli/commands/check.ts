import { Command } from 'commander'
import type { SourceFile } from '../../compiler/1-parse/ast.ts'
import type { GradientComparison, GradientSkipped } from '../../compiler/check-gradients.ts'
import { diagnosticJson } from '../diagnostic-json.ts'
import { exitCode } from '../exit-code.ts'
import { type Assignments, setOption } from '../options.ts'
import type { CommandContext } from '../program.ts'
import { importReader, readSource, type SourceText } from '../source-file.ts'
import type { Terminal } from '../terminal.ts'

const examples = `
Examples:
  $ nnc check model.nn
  $ nnc check src/*.nn --json
  $ nnc check layers.nn --gradients         are the gradients written in it right?
  $ nnc check model.nn --set Hidden=512     would it still fit together with 512?
`

interface CheckOptions {
  readonly json?: true
  readonly set?: Assignments
  readonly gradients?: true
}

/** `nnc check`: every error and warning of the files, without compiling. */
export function checkCommand(context: CommandContext): Command {
  return new Command('check')
    .description('report every mistake in the files: syntax, names, shapes, data')
    .argument('<files...>', '.nn files')
    .option('--json', 'print the diagnostics as one JSON object')
    .option('--gradients', 'compare the gradients given for functions with derived and numeric ones')
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
    const { ast, diagnostics, sources, checked } = checkSource(source.text, {
      file: source.name,
      settings: options.set ?? {},
      resolve: importReader(terminal.directory),
    })
    const ofData = checked ? checkData(checked.data) : []
    const sound = diagnostics.every(({ severity }) => severity !== 'error')
    const gradients = options.gradients && ast && sound ? await compareGradients(source, ast, options, terminal) : []
    reports.push({ file: source.name, sources, diagnostics: [...diagnostics, ...ofData], gradients })
  }
  const all = reports.flatMap((report) => report.diagnostics)
  const errors = all.filter((diagnostic) => diagnostic.severity === 'error').length
  if (options.json) {
    const listed = reports.map(({ file, diagnostics, sources, gradients }) => ({
      file,
      ...(options.gradients && { gradients }),
      diagnostics: diagnostics.map((diagnostic) => diagnosticJson(diagnostic, sources)),
    }))
    terminal.write(`${JSON.stringify({ files: listed, errors, warnings: all.length - errors })}\n`)
  } else {
    for (const { file, diagnostics, sources, gradients } of reports) {
      if (diagnostics.length === 0) terminal.write(`${file}: no mistakes found\n`)
      else terminal.writeError(renderDiagnostics(diagnostics, sources, { color: terminal.errorColor }))
      for (const result of gradients) terminal.write(`${gradientLine(file, result)}\n`)
    }
  }
  const wrong = reports.some(({ gradients }) => gradients.some((result) => 'derived' in result && !agrees(result)))
  if (errors > 0 || wrong) outcome.code = exitCode.userError
}

/** Relative differences up to here are those of finite differences in float64. */
const GRADIENT_TOLERANCE = 1e-4

async function compareGradients(source: SourceText, ast: SourceFile, options: CheckOptions, { directory }: Terminal) {
  const { checkGradients } = await import('../../compiler/check-gradients.ts')
  const resolve = importReader(directory)
  return checkGradients(source.text, ast, { file: source.name, settings: options.set ?? {}, resolve })
}

function agrees({ derived, numeric }: GradientComparison): boolean {
  return Math.max(derived, numeric) <= GRADIENT_TOLERANCE
}

function gradientLine(file: string, result: GradientComparison | GradientSkipped): string {
  const name = `${file}: gradient of ${result.function}`
  if ('reason' in result) return `${name}: not compared: ${result.reason}`
  const { derived, numeric, inputs } = result
  const verdict = agrees(result) ? 'agrees' : 'DIFFERS'
  const figures = `largest relative difference ${derived.toExponential(1)} from the derived one, ${numeric.toExponential(1)} from finite differences`
  return `${name} ${verdict}: ${figures} (${inputs})`
}
