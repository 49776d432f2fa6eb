/** Sums of products over shared axes: matrix products of every kind. */
import { dimEqual, formatDim, symbol } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { type OpDef, ShapeError } from './definition.ts'
import type { Expressions } from './expressions.ts'
import type { OpAttributes } from './op.ts'
import { requireAxis, requireDType } from './requirements.ts'
import { offsetsOf, otherAxes, pick, rowMajorStrides } from './strides.ts'

/** The axes of each operand by role, each list in the order the result (or the sum) takes them. */
export interface ContractionAxes {
  readonly leftBatch: readonly number[]
  readonly rightBatch: readonly number[]
  readonly leftContracted: readonly number[]
  readonly rightContracted: readonly number[]
  readonly leftFree: readonly number[]
  readonly rightFree: readonly number[]
}

export function contractionAxes(
  { batch, contracted }: OpAttributes['contract'],
  leftRank: number,
  rightRank: number,
): ContractionAxes {
  const lefts = (pairs: OpAttributes['contract']['batch']): number[] => pairs.map(([left]) => left)
  const rights = (pairs: OpAttributes['contract']['batch']): number[] => pairs.map(([, right]) => right)
  return {
    leftBatch: lefts(batch),
    rightBatch: rights(batch),
    leftContracted: lefts(contracted),
    rightContracted: rights(contracted),
    leftFree: otherAxes(leftRank, [...lefts(batch), ...lefts(contracted)]),
    rightFree: otherAxes(rightRank, [...rights(batch), ...rights(contracted)]),
  }
}

// f(x, y)[b…, i…, j…] = Σₖ x[b, i, k]·y[b, j, k], ∂f/∂x = Σⱼ g·y, ∂f/∂y = Σᵢ g·x: contractions again
const contract: OpDef<'contract'> = {
  arity: 2,
  class: 'contraction',
  infer: ([left, right], attributes) => {
    requireDType('contract', left!, ['f32'])
    requireDType('contract', right!, ['f32'])
    const taken = { left: new Set<number>(), right: new Set<number>() }
    for (const [l, r] of [...attributes.batch, ...attributes.contracted]) {
      requireAxis('contract', l, left!.shape.length)
      requireAxis('contract', r, right!.shape.length)
      if (taken.left.has(l) || taken.right.has(r)) throw new ShapeError('contract names an axis twice')
      taken.left.add(l)
      taken.right.add(r)
      if (!dimEqual(left!.shape[l]!, right!.shape[r]!))
        throw new ShapeError(
          `contract pairs axes of one size, not axis ${l} of size ${formatDim(left!.shape[l]!)} and axis ${r} of size ${formatDim(right!.shape[r]!)}`,
        )
    }
    const axes = contractionAxes(attributes, left!.shape.length, right!.shape.length)
    const shape = [
      ...pick(left!.shape, axes.leftBatch),
      ...pick(left!.shape, axes.leftFree),
      ...pick(right!.shape, axes.rightFree),
    ]
    return { dtype: 'f32', shape }
  },
  gradient: ({ build, inputs, cotangent, attributes }) => {
    const [left, right] = [inputs[0]!, inputs[1]!]
    const axes = contractionAxes(attributes, build.shapeOf(left).length, build.shapeOf(right).length)
    const b = axes.leftBatch.length
    const range = (start: number, count: number): number[] => Array.from({ length: count }, (_, at) => start + at)
    const leftPart = range(b, axes.leftFree.length)
    const rightPart = range(b + axes.leftFree.length, axes.rightFree.length)
    return [
      adjoint(build, cotangent, right, {
        batch: [axes.rightBatch, axes.leftBatch],
        summed: [rightPart, axes.rightFree],
        wanted: [axes.leftFree, pairedInOrder(axes.rightContracted, axes.leftContracted)],
      }),
      adjoint(build, cotangent, left, {
        batch: [axes.leftBatch, axes.rightBatch],
        summed: [leftPart, axes.leftFree],
        wanted: [axes.rightFree, pairedInOrder(axes.leftContracted, axes.rightContracted)],
      }),
    ]
  },
  evaluate: ([left, right], attributes) => {
    const axes = contractionAxes(attributes, left!.shape.length, right!.shape.length)
    const [leftStrides, rightStrides] = [rowMajorStrides(left!.shape), rowMajorStrides(right!.shape)]
    const offsets = (shape: readonly number[], strides: readonly number[], list: readonly number[]): Int32Array =>
      offsetsOf(pick(shape, list), pick(strides, list))
    const leftBatch = offsets(left!.shape, leftStrides, axes.leftBatch)
    const rightBatch = offsets(right!.shape, rightStrides, axes.rightBatch)
    const rows = offsets(left!.shape, leftStrides, axes.leftFree)
    const columns = offsets(right!.shape, rightStrides, axes.rightFree)
    const leftSum = offsets(left!.shape, leftStrides, axes.leftContracted)
    const rightSum = offsets(right!.shape, rightStrides, axes.rightContracted)
    const data = new Float64Array(leftBatch.length * rows.length * columns.length)
    let at = 0
    for (let b = 0; b < leftBatch.length; b++) {
      for (const row of rows) {
        for (const column of columns) {
          let total = 0
          for (let k = 0; k < leftSum.length; k++)
            total +=
              left!.data[leftBatch[b]! + row + leftSum[k]!]! * right!.data[rightBatch[b]! + column + rightSum[k]!]!
          data[at++] = total
        }
      }
    }
    const shape = [
      ...pick(left!.shape, axes.leftBatch),
      ...pick(left!.shape, axes.leftFree),
      ...pick(right!.shape, axes.rightFree),
    ]
    return { dtype: 'f32', shape, data }
  },
  samples: () => {
    const batch = symbol('Batch')
    const f32 = (...shape: TensorType['shape']): TensorType => ({ dtype: 'f32', shape })
    const dims = { Batch: 5 }
    return [
      { inputs: [f32(batch, 7), f32(4, 7)], attributes: { batch: [], contracted: [[1, 1]] }, dims },
      { inputs: [f32(3, 17), f32(17, 8)], attributes: { batch: [], contracted: [[1, 0]] } },
      { inputs: [f32(17, 3), f32(17, 5)], attributes: { batch: [], contracted: [[0, 0]] } },
      { inputs: [f32(batch, 3), f32(batch, 5)], attributes: { batch: [], contracted: [[0, 0]] }, dims },
      { inputs: [f32(5), f32(5)], attributes: { batch: [], contracted: [[0, 0]] } },
      { inputs: [f32(3), f32(4)], attributes: { batch: [], contracted: [] } },
      {
        inputs: [f32(batch, 2, 3, 4), f32(batch, 2, 5, 4)],
        attributes: {
          batch: [
            [0, 0],
            [1, 1],
          ],
          contracted: [[3, 3]],
        },
        dims,
      },
      {
        inputs: [f32(3, 2, 4, 5), f32(4, 7, 2, 3)],
        attributes: {
          batch: [[1, 2]],
          contracted: [
            [2, 0],
            [0, 3],
          ],
        },
      },
    ]
  },
}

/** The partners of `axes` in the order those axes have once ascending, which is how a result lists free axes. */
function pairedInOrder(axes: readonly number[], partners: readonly number[]): number[] {
  return axes
    .map((axis, at) => ({ axis, partner: partners[at]! }))
    .sort((a, b) => a.axis - b.axis)
    .map(({ partner }) => partner)
}

/**
 * Σ cotangent·other over the other operand's free axes, laid out as the wanted operand. Of the two orders of the
 * product the one that needs no permutation is taken, if there is one.
 */
function adjoint(
  build: Expressions,
  cotangent: number,
  other: number,
  axes: {
    /** The other operand's batch axes, and which of the wanted operand's they are. */
    readonly batch: readonly [other: readonly number[], wanted: readonly number[]]
    readonly summed: readonly [cotangent: readonly number[], other: readonly number[]]
    /** The wanted operand's axes that the cotangent and the other operand bring, in the order they do. */
    readonly wanted: readonly [fromCotangent: readonly number[], fromOther: readonly number[]]
  },
): number {
  const [fromCotangent, fromOther] = axes.wanted
  const layouts = {
    cotangentFirst: [...axes.batch[1], ...fromCotangent, ...fromOther],
    otherFirst: [...axes.batch[1], ...fromOther, ...fromCotangent],
  }
  const ascending = (layout: readonly number[]): boolean => layout.every((axis, at) => axis === at)
  const batch = axes.batch[0].map((axis, at) => [at, axis] as const)
  const summed = axes.summed[0].map((axis, at) => [axis, axes.summed[1][at]!] as const)
  if (ascending(layouts.otherFirst) && !ascending(layouts.cotangentFirst)) {
    const flip = ([l, r]: readonly [number, number]): [number, number] => [r, l]
    return build.contract(other, cotangent, { batch: batch.map(flip), contracted: summed.map(flip) })
  }
  const product = build.contract(cotangent, other, { batch, contracted: summed })
  const order = layouts.cotangentFirst.map((_, axis) => layouts.cotangentFirst.indexOf(axis))
  return build.permute(product, order)
}

export const contraction = { contract }
