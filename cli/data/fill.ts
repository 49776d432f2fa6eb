/** `fill(x, how)`: a value for rows that have none, learned from the training rows unless it is written down. Pure. */
import type { Expression } from '../../compiler/1-parse/ast.ts'
import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import { DataFault } from './data-fault.ts'
import type { Computed, ComputedNumbers, ComputedText, ExpressionScope } from './expression.ts'
import { changed } from './learned.ts'
import { emptyNumbers } from './named-column.ts'
import { rowValues, textOf } from './row-values.ts'
import { presentValues, quantile } from './scaling.ts'
import { sizeOf } from './shape.ts'

const STATISTICS = ['mean', 'median', 'mode'] as const
export type FillStatistic = (typeof STATISTICS)[number]

/** The statistic `fill` names, if it names one. */
export function fillStatistic(how: Expression): FillStatistic | undefined {
  return how.kind === 'name' ? STATISTICS.find((name) => name === how.name) : undefined
}

/** Refuses what `fill` cannot take as its second argument. */
export function checkFill(how: Expression): void {
  const literal = how.kind === 'unary' ? how.operand : how
  if (fillStatistic(how) || literal.kind === 'number' || how.kind === 'string') return
  throw new DataFault(
    'NN0405',
    how.span,
    '`fill` takes `mean`, `median`, `mode`, a number or a text in quotes',
    'as in `fill(age, median)` or `fill(sex, "unknown")`',
  )
}

/** `x` with its missing rows filled: by a statistic of the training rows, or by a constant. */
export function fill(column: Computed, how: Expression, span: Span, scope: ExpressionScope): Computed {
  const given = rowValues(column, span, 'fill')
  const input = fillsText(how, scope) ? (textOf(given) ?? given) : given
  if (input.kind === 'number') return fillNumbers(input, how, span, scope)
  return input.empty && fillsNumbers(how, scope)
    ? fillNumbers(emptyNumbers(input), how, span, scope)
    : fillText(input, how, span, scope)
}

/** Whether a column that has no values here is one of numbers, as in a single row to predict. */
function fillsNumbers(how: Expression, scope: ExpressionScope): boolean {
  if (fillStatistic(how) !== 'mode') return how.kind !== 'string'
  const known = scope.known?.()
  return known?.kind === 'fill' && typeof known.values[0] === 'number'
}

/** Whether a column that happens to hold numbers here is one of text. */
function fillsText(how: Expression, scope: ExpressionScope): boolean {
  const known = fillStatistic(how) === 'mode' ? scope.known?.() : undefined
  return how.kind === 'string' || (known?.kind === 'fill' && typeof known.values[0] === 'string')
}

function fillText(input: ComputedText, how: Expression, span: Span, scope: ExpressionScope): ComputedText {
  const statistic = fillStatistic(how)
  if (how.kind !== 'string' && statistic !== 'mode')
    throw new DataFault('NN0411', how.span, 'this column is text', 'fill it with `mode` or with a text in quotes')
  let value: string
  if (how.kind === 'string') value = how.value
  else {
    const learned = scope.learned(span, ({ train }) => ({
      kind: 'fill',
      values: [
        mostFrequent(
          [...train].filter((row) => !input.absent(row)).map((row) => input.compute(row)),
          span,
        ),
      ],
    }))
    if (learned.kind !== 'fill' || typeof learned.values[0] !== 'string') throw changed(span)
    value = learned.values[0]
  }
  return {
    kind: 'text',
    absent: () => false,
    compute: (row) => (input.absent(row) ? value : input.compute(row)),
  }
}

function fillNumbers(input: ComputedNumbers, how: Expression, span: Span, scope: ExpressionScope): ComputedNumbers {
  const size = sizeOf(input.shape)
  const values = fillValues(input, how, span, scope)
  if (values.length !== size) throw changed(span)
  return {
    ...input,
    absent: () => false,
    compute(row, target, at) {
      if (input.absent(row)) for (let i = 0; i < size; i++) target[at + i] = values[i]!
      else input.compute(row, target, at)
    },
  }
}

function fillValues(input: ComputedNumbers, how: Expression, span: Span, scope: ExpressionScope): readonly number[] {
  const size = sizeOf(input.shape)
  const statistic = fillStatistic(how)
  if (!statistic) {
    const sign = how.kind === 'unary' ? -1 : 1
    const literal = how.kind === 'unary' ? how.operand : how
    if (literal.kind !== 'number')
      throw new DataFault('NN0411', how.span, 'these are numbers, and a text cannot fill them')
    return new Array<number>(size).fill(sign * literal.value)
  }
  const learned = scope.learned(span, ({ train }) => ({
    kind: 'fill',
    values: presentValues(input, train, span).map((column) => {
      if (statistic === 'mean') return column.reduce((sum, value) => sum + value, 0) / column.length
      return statistic === 'median' ? quantile(column, 0.5) : mostFrequent([...column], span)
    }),
  }))
  if (learned.kind !== 'fill' || learned.values.some((value) => typeof value !== 'number')) throw changed(span)
  return learned.values as readonly number[]
}

/** Of equally frequent values the first in order. */
function mostFrequent<Value extends number | string>(values: readonly Value[], span: Span): Value {
  const counts = new Map<Value, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  const [first] = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  if (!first)
    throw new DataFault('NN0411', span, 'no training row has a value here', 'leave the column out, or fill a constant')
  return first[0]
}
