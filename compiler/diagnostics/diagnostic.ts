/** A half-open range of UTF-16 offsets in one source file. */
export interface Span {
  readonly file: string
  readonly start: number
  readonly end: number
}

export type Severity = 'error' | 'warning'

/** A secondary place, with what it contributes to the problem (where the other size came from, say). */
export interface DiagnosticLabel {
  readonly span: Span
  readonly message: string
}

/**
 * Something wrong (or doubtful) in the user's source, as data. The message can be read without the frame; the
 * hint names the remedy. Codes are stable and listed in the catalogue.
 */
export interface Diagnostic {
  readonly code: DiagnosticCode
  readonly severity: Severity
  readonly span: Span
  readonly message: string
  readonly labels: readonly DiagnosticLabel[]
  readonly hint?: string
}

import type { DiagnosticCode } from './catalogue.ts'

export type { DiagnosticCode }
