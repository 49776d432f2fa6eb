/** Comparisons and logic of a data block: 1 where they hold, 0 where they do not. Pure. */
import type { BinaryOperator } from '../../compiler/1-parse/ast.ts'
import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import { DataFault } from './data-fault.ts'
import type { Computed, ComputedNumbers } from './expression.ts'
import { rowValues, textOf } from './row-values.ts'
import { shapeText, sizeOf } from './shape.ts'

type Comparison = <Value extends number | string>(left: Value, right: Value) => boolean

const COMPARISONS: Partial<Record<BinaryOperator, Comparison>> = {
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
}

/** Whether the operator compares or joins conditions. */
export function isCondition(operator: BinaryOperator): boolean {
  return operator === 'and' || operator === 'or' || COMPARISONS[operator] !== undefined
}

/**
 * Numbers by size, text by code unit; `and` and `or` read their right side only where the left leaves it open, and have a value
 * wherever one side settles it, though the other be missing.
 */
export function condition(operator: BinaryOperator, left: Computed, right: Computed, span: Span): ComputedNumbers {
  const eitherAbsent = (row: number): boolean => left.absent(row) || right.absent(row)
  const of = (holds: (row: number) => boolean, absent = eitherAbsent): ComputedNumbers => ({
    kind: 'number',
    shape: [],
    absent,
    compute(row, target, at) {
      target[at] = holds(row) ? 1 : 0
    },
  })
  if (operator === 'and' || operator === 'or') {
    const one = truth(left, span, operator)
    const other = truth(right, span, operator)
    const decides = operator === 'or'
    const settles = (side: Computed, value: (row: number) => boolean, row: number): boolean =>
      !side.absent(row) && value(row) === decides
    return of(
      decides ? (row) => one(row) || other(row) : (row) => one(row) && other(row),
      (row) => eitherAbsent(row) && !settles(left, one, row) && !settles(right, other, row),
    )
  }
  const compare = COMPARISONS[operator]!
  const [leftText, rightText] = [textOf(left), textOf(right)]
  // A column of numbers is compared with a text as it is written.
  if ((left.kind === 'text' || right.kind === 'text') && leftText && rightText)
    return of((row) => compare(leftText.compute(row), rightText.compute(row)))
  if (left.kind === 'text' || right.kind === 'text')
    throw new DataFault(
      'NN0412',
      span,
      `\`${operator}\` compares text with a number`,
      left.kind === 'text' ? 'put the value in quotes' : 'leave out the quotes',
    )
  const one = single(left, span, operator)
  const other = single(right, span, operator)
  return of((row) => compare(one(row), other(row)))
}

/** `not c` */
export function negation(input: Computed, span: Span): ComputedNumbers {
  const holds = truth(input, span, 'not')
  return {
    kind: 'number',
    shape: [],
    absent: input.absent,
    compute(row, target, at) {
      target[at] = holds(row) ? 0 : 1
    },
  }
}

/** `missing(x)`: 1 where there is no value, else 0. */
export function missingIndicator(input: Computed): ComputedNumbers {
  return {
    kind: 'number',
    shape: [],
    absent: () => false,
    compute(row, target, at) {
      target[at] = input.absent(row) ? 1 : 0
    },
  }
}

/** A condition row by row: a number that is not zero holds. */
export function truth(input: Computed, span: Span, user: string): (row: number) => boolean {
  const value = single(input, span, user)
  return (row) => value(row) !== 0
}

function single(column: Computed, span: Span, user: string): (row: number) => number {
  const input = rowValues(column, span, user)
  if (input.kind === 'text')
    throw new DataFault('NN0411', span, `\`${user}\` needs a condition, and this is text`, 'compare it: `name == "…"`')
  if (sizeOf(input.shape) !== 1 || input.shape.length > 0)
    throw new DataFault(
      'NN0412',
      span,
      `\`${user}\` takes one value per row, and this has the shape ${shapeText(input.shape)}`,
    )
  const value = new Float64Array(1)
  return (row) => {
    input.compute(row, value, 0)
    return value[0]!
  }
}
