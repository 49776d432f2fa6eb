/** Identities of contractions. */
import { type Dim, evaluateDim, product, symbolsOf } from '../dimensions/dimension.ts'
import { contractionAxes } from '../ops/contraction.ts'
import type { OpAttributes } from '../ops/op.ts'
import { otherAxes, pick } from '../ops/strides.ts'
import { type Match, type Rule, rule } from './rule.ts'

export const contractionRules: readonly Rule[] = [
  rule('contract ∘ permute', 'contract', absorbPermutation),
  rule('Σₖ c·y = c·Σₖ y', 'contract', constantOperand),
  rule('Σₖ (c·x)·y = c·Σₖ x·y, where the result is smaller than x', 'contract', pullScale),
  rule('Σₖ x·y, written out over all axes, is a contraction', 'reduce_sum', recognise),
]

/** The axes an operand names can be those of the tensor before it was permuted, if its free axes keep their order. */
function absorbPermutation({
  x,
  y,
  attributes: { batch, contracted },
  build,
  as,
}: Match<'contract'>): number | undefined {
  const ranks = [build.shapeOf(x).length, build.shapeOf(y).length] as const
  const axes = contractionAxes({ batch, contracted }, ...ranks)
  const [left, right] = [as(x, 'permute'), as(y, 'permute')]
  const keeps = (order: readonly number[], free: readonly number[]): boolean =>
    free.every((axis, at) => at === 0 || order[axis]! > order[free[at - 1]!]!)
  const absorbLeft = left && keeps(left.attributes.order, axes.leftFree) ? left : undefined
  const absorbRight = right && keeps(right.attributes.order, axes.rightFree) ? right : undefined
  if (!absorbLeft && !absorbRight) return undefined
  const mapped = (pairs: OpAttributes['contract']['batch']): [number, number][] =>
    pairs.map(([l, r]) => [absorbLeft?.attributes.order[l] ?? l, absorbRight?.attributes.order[r] ?? r])
  return build.contract(absorbLeft?.inputs[0] ?? x, absorbRight?.inputs[0] ?? y, {
    batch: mapped(batch),
    contracted: mapped(contracted),
  })
}

function constantOperand({ x, y, attributes, build, constant }: Match<'contract'>): number | undefined {
  const [leftShape, rightShape] = [build.shapeOf(x), build.shapeOf(y)]
  const axes = contractionAxes(attributes, leftShape.length, rightShape.length)
  const batches = axes.leftBatch.length
  const shape = [
    ...pick(leftShape, axes.leftBatch),
    ...pick(leftShape, axes.leftFree),
    ...pick(rightShape, axes.rightFree),
  ]
  const own = (count: number, start: number): number[] => Array.from({ length: count }, (_, at) => start + at)
  const expanded = (
    value: number,
    other: number,
    batch: readonly number[],
    summed: readonly number[],
    freeStart: number,
  ) => {
    const rank = build.shapeOf(other).length
    const kept = otherAxes(rank, summed)
    const free = kept.filter((axis) => !batch.includes(axis))
    const reduced = build.permute(
      build.reduceSum(
        other,
        [...summed].sort((a, b) => a - b),
      ),
      [...batch, ...free].map((axis) => kept.indexOf(axis)),
    )
    return build.expand(build.scale(reduced, value), shape, [...own(batches, 0), ...own(free.length, freeStart)])
  }
  const [left, right] = [constant(x), constant(y)]
  if (left !== undefined)
    return expanded(left, y, axes.rightBatch, axes.rightContracted, batches + axes.leftFree.length)
  if (right !== undefined) return expanded(right, x, axes.leftBatch, axes.leftContracted, batches)
  return undefined
}

function pullScale({ x, y, attributes, build, as, constant }: Match<'contract'>): number | undefined {
  const [leftShape, rightShape] = [build.shapeOf(x), build.shapeOf(y)]
  const axes = contractionAxes(attributes, leftShape.length, rightShape.length)
  const result = [...pick(leftShape, [...axes.leftBatch, ...axes.leftFree]), ...pick(rightShape, axes.rightFree)]
  for (const [operand, shape] of [
    [x, leftShape],
    [y, rightShape],
  ] as const) {
    const scaled = as(operand, 'mul')
    const factor = scaled && constant(scaled.inputs[1]!)
    if (!scaled || factor === undefined || typicalSize(result) >= typicalSize(shape)) continue
    const source = scaled.inputs[0]!
    const plain = build.contract(operand === x ? source : x, operand === x ? y : source, attributes)
    return build.scale(plain, factor)
  }
  return undefined
}

/** A number of elements to compare by; run-time dimensions are taken to be 64. */
function typicalSize(shape: readonly Dim[]): number {
  const count = product(shape)
  return evaluateDim(count, Object.fromEntries(symbolsOf(count).map((name) => [name, 64])))
}

function recognise({ x, attributes: { axes }, build, as }: Match<'reduce_sum'>): number | undefined {
  const inner = as(x, 'mul')
  if (inner?.type.dtype !== 'f32') return undefined
  const rank = inner.type.shape.length
  const everything = Array.from({ length: rank }, (_, axis) => axis)
  const [left, right] = inner.inputs.map((id) => {
    const expanded = as(id, 'expand')
    return expanded ? { node: expanded.inputs[0]!, axes: expanded.attributes.axes } : { node: id, axes: everything }
  }) as [{ node: number; axes: readonly number[] }, { node: number; axes: readonly number[] }]
  const broadcast = left.axes.length < rank && right.axes.length < rank
  if (!broadcast || !axes.every((axis) => left.axes.includes(axis) && right.axes.includes(axis))) return undefined
  const kept = otherAxes(rank, axes)
  if (!kept.every((axis) => left.axes.includes(axis) || right.axes.includes(axis))) return undefined
  const batch = kept.filter((axis) => left.axes.includes(axis) && right.axes.includes(axis))
  const pairs = (list: readonly number[]): [number, number][] =>
    list.map((axis) => [left.axes.indexOf(axis), right.axes.indexOf(axis)])
  const contraction = build.contract(left.node, right.node, { batch: pairs(batch), contracted: pairs(axes) })
  const free = (operand: readonly number[]): number[] =>
    operand.filter((axis) => kept.includes(axis) && !batch.includes(axis))
  const layout = [...batch, ...free(left.axes), ...free(right.axes)]
  return build.permute(
    contraction,
    kept.map((axis) => layout.indexOf(axis)),
  )
}
