/** Ops that drop axes by combining the elements along them. */
import { symbol } from '../dimensions/dimension.ts'
import type { DType } from '../types.ts'
import type { GradientRule, OpDef, OpSample, TensorValue } from './definition.ts'
import type { Expressions } from './expressions.ts'
import type { OpAttributes } from './op.ts'
import { requireAscendingAxes, requireAxis, requireDType } from './requirements.ts'
import { elementCount, offsetsOf, otherAxes, pick, rowMajorStrides } from './strides.ts'

type ReduceOp = 'reduce_sum' | 'reduce_max' | 'reduce_min' | 'reduce_prod'

const numeric: readonly DType[] = ['f32', 'i32']

function reduction(
  op: ReduceOp,
  combine: (total: number, value: number) => number,
  start: number,
  gradient: GradientRule<ReduceOp>,
): OpDef<ReduceOp> {
  return {
    arity: 1,
    class: 'reduction',
    infer: ([x], { axes }) => {
      requireDType(op, x!, numeric)
      requireAscendingAxes(op, axes, x!.shape.length)
      return { dtype: x!.dtype, shape: pick(x!.shape, otherAxes(x!.shape.length, axes)) }
    },
    gradient,
    evaluate: ([x], { axes }) => {
      const { kept, bases, steps } = walk(x!, axes)
      const data = Float64Array.from(bases, (base) => {
        let total = x!.dtype === 'i32' ? Math.min(Math.max(start, -(2 ** 31)), 2 ** 31 - 1) : start
        for (const step of steps) total = combine(total, x!.data[base + step]!)
        return x!.dtype === 'i32' ? total | 0 : total
      })
      return { dtype: x!.dtype, shape: kept, data }
    },
    samples: reductionSamples,
  }
}

/** The offsets of each result element's first operand element, and the steps from it to the others. */
function walk(x: TensorValue, axes: readonly number[]): { kept: number[]; bases: Int32Array; steps: Int32Array } {
  const strides = rowMajorStrides(x.shape)
  const others = otherAxes(x.shape.length, axes)
  const kept = pick(x.shape, others)
  return {
    kept,
    bases: offsetsOf(kept, pick(strides, others)),
    steps: offsetsOf(pick(x.shape, axes), pick(strides, axes)),
  }
}

/** A value of the reduced shape, repeated along the reduced axes to the shape of x. */
function restore(build: Expressions, reduced: number, x: number, axes: readonly number[]): number {
  const shape = build.shapeOf(x)
  return build.expand(reduced, shape, otherAxes(shape.length, axes))
}

// f(x) = Σ x, ∂f/∂xᵢ = 1
const reduce_sum = reduction(
  'reduce_sum',
  (total, value) => total + value,
  0,
  ({ build, inputs, cotangent, attributes }) => [restore(build, cotangent, inputs[0]!, attributes.axes)],
)

/** The cotangent shared equally by the elements that are the extreme one. */
const shared: GradientRule<ReduceOp> = ({ build, inputs, output, cotangent, attributes: { axes } }) => {
  const x = inputs[0]!
  const extreme = build.equal(x, restore(build, output, x, axes))
  const count = build.reduceSum(build.cast(extreme, 'f32'), axes)
  return [build.select(extreme, restore(build, build.div(cotangent, count), x, axes), build.like(x, 0))]
}

// f(x) = max x, ∂f/∂xᵢ = 1 / (number of largest elements) where xᵢ is one, else 0
const reduce_max = reduction('reduce_max', Math.max, Number.NEGATIVE_INFINITY, shared)

// f(x) = min x, ∂f/∂xᵢ = 1 / (number of smallest elements) where xᵢ is one, else 0
const reduce_min = reduction('reduce_min', Math.min, Number.POSITIVE_INFINITY, shared)

// f(x) = Π x, ∂f/∂xᵢ = Π of the others: f / xᵢ, or where a single element is zero, the product of the rest there.
// Gradients of this gradient are right where no element is zero.
const reduce_prod = reduction(
  'reduce_prod',
  (total, value) => total * value,
  1,
  (application) => {
    const { build, inputs, output, cotangent: g } = application
    const { axes } = application.attributes
    const x = inputs[0]!
    const zero = build.like(x, 0)
    const isZero = build.equal(x, zero)
    const nonzero = build.select(isZero, build.like(x, 1), x)
    const zeros = build.reduceSum(build.cast(isZero, 'f32'), axes)
    const single = build.equal(zeros, build.like(zeros, 1))
    const rest = build.mul(g, build.reduceProd(nonzero, axes))
    const atZero = restore(build, build.select(single, rest, build.like(zeros, 0)), x, axes)
    const elsewhere = build.div(restore(build, build.mul(g, output), x, axes), nonzero)
    return [build.select(isZero, atZero, elsewhere)]
  },
)

function reductionSamples(): OpSample<OpAttributes[ReduceOp]>[] {
  const cases: readonly [shape: OpAttributes['reshape']['shape'], axes: readonly number[]][] = [
    [[1], [0]],
    [[17], [0]],
    [[3, 5], [0]],
    [[3, 5], [1]],
    [
      [4, 7],
      [0, 1],
    ],
    [[2, 3, 5], [1]],
    [
      [2, 3, 4],
      [0, 2],
    ],
    [[symbol('Batch'), 8], [0]],
    [[symbol('Batch'), 8], [1]],
  ]
  return numeric.flatMap((dtype) =>
    cases.map(([shape, axes]) => ({ inputs: [{ dtype, shape }], attributes: { axes }, dims: { Batch: 5 } })),
  )
}

const argmax: OpDef<'argmax'> = {
  arity: 1,
  class: 'reduction',
  infer: ([x], { axis }) => {
    requireDType('argmax', x!, numeric)
    requireAxis('argmax', axis, x!.shape.length)
    return { dtype: 'i32', shape: pick(x!.shape, otherAxes(x!.shape.length, [axis])) }
  },
  gradient: null,
  evaluate: ([x], { axis }) => {
    const { kept, bases, steps } = walk(x!, [axis])
    const data = new Float64Array(elementCount(kept))
    bases.forEach((base, at) => {
      let best = 0
      steps.forEach((step, position) => {
        if (x!.data[base + step]! > x!.data[base + steps[best]!]!) best = position
      })
      data[at] = best
    })
    return { dtype: 'i32', shape: kept, data }
  },
  samples: () => [
    { inputs: [{ dtype: 'f32', shape: [17] }], attributes: { axis: 0 } },
    { inputs: [{ dtype: 'f32', shape: [symbol('Batch'), 10] }], attributes: { axis: 1 }, dims: { Batch: 5 } },
    { inputs: [{ dtype: 'i32', shape: [3, 4, 2] }], attributes: { axis: 1 } },
  ],
}

export const reductions = { reduce_sum, reduce_max, reduce_min, reduce_prod, argmax }
