/** Movement operations as changes of index: which input element an output element is. They never copy by themselves. */
import type { GraphNode } from '../3-graph/graph.ts'
import { type Dim, dimEqual, multiply, subtract } from '../dimensions/dimension.ts'
import { type Affine, fixed, scale, stridesOf, sum } from './affine.ts'

export interface MovedIndex {
  readonly index: readonly Affine[]
  /** The element is the input's only where 0 ≤ offset < limit for all of these; elsewhere `otherwise`. */
  readonly guards: readonly { readonly offset: Affine; readonly limit: Dim }[]
  readonly otherwise: number
}

/** The input index of a movement operation for an output index; undefined if it is not affine (a merging reshape). */
export function moveIndex(
  node: GraphNode,
  inputShape: readonly Dim[],
  index: readonly Affine[],
): MovedIndex | undefined {
  switch (node.op) {
    case 'permute': {
      const moved: Affine[] = []
      node.attributes.order.forEach((inputAxis, axis) => {
        moved[inputAxis] = index[axis]!
      })
      return unguarded(moved)
    }
    case 'expand':
      return unguarded(node.attributes.axes.map((axis) => index[axis]!))
    case 'slice': {
      const { start, stride } = node.attributes
      return unguarded(index.map((map, axis) => sum(scale(map, stride[axis]!), fixed(start[axis]!))))
    }
    case 'window': {
      const { axis, stride, dilation } = node.attributes
      const position = sum(scale(index[axis]!, stride), scale(index[axis + 1]!, dilation))
      return unguarded([...index.slice(0, axis), position, ...index.slice(axis + 2)])
    }
    case 'pad': {
      const { low, high, value } = node.attributes
      const moved = index.map((map, axis) => sum(map, fixed(subtract(0, low[axis]!))))
      const guards = moved.flatMap((offset, axis) =>
        low[axis] === 0 && high[axis] === 0 ? [] : [{ offset, limit: inputShape[axis]! }],
      )
      return { index: moved, guards, otherwise: value }
    }
    case 'reshape': {
      const groups = splitGroups(inputShape, node.attributes.shape)
      if (!groups) return undefined
      return unguarded(groups.map((axes) => joined(axes, node.attributes.shape, index)))
    }
    default:
      throw new Error(`internal: fuse: ${node.op} is not a movement operation`)
  }
}

/**
 * The other way round: the output index of a reshape that only merges axes, for an index of its input; undefined if
 * it splits some.
 */
export function mergeIndex(
  input: readonly Dim[],
  output: readonly Dim[],
  index: readonly Affine[],
): readonly Affine[] | undefined {
  const groups = splitGroups(output, input)
  return groups?.map((axes) => joined(axes, input, index))
}

/** Whether a reshape only splits axes or adds and drops axes of size one, so that every index maps affinely. */
export function splitsOnly(input: readonly Dim[], output: readonly Dim[]): boolean {
  return splitGroups(input, output) !== undefined
}

/** For each input axis the output axes it splits into; undefined if some output axis merges several input axes. */
function splitGroups(input: readonly Dim[], output: readonly Dim[]): number[][] | undefined {
  const groups: number[][] = []
  let next = 0
  for (const size of input) {
    const group: number[] = []
    if (size !== 1) {
      let covered: Dim = 1
      while (!dimEqual(covered, size)) {
        if (next >= output.length) return undefined
        if (output[next] !== 1) {
          covered = multiply(covered, output[next]!)
          group.push(next)
          if (typeof covered === 'number' && typeof size === 'number' && covered > size) return undefined
        }
        next++
      }
    }
    groups.push(group)
  }
  while (next < output.length) if (output[next++] !== 1) return undefined
  return groups
}

/** Several axes of a shape as one. */
function joined(axes: readonly number[], shape: readonly Dim[], index: readonly Affine[]): Affine {
  const strides = stridesOf(axes.map((axis) => shape[axis]!))
  return axes.reduce((total, axis, at) => sum(total, scale(index[axis]!, strides[at]!)), fixed(0))
}

function unguarded(index: readonly Affine[]): MovedIndex {
  return { index, guards: [], otherwise: 0 }
}
