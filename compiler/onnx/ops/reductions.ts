import { product } from '../../dimensions/dimension.ts'
import { otherAxes, pick } from '../../ops/strides.ts'
import type { Context, NodeOf, Translation } from '../translation.ts'
import { isUnit, repeatedAxes, type View, whole } from '../view.ts'
import { converted } from './elementwise.ts'

type Reduction = 'reduce_sum' | 'reduce_max' | 'reduce_min' | 'reduce_prod'

const operators = {
  reduce_sum: 'ReduceSum',
  reduce_max: 'ReduceMax',
  reduce_min: 'ReduceMin',
  reduce_prod: 'ReduceProd',
} as const satisfies Record<Reduction, string>

const reduce = (node: NodeOf<Reduction>, context: Context): View => reduced(node, operators[node.op], context)

/** The node's operand reduced along its axes by an ONNX operator that takes axes as its second input. */
export function reduced(node: NodeOf<Reduction>, operator: string, context: Context): View {
  const { writer, layouts, value } = context
  const { axes } = node.attributes
  let view = value(node.inputs[0]!)
  if (repeatedAxes(view).some((axis) => axes.includes(axis))) view = whole(layouts.exact(view))
  const kept = otherAxes(view.shape.length, axes)
  const own = axes.flatMap((axis) => (isUnit(view.shape[axis]!) ? [] : [view.axes[axis]!])).sort((a, b) => a - b)
  const shape = pick(view.shape, kept)
  if (own.length === 0) return { tensor: view.tensor, shape, axes: pick(view.axes, kept) }
  // Kept as axes of size one where the result meets the operand's shape again, as a mean that is subtracted.
  const keep = context.isSpread(node.id)
  const from = view.tensor.shape
  const sizes = keep ? from.map((dim, axis) => (own.includes(axis) ? 1 : dim)) : pick(from, otherAxes(from.length, own))
  const all = own.length === from.length && !keep
  const tensor = writer.emit(
    operator,
    all ? [view.tensor] : [view.tensor, writer.integers(own)],
    { keepdims: keep ? 1 : 0 },
    { dtype: node.type.dtype, shape: sizes },
  )
  const behind = (axis: number): number => (keep ? axis : axis - own.filter((gone) => gone < axis).length)
  return {
    tensor,
    shape,
    axes: kept.map((axis) => {
      const source = view.axes[axis]
      return source === undefined ? undefined : behind(source)
    }),
  }
}

const argmax: Translation<'argmax'> = (node, context) => {
  const { writer, layouts, value } = context
  const tensor = layouts.exact(value(node.inputs[0]!))
  const { axis } = node.attributes
  const type = { dtype: 'i64', shape: node.type.shape } as const
  return whole(converted(writer.emit('ArgMax', [tensor], { axis, keepdims: 0 }, type), 'i32', context))
}

/** The number of elements a reduction combines into one, if it is fixed. */
export function combined(node: NodeOf<Reduction>, { graph }: Context): number | undefined {
  const count = product(pick(graph.nodes[node.inputs[0]!]!.type.shape, node.attributes.axes))
  return typeof count === 'number' ? count : undefined
}

export const reductions = {
  reduce_sum: reduce,
  reduce_max: reduce,
  reduce_min: reduce,
  reduce_prod: reduce,
  argmax,
} satisfies { [K in Reduction | 'argmax']: Translation<K> }
