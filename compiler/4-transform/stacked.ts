/** One operation of a loop's body done for all steps at once, on values stacked along a new first axis. */
import { type Dim, divideExactly, multiply } from '../dimensions/dimension.ts'
import { contractionAxes } from '../ops/contraction.ts'
import type { Expressions } from '../ops/expressions.ts'
import type { Operation } from '../ops/op.ts'
import { classOf } from '../ops/registry.ts'

/** Whether there is such an operation, given which operands are stacked; the others are the same in every step. */
export function canStack({ op }: Operation, operands: readonly boolean[]): boolean {
  switch (classOf(op)) {
    case 'elementwise':
    case 'reduction':
    case 'movement':
    case 'contraction':
      return true
    case 'pooling':
    case 'sequential':
      return true
    case 'convolution':
      return !operands[1]
    case 'indexed':
      return op === 'gather' ? !(operands[0] && operands[1]) : !operands[1]
    default:
      return false
  }
}

/** The value stacked `length` times. */
export function repeated(build: Expressions, value: number, length: Dim): number {
  const shape = build.shapeOf(value)
  return build.expand(
    value,
    [length, ...shape],
    shape.map((_, axis) => axis + 1),
  )
}

/**
 * The operation for all `length` steps: what each step would compute, stacked. `isStacked` says which operands have the
 * axis of steps, at least one of them.
 */
export function stacked(
  build: Expressions,
  operation: Operation,
  operands: readonly number[],
  isStacked: readonly boolean[],
  length: Dim,
): number {
  const all = (): number[] => operands.map((id, at) => (isStacked[at] ? id : repeated(build, id, length)))
  const later = (axes: readonly number[]): number[] => axes.map((axis) => axis + 1)
  const x = operands[0]!
  const { op, attributes } = operation
  switch (op) {
    case 'reduce_sum':
    case 'reduce_max':
    case 'reduce_min':
    case 'reduce_prod':
      return build.emit(op, operands, { axes: later(attributes.axes) })
    case 'argmax':
      return build.argmax(x, attributes.axis + 1)
    case 'argsort':
    case 'cumsum':
      return build.emit(op, [x], attributes)
    case 'reshape':
      return build.reshape(x, [length, ...attributes.shape])
    case 'permute':
      return build.permute(x, [0, ...later(attributes.order)])
    case 'expand':
      return build.expand(x, [length, ...attributes.shape], [0, ...later(attributes.axes)])
    case 'pad':
      return build.pad(x, [0, ...attributes.low], [0, ...attributes.high], attributes.value)
    case 'slice': {
      const { start, size, stride } = attributes
      return build.slice(x, [0, ...start], [length, ...size], [1, ...stride])
    }
    case 'concat':
      return build.concat(all(), attributes.axis + 1)
    case 'window':
      return build.window(x, { ...attributes, axis: attributes.axis + 1 })
    case 'fold':
      return build.fold(x, { ...attributes, axis: attributes.axis + 1 })
    case 'contract':
      return stackedContraction(build, operation, operands, isStacked)
    case 'convolve':
      return apart(build, build.convolve(together(build, x), operands[1]!, attributes), length)
    case 'pool_max':
    case 'pool_max_gradient':
      return apart(
        build,
        build.emit(
          op,
          all().map((id) => together(build, id)),
          attributes,
        ),
        length,
      )
    case 'gather': {
      if (!isStacked[1]) return build.gather(x, operands[1]!, attributes.axis + 1)
      const picked = build.gather(x, operands[1]!, attributes.axis)
      return axisToFront(build, picked, attributes.axis)
    }
    case 'scatter_add':
      return build.scatterAdd(x, operands[1]!, attributes.axis + 1, attributes.size)
    default:
      if (classOf(op) !== 'elementwise') throw new Error(`internal: hoist: ${op} cannot be done for all steps at once`)
      return build.emit(op, all(), attributes)
  }
}

/** With both operands stacked, steps are a batch axis; else they are one more free axis of a larger product. */
function stackedContraction(
  build: Expressions,
  { attributes }: Extract<Operation, { op: 'contract' }>,
  operands: readonly number[],
  isStacked: readonly boolean[],
): number {
  const [left, right] = [operands[0]!, operands[1]!]
  const [onLeft, onRight] = [isStacked[0] ? 1 : 0, isStacked[1] ? 1 : 0]
  const moved = (pairs: typeof attributes.batch): [number, number][] => pairs.map(([l, r]) => [l + onLeft, r + onRight])
  const contracted = moved(attributes.contracted)
  if (onLeft + onRight === 2)
    return build.contract(left, right, { batch: [[0, 0], ...moved(attributes.batch)], contracted })
  const product = build.contract(left, right, { batch: moved(attributes.batch), contracted })
  const axes = contractionAxes(attributes, build.shapeOf(left).length - onLeft, build.shapeOf(right).length - onRight)
  return axisToFront(build, product, axes.leftBatch.length + (onLeft ? 0 : axes.leftFree.length))
}

function axisToFront(build: Expressions, x: number, axis: number): number {
  const others = build.shapeOf(x).flatMap((_, at) => (at === axis ? [] : [at]))
  return build.permute(x, [axis, ...others])
}

/** The axis of steps joined with the first axis of a value, and split from it again. */
function together(build: Expressions, stack: number): number {
  const [steps, first, ...rest] = build.shapeOf(stack)
  return build.reshape(stack, [multiply(steps!, first!), ...rest])
}

function apart(build: Expressions, joined: number, length: Dim): number {
  const [first, ...rest] = build.shapeOf(joined)
  return build.reshape(joined, [length, divideExactly(first!, length)!, ...rest])
}
