/**
 * Sums in index notation. A sum of products is taken apart into its factors: those that do not depend on a summed
 * index stay outside, the rest are contracted pairwise. The product is never written out over all indices when two
 * of its factors can be contracted.
 */
import type { IndexedExpression } from '../2-check/checked.ts'
import { isConstant, product } from '../dimensions/dimension.ts'
import { combine, extentOf, type IndexSpace, inOrder, type Labelled, reduceLabels, scalar, size } from './labelled.ts'
import { dtypeOf, lowerExpression, operandsOf } from './lower-indexed.ts'

type Sum = Extract<IndexedExpression, { kind: 'reduce' }>

/** A factor, or with `inverted` a divisor, of a product. */
interface Factor {
  readonly expression: IndexedExpression
  readonly inverted: boolean
}

export function lowerSum(space: IndexSpace, sum: Sum): Labelled {
  const body = sum.body
  if (dtypeOf(space, body) !== 'f32') {
    const summed = new Set(sum.indices.map((index) => index.name))
    return times(
      space,
      reduceLabels(lowerExpression(space, body), summed, space.build.reduceSum),
      missing(space, body, summed),
    )
  }
  // Σ (a ± b) = Σ a ± Σ b, where one of them is a contraction.
  if (body.kind === 'elementwise' && (body.op === 'add' || body.op === 'sub') && body.operands.some(isContraction)) {
    const parts = body.operands.map((operand) => lowerSum(space, { ...sum, body: operand }))
    return combine(space, body.op, parts)
  }
  const summed = new Set(sum.indices.map((index) => index.name))
  const depends = ({ expression }: Factor): boolean => [...labelsOf(expression)].some((label) => summed.has(label))
  const factors = factorsOf(body)
  let result = contractAll(space, factors.filter(depends), summed)
  result = times(space, result, missing(space, body, summed))
  for (const factor of factors.filter((candidate) => !depends(candidate))) {
    const { expression } = factor
    const unit = expression.kind === 'constant' && Math.abs(expression.value) === 1
    if (unit) result = expression.value < 0 ? combine(space, 'neg', [result]) : result
    else result = combine(space, factor.inverted ? 'div' : 'mul', [result, lowerExpression(space, expression)])
  }
  return result
}

/** The summed indices that the body does not depend on: each repeats the sum. */
function missing(space: IndexSpace, body: IndexedExpression, summed: ReadonlySet<string>): string[] {
  const used = labelsOf(body)
  return inOrder(space, summed).filter((label) => !used.has(label))
}

function times(space: IndexSpace, x: Labelled, labels: readonly string[]): Labelled {
  if (labels.length === 0) return x
  const dtype = space.build.typeOf(x.node).dtype
  const count = product(labels.map((label) => extentOf(space, label)))
  const factor = isConstant(count) ? scalar(space, count, dtype) : size(space, count)
  return combine(space, 'mul', [x, { ...factor, node: space.build.cast(factor.node, dtype) }])
}

/** The index names an expression's value depends on. */
function labelsOf(expression: IndexedExpression): Set<string> {
  const labels = new Set<string>()
  const note = (coefficients: Readonly<Record<string, number>>): void => {
    for (const [label, coefficient] of Object.entries(coefficients)) if (coefficient !== 0) labels.add(label)
  }
  if (expression.kind === 'position') note(expression.subscript.coefficients)
  if (expression.kind === 'read')
    for (const subscript of expression.subscripts) if (!('kind' in subscript)) note(subscript.coefficients)
  for (const operand of operandsOf(expression)) for (const label of labelsOf(operand)) labels.add(label)
  if (expression.kind === 'reduce') for (const { name } of expression.indices) labels.delete(name)
  return labels
}

function covers(labels: ReadonlySet<string>, needed: ReadonlySet<string>): boolean {
  return [...needed].every((label) => labels.has(label))
}

/** Whether an expression is a product that no single factor spans. */
function isContraction(expression: IndexedExpression): boolean {
  return noneSpans(factorsOf(expression), expression)
}

function noneSpans(factors: readonly Factor[], product: IndexedExpression): boolean {
  const all = labelsOf(product).size
  return factors.length > 1 && factors.every((factor) => labelsOf(factor.expression).size < all)
}

/** The factors of a product, a quotient, a negation, or a product under a mask. */
function factorsOf(expression: IndexedExpression): Factor[] {
  if (expression.kind === 'elementwise') {
    const [first, second, third] = expression.operands
    if (expression.op === 'mul') return [...factorsOf(first!), ...factorsOf(second!)]
    if (expression.op === 'neg')
      return [...factorsOf(first!), { expression: { kind: 'constant', value: -1, dtype: 'f32' }, inverted: false }]
    if (expression.op === 'div') {
      const divisors = factorsOf(second!).map((factor) => ({ ...factor, inverted: !factor.inverted }))
      return [...factorsOf(first!), ...divisors]
    }
    if (expression.op === 'select' && isZero(third!)) {
      const factors = factorsOf(second!)
      const masked = noneSpans(factors, second!) ? maskFactor(first!, factors, third!) : undefined
      if (masked) return masked
    }
  }
  return [{ expression, inverted: false }]
}

function isZero(expression: IndexedExpression): boolean {
  return expression.kind === 'constant' && expression.value === 0
}

/** `if condition then f·g else 0` as (if condition then f else 0)·g, with an f that spans the condition. */
function maskFactor(
  condition: IndexedExpression,
  factors: readonly Factor[],
  zero: IndexedExpression,
): Factor[] | undefined {
  const needed = labelsOf(condition)
  const at = factors.findIndex(({ expression, inverted }) => !inverted && covers(labelsOf(expression), needed))
  if (at < 0) return undefined
  const operands = [condition, factors[at]!.expression, zero]
  return factors.with(at, { expression: { kind: 'elementwise', op: 'select', operands }, inverted: false })
}

/** Σ over `summed` of the product of the factors. */
function contractAll(space: IndexSpace, factors: readonly Factor[], summed: ReadonlySet<string>): Labelled {
  const lowered = (inverted: boolean): Labelled[] =>
    factors.filter((factor) => factor.inverted === inverted).map(({ expression }) => lowerExpression(space, expression))
  let rest = lowered(false)
  for (const divisor of lowered(true)) {
    const at = rest.findIndex((x) => covers(new Set(x.labels), new Set(divisor.labels)))
    if (at < 0) rest.push(combine(space, 'reciprocal', [divisor]))
    else rest[at] = combine(space, 'div', [rest[at]!, divisor])
  }
  if (rest.length === 0) return scalar(space, 1, 'f32')
  rest = mergeCovered(space, rest)
  while (rest.length > 1) {
    const [left, right] = cheapestPair(rest)
    const others = rest.filter((x) => x !== left && x !== right)
    const needed = new Set(others.flatMap((x) => x.labels))
    const free = new Set([...summed].filter((label) => !needed.has(label)))
    rest = mergeCovered(space, [...others, contractPair(space, left, right, free)])
  }
  return reduceLabels(rest[0]!, summed, space.build.reduceSum)
}

/**
 * While more than two factors are left, multiplies a factor into the smallest other one that has all its axes; two
 * with the same axes always.
 */
function mergeCovered(space: IndexSpace, factors: readonly Labelled[]): Labelled[] {
  const rest = [...factors].sort((a, b) => a.labels.length - b.labels.length)
  for (let at = 0; at < rest.length; at++) {
    const x = rest[at]!
    const into = rest.findIndex(
      (other, position) =>
        position > at &&
        x.labels.every((label) => other.labels.includes(label)) &&
        (rest.length > 2 || x.labels.length === other.labels.length),
    )
    if (into < 0) continue
    rest[into] = combine(space, 'mul', [rest[into]!, x])
    rest.splice(at--, 1)
  }
  return rest
}

/** The two factors whose product has the fewest axes. */
function cheapestPair(factors: readonly Labelled[]): [Labelled, Labelled] {
  let best: [Labelled, Labelled] = [factors[0]!, factors[1]!]
  let fewest = Number.POSITIVE_INFINITY
  factors.forEach((left, at) => {
    for (const right of factors.slice(at + 1)) {
      const axes = new Set([...left.labels, ...right.labels]).size
      if (axes < fewest) {
        fewest = axes
        best = [left, right]
      }
    }
  })
  return best
}

/** Σ over `summed` of left·right, axes that both have and that are not summed becoming batch axes. */
function contractPair(space: IndexSpace, x: Labelled, y: Labelled, summed: ReadonlySet<string>): Labelled {
  const { reduceSum, contract } = space.build
  // An index that only one of them has is summed before the product.
  const alone = (one: Labelled, other: Labelled): Labelled => {
    const own = one.labels.filter((label) => summed.has(label) && !other.labels.includes(label))
    return reduceLabels(one, new Set(own), reduceSum)
  }
  // The operand whose own axes come first in the result goes left.
  const [left, right] = inResultOrder(space, alone(x, y), alone(y, x))
  const shared = inOrder(space, new Set(left.labels.filter((label) => right.labels.includes(label))))
  const axis = (operand: Labelled, label: string): number => operand.labels.indexOf(label)
  const pairs = (labels: readonly string[]): [number, number][] =>
    labels.map((label) => [axis(left, label), axis(right, label)])
  const batch = shared.filter((label) => !summed.has(label))
  const contracted = shared.filter((label) => summed.has(label))
  const free = (operand: Labelled): string[] => operand.labels.filter((label) => !shared.includes(label))
  return {
    node: contract(left.node, right.node, { batch: pairs(batch), contracted: pairs(contracted) }),
    labels: [...batch, ...free(left), ...free(right)],
  }
}

function inResultOrder(space: IndexSpace, x: Labelled, y: Labelled): [Labelled, Labelled] {
  const order = [...space.extents.keys()]
  const first = (one: Labelled, other: Labelled): number => {
    const own = one.labels.filter((label) => !other.labels.includes(label)).map((label) => order.indexOf(label))
    return Math.min(order.length, ...own)
  }
  return first(y, x) < first(x, y) ? [y, x] : [x, y]
}
