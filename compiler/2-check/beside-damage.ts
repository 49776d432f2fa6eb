import type { SourceFile } from '../1-parse/ast.ts'
import type { Diagnostic, DiagnosticCode } from '../diagnostics/diagnostic.ts'

/** Complaints that a statement is missing, which may only be missing because it could not be read. */
const aboutAbsence: ReadonlySet<DiagnosticCode> = new Set(['NN0216', 'NN0240', 'NN0242', 'NN0244', 'NN0283'])

interface Region {
  readonly start: number
  readonly end: number
}

/**
 * The errors the checker found in a file with syntax errors that are sure to remain once those are mended: outside every
 * declaration that could not be read whole, and not about a name that such a declaration mentions (and may declare).
 */
export function errorsBesideDamage(
  found: readonly Diagnostic[],
  syntaxErrors: readonly Diagnostic[],
  ast: SourceFile,
  source: string,
): Diagnostic[] {
  const regions = syntaxErrors.map((error) => damagedRegion(error.span.start, ast, source.length))
  const words = new Set(regions.flatMap(({ start, end }) => source.slice(start, end).match(/\w+/g) ?? []))
  return found.filter(({ code, severity, span }) => {
    if (severity !== 'error' || aboutAbsence.has(code)) return false
    if (span.file !== ast.file || regions.some(({ start, end }) => span.start >= start && span.start < end))
      return false
    return !(source.slice(span.start, span.end).match(/\w+/g) ?? []).some((word) => words.has(word))
  })
}

/** The declaration around an offset; between declarations, the text from the one before to the one after. */
function damagedRegion(offset: number, ast: SourceFile, length: number): Region {
  let start = 0
  for (const { span } of ast.declarations) {
    if (offset < span.start) return { start, end: span.start }
    if (offset <= span.end) return span
    start = span.end
  }
  return { start, end: length }
}
