import type { Diagnostic, Span } from '../compiler/diagnostics/diagnostic.ts'

/** Where a span lies, for machines: lines and columns count from 1, columns in UTF-16 units. */
interface PlaceJson {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly endLine: number
  readonly endColumn: number
}

export interface DiagnosticJson extends PlaceJson {
  readonly code: string
  readonly severity: string
  readonly message: string
  readonly hint?: string
  readonly labels: readonly (PlaceJson & { readonly message: string })[]
}

export function diagnosticJson(diagnostic: Diagnostic, sources: ReadonlyMap<string, string>): DiagnosticJson {
  const { code, severity, message, hint, labels, span } = diagnostic
  return {
    code,
    severity,
    message,
    ...(hint !== undefined && { hint }),
    ...place(span, sources),
    labels: labels.map((label) => ({ message: label.message, ...place(label.span, sources) })),
  }
}

function place(span: Span, sources: ReadonlyMap<string, string>): PlaceJson {
  const text = sources.get(span.file) ?? ''
  const from = position(text, span.start)
  const to = position(text, span.end)
  return { file: span.file, line: from.line, column: from.column, endLine: to.line, endColumn: to.column }
}

function position(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: before.at(-1)!.length + 1 }
}
