/** Walking dense row-major tensors: the index arithmetic shared by the reference evaluations. */

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1)
}

/** How far apart neighbours along each axis lie in a dense row-major tensor. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis]!
  }
  return strides
}

/** The offset `base + Σ index·stride` of every position of `shape`, in row-major order. */
export function offsetsOf(shape: readonly number[], strides: readonly number[], base = 0): Int32Array {
  let offsets = Int32Array.of(base)
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape[axis]!
    const stride = strides[axis]!
    const next = new Int32Array(offsets.length * size)
    for (let at = 0; at < offsets.length; at++) {
      for (let index = 0; index < size; index++) next[at * size + index] = offsets[at]! + index * stride
    }
    offsets = next
  }
  return offsets
}

/** `values` at the given positions, in order: a list restricted to some axes, or permuted. */
export function pick<T>(values: readonly T[], positions: readonly number[]): T[] {
  return positions.map((position) => values[position]!)
}

/** The axes 0..rank−1 that are not in `axes`, ascending. */
export function otherAxes(rank: number, axes: readonly number[]): number[] {
  const taken = new Set(axes)
  return Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !taken.has(axis))
}
