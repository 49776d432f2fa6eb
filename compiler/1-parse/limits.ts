/** What one source file may be. Reaching a limit is a diagnostic, never a crash. */
export const limits = {
  /** UTF-16 units of text. */
  sourceLength: 250_000,
  /** Brackets, blocks and conditional expressions inside one another. */
  nesting: 100,
  /** Operations above one another in an expression: later passes walk expressions recursively. */
  expressionHeight: 500,
  /** Syntax errors reported for one file; parsing ends there. */
  errors: 100,
} as const
