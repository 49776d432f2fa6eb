import type { Diagnostic } from '../compiler/diagnostics/diagnostic.ts'

/** Something the user can mend, told in one sentence; the hint names the remedy. Ends the process with 1. */
export class UserError extends Error {
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.name = 'UserError'
    this.hint = hint
  }
}

/** A command line that makes no sense, beyond what the option parser sees. Ends the process with 2. */
export class UsageError extends UserError {
  constructor(message: string, hint?: string) {
    super(message, hint)
    this.name = 'UsageError'
  }
}

/** Diagnostics with at least one error, to be rendered on standard error. Ends the process with 1. */
export class DiagnosticsError extends Error {
  readonly diagnostics: readonly Diagnostic[]
  readonly sources: ReadonlyMap<string, string>

  constructor(diagnostics: readonly Diagnostic[], sources: ReadonlyMap<string, string>) {
    super(diagnostics.map((diagnostic) => `${diagnostic.code}: ${diagnostic.message}`).join('\n'))
    this.name = 'DiagnosticsError'
    this.diagnostics = diagnostics
    this.sources = sources
  }
}
