/** Ops whose results along the last axis depend on one another: the order of elements, and their running sum. */
import { type Dim, symbol } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { type OpDef, ShapeError, type TensorValue } from './definition.ts'
import { formatType, requireAtMost, requireDType, requireNotNegative } from './requirements.ts'
import { elementCount } from './strides.ts'

const batch = symbol('Batch')
const f32 = (...shape: Dim[]): TensorType => ({ dtype: 'f32', shape })
const i32 = (...shape: Dim[]): TensorType => ({ dtype: 'i32', shape })
const dims = { Batch: 5 }

function lastAxis(op: string, x: TensorType): Dim {
  requireDType(op, x, ['f32', 'i32'])
  const length = x.shape.at(-1)
  if (length === undefined) throw new ShapeError(`${op} needs an axis, which ${formatType(x)} has not`)
  return length
}

/** Each row along the last axis. */
function rowsOf({ shape, data }: TensorValue): Float64Array[] {
  const length = shape.at(-1)!
  return Array.from({ length: elementCount(shape.slice(0, -1)) }, (_, row) =>
    data.subarray(row * length, (row + 1) * length),
  )
}

/** Below zero where a comes first. NaN is larger than every number and equal to itself; −0 is 0. */
function ascending(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a === b ? 0 : a < b ? -1 : 1
}

// The positions that put x in order, the first `count` of them; of equal elements the first comes first.
const argsort: OpDef<'argsort'> = {
  arity: 1,
  class: 'sequential',
  infer: ([x], { count }) => {
    requireNotNegative('argsort', 'count', count)
    requireAtMost('argsort', 'the count', count, lastAxis('argsort', x!))
    return { dtype: 'i32', shape: [...x!.shape.slice(0, -1), count] }
  },
  gradient: null,
  evaluate: ([x], { descending, count }, context) => {
    const kept = context.size(count)
    const order = descending ? (a: number, b: number) => ascending(b, a) : ascending
    const data = rowsOf(x!).flatMap((row) =>
      Array.from(row, (_, at) => at)
        .sort((a, b) => order(row[a]!, row[b]!))
        .slice(0, kept),
    )
    return { dtype: 'i32', shape: [...x!.shape.slice(0, -1), kept], data: Float64Array.from(data) }
  },
  samples: () => [
    { inputs: [f32(17)], attributes: { descending: false, count: 17 } },
    { inputs: [f32(300)], attributes: { descending: true, count: 300 } },
    { inputs: [f32(3, 40)], attributes: { descending: true, count: 3 } },
    { inputs: [f32(2, 3, 7)], attributes: { descending: false, count: 4 } },
    { inputs: [i32(2, 90)], attributes: { descending: true, count: 90 } },
    { inputs: [i32(2, 300)], attributes: { descending: false, count: 40 } },
    { inputs: [f32(4, batch)], attributes: { descending: false, count: batch }, dims },
  ],
}

// yᵢ = x₀ + … + xᵢ, reversed yᵢ = xᵢ + … + xₙ; each one's adjoint is the other.
const cumsum: OpDef<'cumsum'> = {
  arity: 1,
  class: 'sequential',
  infer: ([x]) => {
    lastAxis('cumsum', x!)
    return x!
  },
  gradient: ({ build, cotangent, attributes: { reverse } }) => [build.cumsum(cotangent, !reverse)],
  evaluate: ([x], { reverse }) => {
    const { dtype, shape } = x!
    const data = Float64Array.from(x!.data)
    for (const row of rowsOf({ dtype, shape, data })) {
      let total = 0
      for (let step = 0; step < row.length; step++) {
        const at = reverse ? row.length - 1 - step : step
        total += row[at]!
        if (dtype === 'i32') total |= 0
        row[at] = total
      }
    }
    return { dtype, shape, data }
  },
  samples: () => [
    { inputs: [f32(17)], attributes: { reverse: false } },
    { inputs: [f32(3, 5)], attributes: { reverse: true } },
    { inputs: [i32(2, 2, 9)], attributes: { reverse: false } },
    { inputs: [f32(4, batch)], attributes: { reverse: true }, dims },
  ],
}

export const sequential = { argsort, cumsum }
