/** Conditions on operands that several ops share; each throws a {@link ShapeError} that says what is wrong. */
import { type Dim, formatDim, formatShape, isConstant, shapeEqual, subtract } from '../dimensions/dimension.ts'
import type { DType, TensorType } from '../types.ts'
import { ShapeError } from './definition.ts'

export function requireDType(op: string, type: TensorType, allowed: readonly DType[]): void {
  if (!allowed.includes(type.dtype))
    throw new ShapeError(`${op} takes ${allowed.join(' or ')}, not ${formatType(type)}`)
}

export function requireSameShape(op: string, inputs: readonly TensorType[]): void {
  for (const type of inputs) {
    if (!shapeEqual(type.shape, inputs[0]!.shape))
      throw new ShapeError(
        `${op} takes operands of one shape, not ${formatShape(inputs[0]!.shape)} and ${formatShape(type.shape)}`,
      )
  }
}

export function requireSameDType(op: string, left: TensorType, right: TensorType): void {
  if (left.dtype !== right.dtype)
    throw new ShapeError(`${op} takes operands of one dtype, not ${left.dtype} and ${right.dtype}`)
}

export function requireAxis(op: string, axis: number, rank: number): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= rank)
    throw new ShapeError(`${op} has no axis ${axis} in a tensor of rank ${rank}`)
}

/** Axes that exist, ascending, each once. */
export function requireAscendingAxes(op: string, axes: readonly number[], rank: number): void {
  axes.forEach((axis, position) => {
    requireAxis(op, axis, rank)
    if (position > 0 && axis <= axes[position - 1]!)
      throw new ShapeError(`${op} takes ascending axes, not [${axes.join(', ')}]`)
  })
}

export function requireLength(op: string, what: string, list: readonly unknown[], rank: number): void {
  if (list.length !== rank) throw new ShapeError(`${op} takes ${rank} ${what}, one for each axis, not ${list.length}`)
}

/** small ≤ large, as far as it can be told without knowing the run-time dimensions. */
export function requireAtMost(op: string, what: string, small: Dim, large: Dim): void {
  const room = subtract(large, small)
  if (isConstant(room) && room < 0)
    throw new ShapeError(`${op} needs ${what} ${formatDim(small)} to be at most ${formatDim(large)}`)
}

/** dim ≥ 0, as far as it can be told without knowing the run-time dimensions. */
export function requireNotNegative(op: string, what: string, dim: Dim): void {
  if (isConstant(dim) && dim < 0) throw new ShapeError(`${op} needs a ${what} that is not negative, not ${dim}`)
}

export function requirePositive(op: string, what: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) throw new ShapeError(`${op} needs a positive ${what}, not ${value}`)
}

export function formatType(type: TensorType): string {
  return type.shape.length === 0 ? type.dtype : `${type.dtype}${formatShape(type.shape)}`
}
