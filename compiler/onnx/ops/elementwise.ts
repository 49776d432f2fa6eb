import type { OpName } from '../../ops/op.ts'
import { broadcast } from '../broadcast.ts'
import type { Tensor } from '../onnx-graph.ts'
import type { Context, NodeOf, Translation } from '../translation.ts'
import { broadcastShape, type View, whole } from '../view.ts'
import type { ResultType } from '../writer.ts'

/** The ops that are one ONNX operator of the same operands. */
const operators = {
  neg: 'Neg',
  abs: 'Abs',
  sign: 'Sign',
  exp: 'Exp',
  log: 'Log',
  sqrt: 'Sqrt',
  reciprocal: 'Reciprocal',
  sin: 'Sin',
  cos: 'Cos',
  tanh: 'Tanh',
  sigmoid: 'Sigmoid',
  erf: 'Erf',
  floor: 'Floor',
  not: 'Not',
  add: 'Add',
  sub: 'Sub',
  mul: 'Mul',
  div: 'Div',
  pow: 'Pow',
  minimum: 'Min',
  less: 'Less',
  less_equal: 'LessOrEqual',
  equal: 'Equal',
  and: 'And',
  or: 'Or',
} as const satisfies Partial<Record<OpName, string>>

type Simple = keyof typeof operators

function mapped(
  node: NodeOf<Simple | 'rsqrt' | 'maximum' | 'not_equal' | 'select' | 'cast'>,
  context: Context,
  apply: (operands: readonly Tensor[], type: ResultType) => Tensor,
): View {
  const views = node.inputs.map((input) => context.value(input))
  return broadcast(views, node.type.shape, context.layouts, (operands, shape) =>
    apply(operands, { dtype: node.type.dtype, shape }),
  )
}

const simple = (node: NodeOf<Simple>, context: Context): View =>
  mapped(node, context, (operands, type) => context.writer.emit(operators[node.op], operands, {}, type))

const rsqrt: Translation<'rsqrt'> = (node, context) =>
  mapped(node, context, (operands, type) =>
    context.writer.emit('Reciprocal', [context.writer.emit('Sqrt', operands, {}, type)], {}, type),
  )

const maximum: Translation<'maximum'> = (node, context) => {
  const { writer, numberOf, value } = context
  const at = node.inputs.findIndex((input) => numberOf(input) === 0)
  if (at < 0 || node.type.dtype !== 'f32')
    return mapped(node, context, (operands, type) => writer.emit('Max', operands, {}, type))
  const view = value(node.inputs[1 - at]!)
  const { dtype, shape } = view.tensor
  return { ...view, tensor: writer.emit('Relu', [view.tensor], {}, { dtype, shape }) }
}

const not_equal: Translation<'not_equal'> = (node, context) =>
  mapped(node, context, (operands, type) =>
    context.writer.emit('Not', [context.writer.emit('Equal', operands, {}, type)], {}, type),
  )

const select: Translation<'select'> = (node, context) => {
  const { writer } = context
  if (node.type.dtype !== 'bool')
    return mapped(node, context, (operands, type) => writer.emit('Where', operands, {}, type))
  // onnxruntime has no Where of truth values.
  return mapped(node, context, ([condition, then, otherwise], type) => {
    const both = (left: Tensor, right: Tensor): Tensor =>
      writer.emit('And', [left, right], {}, { dtype: 'bool', shape: broadcastShape([left.shape, right.shape]) })
    const not = writer.emit('Not', [condition!], {}, { dtype: 'bool', shape: condition!.shape })
    return writer.emit('Or', [both(condition!, then!), both(not, otherwise!)], {}, type)
  })
}

const codes = { f32: 1, i32: 6, bool: 9, i64: 7 } as const

const cast: Translation<'cast'> = (node, context) => {
  const view = context.value(node.inputs[0]!)
  return { ...view, tensor: converted(view.tensor, node.type.dtype, context) }
}

/** The tensor with elements of another type. */
export function converted(tensor: Tensor, dtype: keyof typeof codes, { writer }: Pick<Context, 'writer'>): Tensor {
  if (tensor.dtype === dtype) return tensor
  return writer.emit('Cast', [tensor], { to: codes[dtype] }, { dtype, shape: tensor.shape })
}

const dimension: Translation<'dimension'> = (node, context) => {
  const { writer, sizes } = context
  const size = sizes.size(node.attributes.dim)
  const scalar = writer.emit('Squeeze', [size, writer.integers([0])], {}, { dtype: 'i64', shape: [] })
  return whole(converted(scalar, 'i32', context))
}

export const elementwise = {
  ...(Object.fromEntries(Object.keys(operators).map((op) => [op, simple])) as {
    [K in Simple]: Translation<K>
  }),
  rsqrt,
  maximum,
  not_equal,
  select,
  cast,
  dimension,
}
