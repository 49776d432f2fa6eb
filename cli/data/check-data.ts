import type { DataDeclaration } from '../../compiler/1-parse/ast.ts'
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.ts'
import { planData } from './plan.ts'

/** What can be said about a file's data blocks without opening a data file. */
export function checkData(declarations: readonly DataDeclaration[]): readonly Diagnostic[] {
  return declarations.flatMap((declaration) => planData(declaration).diagnostics)
}
