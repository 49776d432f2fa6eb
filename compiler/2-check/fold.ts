/** Arithmetic on what is known when compiled: numbers, dimensions, booleans, strings. */
import type { BinaryOperator } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { boundsOf } from '../dimensions/bounds.ts'
import {
  add,
  type Dim,
  DimensionError,
  dimEqual,
  divideExactly,
  floorDivide,
  isConstant,
  modulo,
  multiply,
  subtract,
} from '../dimensions/dimension.ts'
import { rangesOf } from './entry.ts'
import { type Frame, report } from './session.ts'
import {
  describe,
  dimension,
  dimOf,
  displayDim,
  type ErrorValue,
  errorValue,
  float,
  integer,
  type Value,
} from './values.ts'

const MAXIMUM_TERMS = 1000

/** The folded value; undefined where the result is only known at run time. */
export function foldBinary(
  frame: Frame,
  span: Span,
  operator: BinaryOperator,
  left: Value,
  right: Value,
): Value | undefined {
  if (operator === 'and' || operator === 'or') {
    if (left.kind !== 'boolean' || right.kind !== 'boolean') return invalid(frame, span, operator, left, right)
    return { kind: 'boolean', value: operator === 'and' ? left.value && right.value : left.value || right.value }
  }
  if (left.kind === 'boolean' || left.kind === 'string') {
    const comparable = right.kind === left.kind && (operator === '==' || operator === '!=')
    if (!comparable) return invalid(frame, span, operator, left, right)
    return { kind: 'boolean', value: (left.value === right.value) === (operator === '==') }
  }
  if (right.kind === 'boolean' || right.kind === 'string') return invalid(frame, span, operator, left, right)
  if (left.kind === 'number' && right.kind === 'number') return foldNumbers(frame, span, operator, left, right)
  const a = dimOf(left)
  const b = dimOf(right)
  if (a === undefined || b === undefined) return undefined
  return foldDims(frame, span, operator, a, b)
}

function foldNumbers(
  frame: Frame,
  span: Span,
  operator: BinaryOperator,
  left: { readonly value: number; readonly integer: boolean },
  right: { readonly value: number; readonly integer: boolean },
): Value | undefined {
  const [a, b] = [left.value, right.value]
  const whole = left.integer && right.integer
  const number = (value: number): Value => (whole ? integer(value) : float(value))
  switch (operator) {
    case '+':
      return number(a + b)
    case '-':
      return number(a - b)
    case '*':
      return number(a * b)
    case '/':
      if (whole && b === 0) return report(frame, 'NN0261', span, 'division by zero')
      if (whole && frame.floorDivision) return integer(Math.floor(a / b))
      return whole && a % b === 0 ? integer(a / b) : float(a / b)
    case '%':
      if (whole && b === 0) return report(frame, 'NN0261', span, 'division by zero')
      return number(a - b * Math.floor(a / b))
    case '^':
      return whole && b >= 0 && Number.isSafeInteger(a ** b) ? integer(a ** b) : float(a ** b)
    default:
      return { kind: 'boolean', value: compare(operator, a, b) }
  }
}

function foldDims(frame: Frame, span: Span, operator: BinaryOperator, a: Dim, b: Dim): Value | undefined {
  switch (operator) {
    case '+':
      return dimension(add(a, b))
    case '-':
      return dimension(subtract(a, b))
    case '*':
      return dimension(boundedProduct(a, b))
    case '/': {
      if (b === 0) return report(frame, 'NN0261', span, 'division by zero')
      if (frame.floorDivision) return positiveDivisor(frame, span, b) ?? dimension(floorDivide(a, b))
      const exact = divideExactly(a, b)
      return exact === undefined ? undefined : dimension(exact)
    }
    case '%':
      if (b === 0) return report(frame, 'NN0261', span, 'division by zero')
      return positiveDivisor(frame, span, b) ?? dimension(modulo(a, b))
    case '^':
      if (!isConstant(b) || b < 0 || b > 8) return undefined
      return dimension(Array.from({ length: b }, () => a).reduce(boundedProduct, 1))
    default:
      return foldComparison(frame, operator, a, b)
  }
}

/** Reports a divisor that is not positive for every size in the ranges of the run-time dimensions. */
function positiveDivisor(frame: Frame, span: Span, divisor: Dim): ErrorValue | undefined {
  if (frame.session.rigid) return undefined
  const { minimum } = boundsOf(divisor, rangesOf(frame))
  if (minimum > 0) return undefined
  return report(frame, 'NN0261', span, `this divides by ${displayDim(divisor)}, which can be ${minimum}`, {
    hint: 'a divisor must be at least 1 for every size in the range of the dimension',
  })
}

/** Products of long sums grow fast; sizes of real programs have a handful of terms. */
function boundedProduct(a: Dim, b: Dim): Dim {
  const terms = (dim: Dim): number => (isConstant(dim) ? 1 : dim.terms.length + 1)
  if (terms(a) * terms(b) > MAXIMUM_TERMS) throw new DimensionError('this size is a sum of too many products')
  return multiply(a, b)
}

/** Decided by the ranges of the dimensions where possible; unknown generic sizes leave it open silently. */
function foldComparison(frame: Frame, operator: BinaryOperator, a: Dim, b: Dim): Value | undefined {
  const answer = (value: boolean): Value => ({ kind: 'boolean', value })
  if (dimEqual(a, b)) return answer(operator === '==' || operator === '<=' || operator === '>=')
  const { minimum, maximum } = boundsOf(subtract(a, b), rangesOf(frame))
  if (minimum > 0) return answer(operator === '!=' || operator === '>' || operator === '>=')
  if (maximum < 0) return answer(operator === '!=' || operator === '<' || operator === '<=')
  if (operator === '>=' && minimum >= 0) return answer(true)
  if (operator === '<=' && maximum <= 0) return answer(true)
  return frame.session.rigid ? errorValue : undefined
}

function compare(operator: BinaryOperator, a: number, b: number): boolean {
  switch (operator) {
    case '==':
      return a === b
    case '!=':
      return a !== b
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    case '>=':
      return a >= b
    default:
      throw new Error(`internal: check: operator ${operator}`)
  }
}

function invalid(frame: Frame, span: Span, operator: BinaryOperator, left: Value, right: Value): Value {
  return report(frame, 'NN0209', span, `\`${operator}\` does not work on ${describe(left)} and ${describe(right)}`)
}
