/** Warnings about the inputs of train blocks and the fields of the data they are trained on. */
import type { DataDeclaration, SourceFile } from '../1-parse/ast.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { addDiagnostic, type Session } from './session.ts'
import { collectNames } from './unused.ts'

export function reportDataFields(session: Session, ast: SourceFile): void {
  if (session.diagnostics.some((diagnostic) => diagnostic.severity === 'error')) return
  for (const data of session.user.data.values()) reportFields(session, ast, data)
}

function reportFields(session: Session, ast: SourceFile, data: DataDeclaration): void {
  const fields = data.statements.filter((statement) => statement.kind === 'field')
  const names = fields.map(({ name }) => name.text)
  const read = new Set<string>()
  for (const { value } of fields) collectNames(value, read)
  for (const statement of data.statements) {
    if (statement.kind === 'where') collectNames(statement.condition, read)
    if (statement.kind === 'drop') for (const column of statement.columns) collectNames(column, read)
    if (statement.kind === 'split' && statement.manner) collectNames(statement.manner, read)
  }
  const wanted = new Set<string>()
  let trained = false
  for (const declaration of ast.declarations) {
    if (declaration.kind === 'infer' || declaration.kind === 'model')
      for (const { name } of declaration.inputs) wanted.add(name.text)
    if (declaration.kind !== 'train' || declaration.data?.text !== data.name.text) continue
    trained = true
    for (const { name } of declaration.inputs) {
      wanted.add(name.text)
      // Columns of the source are inputs too, but are known only once it is read.
      const similar = names.includes(name.text) ? undefined : suggest(name.text, names)
      if (similar === undefined || declaration.inputs.some((other) => other.name.text === similar)) continue
      wanted.add(similar)
      addDiagnostic(session, {
        code: 'NN0274',
        severity: 'warning',
        span: name.span,
        message: `\`${data.name.text}\` has no field \`${name.text}\``,
        labels: [{ span: data.name.span, message: 'trained on this data' }],
        hint: `did you mean \`${similar}\`?`,
      })
    }
  }
  if (!trained) return
  for (const { name } of fields)
    if (!wanted.has(name.text) && !read.has(name.text))
      addDiagnostic(session, {
        code: 'NN0274',
        severity: 'warning',
        span: name.span,
        message: `no train or infer block takes the field \`${name.text}\``,
        labels: [],
      })
}
