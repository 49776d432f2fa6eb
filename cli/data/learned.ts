/** Functions of a data block that learn from rows: means, names of categories, numbers of classes. Pure. */
import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import type { Vocabulary } from '../../runtime/api.ts'
import { DataFault } from './data-fault.ts'
import { decimalNumber } from './decimal-number.ts'
import type { Computed, ComputedNumbers, ExpressionScope } from './expression.ts'
import { rowValues, textOf } from './row-values.ts'
import { shapeText, sizeOf } from './shape.ts'

/** What one learning function of a field (`standardize`, `category`, `fill` and so on) learned. Plain JSON: it is kept in checkpoints. */
export type Learned =
  | { readonly kind: 'standardize'; readonly mean: readonly number[]; readonly deviation: readonly number[] }
  | { readonly kind: 'category'; readonly names: readonly string[] }
  | { readonly kind: 'one_hot'; readonly count: number }
  | Vocabulary
  | { readonly kind: 'fill'; readonly values: readonly number[] | readonly string[] }
  | { readonly kind: 'robust_scale'; readonly median: readonly number[]; readonly range: readonly number[] }
  | {
      readonly kind: 'minmax_scale' | 'clip_quantiles'
      readonly low: readonly number[]
      readonly high: readonly number[]
    }

/** The rows things are learned from: statistics from the training part, categories from the whole source. */
export interface LearningRows {
  readonly train: Int32Array
  readonly all: Int32Array
}

/** (x − mean) / deviation, each element with its own statistics; a constant element becomes 0. */
export function standardize(input: ComputedNumbers, span: Span, scope: ExpressionScope): ComputedNumbers {
  const size = sizeOf(input.shape)
  const learned = scope.learned(span, ({ train }) => ({
    kind: 'standardize',
    ...statistics(
      input,
      train.filter((row) => !input.absent(row)),
    ),
  }))
  if (learned.kind !== 'standardize' || learned.mean.length !== size || learned.deviation.length !== size)
    throw changed(span)
  const { mean, deviation } = learned
  return {
    kind: 'number',
    shape: input.shape,
    absent: input.absent,
    compute(row, target, at) {
      input.compute(row, target, at)
      for (let i = 0; i < size; i++) target[at + i] = (target[at + i]! - mean[i]!) / (deviation[i]! || 1)
    },
  }
}

/** Mean and population standard deviation of each element over the rows, in one pass (Welford 1962). */
function statistics(input: ComputedNumbers, rows: ArrayLike<number>): { mean: number[]; deviation: number[] } {
  const size = sizeOf(input.shape)
  const values = new Float64Array(size)
  const mean = new Array<number>(size).fill(0)
  const squares = new Array<number>(size).fill(0)
  for (let n = 0; n < rows.length; n++) {
    input.compute(rows[n]!, values, 0)
    for (let i = 0; i < size; i++) {
      const before = values[i]! - mean[i]!
      mean[i]! += before / (n + 1)
      squares[i]! += before * (values[i]! - mean[i]!)
    }
  }
  return { mean, deviation: squares.map((square) => Math.sqrt(square / Math.max(1, rows.length))) }
}

/** The position of each value among the distinct values of the source, sorted: numbers by size, text by code unit. */
export function category(column: Computed, span: Span, scope: ExpressionScope): ComputedNumbers {
  const input = asLearned(column, scope)
  const nameOf = single(input, span, 'category')
  const learned = scope.learned(span, ({ all }) => {
    const names = new Set<string>()
    for (const row of all) if (!input.absent(row)) names.add(nameOf(row))
    const order = input.kind === 'number' ? (a: string, b: string) => Number(a) - Number(b) : undefined
    return { kind: 'category', names: [...names].sort(order) }
  })
  if (learned.kind !== 'category') throw changed(span)
  const positions = new Map(learned.names.map((name, position) => [name, position]))
  return {
    kind: 'number',
    shape: [],
    categories: learned.names,
    absent: input.absent,
    compute(row, target, at) {
      const value = nameOf(row)
      const position = positions.get(value)
      if (position === undefined) {
        const known = learned.names.slice(0, 8).join(', ') + (learned.names.length > 8 ? ', …' : '')
        throw new DataFault(
          'NN0413',
          span,
          `\`${value}\` in ${scope.table.describeRow(row)} is no category of the training source`,
          `it has ${known}`,
        )
      }
      target[at] = position
    },
  }
}

/** A column that happens to hold numbers here as text, where the names that were learned are text. */
function asLearned(column: Computed, scope: ExpressionScope): Computed {
  const known = scope.known?.()
  if (column.kind !== 'number' || known?.kind !== 'category') return column
  const areNumbers = known.names.every((name) => String(decimalNumber(name)) === name)
  return areNumbers ? column : (textOf(column) ?? column)
}

function single(column: Computed, span: Span, user: string): (row: number) => string {
  const input = rowValues(column, span, user)
  if (input.kind === 'text') return (row) => input.compute(row)
  if (input.shape.length > 0)
    throw new DataFault(
      'NN0412',
      span,
      `\`${user}\` takes one value per row, and this has the shape ${shapeText(input.shape)}`,
    )
  const value = new Float64Array(1)
  return (row) => {
    input.compute(row, value, 0)
    return String(value[0])
  }
}

/** A one at the category's position, zeros elsewhere. Whole numbers are their own positions. */
export function oneHot(column: Computed, span: Span, scope: ExpressionScope): ComputedNumbers {
  const input = rowValues(column, span, 'one_hot')
  const isCategory = input.kind === 'text' || scope.known?.()?.kind === 'category'
  const positions = isCategory ? category(input, span, scope) : input
  if (positions.shape.length > 0)
    throw new DataFault(
      'NN0412',
      span,
      `\`one_hot\` takes one value per row, and this has the shape ${shapeText(positions.shape)}`,
    )
  const value = new Float64Array(1)
  const positionOf = (row: number): number => {
    positions.compute(row, value, 0)
    return value[0]!
  }
  const count = positions.categories?.length ?? learnCount(positions, positionOf, span, scope)
  return {
    kind: 'number',
    shape: [count],
    absent: positions.absent,
    compute(row, target, at) {
      const position = positionOf(row)
      if (!Number.isInteger(position) || position < 0 || position >= count)
        throw new DataFault(
          'NN0413',
          span,
          `${position} in ${scope.table.describeRow(row)} is not one of the classes 0 to ${count - 1}`,
          Number.isInteger(position) ? undefined : 'number the values with `category(…)` first',
        )
      target.fill(0, at, at + count)
      target[at + position] = 1
    },
  }
}

function learnCount(
  input: ComputedNumbers,
  positionOf: (row: number) => number,
  span: Span,
  scope: ExpressionScope,
): number {
  const learned = scope.learned(span, ({ all }) => {
    let largest = 0
    for (const row of all) if (!input.absent(row)) largest = Math.max(largest, positionOf(row))
    return { kind: 'one_hot', count: Math.floor(largest) + 1 }
  })
  if (learned.kind !== 'one_hot') throw changed(span)
  return learned.count
}

/** What was learned before is of another form than this file asks for. */
export function changed(span: Span): DataFault {
  return new DataFault(
    'NN0412',
    span,
    'the weights were trained with another data block: what they learned here does not fit',
    'train again, or use the `.nn` file the weights were trained with',
  )
}
