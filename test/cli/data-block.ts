import type { DataDeclaration } from '../../compiler/1-parse/ast.ts'
import { parse } from '../../compiler/1-parse/parse.ts'
import { check } from '../../compiler/2-check/check.ts'

/** The first data block of a text, checked, as the command gets it. */
export function compileToProgram(text: string): { text: string; declaration: DataDeclaration } {
  const { ast, diagnostics } = parse(text, 'test.nn')
  const checked = check(ast, { library: [] })
  const errors = [...diagnostics, ...checked.diagnostics].filter(({ severity }) => severity === 'error')
  if (!checked.program || errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'))
  return { text, declaration: checked.program.data[0]! }
}
