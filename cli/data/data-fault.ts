import type { Diagnostic, DiagnosticCode, Span } from '../../compiler/diagnostics/diagnostic.ts'

/** A mistake in a data block or in a file it reads, thrown as a diagnostic at the place in the `.nn` file. */
export class DataFault extends Error {
  readonly diagnostic: Diagnostic

  constructor(code: DiagnosticCode & `NN0${4 | 5}${string}`, span: Span, message: string, hint?: string) {
    super(message)
    this.name = 'DataFault'
    this.diagnostic = { code, severity: 'error', span, message, labels: [], ...(hint !== undefined && { hint }) }
  }
}
