import { type Dim, dimEqual } from '../../dimensions/dimension.ts'
import type { Attributes, Tensor } from '../onnx-graph.ts'
import { type Context, operand, type Translation } from '../translation.ts'
import { permuted, type View, whole } from '../view.ts'
import { converted } from './elementwise.ts'
import { filled } from './movement.ts'

const gather: Translation<'gather'> = (node, context) => {
  const operands = [operand(node, 0, context), operand(node, 1, context)]
  const { dtype, shape } = node.type
  return whole(context.writer.emit('Gather', operands, { axis: node.attributes.axis }, { dtype, shape }))
}

const scatter_add: Translation<'scatter_add'> = (node, context) =>
  addedAt(operand(node, 0, context), operand(node, 1, context), node.attributes.axis, node.attributes.size, context)

/**
 * Zeros of length `size` along `axis`, to which the updates are added at the indices, whose axes the updates have there.
 * ScatterND wants the indexed axis first.
 */
export function addedAt(updates: Tensor, indices: Tensor, axis: number, size: Dim, context: Context): View {
  const { writer, layouts } = context
  const rank = indices.shape.length
  const before = updates.shape.slice(0, axis)
  const behind = updates.shape.slice(axis + rank)
  const range = (start: number, count: number): number[] => Array.from({ length: count }, (_, at) => start + at)
  const first = [...range(axis, rank), ...range(0, before.length), ...range(axis + rank, behind.length)]
  const shape = [size, ...before, ...behind]
  const zeros = layouts.exact(filled(updates.dtype, 0, shape, context))
  // Each index is a list of one number.
  const at = layouts.exact(layouts.reshape(whole(converted(indices, 'i64', context)), [...indices.shape, 1]))
  const moved = layouts.exact(permuted(whole(updates), first))
  const sum = writer.emit('ScatterND', [zeros, at, moved], { reduction: 'add' }, { dtype: updates.dtype, shape })
  return permuted(whole(sum), [...range(1, before.length), 0, ...range(1 + before.length, behind.length)])
}

const argsort: Translation<'argsort'> = (node, context) => {
  const { writer, sizes } = context
  const { descending, count } = node.attributes
  const { shape } = node.type
  const x = operand(node, 0, context)
  const [, positions] = writer.emitAll(
    'TopK',
    [x, sizes.size(count)],
    { axis: shape.length - 1, largest: descending ? 1 : 0, sorted: 1 },
    [
      { dtype: x.dtype, shape },
      { dtype: 'i64', shape },
    ],
  )
  return whole(converted(positions!, 'i32', context))
}

const cumsum: Translation<'cumsum'> = (node, context) => {
  const { dtype, shape } = node.type
  const axis = context.writer.scalar('i64', shape.length - 1)
  const reverse: Attributes = node.attributes.reverse ? { reverse: 1 } : {}
  if (dimEqual(shape.at(-1)!, 1)) return context.value(node.inputs[0]!)
  return whole(context.writer.emit('CumSum', [operand(node, 0, context), axis], reverse, { dtype, shape }))
}

export const indexed = { gather, scatter_add, argsort, cumsum }
