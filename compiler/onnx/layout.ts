import type { DimRange } from '../dimensions/bounds.ts'
import { boundsOf } from '../dimensions/bounds.ts'
import { type Dim, dimEqual, isConstant } from '../dimensions/dimension.ts'
import type { Tensor } from './onnx-graph.ts'
import type { Sizes } from './sizes.ts'
import {
  ascending,
  broadcasts,
  isPlain,
  isUnit,
  repeatedAxes,
  shapeEqual,
  unitChanges,
  type View,
  whole,
  withoutLeadingUnits,
  withUnits,
} from './view.ts'
import type { OnnxWriter } from './writer.ts'

/** Making tensors of views, with as few nodes as it takes. */
export interface Layouts {
  /** The view's elements in order, in its shape. */
  exact(view: View): Tensor
  /** As {@link exact}, but repeated axes (and leading ones) may be missing: what broadcasting takes. */
  broadcastable(view: View): Tensor
  /** The view's elements in order, in another shape. */
  reshape(view: View, shape: readonly Dim[]): View
}

export function layoutsOf(writer: OnnxWriter, sizes: Sizes, ranges: Readonly<Record<string, DimRange>>): Layouts {
  /** A tensor whose axes come in the view's order, with the view on it; axes of size one may still differ. */
  const inOrder = (view: View): View => {
    const { tensor, shape, axes } = view
    if (ascending(axes)) return view
    const spare = tensor.shape.flatMap((dim, axis) => (isUnit(dim) ? [axis] : []))
    const order = axes.map((axis) => axis ?? spare.shift())
    const permutation = [...spare, ...order.filter((axis) => axis !== undefined)]
    const moved = writer.emit(
      'Transpose',
      [tensor],
      { perm: permutation },
      {
        dtype: tensor.dtype,
        shape: permutation.map((axis) => tensor.shape[axis]!),
      },
    )
    return {
      tensor: moved,
      shape,
      axes: axes.map((axis) => (axis === undefined ? undefined : permutation.indexOf(axis))),
    }
  }

  /** With axes of size one added or dropped. */
  const withUnitAxes = (tensor: Tensor, shape: readonly Dim[]): Tensor => {
    if (shapeEqual(tensor.shape, shape)) return tensor
    const { dropped, added } = unitChanges(tensor.shape, shape)
    const type = { dtype: tensor.dtype, shape, reshapedFrom: tensor.reshapedFrom ?? tensor }
    if (added.length === 0) return writer.emit('Squeeze', [tensor, writer.integers(dropped)], {}, type)
    if (dropped.length === 0) return writer.emit('Unsqueeze', [tensor, writer.integers(added)], {}, type)
    return reshapeTensor(tensor, shape)
  }

  const broadcastable = (view: View): Tensor => {
    const ordered = inOrder(view)
    const { tensor, axes } = ordered
    if (broadcasts(ordered)) return tensor
    return withUnitAxes(tensor, withoutLeadingUnits(axes.map((axis) => (axis === undefined ? 1 : tensor.shape[axis]!))))
  }

  const exact = (view: View): Tensor => {
    const { tensor, shape, axes } = inOrder(view)
    const own = axes.map((axis) => (axis === undefined ? 1 : tensor.shape[axis]!))
    const repeated = repeatedAxes({ tensor, shape, axes })
    if (repeated.length === 0) return withUnitAxes(tensor, own)
    const target = shape.map((dim, axis) => (repeated.includes(axis) ? dim : 1))
    const type = { dtype: tensor.dtype, shape }
    return writer.emit('Expand', [broadcastable({ tensor, shape, axes }), sizes.shape(target)], {}, type)
  }

  const reshapeTensor = (tensor: Tensor, shape: readonly Dim[]): Tensor => {
    const source = tensor.reshapedFrom ?? tensor
    const type = { dtype: tensor.dtype, shape, reshapedFrom: source }
    const sizeOf = shapeOperand(source.shape, shape, ranges)
    return sizeOf
      ? writer.emit('Reshape', [source, writer.integers(sizeOf)], {}, type)
      : writer.emit('Reshape', [source, sizes.shape(shape)], { allowzero: 1 }, type)
  }

  const reshape = (view: View, shape: readonly Dim[]): View => {
    const units = withUnits(view, shape)
    if (units) return units
    const tensor = isPlain(view) ? view.tensor : exact(view)
    const source = tensor.reshapedFrom ?? tensor
    return withUnits(whole(source), shape) ?? whole(reshapeTensor(tensor, shape))
  }

  return { exact, broadcastable, reshape }
}

/**
 * The shape as the constant operand of Reshape: 0 keeps the size of the same axis, −1 stands for what is left.
 * Undefined if that says too little.
 */
function shapeOperand(
  from: readonly Dim[],
  to: readonly Dim[],
  ranges: Readonly<Record<string, DimRange>>,
): number[] | undefined {
  if (to.some((dim) => dim === 0)) return undefined
  const operand = to.map((dim, axis) => {
    if (isConstant(dim)) return dim
    return axis < from.length && dimEqual(from[axis]!, dim) ? 0 : -1
  })
  const open = operand.filter((size) => size === -1).length
  if (open > 1) return undefined
  const mayBeEmpty = to.some((dim, axis) => operand[axis] === 0 && boundsOf(dim, ranges).minimum < 1)
  return open === 1 && mayBeEmpty ? undefined : operand
}
