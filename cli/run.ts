import { CommanderError } from 'commander'
import { ModelError } from '../runtime/error.ts'
import { exitCode } from './exit-code.ts'
import { createProgram } from './program.ts'
import { styleFor } from './style.ts'
import type { Terminal } from './terminal.ts'
import { DiagnosticsError, UsageError, UserError } from './user-error.ts'

/**
 * Runs one command line (without `node` and the script) and returns the exit code. Never throws: mistakes are
 * reported on standard error, and a failure of our own with a request to report it.
 */
export async function run(commandLine: readonly string[], terminal: Terminal): Promise<number> {
  const outcome = { code: exitCode.success as number }
  try {
    await createProgram(terminal, outcome).parseAsync([...commandLine], { from: 'user' })
    return outcome.code
  } catch (error) {
    return report(error, terminal)
  }
}

async function report(error: unknown, terminal: Terminal): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.success : exitCode.usage
  if (error instanceof DiagnosticsError) {
    const { renderDiagnostics } = await import('../compiler/diagnostics/render.ts')
    terminal.writeError(renderDiagnostics(error.diagnostics, error.sources, { color: terminal.errorColor }))
    return exitCode.userError
  }
  const style = styleFor(terminal.errorColor)
  if (isForUsers(error)) {
    terminal.writeError(`${style.bold(style.red('error'))}${style.bold(`: ${error.message}`)}\n`)
    const hint = 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined
    if (hint !== undefined) terminal.writeError(`${style.cyan('help')}: ${hint}\n`)
    return error instanceof UsageError ? exitCode.usage : exitCode.userError
  }
  const message = error instanceof Error ? error.message : String(error)
  terminal.writeError(
    `${style.bold(style.red('internal error'))}: ${message.replace(/^internal: /, '')}\n` +
      'This is a fault of nnc, not of your file. Please report it with the file and the command line;\n' +
      'NNC_DEBUG=1 shows where it happened.\n',
  )
  if (terminal.environment.NNC_DEBUG === '1' && error instanceof Error) terminal.writeError(`${error.stack}\n`)
  return exitCode.internal
}

/**
 * Errors made for users: the command's own, the runtime's (a trap inside a module is a fault of ours), and what the
 * operating system refuses (no permission, no space).
 */
function isForUsers(error: unknown): error is Error {
  if (error instanceof UserError) return true
  if (error instanceof ModelError) return error.code !== 'trap'
  return error instanceof Error && 'syscall' in error && 'path' in error
}
