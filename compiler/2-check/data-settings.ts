/** Settings in the calls of a data block, `window(ids, length = T)`, may use the file's constants: they become numbers here. */
import type { Argument, CallExpression, DataDeclaration, DataStatement, Expression } from '../1-parse/ast.ts'
import { evaluate } from './expressions.ts'
import type { Frame } from './session.ts'
import { collectNames } from './unused.ts'

/** The block with constants in settings as numbers. The first argument of a call is what it works on, and stays. */
export function resolveDataSettings(frame: Frame, declaration: DataDeclaration): DataDeclaration {
  return { ...declaration, statements: declaration.statements.map((statement) => resolveStatement(frame, statement)) }
}

function resolveStatement(frame: Frame, statement: DataStatement): DataStatement {
  if (statement.kind === 'field') return { ...statement, value: resolve(frame, statement.value) }
  return statement
}

function resolve(frame: Frame, expression: Expression): Expression {
  switch (expression.kind) {
    case 'unary':
      return { ...expression, operand: resolve(frame, expression.operand) }
    case 'binary':
      return { ...expression, left: resolve(frame, expression.left), right: resolve(frame, expression.right) }
    case 'list':
      return { ...expression, items: expression.items.map((item) => resolve(frame, item)) }
    case 'call':
      return resolveCall(frame, expression)
    default:
      return expression
  }
}

function resolveCall(frame: Frame, call: CallExpression): CallExpression {
  const settled = call.arguments.map((argument, position): Argument => {
    const { name, value } = argument
    if (position === 0 && name === undefined) return { ...argument, value: resolve(frame, value) }
    return madeOfConstants(frame, value) ? { ...argument, value: setting(frame, value) } : argument
  })
  return { ...call, arguments: settled }
}

/** Everything else means a column, a field or a word of its own, and is left to whoever reads the data. */
function madeOfConstants(frame: Frame, expression: Expression): boolean {
  const names = new Set<string>()
  collectNames(expression, names)
  const { declarations, imported } = frame.globals
  const isConstant = (name: string): boolean =>
    (declarations.get(name) ?? imported.get(name)?.declaration)?.kind === 'const'
  return names.size > 0 && [...names].every(isConstant)
}

function setting(frame: Frame, expression: Expression): Expression {
  const value = evaluate(frame, expression)
  return value.kind === 'number'
    ? { kind: 'number', value: value.value, integer: value.integer, span: expression.span }
    : expression
}
