/** Whole-tensor reductions; index notation has its own. */
import { product } from '../../dimensions/dimension.ts'
import { apply } from '../arithmetic.ts'
import { type Builtin, type BuiltinCall, parameters } from '../builtin.ts'
import { cast, dimensionScalar, emit } from '../entry.ts'
import { originLabel, report } from '../session.ts'
import { displayType, errorValue, type TensorValue, type Value } from '../values.ts'
import { axisArgument, tensorArgument } from './arguments.ts'

type ReduceOp = 'reduce_sum' | 'reduce_max' | 'reduce_min' | 'reduce_prod'

export const reductionBuiltins: readonly Builtin[] = [
  {
    name: 'sum',
    signature: 'sum(x, axis)',
    documentation: 'The sum of all elements, or along one axis.',
    parameters: parameters('x', 'axis?'),
    apply: (call) => reduceAll(call, 'reduce_sum'),
  },
  {
    name: 'prod',
    signature: 'prod(x, axis)',
    documentation: 'The product of all elements, or along one axis.',
    parameters: parameters('x', 'axis?'),
    apply: (call) => reduceAll(call, 'reduce_prod'),
  },
  {
    name: 'mean',
    signature: 'mean(x, axis)',
    documentation: 'The mean of all elements, or along one axis.',
    parameters: parameters('x', 'axis?'),
    apply: mean,
  },
  {
    name: 'argmax',
    signature: 'argmax(x, axis = -1)',
    documentation: 'The position (i32) of the first largest element along the last or another axis.',
    parameters: parameters('x', 'axis?'),
    apply: (call) => position(call, false),
  },
  {
    name: 'argmin',
    signature: 'argmin(x, axis = -1)',
    documentation: 'The position (i32) of the first smallest element along the last or another axis.',
    parameters: parameters('x', 'axis?'),
    apply: (call) => position(call, true),
  },
]

export function reduceAll(call: BuiltinCall, op: ReduceOp): Value {
  const x = numericArgument(call)
  const axes = x && axesOf(call, x)
  if (!x || !axes) return errorValue
  const ordered = op === 'reduce_max' || op === 'reduce_min'
  return ordered && isEmpty(call, x, axes) ? errorValue : reduce(call, op, x, axes)
}

/** Reports a largest or smallest element of nothing. */
function isEmpty(call: BuiltinCall, x: TensorValue, axes: readonly number[]): boolean {
  const axis = axes.find((own) => x.type.shape[own] === 0)
  if (axis === undefined) return false
  const { frame, name } = call
  report(
    frame,
    'NN0261',
    call.arguments.x!.span,
    `\`${name}\` of ${displayType(x.type)}: there is no element to take`,
    {
      labels: [originLabel(x.origins[axis], () => 'the size 0 comes from here')],
    },
  )
  return true
}

function mean(call: BuiltinCall): Value {
  const given = numericArgument(call)
  const axes = given && axesOf(call, given)
  if (!given || !axes) return errorValue
  const { frame, span } = call
  const x = cast(frame, span, given, 'f32')
  const total = reduce(call, 'reduce_sum', x, axes)
  const count = dimensionScalar(frame, span, product(axes.map((axis) => x.type.shape[axis]!)), 'f32')
  return apply(
    frame,
    span,
    'div',
    [
      { value: total, span },
      { value: count, span },
    ],
    'f32',
  )
}

function position(call: BuiltinCall, smallest: boolean): Value {
  const given = numericArgument(call)
  if (!given) return errorValue
  const { frame, span, name } = call
  const rank = given.type.shape.length
  if (rank === 0) return report(frame, 'NN0204', call.arguments.x!.span, `\`${name}\` needs at least one axis`)
  const axis = call.arguments.axis ? axisArgument(call, 'axis', rank) : rank - 1
  if (axis === undefined || isEmpty(call, given, [axis])) return errorValue
  const x = smallest ? emit(frame, span, given.type, { op: 'neg', attributes: {} }, [given], given.origins) : given
  const shape = x.type.shape.toSpliced(axis, 1)
  const origins = x.type.shape.map((_, at) => x.origins[at]).toSpliced(axis, 1)
  return emit(frame, span, { dtype: 'i32', shape }, { op: 'argmax', attributes: { axis } }, [x], origins)
}

function reduce(call: BuiltinCall, op: ReduceOp, x: TensorValue, axes: readonly number[]): TensorValue {
  if (axes.length === 0) return x
  const kept = x.type.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
  const type = { dtype: x.type.dtype, shape: kept.map((axis) => x.type.shape[axis]!) }
  const origins = kept.map((axis) => x.origins[axis])
  return emit(call.frame, call.span, type, { op, attributes: { axes } }, [x], origins)
}

function axesOf(call: BuiltinCall, x: TensorValue): number[] | undefined {
  if (!call.arguments.axis) return x.type.shape.map((_, axis) => axis)
  const axis = axisArgument(call, 'axis', x.type.shape.length)
  return axis === undefined ? undefined : [axis]
}

function numericArgument(call: BuiltinCall): TensorValue | undefined {
  const x = tensorArgument(call, 'x')
  if (x?.type.dtype !== 'bool') return x
  report(
    call.frame,
    'NN0205',
    call.arguments.x!.span,
    `\`${call.name}\` needs numbers, but this is ${displayType(x.type)}`,
    {
      hint: 'count conditions with `float(…)`: true is 1',
    },
  )
  return undefined
}
