/** Shapes of one row: [] is a single number. */

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

export function sameShape(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((size, axis) => size === right[axis])
}

export function shapeText(shape: readonly number[]): string {
  return shape.length === 0 ? 'one number' : `[${shape.join(', ')}]`
}
