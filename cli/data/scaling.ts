/** Scalings and clippings learned from the training rows, each element with its own statistics. Pure. */
import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import { DataFault } from './data-fault.ts'
import type { ComputedNumbers, ExpressionScope } from './expression.ts'
import { changed, type Learned } from './learned.ts'
import { sizeOf } from './shape.ts'

/** (x − least) / (greatest − least); a constant element becomes 0. scikit-learn's `MinMaxScaler`. */
export function minmaxScale(input: ComputedNumbers, span: Span, scope: ExpressionScope): ComputedNumbers {
  const { low, high } = range(input, span, scope, 'minmax_scale', (column) => [column[0]!, column.at(-1)!])
  return mapped(input, (value, i) => (value - low[i]!) / (high[i]! - low[i]! || 1))
}

/** (x − median) / (third quartile − first quartile). scikit-learn's `RobustScaler`. */
export function robustScale(input: ComputedNumbers, span: Span, scope: ExpressionScope): ComputedNumbers {
  const size = sizeOf(input.shape)
  const learned = scope.learned(span, ({ train }) => {
    const columns = presentValues(input, train, span)
    return {
      kind: 'robust_scale',
      median: columns.map((column) => quantile(column, 0.5)),
      range: columns.map((column) => quantile(column, 0.75) - quantile(column, 0.25)),
    }
  })
  if (learned.kind !== 'robust_scale' || learned.median.length !== size || learned.range.length !== size)
    throw changed(span)
  const { median, range: spread } = learned
  return mapped(input, (value, i) => (value - median[i]!) / (spread[i]! || 1))
}

/** Values kept between two quantiles of the training rows. */
export function clipQuantiles(
  input: ComputedNumbers,
  [from, to]: readonly [number, number],
  span: Span,
  scope: ExpressionScope,
): ComputedNumbers {
  const { low, high } = range(input, span, scope, 'clip_quantiles', (column) => [
    quantile(column, from),
    quantile(column, to),
  ])
  return mapped(input, (value, i) => Math.min(Math.max(value, low[i]!), high[i]!))
}

function range(
  input: ComputedNumbers,
  span: Span,
  scope: ExpressionScope,
  kind: Extract<Learned, { low: readonly number[] }>['kind'],
  ends: (sorted: Float64Array) => readonly [number, number],
): { readonly low: readonly number[]; readonly high: readonly number[] } {
  const size = sizeOf(input.shape)
  const learned = scope.learned(span, ({ train }) => {
    const pairs = presentValues(input, train, span).map(ends)
    return { kind, low: pairs.map(([low]) => low), high: pairs.map(([, high]) => high) }
  })
  if (learned.kind !== kind || learned.low.length !== size || learned.high.length !== size) throw changed(span)
  return learned
}

function mapped(input: ComputedNumbers, operate: (value: number, element: number) => number): ComputedNumbers {
  const size = sizeOf(input.shape)
  return {
    kind: 'number',
    shape: input.shape,
    absent: input.absent,
    compute(row, target, at) {
      input.compute(row, target, at)
      for (let i = 0; i < size; i++) target[at + i] = operate(target[at + i]!, i)
    },
  }
}

/** The values of each element in the rows that have one, ascending. */
export function presentValues(input: ComputedNumbers, rows: Int32Array, span: Span): Float64Array[] {
  const present = rows.filter((row) => !input.absent(row))
  if (present.length === 0)
    throw new DataFault('NN0411', span, 'no training row has a value here', 'leave the column out, or fill a constant')
  const size = sizeOf(input.shape)
  const columns = Array.from({ length: size }, () => new Float64Array(present.length))
  const values = new Float64Array(size)
  present.forEach((row, at) => {
    input.compute(row, values, 0)
    for (let i = 0; i < size; i++) columns[i]![at] = values[i]!
  })
  return columns.map((column) => column.sort())
}

/** Between the neighbours in proportion, as NumPy does by default. */
export function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1)
  const below = Math.floor(place)
  const low = sorted[below]!
  return low + (place - below) * ((sorted[below + 1] ?? low) - low)
}
