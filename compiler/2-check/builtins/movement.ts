/** Functions that move, join, cut or look up elements. */
import type { Span } from '../../diagnostics/diagnostic.ts'
import { add, type Dim, dimEqual, divideExactly, floorDivide, multiply, product } from '../../dimensions/dimension.ts'
import { toTensor } from '../arithmetic.ts'
import { differs, expandTo, hasDivision } from '../broadcast.ts'
import { type Builtin, type BuiltinCall, parameters } from '../builtin.ts'
import { cast, emit } from '../entry.ts'
import { type Frame, originLabel, report } from '../session.ts'
import {
  displayDim,
  displayShape,
  displayType,
  errorValue,
  type Origin,
  type TensorValue,
  type Value,
} from '../values.ts'
import {
  axisArgument,
  dimArgument,
  dimFrom,
  integerArgument,
  listArgument,
  tensorArgument,
  typeArgument,
} from './arguments.ts'

export const movementBuiltins: readonly Builtin[] = [
  {
    name: 'flatten',
    signature: 'flatten(x, from = 0)',
    documentation: 'Joins the axes from `from` on into one.',
    parameters: parameters('x', 'from?'),
    apply: flatten,
  },
  {
    name: 'reshape',
    signature: 'reshape(x, [a, b, …])',
    documentation: 'The same elements in row-major order under another shape; one size may be −1 and is worked out.',
    parameters: parameters('x', 'shape'),
    apply: reshape,
  },
  {
    name: 'reshape_like',
    signature: 'reshape_like(x, like)',
    documentation: 'The same elements in row-major order in the shape of `like`, of which the values do not matter.',
    parameters: parameters('x', 'like'),
    apply: reshapeLike,
  },
  {
    name: 'transpose',
    signature: 'transpose(x, [order])',
    documentation: 'Exchanges the last two axes, or puts the axes in the order given.',
    parameters: parameters('x', 'order?'),
    apply: transpose,
  },
  {
    name: 'expand_dims',
    signature: 'expand_dims(x, axis)',
    documentation: 'Inserts an axis of size 1.',
    parameters: parameters('x', 'axis'),
    apply: expandDims,
  },
  {
    name: 'concat',
    signature: 'concat([a, b, …], axis = 0)',
    documentation: 'Joins tensors along an axis.',
    parameters: parameters('tensors', 'axis?'),
    apply: concat,
  },
  {
    name: 'split',
    signature: 'split(x, n)',
    documentation: 'Cuts the last axis into n equal parts: a tuple.',
    parameters: parameters('x', 'n'),
    apply: split,
  },
  {
    name: 'gather',
    signature: 'gather(table, ids)',
    documentation: 'The rows of `table` at the positions `ids` (i32), 0 ≤ id < the first size of the table.',
    parameters: parameters('table', 'ids'),
    apply: gather,
  },
  {
    name: 'class_index',
    signature: 'class_index(label, C)',
    documentation: 'The label itself (i32), with the promise 0 ≤ label < C, which the runtime checks.',
    parameters: parameters('label', 'classes'),
    apply: (call) => bounded(call, 'label', 'classes') ?? errorValue,
  },
  {
    name: 'one_hot',
    signature: 'one_hot(label, C)',
    documentation: 'A new last axis of size C, 1.0 at the label and 0.0 elsewhere.',
    parameters: parameters('label', 'classes'),
    apply: oneHot,
  },
]

function flatten(call: BuiltinCall): Value {
  const x = tensorArgument(call, 'x')
  if (!x) return errorValue
  const { shape } = x.type
  const from = call.arguments.from ? axisArgument(call, 'from', shape.length) : 0
  if (from === undefined) return errorValue
  const joined = shape.slice(from)
  const note = joined.length > 1 ? joined.map(displayDim).join(' * ') : undefined
  const origin: Origin = { span: call.span, ...(note && { note }) }
  return reshaped(
    call.frame,
    call.span,
    x,
    [...shape.slice(0, from), product(joined)],
    [...shape.slice(0, from).map((_, axis) => x.origins[axis]), origin],
  )
}

function reshape(call: BuiltinCall): Value {
  const x = tensorArgument(call, 'x')
  const items = listArgument(call, 'shape')
  if (!x || !items) return errorValue
  const shape: Dim[] = []
  for (const item of items) {
    const dim = dimFrom(call, item)
    if (dim === undefined) return errorValue
    shape.push(dim)
  }
  const total = product(x.type.shape)
  const open = shape.indexOf(-1)
  if (open >= 0) {
    const rest = product(shape.filter((_, at) => at !== open))
    const size = rest === 0 ? undefined : divideExactly(total, rest)
    if (size !== undefined) shape[open] = size
  }
  if (shape.includes(-1) || differs(call.frame, product(shape), total))
    return report(
      call.frame,
      'NN0203',
      call.arguments.shape!.span,
      `${displayType(x.type)} cannot take the shape ${displayShape(shape)}`,
      {
        labels: [{ span: call.arguments.x!.span, message: `${displayDim(total)} elements` }],
      },
    )
  return reshaped(call.frame, call.span, x, shape, [])
}

function reshapeLike(call: BuiltinCall): Value {
  const x = tensorArgument(call, 'x')
  const like = typeArgument(call, 'like')
  if (!x || !like) return errorValue
  const total = product(x.type.shape)
  if (differs(call.frame, product(like.shape), total))
    return report(
      call.frame,
      'NN0203',
      call.arguments.like!.span,
      `${displayType(x.type)} cannot take the shape ${displayShape(like.shape)}`,
      { labels: [{ span: call.arguments.x!.span, message: `${displayDim(total)} elements` }] },
    )
  return reshaped(call.frame, call.span, x, like.shape, [])
}

export function reshaped(
  frame: Frame,
  span: Span,
  x: TensorValue,
  shape: readonly Dim[],
  origins: readonly (Origin | undefined)[],
): TensorValue {
  return emit(frame, span, { dtype: x.type.dtype, shape }, { op: 'reshape', attributes: { shape } }, [x], origins)
}

function transpose(call: BuiltinCall): Value {
  const x = tensorArgument(call, 'x')
  if (!x) return errorValue
  const rank = x.type.shape.length
  const order = x.type.shape.map((_, axis) => axis)
  if (call.arguments.order) {
    const items = listArgument(call, 'order')
    if (!items) return errorValue
    const given = items.map(({ value }) => (value.kind === 'number' ? value.value : Number.NaN))
    if (given.length !== rank || !order.every((axis) => given.includes(axis)))
      return report(
        call.frame,
        'NN0204',
        call.arguments.order.span,
        `the order must name each of the axes 0 to ${rank - 1} once`,
      )
    order.splice(0, rank, ...given)
  } else {
    if (rank < 2) return report(call.frame, 'NN0204', call.arguments.x!.span, '`transpose` needs at least two axes')
    order.splice(rank - 2, 2, rank - 1, rank - 2)
  }
  return permuted(call.frame, call.span, x, order)
}

export function permuted(frame: Frame, span: Span, x: TensorValue, order: readonly number[]): TensorValue {
  const type = { dtype: x.type.dtype, shape: order.map((axis) => x.type.shape[axis]!) }
  const origins = order.map((axis) => x.origins[axis])
  return emit(frame, span, type, { op: 'permute', attributes: { order } }, [x], origins)
}

function expandDims(call: BuiltinCall): Value {
  const x = tensorArgument(call, 'x')
  const axis = x && axisArgument(call, 'axis', x.type.shape.length + 1)
  if (!x || axis === undefined) return errorValue
  return reshaped(call.frame, call.span, x, x.type.shape.toSpliced(axis, 0, 1), x.origins.toSpliced(axis, 0, undefined))
}

function concat(call: BuiltinCall): Value {
  const items = listArgument(call, 'tensors')
  if (!items) return errorValue
  if (items.length === 0) return report(call.frame, 'NN0210', call.span, '`concat` needs at least one tensor')
  const tensors: TensorValue[] = []
  for (const item of items) {
    const tensor = toTensor(call.frame, item)
    if (tensor.kind === 'error') return tensor
    tensors.push(tensor)
  }
  const first = tensors[0]!
  const axis = call.arguments.axis ? axisArgument(call, 'axis', first.type.shape.length) : 0
  if (axis === undefined) return errorValue
  for (const tensor of tensors) {
    const fits =
      tensor.type.dtype === first.type.dtype &&
      tensor.type.shape.length === first.type.shape.length &&
      tensor.type.shape.length > 0 &&
      tensor.type.shape.every((dim, at) => at === axis || !differs(call.frame, dim, first.type.shape[at]!))
    if (!fits)
      return report(
        call.frame,
        'NN0203',
        call.arguments.tensors!.span,
        `${displayType(tensor.type)} cannot be joined to ${displayType(first.type)} along axis ${axis}`,
      )
  }
  const length = tensors.map((tensor) => tensor.type.shape[axis]!).reduce((sum, dim) => add(sum, dim))
  const type = { dtype: first.type.dtype, shape: first.type.shape.with(axis, length) }
  return emit(
    call.frame,
    call.span,
    type,
    { op: 'concat', attributes: { axis } },
    tensors,
    first.origins.map((origin, at) => (at === axis ? { span: call.span } : origin)),
  )
}

function split(call: BuiltinCall): Value {
  const x = tensorArgument(call, 'x')
  const parts = integerArgument(call, 'n')
  if (!x || parts === undefined) return errorValue
  const { dtype, shape } = x.type
  const axis = shape.length - 1
  if (axis < 0 || parts < 1 || parts > 4096)
    return report(call.frame, 'NN0204', call.span, '`split` needs a tensor with an axis and between 1 and 4096 parts')
  const total = shape[axis]!
  const size = divideExactly(total, parts)
  if (size === undefined && !(call.frame.session.rigid && hasDivision(floorDivide(total, parts))))
    return report(
      call.frame,
      'NN0203',
      call.span,
      `${displayDim(total)} elements cannot be cut into ${parts} equal parts`,
    )
  const part = size ?? floorDivide(total, parts)
  const items = Array.from({ length: parts }, (_, at) => {
    const start = shape.map((_, own): Dim => (own === axis ? multiply(part, at) : 0))
    const type = { dtype, shape: shape.with(axis, part) }
    const attributes = { start, size: type.shape, stride: shape.map(() => 1) }
    return emit(call.frame, call.span, type, { op: 'slice', attributes }, [x], x.origins)
  })
  return { kind: 'tuple', items }
}

function gather(call: BuiltinCall): Value {
  const table = tensorArgument(call, 'table')
  if (!table) return errorValue
  const [limit] = table.type.shape
  if (limit === undefined)
    return report(call.frame, 'NN0204', call.arguments.table!.span, '`gather` needs a table with at least one axis')
  const ids = tensorArgument(call, 'ids', 'i32')
  if (!ids) return errorValue
  const inside = boundedBy(call.frame, call.span, ids, limit)
  const type = { dtype: table.type.dtype, shape: [...ids.type.shape, ...table.type.shape.slice(1)] }
  const origins = [
    ...ids.type.shape.map((_, axis) => ids.origins[axis]),
    ...table.type.shape.slice(1).map((_, axis) => table.origins[axis + 1]),
  ]
  return emit(call.frame, call.span, type, { op: 'gather', attributes: { axis: 0 } }, [table, inside], origins)
}

function bounded(call: BuiltinCall, label: string, classes: string): TensorValue | undefined {
  const ids = tensorArgument(call, label, 'i32')
  const limit = dimArgument(call, classes)
  return ids && limit !== undefined ? boundedBy(call.frame, call.span, ids, limit) : undefined
}

export function boundedBy(frame: Frame, span: Span, ids: TensorValue, limit: Dim): TensorValue {
  return emit(frame, span, ids.type, { op: 'bounded', attributes: { limit } }, [ids], ids.origins)
}

function oneHot(call: BuiltinCall): Value {
  const ids = bounded(call, 'label', 'classes')
  const classes = dimArgument(call, 'classes')
  if (!ids || classes === undefined) return errorValue
  const { frame, span } = call
  const shape = [...ids.type.shape, classes]
  const axis = ids.type.shape.length
  const position = emit(frame, span, { dtype: 'i32', shape }, { op: 'iota', attributes: { shape, axis } }, [])
  const label = expandTo(frame, span, reshaped(frame, span, ids, [...ids.type.shape, 1], ids.origins), shape)
  const same = emit(frame, span, { dtype: 'bool', shape }, { op: 'equal', attributes: {} }, [label, position])
  return cast(frame, span, same, 'f32')
}

/** `left @ right`: the matrix product of the last two axes; leading axes are a batch. */
export function matrixProduct(
  frame: Frame,
  span: Span,
  left: { readonly value: TensorValue; readonly span: Span },
  right: { readonly value: TensorValue; readonly span: Span },
): Value {
  const [a, b] = [left.value, right.value]
  for (const side of [left, right]) {
    if (side.value.type.shape.length === 0)
      return report(frame, 'NN0204', side.span, '`@` needs at least one axis on both sides', {
        hint: 'use `*` for scalars',
      })
    if (side.value.type.dtype !== 'f32')
      return report(
        frame,
        'NN0205',
        side.span,
        `\`@\` needs f32 on both sides, but this is ${displayType(side.value.type)}`,
      )
  }
  const [rankA, rankB] = [a.type.shape.length, b.type.shape.length]
  const innerA = rankA - 1
  const innerB = Math.max(0, rankB - 2)
  const [inA, inB] = [a.type.shape[innerA]!, b.type.shape[innerB]!]
  if (differs(frame, inA, inB))
    return report(
      frame,
      'NN0203',
      span,
      `the inner sizes ${displayDim(inA)} and ${displayDim(inB)} of this product do not match`,
      {
        labels: [
          { span: left.span, message: `this is ${displayType(a.type)}` },
          { span: right.span, message: `this is ${displayType(b.type)}` },
          originLabel(a.origins[innerA], () => `${displayDim(inA)} comes from here`),
          originLabel(b.origins[innerB], () => `${displayDim(inB)} comes from here`),
        ],
        hint: dimEqual(inA, b.type.shape.at(-1)!) ? 'the right side may want `transpose(…)`' : undefined,
      },
    )
  const batchCount = rankB > 2 && rankA > 2 ? rankB - 2 : 0
  const batchFits =
    batchCount === 0
      ? rankB <= 2
      : rankA === rankB && a.type.shape.slice(0, -2).every((dim, axis) => !differs(frame, dim, b.type.shape[axis]!))
  if (!batchFits)
    return report(frame, 'NN0203', span, 'the leading axes of this product do not match', {
      labels: [
        { span: left.span, message: `this is ${displayType(a.type)}` },
        { span: right.span, message: `this is ${displayType(b.type)}` },
      ],
    })
  const batch = Array.from({ length: batchCount }, (_, axis) => [axis, axis] as const)
  const freeA = a.type.shape.map((_, axis) => axis).filter((axis) => axis >= batchCount && axis !== innerA)
  const freeB = b.type.shape.map((_, axis) => axis).filter((axis) => axis >= batchCount && axis !== innerB)
  const axesA = [...batch.map(([axis]) => axis), ...freeA]
  const type = {
    dtype: 'f32' as const,
    shape: [...axesA.map((axis) => a.type.shape[axis]!), ...freeB.map((axis) => b.type.shape[axis]!)],
  }
  const origins = [...axesA.map((axis) => a.origins[axis]), ...freeB.map((axis) => b.origins[axis])]
  const attributes = { batch, contracted: [[innerA, innerB] as const] }
  return emit(frame, span, type, { op: 'contract', attributes }, [a, b], origins)
}
