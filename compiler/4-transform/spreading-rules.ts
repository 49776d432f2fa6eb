/** Elementwise ops done before elements are repeated or arranged anew, rather than after. */
import { shapeEqual } from '../dimensions/dimension.ts'
import type { OpName } from '../ops/op.ts'
import { pick } from '../ops/strides.ts'
import { elementwiseOps } from './arithmetic-rules.ts'
import { type Match, type Rule, rule } from './rule.ts'

export const spreadingRules: readonly Rule[] = [
  rule('x / expand y = x · expand(1/y)', 'div', ({ x, y, build, as }) => {
    const divisor = as(y, 'expand')
    if (!divisor) return undefined
    const { shape, axes } = divisor.attributes
    return build.mul(x, build.expand(build.reciprocal(divisor.inputs[0]!), shape, axes))
  }),
  rule('(x·expand s)·expand t = x·expand(s·t)', 'mul', mergeFactors),
  rule('f(expand x, expand y) = expand f(x, y)', elementwiseOps, beforeExpand),
  rule('f(reshape x, reshape y) = reshape f(x, y)', elementwiseOps, beforeReshape),
]

/** Where s and t repeat along the same axes, or t is a constant. */
function mergeFactors({ x, y, build, as, constant }: Match<'mul'>): number | undefined {
  for (const [product, factor] of [
    [x, y],
    [y, x],
  ] as const) {
    const [inner, t] = [as(product, 'mul'), as(factor, 'expand')]
    if (!inner || !t) continue
    for (const [kept, merged] of [
      [inner.inputs[0]!, inner.inputs[1]!],
      [inner.inputs[1]!, inner.inputs[0]!],
    ] as const) {
      const s = as(merged, 'expand')
      const c = constant(factor)
      const alike = c !== undefined || s?.attributes.axes.join() === t.attributes.axes.join()
      if (!s || constant(merged) !== undefined || !alike) continue
      const { shape, axes } = s.attributes
      const small = s.inputs[0]!
      const scaled = c === undefined ? build.mul(small, t.inputs[0]!) : build.scale(small, c)
      return build.mul(kept, build.expand(scaled, shape, axes))
    }
  }
  return undefined
}

function beforeExpand({ op, attributes, inputs, build, as, constant }: Match<OpName>): number | undefined {
  const varying = inputs.filter((input) => constant(input) === undefined)
  const expanded = varying.map((input) => as(input, 'expand'))
  const first = expanded[0]
  if (!first || expanded.some((node) => node === undefined)) return undefined
  const { shape } = first.attributes
  const axes = [...new Set(expanded.flatMap((node) => node!.attributes.axes))].sort((a, b) => a - b)
  if (axes.length === shape.length) return undefined
  const inner = pick(shape, axes)
  const operands = inputs.map((input) => {
    const value = constant(input)
    if (value !== undefined) return build.full(value, inner, build.typeOf(input).dtype)
    const { inputs: sources, attributes: own } = as(input, 'expand')!
    return build.expand(
      sources[0]!,
      inner,
      own.axes.map((axis) => axes.indexOf(axis)),
    )
  })
  return build.expand(build.emit(op, operands, attributes), shape, axes)
}

function beforeReshape({ op, attributes, inputs, build, as, constant }: Match<OpName>): number | undefined {
  const varying = inputs.filter((input) => constant(input) === undefined)
  const sources = varying.map((input) => as(input, 'reshape')?.inputs[0])
  const first = sources[0]
  if (first === undefined) return undefined
  const shape = build.shapeOf(first)
  if (sources.some((source) => source === undefined || !shapeEqual(build.shapeOf(source), shape))) return undefined
  const operands = inputs.map((input) => {
    const value = constant(input)
    return value === undefined ? as(input, 'reshape')!.inputs[0]! : build.full(value, shape, build.typeOf(input).dtype)
  })
  return build.reshape(build.emit(op, operands, attributes), build.shapeOf(inputs[0]!))
}
