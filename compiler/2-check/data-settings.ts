/** Settings in the calls of a data block, `window(ids, length = T)`, may use the file's constants: they become numbers here. */
import type { Argument, CallExpression, DataDeclaration, DataStatement, Expression } from '../1-parse/ast.ts'
import { evaluate } from './expressions.ts'
import { type Frame, report } from './session.ts'
import { describe } from './values.ts'

/** The block with every setting a number or a text. The first argument of a call is what it works on, and stays. */
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
    return value.kind === 'number' || value.kind === 'string' ? argument : { ...argument, value: setting(frame, value) }
  })
  return { ...call, arguments: settled }
}

function setting(frame: Frame, expression: Expression): Expression {
  const value = evaluate(frame, expression)
  const { span } = expression
  if (value.kind === 'number') return { kind: 'number', value: value.value, integer: value.integer, span }
  if (value.kind !== 'error')
    report(
      frame,
      'NN0249',
      span,
      `a setting in a data block is a number or a text known when compiled, but this is ${describe(value)}`,
    )
  return expression
}
