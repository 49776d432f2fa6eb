/** Functions that put a tensor together from others: stacked, chosen, added up. */
import { commonDtype, dtypeOf, select, toTensor } from '../arithmetic.ts'
import { differs } from '../broadcast.ts'
import { type Builtin, type BuiltinCall, parameters } from '../builtin.ts'
import { emit } from '../entry.ts'
import { report } from '../session.ts'
import { displayType, errorValue, type TensorValue, type Value } from '../values.ts'
import { axisArgument, dimArgument, listArgument, tensorArgument } from './arguments.ts'
import { boundedBy, reshaped } from './movement.ts'

export const assemblingBuiltins: readonly Builtin[] = [
  {
    name: 'stack',
    signature: 'stack([a, b, …], axis = 0)',
    documentation: 'Puts tensors of one shape side by side along a new axis.',
    parameters: parameters('tensors', 'axis?'),
    apply: stack,
  },
  {
    name: 'where',
    signature: 'where(c, a, b)',
    documentation: 'a where the condition holds, else b, elementwise: `if c then a else b` as a function.',
    parameters: parameters('c', 'a', 'b'),
    apply: ({ frame, span, arguments: { c, a, b } }) => {
      if (c!.value.kind === 'boolean') return c!.value.value ? a!.value : b!.value
      return select(frame, span, c!, a!, b!)
    },
  },
  {
    name: 'scatter_add',
    signature: 'scatter_add(values, ids, n)',
    documentation:
      'n rows, of which row i is the sum of the rows of `values` whose id is i; 0 ≤ id < n. The reverse of `gather`.',
    parameters: parameters('values', 'ids', 'n'),
    apply: scatterAdd,
  },
]

function stack(call: BuiltinCall): Value {
  const { frame, span } = call
  const items = listArgument(call, 'tensors')
  if (!items) return errorValue
  const dtype = commonDtype(frame, span, items, 'number')
  const tensors: TensorValue[] = []
  for (const item of items) {
    const tensor = toTensor(frame, item, dtypeOf(item.value) === undefined ? dtype : undefined)
    if (tensor.kind === 'error') return tensor
    tensors.push(tensor)
  }
  const [first] = tensors
  if (!first) return report(frame, 'NN0210', span, '`stack` needs at least one tensor')
  const { shape } = first.type
  const axis = call.arguments.axis ? axisArgument(call, 'axis', shape.length + 1) : 0
  if (axis === undefined) return errorValue
  for (const { type } of tensors) {
    const same =
      type.dtype === first.type.dtype &&
      type.shape.length === shape.length &&
      type.shape.every((dim, at) => !differs(frame, dim, shape[at]!))
    if (!same)
      return report(
        frame,
        'NN0203',
        call.arguments.tensors!.span,
        `${displayType(type)} cannot be stacked with ${displayType(first.type)}`,
        { hint: '`concat` joins tensors of different lengths along an axis they have' },
      )
  }
  const origins = shape.map((_, at) => first.origins[at]).toSpliced(axis, 0, { span })
  const rows = tensors.map((tensor) => reshaped(frame, span, tensor, shape.toSpliced(axis, 0, 1), origins))
  const type = { dtype: first.type.dtype, shape: shape.toSpliced(axis, 0, tensors.length) }
  return emit(frame, span, type, { op: 'concat', attributes: { axis } }, rows, origins)
}

function scatterAdd(call: BuiltinCall): Value {
  const { frame, span } = call
  const values = tensorArgument(call, 'values', 'f32')
  const ids = values && tensorArgument(call, 'ids', 'i32')
  const size = ids && dimArgument(call, 'n')
  if (!values || !ids || size === undefined) return errorValue
  const leading = ids.type.shape
  const fits =
    ids.type.dtype === 'i32' &&
    values.type.dtype === 'f32' &&
    leading.length <= values.type.shape.length &&
    leading.every((dim, axis) => !differs(frame, dim, values.type.shape[axis]!))
  if (!fits)
    return report(
      frame,
      'NN0203',
      span,
      `\`scatter_add\` needs an i32 id for each row of f32 values, but has ${displayType(ids.type)} for ${displayType(values.type)}`,
    )
  const inside = boundedBy(frame, span, ids, size)
  const rest = values.type.shape.slice(leading.length)
  const origins = [call.arguments.n && { span: call.arguments.n.span }, ...values.origins.slice(leading.length)]
  const type = { dtype: 'f32' as const, shape: [size, ...rest] }
  return emit(frame, span, type, { op: 'scatter_add', attributes: { axis: 0, size } }, [values, inside], origins)
}
