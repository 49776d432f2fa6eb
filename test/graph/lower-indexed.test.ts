import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AffineSubscript, IndexedExpression, IndexedForm, IndexVariable } from '../../compiler/2-check/checked.ts'
import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { lowerIndexed } from '../../compiler/3-graph/lower-indexed.ts'
import { printGraph } from '../../compiler/3-graph/print.ts'
import { verifyGraph } from '../../compiler/3-graph/verify.ts'
import { type Dim, evaluateDim, symbol } from '../../compiler/dimensions/dimension.ts'
import type { TensorValue } from '../../compiler/ops/definition.ts'
import { expressions } from '../../compiler/ops/expressions.ts'
import type { TensorType } from '../../compiler/types.ts'
import { evaluateIndexed } from './naive-indexed.ts'
import { randomElements, randomNumbers } from './sample-values.ts'

const batch = symbol('Batch')
const dims = { Batch: 3 }
const dimRanges = [{ name: 'Batch', minimum: 1, maximum: 64 }]
const f32 = (...shape: Dim[]): TensorType => ({ dtype: 'f32', shape })
const ids = (limit: number, ...shape: Dim[]): TensorType & { limit: number } => ({ dtype: 'i32', shape, limit })

/** `i`, `2i + p - 1` as `{ i: 2, p: 1 }` with a constant. */
function at(coefficients: Readonly<Record<string, number>> | string, constant: Dim = 0): AffineSubscript {
  return { coefficients: typeof coefficients === 'string' ? { [coefficients]: 1 } : coefficients, constant }
}
const indices = (extents: Readonly<Record<string, Dim>>): IndexVariable[] =>
  Object.entries(extents).map(([name, extent]) => ({ name, extent }))
const read = (
  value: number,
  subscripts: readonly (string | AffineSubscript | IndexedExpression)[],
  otherwise?: number,
): IndexedExpression => ({
  kind: 'read',
  value,
  subscripts: subscripts.map((subscript) => (typeof subscript === 'string' ? at(subscript) : subscript)),
  ...(otherwise !== undefined && { otherwise }),
})
type ElementwiseName = Extract<IndexedExpression, { kind: 'elementwise' }>['op']
const apply = (op: ElementwiseName, ...operands: IndexedExpression[]): IndexedExpression => ({
  kind: 'elementwise',
  op,
  operands,
})
const mul = (...operands: IndexedExpression[]): IndexedExpression =>
  operands.reduce((left, right) => apply('mul', left, right))
const number = (value: number): IndexedExpression => ({ kind: 'constant', value, dtype: 'f32' })
const position = (coefficients: Readonly<Record<string, number>> | string, constant: Dim = 0): IndexedExpression => ({
  kind: 'position',
  subscript: at(coefficients, constant),
})
const reduce = (
  reducer: 'sum' | 'max' | 'min' | 'prod',
  extents: Readonly<Record<string, Dim>>,
  body: IndexedExpression,
): IndexedExpression => ({ kind: 'reduce', reducer, indices: indices(extents), body })
const sum = (extents: Readonly<Record<string, Dim>>, body: IndexedExpression) => reduce('sum', extents, body)

interface Case {
  readonly name: string
  readonly inputs: readonly (TensorType & { readonly limit?: number })[]
  readonly result: Readonly<Record<string, Dim>>
  readonly body: IndexedExpression
  /** Ops that must, and that must not, be in the graph. */
  readonly uses?: readonly string[]
  readonly avoids?: readonly string[]
}

/** The graph of a case, after its values were compared with the nested loops. */
function checkCase({ inputs, result, body }: Case, seed = 1): Graph {
  const builder = new GraphBuilder({ name: 'indexed', kind: 'infer', dims: dimRanges })
  const build = expressions(builder)
  const nodes = inputs.map(({ dtype, shape }, place) => build.input(`x${place}`, { dtype, shape }))
  const form: IndexedForm = { kind: 'indexed', indices: indices(result), body }
  const y = lowerIndexed(form, build, (value) => nodes[value]!, { Batch: dimRanges[0]! })
  const graph = builder.finish([{ name: 'y', node: y }], [])
  verifyGraph(graph)
  const random = randomNumbers(seed)
  const values = inputs.map((type): TensorValue => {
    const domain = type.limit === undefined ? { low: -1, high: 1 } : { low: 0, high: type.limit - 1 }
    const data = randomElements(type, dims, random, domain)
    return { dtype: type.dtype, shape: type.shape.map((dim) => evaluateDim(dim, dims)), data }
  })
  const environment = { dims, inputs: Object.fromEntries(values.map((value, place) => [`x${place}`, value.data])) }
  const actual = interpret(graph, environment).outputs.y!
  expect(actual.shape).toEqual(form.indices.map(({ extent }) => evaluateDim(extent, dims)))
  const expected = evaluateIndexed(form, values, dims)
  const finite = expected.filter(Number.isFinite).map(Math.abs)
  const tolerance = 1e-9 * (1 + Math.max(0, ...finite))
  expected.forEach((element, place) => {
    if (Number.isFinite(element)) expect(Math.abs(actual.data[place]! - element)).toBeLessThanOrEqual(tolerance)
    else expect(actual.data[place]).toBe(element)
  })
  return graph
}

const opsOf = (graph: Graph): string[] => graph.nodes.map((node) => node.op).filter((op) => op !== 'input')

const cases: readonly Case[] = [
  {
    name: 'a linear layer is one contraction',
    inputs: [f32(batch, 5), f32(4, 5)],
    result: { b: batch, o: 4 },
    body: sum({ i: 5 }, mul(read(0, ['b', 'i']), read(1, ['o', 'i']))),
    uses: ['contract'],
    avoids: ['expand', 'permute', 'mul', 'reduce_sum'],
  },
  {
    name: 'a transposed result swaps the operands',
    inputs: [f32(batch, 5), f32(4, 5)],
    result: { o: 4, b: batch },
    body: sum({ i: 5 }, mul(read(0, ['b', 'i']), read(1, ['o', 'i']))),
    uses: ['contract'],
    avoids: ['expand', 'permute', 'mul'],
  },
  {
    name: 'attention scores under a causal mask',
    inputs: [f32(batch, 2, 4, 3), f32(batch, 2, 4, 3), f32()],
    result: { b: batch, h: 2, i: 4, j: 4 },
    body: apply(
      'select',
      apply('less_equal', position('j'), position('i')),
      apply(
        'div',
        sum({ e: 3 }, mul(read(0, ['b', 'h', 'i', 'e']), read(1, ['b', 'h', 'j', 'e']))),
        apply('sqrt', apply('abs', { kind: 'scalar', value: 2 })),
      ),
      number(Number.NEGATIVE_INFINITY),
    ),
    uses: ['contract', 'iota', 'less_equal', 'select'],
    avoids: ['reduce_sum', 'permute'],
  },
  {
    name: 'a mask inside a product stays with one factor',
    inputs: [f32(4, 4), f32(4, 3)],
    result: { i: 4, e: 3 },
    body: sum(
      { j: 4 },
      apply(
        'select',
        apply('less_equal', position('j'), position('i')),
        mul(read(0, ['i', 'j']), read(1, ['j', 'e'])),
        number(0),
      ),
    ),
    uses: ['contract'],
    avoids: ['reduce_sum'],
  },
  {
    name: 'factors without the summed index stay outside',
    inputs: [f32(batch, 5), f32(4, 5), f32(4), f32()],
    result: { b: batch, o: 4 },
    body: sum(
      { i: 5 },
      apply(
        'div',
        apply('neg', mul(number(2), read(0, ['b', 'i']), { kind: 'scalar', value: 3 }, read(1, ['o', 'i']))),
        apply('exp', read(2, ['o'])),
      ),
    ),
    uses: ['contract'],
    avoids: ['reduce_sum'],
  },
  {
    name: 'four factors are contracted pairwise',
    inputs: [f32(batch, 5), f32(5, 4), f32(4, 3), f32(5)],
    result: { b: batch, c: 3 },
    body: sum({ i: 5, j: 4 }, mul(read(0, ['b', 'i']), read(1, ['i', 'j']), read(2, ['j', 'c']), read(3, ['i']))),
    uses: ['contract', 'contract'],
    avoids: ['reduce_sum'],
  },
  {
    name: 'a sum of two contractions',
    inputs: [f32(batch, 5), f32(4, 5), f32(4, 5)],
    result: { b: batch, o: 4 },
    body: sum(
      { i: 5 },
      apply('sub', mul(read(0, ['b', 'i']), read(1, ['o', 'i'])), mul(read(0, ['b', 'i']), read(2, ['o', 'i']))),
    ),
    uses: ['contract', 'contract', 'sub'],
    avoids: ['reduce_sum'],
  },
  {
    name: 'indices that only one factor has are summed before the product',
    inputs: [f32(5, 2), f32(5, 3)],
    result: {},
    body: sum({ i: 5, j: 2, k: 3 }, mul(read(0, ['i', 'j']), read(1, ['i', 'k']))),
    avoids: ['expand', 'mul'],
    uses: ['reduce_sum', 'reduce_sum', 'contract'],
  },
  {
    name: 'an index that no factor has repeats the sum',
    inputs: [f32(5)],
    result: {},
    body: sum({ i: 5, j: batch, k: 2 }, read(0, ['i'])),
  },
  {
    name: 'squared distances need the broadcast',
    inputs: [f32(batch, 3), f32(4, 3)],
    result: { b: batch, k: 4 },
    body: sum(
      { i: 3 },
      mul(
        apply('sub', read(0, ['b', 'i']), read(1, ['k', 'i'])),
        apply('sub', read(0, ['b', 'i']), read(1, ['k', 'i'])),
      ),
    ),
    uses: ['reduce_sum'],
    avoids: ['contract'],
  },
  {
    name: 'a padded strided convolution is windows and one contraction',
    inputs: [f32(batch, 2, 6, 8), f32(4, 2, 3, 3)],
    result: { b: batch, o: 4, i: 3, j: 4 },
    body: sum(
      { c: 2, p: 3, q: 3 },
      mul(read(0, ['b', 'c', at({ i: 2, p: 1 }, -1), at({ j: 2, q: 1 }, -1)], 0), read(1, ['o', 'c', 'p', 'q'])),
    ),
    uses: ['pad', 'window', 'window', 'contract'],
    avoids: ['gather', 'mul', 'reduce_sum'],
  },
  {
    name: 'a dilated window',
    inputs: [f32(9)],
    result: { i: 5, p: 3 },
    body: read(0, [at({ i: 1, p: 2 })]),
    uses: ['window'],
    avoids: ['gather'],
  },
  {
    name: 'three indices in one subscript',
    inputs: [f32(20)],
    result: { p: 2, i: 3, q: 2 },
    body: read(0, [at({ i: 5, p: 3, q: 1 }, 1)]),
    uses: ['window', 'window'],
    avoids: ['gather'],
  },
  {
    name: 'digits of a position are a reshape',
    inputs: [f32(batch, 12)],
    result: { b: batch, h: 3, e: 4 },
    body: read(0, ['b', at({ h: 4, e: 1 })]),
    uses: ['reshape'],
    avoids: ['window', 'gather'],
  },
  {
    name: 'a shift with a value outside',
    inputs: [f32(batch, 5)],
    result: { b: batch, i: 5 },
    body: apply('add', read(0, ['b', at('i', -1)], 7), read(0, ['b', at('i', 2)], -1)),
    uses: ['pad', 'slice'],
    avoids: ['gather'],
  },
  {
    name: 'a shift along a run-time axis',
    inputs: [f32(batch, 2)],
    result: { b: batch, i: 2 },
    body: read(0, [at('b', -1), 'i'], 0),
    uses: ['pad', 'slice'],
    avoids: ['gather'],
  },
  {
    name: 'every second element and a fixed one',
    inputs: [f32(7, 3)],
    result: { i: 3 },
    body: read(0, [at({ i: 2 }, 1), at({}, 2)]),
    uses: ['slice'],
    avoids: ['gather'],
  },
  {
    name: 'backwards is a gather',
    inputs: [f32(5)],
    result: { i: 5 },
    body: read(0, [at({ i: -1 }, 4)]),
    uses: ['gather'],
  },
  {
    name: 'backwards and outside',
    inputs: [f32(5)],
    result: { i: 8 },
    body: read(0, [at({ i: -1 }, 6)], 0.5),
    uses: ['gather', 'select'],
  },
  {
    name: 'a permuted read',
    inputs: [f32(2, 3, 4)],
    result: { c: 4, a: 2, b: 3 },
    body: read(0, ['a', 'b', 'c']),
    uses: ['permute'],
    avoids: ['gather', 'expand'],
  },
  {
    name: 'the diagonal of a fixed size is a strided slice',
    inputs: [f32(4, 4)],
    result: { i: 4 },
    body: read(0, ['i', 'i']),
    uses: ['slice'],
    avoids: ['gather', 'reduce_sum'],
  },
  {
    name: 'the diagonal of a run-time size',
    inputs: [f32(batch, 2, batch)],
    result: { k: 2, i: batch },
    body: read(0, ['i', 'k', 'i']),
    avoids: ['gather'],
  },
  {
    name: 'rows of a table',
    inputs: [f32(6, 4), ids(6, batch, 2)],
    result: { b: batch, t: 2, c: 4 },
    body: read(0, [read(1, ['b', 't']), 'c']),
    uses: ['gather'],
    avoids: ['reshape', 'permute'],
  },
  {
    name: 'one element of each row',
    inputs: [f32(batch, 4), ids(4, batch)],
    result: { b: batch },
    body: read(0, ['b', read(1, ['b'])]),
    uses: ['gather'],
    avoids: ['reduce_sum', 'slice'],
  },
  {
    name: 'two tensor subscripts and a shifted index',
    inputs: [f32(3, 4, 5), ids(3, batch), ids(4, 2)],
    result: { b: batch, k: 2, i: 4 },
    body: read(0, [read(1, ['b']), read(2, ['k']), at('i', 1)]),
    uses: ['gather', 'slice'],
  },
  {
    name: 'a tensor subscript that may lie outside',
    inputs: [f32(6), ids(9, batch)],
    result: { b: batch },
    body: read(0, [apply('sub', read(1, ['b']), position({}, 1))], -3),
    uses: ['gather', 'select'],
  },
  {
    name: 'extremes and products',
    inputs: [f32(3, 4), f32(4)],
    result: { a: 3 },
    body: apply(
      'add',
      reduce('max', { i: 4 }, apply('add', read(0, ['a', 'i']), read(1, ['i']))),
      mul(reduce('min', { j: 4 }, read(1, ['j'])), reduce('prod', { k: 4, l: 2 }, read(0, ['a', 'k']))),
    ),
  },
  {
    name: 'an integer sum of products',
    inputs: [ids(9, 3, 4), ids(9, 4)],
    result: { a: 3 },
    body: sum({ i: 4 }, mul(read(0, ['a', 'i']), read(1, ['i']))),
    avoids: ['contract'],
  },
  {
    name: 'a value that does not depend on the indices',
    inputs: [f32(2)],
    result: { b: batch, i: 2 },
    body: number(4),
    uses: ['expand'],
  },
]

describe('index notation', () => {
  test.each(cases)('$name', (example) => {
    const graph = checkCase(example)
    const ops = opsOf(graph)
    const remaining = [...ops]
    for (const op of example.uses ?? []) {
      expect(remaining, printGraph(graph)).toContain(op)
      remaining.splice(remaining.indexOf(op), 1)
    }
    for (const op of example.avoids ?? []) expect(ops, printGraph(graph)).not.toContain(op)
  })

  test('random expressions agree with nested loops', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 30 }), (seed) => {
        checkCase(randomCase(seed), seed)
      }),
      { numRuns: 400 },
    )
  })
})

/** Random sums, products and reads over up to four result and three reduced indices. */
function randomCase(seed: number): Case {
  const random = randomNumbers(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  const choose = <T>(list: readonly T[]): T => list[below(list.length)]!
  const inputs: (TensorType & { limit?: number })[] = []
  const extents = new Map<string, Dim>()
  for (const name of ['a', 'b', 'c'].slice(0, 1 + below(3))) extents.set(name, choose([1, 2, 3, 4, batch]))
  const result = Object.fromEntries(extents)
  let reduced = 0
  let depth = 0

  const subscript = (): { subscript: AffineSubscript | IndexedExpression; size: Dim } => {
    const name = choose([...extents.keys()])
    const extent = extents.get(name)!
    const kind = random()
    if (kind < 0.55 || typeof extent !== 'number') return { subscript: at(name), size: extent }
    if (kind < 0.65) {
      inputs.push(ids(3, extent))
      return { subscript: read(inputs.length - 1, [name]), size: 3 }
    }
    const other = choose([...extents.keys()])
    const otherExtent = extents.get(other)!
    const step = 1 + below(3)
    const constant = below(3)
    if (kind < 0.8 && other !== name && typeof otherExtent === 'number') {
      const stepOther = 1 + below(2)
      const last = step * (extent - 1) + stepOther * (otherExtent - 1) + constant
      return { subscript: at({ [name]: step, [other]: stepOther }, constant), size: last + 1 + below(2) }
    }
    if (kind < 0.9) return { subscript: at({ [name]: -1 }, extent - 1 + constant), size: extent + constant }
    return { subscript: at({ [name]: step }, constant), size: step * (extent - 1) + constant + 1 + below(2) }
  }

  const leaf = (): IndexedExpression => {
    if (random() < 0.1) return number(below(5) - 2)
    const subscripts = Array.from({ length: 1 + below(3) }, subscript)
    inputs.push(f32(...subscripts.map(({ size }) => size)))
    const value = inputs.length - 1
    if (random() < 0.3) {
      // Shifted by one in either direction, some reads fall outside.
      const shifted = subscripts.map(({ subscript: inner }) =>
        'kind' in inner ? inner : at(inner.coefficients, (inner.constant as number) + below(3) - 1),
      )
      return read(value, shifted, choose([0, 0, 1.5]))
    }
    return read(
      value,
      subscripts.map(({ subscript: inner }) => inner),
    )
  }

  const expression = (): IndexedExpression => {
    depth++
    const kind = depth > 12 ? 1 : random()
    if (kind < 0.3) return mul(expression(), expression())
    if (kind < 0.4) return apply(choose(['add', 'sub'] as const), expression(), expression())
    if (kind < 0.45) return apply('neg', expression())
    if (kind < 0.5) return apply('div', expression(), apply('add', number(3), apply('tanh', expression())))
    if (kind < 0.56) {
      const [left, right] = [choose([...extents.keys()]), choose([...extents.keys()])]
      const condition = apply(choose(['less', 'less_equal'] as const), position(left), position(right))
      return apply('select', condition, expression(), random() < 0.7 ? number(0) : expression())
    }
    if (kind < 0.75 && reduced < 3) {
      const names = Array.from({ length: 1 + below(2) }, () => `r${reduced++}`)
      for (const name of names) extents.set(name, choose([1, 2, 3, batch]))
      const own = Object.fromEntries(names.map((name) => [name, extents.get(name)!]))
      const body = mul(expression(), expression())
      for (const name of names) extents.delete(name)
      return reduce(choose(['sum', 'sum', 'sum', 'max', 'min', 'prod'] as const), own, body)
    }
    return leaf()
  }
  const body = expression()
  return { name: `random ${seed}`, inputs, result, body }
}
