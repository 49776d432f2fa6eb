/** Identities of numbers. Operands of commutative ops come with a constant last. */
import type { TensorValue } from '../ops/definition.ts'
import type { OpName } from '../ops/op.ts'
import { classOf, definitionOf, inferType, opDefinitions } from '../ops/registry.ts'
import { type Match, type Rule, rule } from './rule.ts'

export const elementwiseOps = (Object.keys(opDefinitions) as OpName[]).filter((op) => classOf(op) === 'elementwise')

/** f of one element. */
function fold(match: Match<OpName>): number | undefined {
  const { build, constant, inputs } = match
  const values: TensorValue[] = []
  for (const input of inputs) {
    const value = constant(input)
    if (value === undefined) return undefined
    values.push({ dtype: build.typeOf(input).dtype, shape: [], data: Float64Array.of(value) })
  }
  const result = definitionOf(match.op).evaluate(values, match.attributes, noContext).data[0]!
  if (Number.isNaN(result)) return undefined
  const operation = { op: match.op, attributes: match.attributes } as Parameters<typeof inferType>[0]
  const type = inferType(operation, inputs.map(match.node))
  return build.full(result, type.shape, type.dtype)
}

const outside = (): never => {
  throw new Error('internal: simplify: an elementwise op looked outside its operands')
}
const noContext = {
  size: outside,
  input: outside,
  variable: outside,
  hyper: outside,
  run: outside,
  seed: 0,
  step: 0,
}

/** Whether a factor made by a rule is a normal float32, or zero. */
const fits = (factor: number): boolean =>
  factor === 0 || (Math.abs(factor) >= 2 ** -126 && Math.abs(factor) <= (2 - 2 ** -23) * 2 ** 127)

const isF32 = ({ build }: Match<OpName>, id: number): boolean => build.typeOf(id).dtype === 'f32'

export const arithmeticRules: readonly Rule[] = [
  rule('f(c, d, …) is a constant', elementwiseOps, fold),
  rule('a fixed size is a constant', 'dimension', ({ attributes: { dim }, build }) =>
    typeof dim === 'number' ? build.constant(dim, 'i32') : undefined,
  ),

  rule('x + 0 = x', 'add', ({ x, y, is }) => (is(y, 0) ? x : undefined)),
  rule('x + x = 2x', 'add', ({ x, y, build }) => (x === y ? build.scale(x, 2) : undefined)),
  rule('(x + c) + d = x + (c + d)', 'add', ({ x, y, build, as, constant }) => {
    const inner = as(x, 'add')
    const [c, d] = [inner && constant(inner.inputs[1]!), constant(y)]
    return c === undefined || d === undefined ? undefined : build.add(inner!.inputs[0]!, build.like(x, c + d))
  }),
  rule('x + (−y) = x − y', 'add', ({ x, y, build, as }) => {
    const [first, second] = [as(x, 'neg'), as(y, 'neg')]
    if (second) return build.sub(x, second.inputs[0]!)
    return first && build.sub(y, first.inputs[0]!)
  }),
  rule('(c ? x : 0) + (c ? 0 : y) = c ? x : y', 'add', ({ x, y, build, as, is }) => {
    const [first, second] = [as(x, 'select'), as(y, 'select')]
    if (!first || !second || first.inputs[0] !== second.inputs[0]) return undefined
    const [condition, a, b] = first.inputs
    const [, c, d] = second.inputs
    if (is(b!, 0) && is(c!, 0)) return build.select(condition!, a!, d!)
    return is(a!, 0) && is(d!, 0) ? build.select(condition!, c!, b!) : undefined
  }),

  rule('0 − x = −x', 'sub', ({ x, y, build, is }) => (is(x, 0) ? build.neg(y) : undefined)),
  rule('x − c = x + (−c)', 'sub', ({ x, y, build, constant }) => {
    const c = constant(y)
    return c === undefined ? undefined : build.add(x, build.like(x, -c))
  }),
  rule('x − (−y) = x + y', 'sub', ({ x, y, build, as }) => {
    const inner = as(y, 'neg')
    return inner && build.add(x, inner.inputs[0]!)
  }),

  rule('−(−x) = x', 'neg', ({ x, as }) => as(x, 'neg')?.inputs[0]),
  rule('−(x − y) = y − x', 'neg', ({ x, build, as }) => {
    const inner = as(x, 'sub')
    return inner && build.sub(inner.inputs[1]!, inner.inputs[0]!)
  }),
  rule('−(c·x) = (−c)·x', 'neg', ({ x, build, as, constant }) => {
    const inner = as(x, 'mul')
    const c = inner && constant(inner.inputs[1]!)
    return c === undefined ? undefined : build.scale(inner!.inputs[0]!, -c)
  }),

  rule('0·x = 0', 'mul', ({ y, is }) => (is(y, 0) ? y : undefined)),
  rule('1·x = x', 'mul', ({ x, y, is }) => (is(y, 1) ? x : undefined)),
  rule('−1·x = −x', 'mul', ({ x, y, build, is }) => (is(y, -1) ? build.neg(x) : undefined)),
  rule('(c·x)·d = (c·d)·x', 'mul', ({ x, y, build, as, constant }) => {
    const inner = as(x, 'mul')
    const [c, d] = [inner && constant(inner.inputs[1]!), constant(y)]
    if (c === undefined || d === undefined || !fits(c * d)) return undefined
    return build.scale(inner!.inputs[0]!, c * d)
  }),
  rule('(c·x)·(d·y) = (c·d)·(x·y)', 'mul', ({ x, y, build, as, constant }) => {
    const [first, second] = [as(x, 'mul'), as(y, 'mul')]
    const c = first && constant(first.inputs[1]!)
    const d = second && constant(second.inputs[1]!)
    if (c === undefined || d === undefined || !fits(c * d)) return undefined
    return build.scale(build.mul(first!.inputs[0]!, second!.inputs[0]!), c * d)
  }),
  rule('(−x)·c = x·(−c)', 'mul', ({ x, y, build, as, constant }) => {
    const [inner, c] = [as(x, 'neg'), constant(y)]
    return inner && c !== undefined ? build.scale(inner.inputs[0]!, -c) : undefined
  }),
  rule('(−x)·(−y) = x·y', 'mul', ({ x, y, build, as }) => {
    const [first, second] = [as(x, 'neg'), as(y, 'neg')]
    return first && second && build.mul(first.inputs[0]!, second.inputs[0]!)
  }),
  rule('(−x)·y = −(x·y)', 'mul', ({ x, y, build, as }) => {
    const [first, second] = [as(x, 'neg'), as(y, 'neg')]
    if (second) return build.neg(build.mul(x, second.inputs[0]!))
    return first && build.neg(build.mul(first.inputs[0]!, y))
  }),
  rule('x·(1/y) = x/y', 'mul', ({ x, y, build, as }) => {
    const [first, second] = [as(x, 'reciprocal'), as(y, 'reciprocal')]
    if (second) return build.div(x, second.inputs[0]!)
    return first && build.div(y, first.inputs[0]!)
  }),

  rule('(−x)/y = −(x/y)', 'div', ({ x, y, build, as }) => {
    const numerator = as(x, 'neg')
    return numerator && build.neg(build.div(numerator.inputs[0]!, y))
  }),
  rule('0/x = 0', 'div', ({ x, is }) => (is(x, 0) ? x : undefined)),
  rule('1/x is a reciprocal', 'div', ({ x, y, build, is }) => (is(x, 1) ? build.reciprocal(y) : undefined)),
  rule('x/c = x·(1/c)', 'div', ({ x, y, build, constant }) => {
    const c = constant(y)
    return c === undefined || !fits(1 / c) ? undefined : build.scale(x, 1 / c)
  }),
  rule('x/√y = x·rsqrt y', 'div', ({ x, y, build, as }) => {
    const root = as(y, 'sqrt')
    return root && build.mul(x, build.rsqrt(root.inputs[0]!))
  }),
  rule('1/(1/x) = x', 'reciprocal', ({ x, as }) => as(x, 'reciprocal')?.inputs[0]),
  rule('1/√x = rsqrt x', 'reciprocal', ({ x, build, as }) => {
    const root = as(x, 'sqrt')
    return root && build.rsqrt(root.inputs[0]!)
  }),

  rule('xᶜ for a small fixed c', 'pow', ({ x, y, build, constant }) => {
    switch (constant(y)) {
      case 0:
        return build.like(x, 1)
      case 1:
        return x
      case 2:
        return build.mul(x, x)
      case 3:
        return build.mul(build.mul(x, x), x)
      case 0.5:
        return build.sqrt(x)
      case -0.5:
        return build.rsqrt(x)
      case -1:
        return build.reciprocal(x)
      case -2:
        return build.reciprocal(build.mul(x, x))
      default:
        return undefined
    }
  }),
  rule('ln eˣ = x', 'log', ({ x, as }) => as(x, 'exp')?.inputs[0]),
  rule('|−x| = |x|', 'abs', ({ x, build, as }) => {
    const inner = as(x, 'neg')
    return inner && build.abs(inner.inputs[0]!)
  }),
  rule('||x|| = |x|', 'abs', ({ x, as }) => as(x, 'abs')?.id),
  rule('cos(−x) = cos x', 'cos', ({ x, build, as }) => {
    const inner = as(x, 'neg')
    return inner && build.cos(inner.inputs[0]!)
  }),
  rule('max(x, x) = min(x, x) = x', ['maximum', 'minimum'], ({ x, y }) => (x === y ? x : undefined)),
  rule('max(x, −∞) = x', 'maximum', ({ x, y, is }) => (is(y, Number.NEGATIVE_INFINITY) ? x : undefined)),
  rule('min(x, ∞) = x', 'minimum', ({ x, y, is }) => (is(y, Number.POSITIVE_INFINITY) ? x : undefined)),

  rule('x < x is false', 'less', ({ x, y, build }) => (x === y ? build.full(0, build.shapeOf(x), 'bool') : undefined)),
  rule('x = x is true of integers', ['equal', 'less_equal'], (match) =>
    match.x === match.y && !isF32(match, match.x)
      ? match.build.full(1, match.build.shapeOf(match.x), 'bool')
      : undefined,
  ),
  rule('¬¬x = x', 'not', ({ x, as }) => as(x, 'not')?.inputs[0]),
  rule('x ∧ true = x, x ∧ false = false', 'and', ({ x, y, constant }) => [y, x, undefined][constant(y) ?? 2]),
  rule('x ∨ false = x, x ∨ true = true', 'or', ({ x, y, constant }) => [x, y, undefined][constant(y) ?? 2]),
  rule('x ∧ x = x ∨ x = x', ['and', 'or'], ({ x, y }) => (x === y ? x : undefined)),

  rule('true ? x : y = x', 'select', ({ x, y, z, constant }) => [z, y, undefined][constant(x) ?? 2]),
  rule('c ? x : x = x', 'select', ({ y, z }) => (y === z ? y : undefined)),
  rule('¬c ? x : y = c ? y : x', 'select', ({ x, y, z, build, as }) => {
    const inner = as(x, 'not')
    return inner && build.select(inner.inputs[0]!, z, y)
  }),
  rule('c ? (c ? x : y) : z = c ? x : z', 'select', ({ x, y, z, build, as }) => {
    const [then, otherwise] = [as(y, 'select'), as(z, 'select')]
    if (then?.inputs[0] === x) return build.select(x, then.inputs[1]!, z)
    return otherwise?.inputs[0] === x ? build.select(x, y, otherwise.inputs[2]!) : undefined
  }),

  rule('a cast to the same dtype', 'cast', ({ x, attributes, build }) =>
    build.typeOf(x).dtype === attributes.dtype ? x : undefined,
  ),
  rule('a cast of a cast bool', 'cast', ({ x, attributes, build, as }) => {
    const source = as(x, 'cast')?.inputs[0]
    return source !== undefined && build.typeOf(source).dtype === 'bool'
      ? build.cast(source, attributes.dtype)
      : undefined
  }),
]
