/** Warnings about local names that hide others, in a file without errors. By the text alone, as for unused names. */
import type { Block, CallableDeclaration, Name, SourceFile, Statement } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { addDiagnostic, type Session } from './session.ts'

export function reportShadowing(session: Session, ast: SourceFile): void {
  if (session.diagnostics.some((diagnostic) => diagnostic.severity === 'error')) return
  const declared = new Map<string, Span>()
  for (const [name, declaration] of session.user.declarations) declared.set(name, declaration.name.span)
  for (const declaration of ast.declarations) {
    if (!('body' in declaration)) continue
    const parameters = [...('config' in declaration ? declaration.config : []), ...declaration.inputs]
    const inputs = new Map(parameters.map(({ name }) => [name.text, name.span]))
    visit(session, declaration.body, inputs, declared)
    const formula = (declaration as CallableDeclaration).gradient
    if (formula) visit(session, formula.body, inputs, declared)
  }
}

/**
 * @param outer the names around the block that a `let` inside would hide for the rest of the block only
 * @param declared the names of the file's own declarations
 */
function visit(
  session: Session,
  block: Block,
  inputs: ReadonlyMap<string, Span>,
  declared: ReadonlyMap<string, Span>,
  outer: ReadonlyMap<string, Span> = new Map(),
  outerStates: ReadonlyMap<string, Span> = new Map(),
): void {
  const own = new Map<string, Span>()
  const states = new Map(outerStates)
  for (const statement of block.statements) {
    for (const name of introduced(statement)) {
      const hidden = outer.get(name.text)
      const declaration = declared.get(name.text)
      const state = statement.kind === 'let' ? states.get(name.text) : undefined
      if (state)
        warn(session, name, state, 'hides the state of this name, which keeps its value', 'the state', {
          hint: `\`update ${name.text} = …\` changes the state; a value besides it needs another name`,
        })
      else if (statement.kind === 'let' && hidden && !own.has(name.text))
        warn(session, name, hidden, 'hides the one outside, and only until the end of this block', 'outside')
      else if (declaration && !own.has(name.text))
        warn(session, name, declaration, 'hides the declaration of this name', 'the declaration')
      own.set(name.text, name.span)
      if (statement.kind === 'state') states.set(name.text, name.span)
      else states.delete(name.text)
    }
    if (statement.kind !== 'when') continue
    const around = new Map([...inputs, ...outer, ...own])
    visit(session, statement.body, inputs, declared, around, states)
    if (statement.otherwise) visit(session, statement.otherwise, inputs, declared, around, states)
  }
}

function introduced(statement: Statement): readonly Name[] {
  if (
    statement.kind === 'use' ||
    statement.kind === 'param' ||
    statement.kind === 'state' ||
    statement.kind === 'total'
  )
    return [statement.name]
  if (statement.kind !== 'let') return []
  const { pattern } = statement
  return pattern.kind === 'tuple' ? pattern.names : [pattern.name]
}

function warn(
  session: Session,
  name: Name,
  hidden: Span,
  what: string,
  label: string,
  { hint = 'give one of them another name' } = {},
): void {
  addDiagnostic(session, {
    code: 'NN0273',
    severity: 'warning',
    span: name.span,
    message: `\`${name.text}\` ${what}`,
    labels: [{ span: hidden, message: label }],
    hint,
  })
}
