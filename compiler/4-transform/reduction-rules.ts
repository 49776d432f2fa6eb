/** Identities of reductions: less is reduced, or nothing. */
import { dimEqual, isConstant, product } from '../dimensions/dimension.ts'
import type { OpName } from '../ops/op.ts'
import { otherAxes, pick } from '../ops/strides.ts'
import { type Match, type Rule, rule } from './rule.ts'

type Reduction = 'reduce_sum' | 'reduce_max' | 'reduce_min' | 'reduce_prod'

const reductions: readonly Reduction[] = ['reduce_sum', 'reduce_max', 'reduce_min', 'reduce_prod']

export const reductionRules: readonly Rule[] = [
  rule('a reduction over no axis', reductions, ({ x, attributes }) => (attributes.axes.length === 0 ? x : undefined)),
  rule('a reduction over an axis of size one is a reshape', reductions, ({ op, x, attributes, build }) => {
    const shape = build.shapeOf(x)
    const short = attributes.axes.filter((axis) => dimEqual(shape[axis]!, 1))
    if (short.length === 0) return undefined
    const rest = otherAxes(shape.length, short)
    const axes = attributes.axes.filter((axis) => !short.includes(axis)).map((axis) => rest.indexOf(axis))
    const squeezed = build.reshape(x, pick(shape, rest))
    return axes.length === 0 ? squeezed : build.emit(op, [squeezed], { axes })
  }),
  rule('reduce ∘ reduce', reductions, ({ op, x, attributes, build, node }) => {
    const inner = node(x)
    if (inner.op !== op) return undefined
    const source = inner.inputs[0]!
    const kept = otherAxes(build.shapeOf(source).length, inner.attributes.axes)
    const axes = [...inner.attributes.axes, ...pick(kept, attributes.axes)].sort((a, b) => a - b)
    return build.emit(op, [source], { axes })
  }),
  rule('Σ of n equal terms = n·x, max of equals = x', ['reduce_sum', 'reduce_max', 'reduce_min'], reduceOfExpand),
  rule('reduce ∘ permute', reductions, ({ op, x, attributes, build, as }) => {
    const inner = as(x, 'permute')
    if (!inner) return undefined
    const { order } = inner.attributes
    const axes = pick(order, attributes.axes).sort((a, b) => a - b)
    const kept = pick(order, otherAxes(order.length, attributes.axes))
    const ascending = [...kept].sort((a, b) => a - b)
    const reduced = build.emit(op, [inner.inputs[0]!], { axes })
    return build.permute(
      reduced,
      kept.map((axis) => ascending.indexOf(axis)),
    )
  }),
  rule('Σ (−x) = −Σ x', 'reduce_sum', ({ x, attributes, build, as }) => {
    const inner = as(x, 'neg')
    return inner && build.neg(build.reduceSum(inner.inputs[0]!, attributes.axes))
  }),
  rule('Σₖ x·y = (Σₖ x)·y for a y without k', 'reduce_sum', factorOut),
]

function reduceOfExpand({
  op,
  x,
  attributes,
  build,
  as,
}: Match<Exclude<Reduction, 'reduce_prod'>>): number | undefined {
  const inner = as(x, 'expand')
  if (!inner) return undefined
  const { shape, axes } = inner.attributes
  const repeated = attributes.axes.filter((axis) => !axes.includes(axis))
  if (repeated.length === 0) return undefined
  const own = axes.flatMap((axis, at) => (attributes.axes.includes(axis) ? [at] : []))
  const reduced = own.length === 0 ? inner.inputs[0]! : build.emit(op, [inner.inputs[0]!], { axes: own })
  const kept = otherAxes(shape.length, attributes.axes)
  const places = axes.filter((axis) => kept.includes(axis)).map((axis) => kept.indexOf(axis))
  const result = build.expand(scaled(build, reduced, op, product(pick(shape, repeated))), pick(shape, kept), places)
  return result
}

function scaled(
  build: Match<OpName>['build'],
  x: number,
  op: Reduction,
  count: Parameters<typeof isConstant>[0],
): number {
  if (op !== 'reduce_sum') return x
  const { dtype } = build.typeOf(x)
  if (isConstant(count)) return build.scale(x, count)
  return build.mul(x, build.expand(build.cast(build.dimension(count), dtype), build.shapeOf(x), []))
}

function factorOut({ x, attributes: { axes }, build, node, as }: Match<'reduce_sum'>): number | undefined {
  const inner = node(x)
  if (inner.op !== 'mul' && inner.op !== 'div') return undefined
  const outside = (id: number): number | undefined => {
    const factor = as(id, 'expand')
    if (!factor || factor.attributes.axes.some((axis) => axes.includes(axis))) return undefined
    const kept = otherAxes(factor.attributes.shape.length, axes)
    const places = factor.attributes.axes.map((axis) => kept.indexOf(axis))
    return build.expand(factor.inputs[0]!, pick(factor.attributes.shape, kept), places)
  }
  const [a, b] = [inner.inputs[0]!, inner.inputs[1]!]
  const second = outside(b)
  if (second !== undefined) return build.emit(inner.op, [build.reduceSum(a, axes), second], {})
  const first = inner.op === 'mul' ? outside(a) : undefined
  return first === undefined ? undefined : build.mul(build.reduceSum(b, axes), first)
}
