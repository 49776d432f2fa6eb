/** The value of an expression. */
import type {
  BinaryExpression,
  ConditionalExpression,
  Expression,
  IndexExpression,
  RearrangeExpression,
} from '../1-parse/ast.ts'
import { DimensionError } from '../dimensions/dimension.ts'
import { binary, isElement, type Located, logical, negate, select, toTensor } from './arithmetic.ts'
import { matrixProduct } from './builtins/movement.ts'
import { evaluateCall, evaluatePipeline } from './calls.ts'
import { evaluateRead, evaluateReduction } from './indexed.ts'
import { evaluateIterate, evaluateScan } from './loops.ts'
import { evaluateMember } from './members.ts'
import { resolveName } from './names.ts'
import { evaluateRearrange } from './rearrange.ts'
import { ElaborationStop, type Frame, report } from './session.ts'
import { evaluateSlice } from './slices.ts'
import { describe, errorValue, float, integer, type Value } from './values.ts'

/** Expressions inside expressions, through all the calls they stand in. */
export const MAXIMUM_EXPRESSION_DEPTH = 1000

/** Expressions evaluated for one program, all expansions counted: a second or so. */
export const MAXIMUM_EVALUATIONS = 500_000

export function evaluate(frame: Frame, expression: Expression): Value {
  const { progress } = frame.session
  if (progress.expressionDepth >= MAXIMUM_EXPRESSION_DEPTH)
    return report(
      frame,
      'NN0262',
      expression.span,
      `expressions and calls are nested more than ${MAXIMUM_EXPRESSION_DEPTH} deep here`,
      { hint: 'give parts of it names with `let`' },
    )
  if (++progress.evaluations > MAXIMUM_EVALUATIONS) {
    if (progress.evaluations === MAXIMUM_EVALUATIONS + 1)
      report(frame, 'NN0262', expression.span, 'expanding all calls of this program takes too long', {
        hint: 'calls multiply: a function that calls another twice, which calls another twice, and so on',
      })
    throw new ElaborationStop()
  }
  progress.expressionDepth++
  try {
    return evaluateKind(frame, expression)
  } catch (error) {
    if (error instanceof DimensionError) return report(frame, 'NN0261', expression.span, error.message)
    throw error
  } finally {
    progress.expressionDepth--
  }
}

export function locate(frame: Frame, expression: Expression): Located {
  return { value: evaluate(frame, expression), span: expression.span }
}

function evaluateKind(frame: Frame, expression: Expression): Value {
  switch (expression.kind) {
    case 'number':
      return expression.integer ? integer(expression.value, { span: expression.span }) : float(expression.value)
    case 'string':
      return { kind: 'string', value: expression.value }
    case 'boolean':
      return { kind: 'boolean', value: expression.value }
    case 'name':
      return resolveName(frame, expression.name, expression.span)
    case 'call':
      return evaluateCall(frame, expression)
    case 'index':
      return evaluateIndex(frame, expression)
    case 'member':
      return evaluateMember(frame, expression)
    case 'unary': {
      const operand = locate(frame, expression.operand)
      if (expression.operator === '-') return negate(frame, expression.span, operand)
      if (operand.value.kind === 'boolean') return { kind: 'boolean', value: !operand.value.value }
      return logical(frame, expression.span, 'not', [operand])
    }
    case 'binary':
      return evaluateBinary(frame, expression)
    case 'conditional':
      return evaluateConditional(frame, expression)
    case 'pipeline':
      return evaluatePipeline(frame, expression)
    case 'reduction':
      return evaluateReduction(frame, expression)
    case 'tuple':
      return { kind: 'tuple', items: expression.items.map((item) => evaluate(frame, item)) }
    case 'list':
      return { kind: 'list', items: expression.items.map((item) => evaluate(frame, item)) }
    case 'rearrange':
      return rearrange(frame, expression)
    case 'scan':
      return evaluateScan(frame, expression)
    case 'iterate':
      return evaluateIterate(frame, expression)
    default:
      throw new Error(`internal: check: expression ${(expression satisfies never as Expression).kind}`)
  }
}

function evaluateIndex(frame: Frame, expression: IndexExpression, otherwise?: Expression): Value {
  if (frame.indexed) return evaluateRead(frame, expression, otherwise)
  return evaluateSlice(frame, expression)
}

function evaluateBinary(frame: Frame, expression: BinaryExpression): Value {
  const { operator, span } = expression
  if (operator === '??') {
    if (expression.left.kind === 'index' && frame.indexed)
      return evaluateIndex(frame, expression.left, expression.right)
    return report(
      frame,
      'NN0224',
      span,
      '`??` gives the value of a read outside a tensor, as in `x[b, i - 1] ?? 0.0`',
      {
        hint: 'it belongs right after the subscripts, inside index notation',
      },
    )
  }
  const left = locate(frame, expression.left)
  if ((operator === 'and' || operator === 'or') && left.value.kind === 'boolean') {
    if (left.value.value === (operator === 'or')) return left.value
    const right = evaluate(frame, expression.right)
    if (right.kind === 'boolean' || right.kind === 'error' || isElement(right) || right.kind === 'tensor') return right
    return report(
      frame,
      'NN0205',
      expression.right.span,
      `\`${operator}\` needs a condition, but this is ${describe(right)}`,
    )
  }
  const right = locate(frame, expression.right)
  if (operator !== '@') return binary(frame, span, operator, left, right)
  if (left.value.kind === 'error' || right.value.kind === 'error') return errorValue
  const a = toTensor(frame, left)
  const b = toTensor(frame, right)
  if (a.kind === 'error' || b.kind === 'error') return errorValue
  return matrixProduct(frame, span, { value: a, span: left.span }, { value: b, span: right.span })
}

/** A condition known when compiled chooses a branch; the other one is not elaborated. */
function evaluateConditional(frame: Frame, expression: ConditionalExpression): Value {
  const condition = locate(frame, expression.condition)
  if (condition.value.kind === 'error') return condition.value
  if (condition.value.kind === 'boolean')
    return evaluate(frame, condition.value.value ? expression.consequent : expression.alternate)
  return select(
    frame,
    expression.span,
    condition,
    locate(frame, expression.consequent),
    locate(frame, expression.alternate),
  )
}

function rearrange(frame: Frame, expression: RearrangeExpression): Value {
  const input = locate(frame, expression.input)
  const sizes = new Map<string, Located>()
  for (const size of expression.sizes) if (size.name) sizes.set(size.name.text, locate(frame, size.value))
  return evaluateRearrange(frame, expression, input, sizes)
}
