import { add, type Dim, dimEqual, floorDivide, isConstant, multiply, subtract } from '../../dimensions/dimension.ts'
import type { WindowAttributes } from '../../ops/op.ts'
import type { OnnxType, Tensor } from '../onnx-graph.ts'
import { type Context, operand, type Translation } from '../translation.ts'
import { permuted, spread, type View, whole } from '../view.ts'
import { converted } from './elementwise.ts'
import { addedAt } from './indexed.ts'

/** Beyond the end of any axis. */
const END = Number.MAX_SAFE_INTEGER

const reshape: Translation<'reshape'> = (node, { layouts, value }) =>
  layouts.reshape(value(node.inputs[0]!), node.type.shape)

const permute: Translation<'permute'> = (node, { value }) => permuted(value(node.inputs[0]!), node.attributes.order)

const expand: Translation<'expand'> = (node, { value }) =>
  spread(value(node.inputs[0]!), node.type.shape, node.attributes.axes)

const iota: Translation<'iota'> = (node, { writer, sizes, layouts }) => {
  const { shape, axis } = node.attributes
  return spread(whole(counting(shape[axis]!, { writer, sizes, layouts })), shape, [axis])
}

/** i32 0, 1, … */
function counting(length: Dim, context: Pick<Context, 'writer' | 'sizes' | 'layouts'>): Tensor {
  const { writer, sizes } = context
  if (isConstant(length))
    return writer.constant(
      'i32',
      [length],
      Array.from({ length }, (_, at) => at),
    )
  const end = writer.emit('Squeeze', [sizes.size(length), writer.integers([0])], {}, { dtype: 'i64', shape: [] })
  const inputs = [writer.scalar('i32', 0), converted(end, 'i32', context), writer.scalar('i32', 1)]
  return writer.emit('Range', inputs, {}, { dtype: 'i32', shape: [length] })
}

const pad: Translation<'pad'> = (node, context) => {
  const { low, high, value } = node.attributes
  return whole(padded(operand(node, 0, context), low, high, value, context))
}

/** With `value` around the tensor; negative sizes crop. */
export function padded(
  tensor: Tensor,
  low: readonly Dim[],
  high: readonly Dim[],
  value: number,
  { writer, sizes }: Pick<Context, 'writer' | 'sizes'>,
): Tensor {
  const axes = tensor.shape.flatMap((_, axis) => (dimEqual(low[axis]!, 0) && dimEqual(high[axis]!, 0) ? [] : [axis]))
  if (axes.length === 0) return tensor
  const shape = tensor.shape.map((dim, axis) => add(dim, add(low[axis]!, high[axis]!)))
  const all = axes.length === shape.length
  const amounts = [...axes.map((axis) => low[axis]!), ...axes.map((axis) => high[axis]!)]
  const inputs = [tensor, sizes.shape(amounts), writer.scalar(tensor.dtype, value)]
  return writer.emit('Pad', all ? inputs : [...inputs, writer.integers(axes)], {}, { dtype: tensor.dtype, shape })
}

const slice: Translation<'slice'> = (node, context) => {
  const { start, size, stride } = node.attributes
  const view = context.value(node.inputs[0]!)
  const cut = view.shape.flatMap((dim, axis) =>
    dimEqual(dim, size[axis]!) && dimEqual(start[axis]!, 0) && stride[axis] === 1 ? [] : [axis],
  )
  const exact = cut.some((axis) => view.axes[axis] === undefined)
  const source = exact ? whole(context.layouts.exact(view)) : view
  const own = cut
    .map((axis) => ({ axis: source.axes[axis] ?? axis, at: axis }))
    .sort((left, right) => left.axis - right.axis)
  const tensor = sliced(
    source.tensor,
    own.map(({ axis, at }) => ({ axis, start: start[at]!, size: size[at]!, stride: stride[at]! })),
    context,
  )
  return {
    tensor,
    shape: size,
    axes: size.map((dim, axis) => (dimEqual(dim, 1) ? undefined : source.axes[axis])),
  }
}

interface Cut {
  readonly axis: number
  readonly start: Dim
  readonly size: Dim
  readonly stride: number
}

/** Some axes of a tensor cut to `size` elements each. */
export function sliced(
  tensor: Tensor,
  cuts: readonly Cut[],
  { writer, sizes }: Pick<Context, 'writer' | 'sizes'>,
): Tensor {
  if (cuts.length === 0) return tensor
  const shape = tensor.shape.map((dim, axis) => cuts.find((cut) => cut.axis === axis)?.size ?? dim)
  const ends = cuts.map(({ axis, start, size, stride }): Dim => {
    const available = floorDivide(add(subtract(tensor.shape[axis]!, start), stride - 1), stride)
    if (dimEqual(available, size) && !isConstant(size)) return END
    return add(start, dimEqual(size, 0) ? 0 : add(multiply(subtract(size, 1), stride), 1))
  })
  const inputs = [
    tensor,
    sizes.shape(cuts.map(({ start }) => start)),
    sizes.shape(ends),
    writer.integers(cuts.map(({ axis }) => axis)),
  ]
  if (cuts.some(({ stride }) => stride !== 1)) inputs.push(writer.integers(cuts.map(({ stride }) => stride)))
  return writer.emit('Slice', inputs, {}, { dtype: tensor.dtype, shape })
}

/** Some axes of a tensor backwards. */
export function reversed(tensor: Tensor, axes: readonly number[], { writer }: Pick<Context, 'writer'>): Tensor {
  if (axes.length === 0) return tensor
  const all = (value: number): Tensor => writer.integers(axes.map(() => value))
  const { dtype, shape } = tensor
  return writer.emit('Slice', [tensor, all(-1), all(-END), writer.integers(axes), all(-1)], {}, { dtype, shape })
}

const concat: Translation<'concat'> = (node, context) => {
  const { dtype, shape } = node.type
  const views = node.inputs.map((input) => context.value(input))
  const order = commonOrder(views)
  const parts = views.map((view) => context.layouts.exact(permuted(view, order)))
  const axis = order.indexOf(node.attributes.axis)
  const sizes = order.map((own) => shape[own]!)
  const back = order.map((_, own) => order.indexOf(own))
  return permuted(whole(context.writer.emit('Concat', parts, { axis }, { dtype, shape: sizes })), back)
}

/** The order of axes in which all views are their tensors' own, if there is one, else as they come. */
function commonOrder(views: readonly View[]): readonly number[] {
  const natural = views[0]!.shape.map((_, axis) => axis)
  const orders = views.map(({ axes }) =>
    axes.every((own) => own !== undefined) ? [...natural].sort((one, other) => axes[one]! - axes[other]!) : natural,
  )
  return orders.every((order) => String(order) === String(orders[0])) ? orders[0]! : natural
}

const window: Translation<'window'> = (node, context) => {
  const tensor = operand(node, 0, context)
  const { dtype, shape } = node.type
  const positions = windowPositions(node.attributes, context)
  return whole(context.writer.emit('Gather', [tensor, positions], { axis: node.attributes.axis }, { dtype, shape }))
}

const fold: Translation<'fold'> = (node, context) => {
  const { axis, length } = node.attributes
  return addedAt(operand(node, 0, context), windowPositions(node.attributes, context), axis, length, context)
}

/** i32[count, size]: the position each element of each window has in the axis they are taken from. */
function windowPositions(
  { count, size, stride, dilation }: WindowAttributes,
  context: Pick<Context, 'writer' | 'sizes' | 'layouts'>,
): Tensor {
  const { writer } = context
  if (isConstant(count) && isConstant(size)) {
    const positions = Array.from({ length: count * size }, (_, at) => {
      const inside = at % size
      return ((at - inside) / size) * stride + inside * dilation
    })
    return writer.constant('i32', [count, size], positions)
  }
  const scaled = (length: Dim, by: number, axis: number): Tensor => {
    const type = { dtype: 'i32', shape: [length] } as const
    const steps = counting(length, context)
    const far = by === 1 ? steps : writer.emit('Mul', [steps, writer.scalar('i32', by)], {}, type)
    return context.layouts.broadcastable(spread(whole(far), [count, size], [axis]))
  }
  return writer.emit(
    'Add',
    [scaled(count, stride, 0), scaled(size, dilation, 1)],
    {},
    { dtype: 'i32', shape: [count, size] },
  )
}

/** `value` in every element of a shape. */
export function filled(
  dtype: OnnxType,
  value: number,
  shape: readonly Dim[],
  { writer }: Pick<Context, 'writer'>,
): View {
  return { tensor: writer.scalar(dtype, value), shape, axes: shape.map(() => undefined) }
}

export const movement = { reshape, permute, expand, iota, pad, slice, concat, window, fold }
