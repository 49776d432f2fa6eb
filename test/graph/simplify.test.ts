import { describe, expect, test } from 'vitest'
import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { printGraph } from '../../compiler/3-graph/print.ts'
import { readGraph } from '../../compiler/3-graph/read.ts'
import { verifyGraph } from '../../compiler/3-graph/verify.ts'
import { axisGroups } from '../../compiler/4-transform/axis-groups.ts'
import { erase } from '../../compiler/4-transform/erase.ts'
import { rules, simplify } from '../../compiler/4-transform/simplify.ts'
import { type Dim, multiply, symbol } from '../../compiler/dimensions/dimension.ts'
import { type Expressions, expressions } from '../../compiler/ops/expressions.ts'
import type { TensorType } from '../../compiler/types.ts'
import { randomElements, randomNumbers } from './sample-values.ts'

const batch = symbol('Batch')
const sizes = { Batch: 3 }
const dims = [{ name: 'Batch', minimum: 1, maximum: 64 }]
const types: Record<string, TensorType> = {
  x: { dtype: 'f32', shape: [batch, 4] },
  y: { dtype: 'f32', shape: [batch, 4] },
  w: { dtype: 'f32', shape: [5, 4] },
  row: { dtype: 'f32', shape: [4] },
  s: { dtype: 'f32', shape: [] },
  i: { dtype: 'i32', shape: [batch, 4] },
  c: { dtype: 'bool', shape: [batch, 4] },
  d: { dtype: 'bool', shape: [batch, 4] },
}

type Nodes = Record<'x' | 'y' | 'w' | 'row' | 's' | 'i' | 'c' | 'd', number>
type Write = (build: Expressions, nodes: Nodes) => number
const shape: readonly Dim[] = [batch, 4]
const full = (build: Expressions, value: number) => build.full(value, shape)
const wide = (build: Expressions, row: number) => build.expand(row, shape, [1])
/** [Batch, 4, 5] */
const threefold = (build: Expressions, x: number, w: number) =>
  build.mul(build.expand(x, [batch, 4, 5], [0, 1]), build.expand(build.permute(w, [1, 0]), [batch, 4, 5], [1, 2]))
const linear = { batch: [], contracted: [[1, 1]] as const }

/** A rule, an expression it applies to, and what comes of that, as text. */
const cases: readonly (readonly [rule: string, write: Write, result: string])[] = [
  ['f(c, d, …) is a constant', (b) => b.exp(full(b, 0)), '1'],
  ['a fixed size is a constant', (b) => b.dimension(4), '4'],
  ['x + 0 = x', (b, { x }) => b.add(full(b, 0), x), 'x'],
  ['x + x = 2x', (b, { x }) => b.add(x, x), 'mul(x, 2)'],
  ['(x + c) + d = x + (c + d)', (b, { x }) => b.add(b.add(x, full(b, 1)), full(b, 2)), 'add(x, 3)'],
  ['x + (−y) = x − y', (b, { x, y }) => b.add(b.neg(x), y), 'sub(y, x)'],
  [
    '(c ? x : 0) + (c ? 0 : y) = c ? x : y',
    (b, { c, x, y }) => b.add(b.select(c, full(b, 0), x), b.select(c, y, full(b, 0))),
    'select(c, y, x)',
  ],
  ['0 − x = −x', (b, { x }) => b.sub(full(b, 0), x), 'neg(x)'],
  ['x − c = x + (−c)', (b, { x }) => b.sub(x, full(b, 2)), 'add(x, -2)'],
  ['x − (−y) = x + y', (b, { x, y }) => b.sub(x, b.neg(y)), 'add(x, y)'],
  ['−(−x) = x', (b, { x }) => b.neg(b.neg(x)), 'x'],
  ['−(x − y) = y − x', (b, { x, y }) => b.neg(b.sub(x, y)), 'sub(y, x)'],
  ['−(c·x) = (−c)·x', (b, { x }) => b.neg(b.scale(x, 3)), 'mul(x, -3)'],
  ['0·x = 0', (b, { x }) => b.mul(full(b, 0), x), '0'],
  ['1·x = x', (b, { x }) => b.scale(x, 1), 'x'],
  ['−1·x = −x', (b, { x }) => b.scale(x, -1), 'neg(x)'],
  ['(c·x)·d = (c·d)·x', (b, { x }) => b.scale(b.scale(x, 2), 3), 'mul(x, 6)'],
  ['(c·x)·(d·y) = (c·d)·(x·y)', (b, { x, y }) => b.mul(b.scale(x, 2), b.scale(y, 3)), 'mul(mul(x, y), 6)'],
  ['(−x)·c = x·(−c)', (b, { x }) => b.scale(b.neg(x), 3), 'mul(x, -3)'],
  ['(−x)·(−y) = x·y', (b, { x, y }) => b.mul(b.neg(x), b.neg(y)), 'mul(x, y)'],
  ['(−x)·y = −(x·y)', (b, { x, y }) => b.sub(y, b.mul(b.neg(x), y)), 'add(y, mul(x, y))'],
  ['(−x)/y = −(x/y)', (b, { x, y }) => b.div(b.neg(x), y), 'neg(div(x, y))'],
  ['x·(1/y) = x/y', (b, { x, y }) => b.mul(b.reciprocal(y), x), 'div(x, y)'],
  ['0/x = 0', (b, { x }) => b.div(full(b, 0), x), '0'],
  ['1/x is a reciprocal', (b, { x }) => b.div(full(b, 1), x), 'reciprocal(x)'],
  ['x/c = x·(1/c)', (b, { x }) => b.div(x, full(b, 4)), 'mul(x, 0.25)'],
  ['x/√y = x·rsqrt y', (b, { x, y }) => b.div(x, b.sqrt(b.exp(y))), 'mul(x, rsqrt(exp(y)))'],
  ['1/(1/x) = x', (b, { x }) => b.reciprocal(b.reciprocal(x)), 'x'],
  ['1/√x = rsqrt x', (b, { x }) => b.reciprocal(b.sqrt(b.exp(x))), 'rsqrt(exp(x))'],
  ['xᶜ for a small fixed c', (b, { x }) => b.pow(x, full(b, 3)), 'mul(x, mul(x, x))'],
  ['ln eˣ = x', (b, { x }) => b.log(b.exp(x)), 'x'],
  ['|−x| = |x|', (b, { x }) => b.abs(b.neg(x)), 'abs(x)'],
  ['||x|| = |x|', (b, { x }) => b.abs(b.abs(x)), 'abs(x)'],
  ['cos(−x) = cos x', (b, { x }) => b.cos(b.neg(x)), 'cos(x)'],
  ['max(x, x) = min(x, x) = x', (b, { x }) => b.minimum(x, x), 'x'],
  ['max(x, −∞) = x', (b, { x }) => b.maximum(x, full(b, Number.NEGATIVE_INFINITY)), 'x'],
  ['min(x, ∞) = x', (b, { x }) => b.minimum(x, full(b, Number.POSITIVE_INFINITY)), 'x'],
  ['x < x is false', (b, { x }) => b.less(x, x), '0'],
  ['x = x is true of integers', (b, { i }) => b.equal(i, i), '1'],
  ['¬¬x = x', (b, { c }) => b.not(b.not(c)), 'c'],
  ['x ∧ true = x, x ∧ false = false', (b, { c }) => b.and(c, b.full(1, shape, 'bool')), 'c'],
  ['x ∨ false = x, x ∨ true = true', (b, { c }) => b.or(b.full(1, shape, 'bool'), c), '1'],
  ['x ∧ x = x ∨ x = x', (b, { c }) => b.or(c, c), 'c'],
  ['true ? x : y = x', (b, { x, y }) => b.select(b.full(0, shape, 'bool'), x, y), 'y'],
  ['c ? x : x = x', (b, { c, x }) => b.select(c, x, x), 'x'],
  ['¬c ? x : y = c ? y : x', (b, { c, x, y }) => b.select(b.not(c), x, y), 'select(c, y, x)'],
  [
    'c ? (c ? x : y) : z = c ? x : z',
    (b, { c, x, y }) => b.select(c, b.neg(x), b.select(c, x, y)),
    'select(c, neg(x), y)',
  ],
  ['a cast to the same dtype', (b, { x }) => b.emit('cast', [x], { dtype: 'f32' }), 'x'],
  ['a cast of a cast bool', (b, { c }) => b.cast(b.cast(c, 'i32'), 'f32'), 'cast(c)'],
  [
    'a constant has the same elements in any arrangement',
    (b) => b.permute(b.slice(full(b, 2), [0, 1], [batch, 2]), [1, 0]),
    '2',
  ],
  ['a reshape to the same shape', (b, { x }) => b.emit('reshape', [x], { shape }), 'x'],
  ['reshape ∘ reshape', (b, { w }) => b.reshape(b.reshape(w, [20]), [2, 10]), 'reshape(w)'],
  [
    'reshape ∘ expand = expand ∘ reshape',
    (b, { w }) => b.reshape(b.expand(w, [batch, 2, 5, 4], [2, 3]), [batch, 2, 20]),
    'expand(reshape(w))',
  ],
  ['a permutation that moves nothing', (b, { x }) => b.emit('permute', [x], { order: [0, 1] }), 'x'],
  ['permute ∘ permute', (b, { x }) => b.permute(b.permute(x, [1, 0]), [1, 0]), 'x'],
  [
    'a permutation of axes of size one is a reshape',
    (b, { x }) => b.permute(b.reshape(x, [batch, 1, 4]), [1, 0, 2]),
    'reshape(x)',
  ],
  [
    'permute ∘ expand = expand ∘ permute',
    (b, { w }) => b.permute(b.expand(w, [batch, 5, 4], [1, 2]), [2, 0, 1]),
    'expand(permute(w))',
  ],
  ['an expansion that repeats nothing', (b, { x }) => b.expand(x, [batch, 1, 4], [0, 2]), 'reshape(x)'],
  ['expand ∘ expand', (b, { row }) => b.expand(b.expand(row, [5, 4], [1]), [batch, 5, 4], [1, 2]), 'expand(row)'],
  ['slice ∘ slice', (b, { w }) => b.slice(b.slice(w, [1, 0], [2, 4], [2, 1]), [1, 1], [1, 2], [1, 2]), 'slice(w)'],
  ['the whole is no slice', (b, { w }) => b.emit('slice', [w], { start: [0, 0], size: [5, 4], stride: [1, 1] }), 'w'],
  ['slice ∘ expand = expand ∘ slice', (b, { row }) => b.slice(wide(b, row), [0, 1], [batch, 2]), 'expand(slice(row))'],
  [
    'the slice of a padded tensor that is the tensor',
    (b, { w }) => b.slice(b.pad(w, [1, 0], [0, 2], 0), [1, 0], [5, 4]),
    'w',
  ],
  [
    'the slice of a concatenation that is a part',
    (b, { x, y }) => b.slice(b.concat([x, y], 1), [0, 4], [batch, 4]),
    'y',
  ],
  [
    'windows one wide, side by side, or their sums',
    (b, { w }) => b.window(w, { axis: 0, count: 5, size: 1, stride: 1, dilation: 1 }),
    'reshape(w)',
  ],
  ['padding of nothing', (b, { w }) => b.emit('pad', [w], { low: [0, 0], high: [0, 0], value: 1 }), 'w'],
  ['pad ∘ pad', (b, { w }) => b.pad(b.pad(w, [1, 0], [0, 0], 2), [1, 1], [0, 1], 2), 'pad(w)'],
  ['a constant padded with itself', (b) => b.pad(full(b, 2), [0, 1], [0, 1], 2), '2'],
  [
    'parts padded with zeros to stand side by side, added, are a concatenation',
    (b, { x, y, w }) => {
      const last = b.slice(b.expand(w, [batch, 5, 4], [1, 2]), [0, 0, 0], [batch, 1, 4])
      const third = b.pad(b.reshape(last, [batch, 4]), [0, 8], [0, 0], 0)
      return b.add(b.add(b.pad(y, [0, 4], [0, 4], 0), third), b.pad(x, [0, 0], [0, 8], 0))
    },
    'concat(x, y, expand(reshape(slice(w))))',
  ],
  ['a concatenation of one', (b, { x }) => b.emit('concat', [x], { axis: 0 }), 'x'],
  ['concat ∘ concat', (b, { x, y }) => b.concat([b.concat([x, y], 0), x], 0), 'concat(x, y, x)'],
  [
    'neighbouring slices side by side are one slice',
    (b, { x }) =>
      b.concat([b.slice(x, [0, 0], [batch, 1]), b.slice(x, [0, 1], [batch, 2]), b.slice(x, [0, 3], [batch, 1])], 1),
    'x',
  ],
  ['an axis of size one counts to zero', (b) => b.iota([4, 1], 1), '0'],
  ['a reduction over no axis', (b, { x }) => b.emit('reduce_max', [x], { axes: [] }), 'x'],
  [
    'a reduction over an axis of size one is a reshape',
    (b, { x }) => b.reduceSum(b.reshape(x, [batch, 1, 4]), [1, 2]),
    'reduce_sum(x)',
  ],
  ['reduce ∘ reduce', (b, { x }) => b.reduceMax(b.reduceMax(x, [0]), [0]), 'reduce_max(x)'],
  [
    'Σ of n equal terms = n·x, max of equals = x',
    (b, { row }) => b.add(b.reduceSum(wide(b, row), [0]), b.reduceMax(wide(b, row), [0])),
    'add(row, mul(row, expand(cast(dimension()))))',
  ],
  ['reduce ∘ permute', (b, { x }) => b.reduceSum(b.permute(x, [1, 0]), [0]), 'reduce_sum(x)'],
  ['Σ (−x) = −Σ x', (b, { x }) => b.reduceSum(b.neg(x), [0]), 'neg(reduce_sum(x))'],
  [
    'Σₖ x·y = (Σₖ x)·y for a y without k',
    (b, { x, row }) => b.reduceSum(b.mul(wide(b, row), x), [0]),
    'mul(row, reduce_sum(x))',
  ],
  [
    'contract ∘ permute',
    (b, { x, w }) => b.contract(x, b.permute(w, [1, 0]), { batch: [], contracted: [[1, 0]] }),
    'contract(x, w)',
  ],
  ['Σₖ c·y = c·Σₖ y', (b, { w }) => b.contract(full(b, 2), w, linear), 'expand(mul(reduce_sum(w), 2))'],
  [
    'Σₖ (c·x)·y = c·Σₖ x·y, where the result is smaller than x',
    (b, { x, y }) => b.contract(b.scale(x, 3), y, { batch: [], contracted: [[0, 0]] }),
    'mul(contract(x, y), 3)',
  ],
  [
    'Σₖ x·y, written out over all axes, is a contraction',
    (b, { x, w }) => {
      const all = [batch, 5, 4]
      return b.reduceSum(b.mul(b.expand(x, all, [0, 2]), b.expand(w, all, [1, 2])), [2])
    },
    'contract(x, w)',
  ],
  [
    'permute ∘ gather = gather of permuted indices',
    (b, { w, c }) => b.permute(b.gather(w, b.cast(c, 'i32'), 0), [1, 0, 2]),
    'gather(w, permute(cast(c)))',
  ],
  [
    'scatter_add ∘ permute = scatter_add at permuted indices',
    (b, { x, w, c }) => {
      const updates = b.permute(threefold(b, x, w), [1, 0, 2])
      return b.scatterAdd(updates, b.permute(b.cast(c, 'i32'), [1, 0]), 0, 3)
    },
    'scatter_add(mul(expand(x), expand(permute(w))), cast(c))',
  ],
  [
    '(G·t)·w = G·(t·w) for a G that gathers',
    (b, { x, w, c }) => {
      const looked = b.gather(b.permute(w, [1, 0]), b.cast(c, 'i32'), 0)
      const product = b.contract(w, looked, { batch: [], contracted: [[0, 2]] })
      return b.contract(x, product, { batch: [[0, 1]], contracted: [[1, 0]] })
    },
    'contract(x, gather(contract(w, w), cast(c)))',
  ],
  [
    '(G·t)ᵀ·y = tᵀ·(Gᵀ·y) for a G that gathers',
    (b, { x, w, c }) => {
      const looked = b.gather(w, b.permute(b.cast(c, 'i32'), [1, 0]), 0)
      const swapped = { batch: [], contracted: [[0, 1] as const, [1, 0] as const] }
      return b.contract(looked, threefold(b, x, w), swapped)
    },
    'contract(w, scatter_add(mul(expand(x), expand(permute(w))), cast(c)))',
  ],
  [
    'Gᵀ·(y·w) = (Gᵀ·y)·w for a G that gathers',
    (b, { x, w, c }) => {
      const spread = b.exp(b.mul(b.expand(x, [batch, 4, 4], [0, 1]), b.expand(x, [batch, 4, 4], [0, 2])))
      return b.scatterAdd(b.contract(w, spread, { batch: [], contracted: [[1, 2]] }), b.cast(c, 'i32'), 1, 3)
    },
    'contract(w, scatter_add(exp(mul(expand(x), expand(x))), cast(c)))',
  ],
  [
    'x / expand y = x · expand(1/y)',
    (b, { x, row }) => b.div(x, wide(b, b.exp(row))),
    'mul(x, expand(reciprocal(exp(row))))',
  ],
  [
    '(x·expand s)·expand t = x·expand(s·t)',
    (b, { x, row }) => b.mul(full(b, 2), b.mul(wide(b, row), b.mul(x, wide(b, b.exp(row))))),
    'mul(x, expand(mul(mul(row, exp(row)), 2)))',
  ],
  [
    'f(expand x, expand y) = expand f(x, y)',
    (b, { row, s }) => b.add(wide(b, row), b.expand(s, shape, [])),
    'expand(add(row, expand(s)))',
  ],
  [
    'f(reshape x, reshape y) = reshape f(x, y)',
    (b, { x, y }) => b.add(b.reshape(b.exp(x), [batch, 2, 2]), b.reshape(y, [batch, 2, 2])),
    'reshape(add(y, exp(x)))',
  ],
]

function graphOf(write: Write): Graph {
  const builder = new GraphBuilder({ name: 'case', kind: 'infer', dims })
  const build = expressions(builder)
  const nodes = Object.fromEntries(
    Object.entries(types).map(([name, type]) => [name, build.input(name, type)]),
  ) as Nodes
  return builder.finish([{ name: 'result', node: write(build, nodes) }], [])
}

/** The output as a nested expression: inputs by name, constants (of any shape) by value. */
function render(graph: Graph, id = graph.outputs[0]!.node): string {
  const node = graph.nodes[id]!
  if (node.op === 'input') return node.attributes.name
  if (node.op === 'constant') return String(node.attributes.value)
  const operands = node.inputs.map((input) => render(graph, input))
  return node.op === 'expand' && graph.nodes[node.inputs[0]!]!.op === 'constant'
    ? operands[0]!
    : `${node.op}(${operands.join(', ')})`
}

function evaluate(graph: Graph): number[] {
  const random = randomNumbers(4)
  const inputs = Object.fromEntries(
    Object.entries(types).map(([name, type]) => [name, randomElements(type, sizes, random)]),
  )
  return [...interpret(graph, { inputs, dims: sizes }).outputs.result!.data]
}

describe('simplification', () => {
  test.each(cases)('%s', (name, write, result) => {
    const graph = graphOf(write)
    const applied: string[] = []
    const simplified = simplify(graph, { trace: (rule) => applied.push(rule) })
    verifyGraph(simplified)
    expect(applied).toContain(name)
    expect(render(simplified)).toBe(result)
    const before = evaluate(graph)
    evaluate(simplified).forEach((element, at) => {
      expect(element).toBeCloseTo(before[at]!, 9)
    })
  })

  test('has a case for each of its rules, and none of them twice', () => {
    const names = rules.map((rule) => rule.name)
    expect(new Set(names).size).toBe(names.length)
    expect(new Set(cases.map(([name]) => name))).toEqual(new Set(names))
  })

  test('stops after a given number of rules', () => {
    const graph = graphOf((b, { x }) => b.exp(b.scale(b.scale(b.neg(b.neg(x)), 2), 0.5)))
    const counts = [0, 1, 2, 3].map((limit) => {
      let applied = 0
      simplify(graph, { limit, trace: () => applied++ })
      return applied
    })
    expect(counts).toEqual([0, 1, 2, 3])
    expect(printGraph(simplify(graph, { limit: 0 }))).toBe(printGraph(graph))
  })

  test('leaves a simple graph alone, and keeps unused inputs', () => {
    const graph = graphOf((b, { x, row }) => b.mul(x, wide(b, row)))
    expect(simplify(graph)).toEqual(graph)
    expect(graph.nodes.filter((node) => node.op === 'input')).toHaveLength(Object.keys(types).length)
  })

  test('makes equal what differs only in the order of operands', () => {
    const graph = graphOf((b, { x, y }) => b.sub(b.mul(b.add(x, y), y), b.mul(y, b.add(y, x))))
    const simplified = simplify(graph)
    expect(simplified.nodes.filter((node) => node.op === 'add' || node.op === 'mul')).toHaveLength(2)
  })
})

test('a reshape falls into groups of axes', () => {
  const groups = (from: readonly Dim[], to: readonly Dim[]): string | undefined =>
    axisGroups(from, to)
      ?.map((group) => `${group.from}|${group.to}`)
      .join(' ')
  expect(groups([2, 12], [2, 3, 4])).toBe('0|0 1|1,2')
  expect(groups([batch, 1, 4], [batch, 4])).toBe('0|0 1| 2|1')
  expect(groups([6, 2], [4, 3])).toBe('0,1|0,1')
  expect(groups([batch, 7, 4], [multiply(batch, 7), 1, 4, 1])).toBe('0,1|0 |1 2|2 |3')
  expect(groups([multiply(batch, 7)], [7, batch])).toBe('0|0,1')
  expect(groups([batch, 4], [2, multiply(batch, 2)])).toBeUndefined()
})

describe('erasure', () => {
  test('takes out promises and keeps those of whole inputs as limits', () => {
    const graph = readGraph(`graph "erase" infer
dim Batch in 1..64
%0: i32[Batch, 2] = input() {name: "ids", type: i32[Batch, 2]}
%1: i32[2 * Batch] = reshape(%0) {shape: [2 * Batch]}
%2: i32[2 * Batch] = bounded(%1) {limit: 50}
%3: i32[Batch, 2] = bounded(%0) {limit: 10}
%4: i32[1] = input() {name: "one", type: i32[1]}
%5: i32[1] = neg(%4)
%6: i32[1] = bounded(%5) {limit: 7}
%7: f32[9] = input() {name: "x", type: f32[9]}
%8: f32[9] = stop_gradient(%7)
output "a" = %2
output "b" = %3
output "c" = %6
output "d" = %8
`)
    verifyGraph(graph)
    const erased = erase(graph)
    verifyGraph(erased)
    expect(erased.nodes.some((node) => node.op === 'bounded' || node.op === 'stop_gradient')).toBe(false)
    expect(erased.limits).toEqual([{ input: 'ids', limit: 10 }])
    expect(readGraph(printGraph(erased))).toEqual(erased)
    expect(simplify(erased).limits).toEqual(erased.limits)
  })
})
