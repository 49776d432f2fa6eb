import type { Dim } from '../dimensions/dimension.ts'
import type { Layouts } from './layout.ts'
import type { Tensor } from './onnx-graph.ts'
import { ascending, broadcastShape, broadcasts, isUnit, type View } from './view.ts'

/**
 * Applies an operation that broadcasts to views of one shape. It works on axes in whichever order makes the fewest
 * operands move, and along an axis none of the operands has the result repeats as they do.
 */
export function broadcast(
  views: readonly View[],
  shape: readonly Dim[],
  layouts: Layouts,
  apply: (operands: readonly Tensor[], shape: readonly Dim[]) => Tensor,
): View {
  const order = cheapest(views, shape)
  const operands = views.map((view) => layouts.broadcastable(inOrder(view, order)))
  const result = apply(operands, broadcastShape(operands.map((operand) => operand.shape)))
  const missing = order.length - result.shape.length
  const axes = shape.map((dim, axis) => {
    if (isUnit(dim) || !views.some((view) => view.axes[axis] !== undefined)) return undefined
    return order.indexOf(axis) - missing
  })
  return { tensor: result, shape, axes }
}

/** Axes of the operands in the order they are computed in; undefined is one of size one. */
type Order = readonly (number | undefined)[]

function inOrder({ tensor, shape, axes }: View, order: Order): View {
  return {
    tensor,
    shape: order.map((axis) => (axis === undefined ? 1 : shape[axis]!)),
    axes: order.map((axis) => (axis === undefined ? undefined : axes[axis])),
  }
}

/** The natural order, or that of an operand with all axes that occur. */
function cheapest(views: readonly View[], shape: readonly Dim[]): Order {
  const occurs = shape.map((dim, axis) => !isUnit(dim) && views.some((view) => view.axes[axis] !== undefined))
  const natural: Order = occurs.map((own, axis) => (own ? axis : undefined))
  const candidates = [natural]
  for (const { tensor, axes } of views)
    if (occurs.every((own, axis) => !own || axes[axis] !== undefined))
      candidates.push(tensor.shape.map((dim, at) => (isUnit(dim) ? undefined : axes.indexOf(at))))
  const cost = (order: Order): number => views.reduce((total, view) => total + movement(inOrder(view, order)), 0)
  return candidates.reduce((best, order) => (cost(order) < cost(best) ? order : best))
}

/** How much work it is to have the tensor as the view wants it; what is stored can be stored so. */
function movement(view: View): number {
  if (view.tensor.origin.kind === 'initializer') return 0
  if (!ascending(view.axes)) return 4
  return broadcasts(view) ? 0 : 1
}
