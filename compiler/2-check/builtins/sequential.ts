/** Functions that run along one axis from element to element: running sums, and the order of elements. */
import { boundsOf } from '../../dimensions/bounds.ts'
import { type Dim, subtract } from '../../dimensions/dimension.ts'
import type { Operation } from '../../ops/op.ts'
import type { TensorType } from '../../types.ts'
import { type Builtin, type BuiltinCall, parameters } from '../builtin.ts'
import { emit, rangesOf } from '../entry.ts'
import { originLabel, report } from '../session.ts'
import { describe, displayDim, displayType, errorValue, type Origin, type TensorValue, type Value } from '../values.ts'
import { axisArgument, dimArgument, tensorArgument } from './arguments.ts'

export const sequentialBuiltins: readonly Builtin[] = [
  {
    name: 'cumsum',
    signature: 'cumsum(x, axis = -1, reverse = false)',
    documentation:
      'Sums of all elements up to each one, or with `reverse = true` from each one on, along the last or another axis.',
    parameters: parameters('x', 'axis?', 'reverse?'),
    apply: cumulativeSum,
  },
  {
    name: 'argsort',
    signature: 'argsort(x, descending = false, axis = -1, count)',
    documentation:
      'The positions (i32) that put the elements in order along the last or another axis, or only the first `count` of them. Of equal elements the first comes first; NaN is larger than every number, −0 equals 0.',
    parameters: parameters('x', 'descending?', 'axis?', 'count?'),
    apply: order,
  },
]

interface Row {
  readonly x: TensorValue
  readonly axis: number
  readonly length: Dim
}

function cumulativeSum(call: BuiltinCall): Value {
  const row = rowArgument(call)
  const reverse = flagArgument(call, 'reverse')
  if (!row || reverse === undefined) return errorValue
  const { x, axis } = row
  return alongAxis(call, x, axis, x.type, x.origins, { op: 'cumsum', attributes: { reverse } })
}

function order(call: BuiltinCall): Value {
  const row = rowArgument(call)
  const descending = flagArgument(call, 'descending')
  if (!row || descending === undefined) return errorValue
  const { x, axis, length } = row
  const count = call.arguments.count ? countArgument(call, row) : length
  if (count === undefined) return errorValue
  const type = { dtype: 'i32' as const, shape: x.type.shape.with(axis, count) }
  const origins = x.type.shape.map((_, at) =>
    at === axis && call.arguments.count ? { span: call.arguments.count.span } : x.origins[at],
  )
  return alongAxis(call, x, axis, type, origins, { op: 'argsort', attributes: { descending, count } })
}

function rowArgument(call: BuiltinCall): Row | undefined {
  const x = tensorArgument(call, 'x')
  if (!x) return undefined
  const { shape, dtype } = x.type
  if (dtype === 'bool' || shape.length === 0) {
    const text = `\`${call.name}\` needs numbers along an axis, but this is ${displayType(x.type)}`
    report(call.frame, 'NN0204', call.arguments.x!.span, text)
    return undefined
  }
  const axis = call.arguments.axis ? axisArgument(call, 'axis', shape.length) : shape.length - 1
  return axis === undefined ? undefined : { x, axis, length: shape[axis]! }
}

/** `false` where it is not given. */
function flagArgument(call: BuiltinCall, name: string): boolean | undefined {
  const argument = call.arguments[name]
  if (!argument) return false
  if (argument.value.kind === 'boolean') return argument.value.value
  report(
    call.frame,
    'NN0215',
    argument.span,
    `\`${name}\` must be true or false, known when compiled, but this is ${describe(argument.value)}`,
  )
  return undefined
}

function countArgument(call: BuiltinCall, { x, axis, length }: Row): Dim | undefined {
  const { frame } = call
  const count = dimArgument(call, 'count')
  if (count === undefined || frame.session.rigid) return count
  const ranges = rangesOf(frame)
  const fits = boundsOf(count, ranges).minimum >= 0 && boundsOf(subtract(length, count), ranges).minimum >= 0
  if (fits) return count
  report(
    frame,
    'NN0222',
    call.arguments.count!.span,
    `the first ${displayDim(count)} of ${displayDim(length)} elements are asked for`,
    { labels: [originLabel(x.origins[axis], () => `${displayDim(length)} comes from here`)] },
  )
  return undefined
}

/** The operation along an axis, which it takes last. */
function alongAxis(
  { frame, span }: BuiltinCall,
  x: TensorValue,
  axis: number,
  type: TensorType,
  origins: readonly (Origin | undefined)[],
  operation: Operation,
): TensorValue {
  const last = x.type.shape.length - 1
  if (axis === last) return emit(frame, span, type, operation, [x], origins)
  // Exchanging two axes is its own inverse.
  const exchange = x.type.shape.map((_, at) => (at === axis ? last : at === last ? axis : at))
  const exchanged = ({ dtype, shape }: TensorType): TensorType => ({ dtype, shape: exchange.map((at) => shape[at]!) })
  const permute = { op: 'permute', attributes: { order: exchange } } as const
  const rows = emit(frame, span, exchanged(x.type), permute, [x])
  const result = emit(frame, span, exchanged(type), operation, [rows])
  return emit(frame, span, type, permute, [result], origins)
}
