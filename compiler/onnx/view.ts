/**
 * A value of the graph as a view of an ONNX tensor: axes in another order, axes of size one more or fewer, axes along
 * which it repeats. Most movement and all broadcasting of the graph needs no ONNX node of its own then.
 */
import { type Dim, dimEqual, isConstant, shapeEqual } from '../dimensions/dimension.ts'
import type { Tensor } from './onnx-graph.ts'

export interface View {
  readonly tensor: Tensor
  readonly shape: readonly Dim[]
  /**
   * For each axis the tensor's axis it is, or undefined where the size is one or the value repeats. Every axis of the
   * tensor longer than one is one of them.
   */
  readonly axes: readonly (number | undefined)[]
}

export function isUnit(dim: Dim): boolean {
  return dim === 1
}

/** The tensor as it is. */
export function whole(tensor: Tensor): View {
  return {
    tensor,
    shape: tensor.shape,
    axes: tensor.shape.map((dim, axis) => (isUnit(dim) ? undefined : axis)),
  }
}

export function permuted({ tensor, shape, axes }: View, order: readonly number[]): View {
  return { tensor, shape: order.map((axis) => shape[axis]!), axes: order.map((axis) => axes[axis]) }
}

/** Axis i becomes axis `positions[i]` of the shape; along the others the value repeats. */
export function spread(view: View, shape: readonly Dim[], positions: readonly number[]): View {
  const axes = shape.map((_, axis) => {
    const from = positions.indexOf(axis)
    return from < 0 ? undefined : view.axes[from]
  })
  return { tensor: view.tensor, shape, axes }
}

/** The view in another shape, if that only adds or drops axes of size one. */
export function withUnits(view: View, shape: readonly Dim[]): View | undefined {
  const longer = view.axes.flatMap((own, axis) => (isUnit(view.shape[axis]!) ? [] : [{ own, dim: view.shape[axis]! }]))
  const axes: (number | undefined)[] = []
  let next = 0
  for (const dim of shape) {
    if (isUnit(dim)) axes.push(undefined)
    else {
      const source = longer[next++]
      if (!source || !dimEqual(source.dim, dim)) return undefined
      axes.push(source.own)
    }
  }
  return next === longer.length ? { tensor: view.tensor, shape, axes } : undefined
}

/** Whether the elements, in order, are those of the tensor. */
export function isPlain({ shape, axes }: View): boolean {
  return shape.every((dim, axis) => isUnit(dim) || axes[axis] !== undefined) && ascending(axes)
}

export function ascending(axes: readonly (number | undefined)[]): boolean {
  const named = axes.filter((axis) => axis !== undefined)
  return named.every((axis, at) => at === 0 || axis > named[at - 1]!)
}

/** The axes along which the value repeats. */
export function repeatedAxes({ shape, axes }: View): number[] {
  return shape.flatMap((dim, axis) => (isUnit(dim) || axes[axis] !== undefined ? [] : [axis]))
}

export function withoutLeadingUnits(shape: readonly Dim[]): readonly Dim[] {
  const first = shape.findIndex((dim) => !isUnit(dim))
  return first < 0 ? [] : shape.slice(first)
}

/** The shape of the result of an operation that broadcasts; its operands are known to fit. */
export function broadcastShape(shapes: readonly (readonly Dim[])[]): Dim[] {
  const rank = Math.max(...shapes.map((shape) => shape.length))
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1)
    return sizes.find((size) => !isUnit(size)) ?? 1
  })
}

/** Whether the tensor, its axes in the view's order, broadcasts to the view's shape as it is. */
export function broadcasts({ tensor, axes }: View): boolean {
  if (tensor.shape.length > axes.length) return false
  const sizes = axes.map((axis) => (axis === undefined ? 1 : tensor.shape[axis]!))
  return shapeEqual(withoutLeadingUnits(tensor.shape), withoutLeadingUnits(sizes))
}

export function isStatic(shape: readonly Dim[]): shape is readonly number[] {
  return shape.every(isConstant)
}

/** Where units were added or dropped between two shapes that are the same otherwise. */
export function unitChanges(
  from: readonly Dim[],
  to: readonly Dim[],
): { readonly dropped: readonly number[]; readonly added: readonly number[] } {
  const dropped: number[] = []
  const added: number[] = []
  let [i, j] = [0, 0]
  while (i < from.length || j < to.length) {
    const [left, right] = [from[i], to[j]]
    if (left !== undefined && right !== undefined && dimEqual(left, right)) {
      i++
      j++
    } else if (left !== undefined && isUnit(left)) dropped.push(i++)
    else if (right !== undefined && isUnit(right)) added.push(j++)
    else throw new Error('internal: onnx: the shapes differ by more than axes of size one')
  }
  return { dropped, added }
}

export { shapeEqual }
