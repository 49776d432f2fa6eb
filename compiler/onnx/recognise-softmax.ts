import type { GraphNode } from '../3-graph/graph.ts'
import { as, bothWays, spreadAlong } from './match.ts'
import type { Context, NodeOf } from './translation.ts'
import { isUnit, repeatedAxes, type View, whole } from './view.ts'

// eˣ⁻ᵐ·(1/Σeˣ⁻ᵐ) or eˣ⁻ᵐ/Σeˣ⁻ᵐ, m the largest x
export function softmax(node: GraphNode, context: Context): View | undefined {
  for (const [numerator, sum] of quotients(node, context)) {
    const exp = as(numerator, 'exp', context)
    const [axis, ...others] = sum.attributes.axes
    if (!exp || sum.inputs[0] !== numerator || others.length > 0) continue
    const x = shiftedByLargest(exp.inputs[0]!, axis!, context)
    if (x !== undefined) return alongAxis('Softmax', x, axis!, context)
  }
  return undefined
}

// x − m − ln Σeˣ⁻ᵐ
export function logSoftmax(node: GraphNode, context: Context): View | undefined {
  if (node.op !== 'sub') return undefined
  const [shifted, total] = node.inputs as [number, number]
  const log = as(as(total, 'expand', context)?.inputs[0] ?? total, 'log', context)
  const sum = log && as(log.inputs[0]!, 'reduce_sum', context)
  const [axis, ...others] = sum?.attributes.axes ?? []
  if (!sum || axis === undefined || others.length > 0) return undefined
  if (spreadAlong(total, [axis], context) === undefined) return undefined
  if (as(sum.inputs[0]!, 'exp', context)?.inputs[0] !== shifted) return undefined
  const x = shiftedByLargest(shifted, axis, context)
  return x === undefined ? undefined : alongAxis('LogSoftmax', x, axis, context)
}

/** The ways the node is a value divided by a sum that is repeated along the axes it was taken over. */
function quotients(node: GraphNode, context: Context): readonly (readonly [number, NodeOf<'reduce_sum'>])[] {
  const pairs = node.op === 'mul' ? bothWays(node) : node.op === 'div' ? [bothWays(node)[0]!] : []
  return pairs.flatMap(([numerator, other]) => {
    const repeated = as(other, 'expand', context)?.inputs[0]
    if (repeated === undefined) return []
    const divisor = node.op === 'div' ? repeated : as(repeated, 'reciprocal', context)?.inputs[0]
    const sum = divisor === undefined ? undefined : as(divisor, 'reduce_sum', context)
    const fits = sum && spreadAlong(other, sum.attributes.axes, context) !== undefined
    return fits ? [[numerator, sum] as const] : []
  })
}

/** x where the node is x minus its largest along the axis. */
function shiftedByLargest(id: number, axis: number, context: Context): number | undefined {
  const difference = as(id, 'sub', context)
  if (!difference) return undefined
  const [x, spread] = difference.inputs as [number, number]
  const largest = spreadAlong(spread, [axis], context)
  const max = largest === undefined ? undefined : as(largest, 'reduce_max', context)
  return max?.inputs[0] === x && String(max.attributes.axes) === String([axis]) ? x : undefined
}

function alongAxis(op: string, x: number, axis: number, context: Context): View | undefined {
  const { writer, layouts, value } = context
  const given = value(x)
  if (isUnit(given.shape[axis]!)) return undefined
  const view = repeatedAxes(given).includes(axis) ? whole(layouts.exact(given)) : given
  const { dtype, shape } = view.tensor
  return { ...view, tensor: writer.emit(op, [view.tensor], { axis: view.axes[axis]! }, { dtype, shape }) }
}
