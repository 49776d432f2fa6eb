/** Patterns of names that must match something. */
import { matchesPattern } from '../../runtime/pattern.ts'
import type { StringLiteral } from '../1-parse/ast.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { addDiagnostic, type Session } from './session.ts'

/** Reports a pattern that matches none of the names. */
export function requireMatch(session: Session, pattern: StringLiteral, names: readonly string[], what: string): void {
  if (!names.some((name) => matchesPattern(pattern.value, name))) reportNoMatch(session, pattern, names, what)
}

export function reportNoMatch(session: Session, pattern: StringLiteral, names: readonly string[], what: string): void {
  const similar = suggest(pattern.value, names)
  addDiagnostic(session, {
    code: 'NN0235',
    severity: 'error',
    span: pattern.span,
    message: `\`${pattern.value}\` matches ${what}`,
    labels: [],
    ...(similar !== undefined
      ? { hint: `did you mean \`${similar}\`?` }
      : names.length > 0 && { hint: `there are ${listed(names)}` }),
  })
}

/** The first names, in quotes, and how many more there are. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 8).map((name) => `\`${name}\``)
  return names.length > 8 ? `${shown.join(', ')} and ${names.length - 8} more` : shown.join(', ')
}
