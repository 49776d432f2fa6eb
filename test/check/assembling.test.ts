import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { compile } from '../../compiler/index.ts'
import { compileGraphs, difference } from '../emit/run-wasm.ts'
import { codesOf, inferText } from './check-text.ts'

const x = [3, -1, 2, 2, 0.5, 7, -4, 7, 1, 0, 6, -2]
const rows = [x.slice(0, 6), x.slice(6)]

/** All outputs of one infer block, in the interpreter and in wasm. */
async function run(body: string, inputs: Record<string, number[]> = { x }, signature = 'x: f32[Batch, 6]') {
  const text = `infer f(${signature}) {\n  ${body}\n}`
  const { graphs, diagnostics } = await compile(text, { file: 'test.nn', stopAfter: 'simplify' })
  expect(diagnostics).toEqual([])
  const graph = graphs!.graphs.find(({ name }) => name === 'f')!
  const environment = { inputs, dims: { Batch: 2 }, seed: 3 }
  const expected = interpret(graph, environment)
  const runner = await compileGraphs([graph])
  expect(difference(runner.run(graph, environment), expected)).toBeUndefined()
  return Object.values(expected.outputs).map(({ data }) => [...data])
}

const sorted = (row: readonly number[]) =>
  row.map((value, at) => [value, at] as const).sort(([a, i], [b, j]) => b - a || i - j)

describe('builtins that put tensors together', () => {
  test('cumsum and its gradient', async () => {
    const [last, first, slope] = await run(`let weight = float(arange(6))
  return (cumsum(x), cumsum(x, axis = 0), gradient(sum(cumsum(x) * weight), x))`)
    expect(last).toEqual(rows.flatMap((row) => row.map((_, at) => row.slice(0, at + 1).reduce((a, b) => a + b))))
    expect(first).toEqual([...rows[0]!, ...rows[0]!.map((value, at) => value + rows[1]![at]!)])
    expect(slope).toEqual([0, 1].flatMap(() => [15, 15, 14, 12, 9, 5]))
  })

  test('cumsum along a run-time dimension', async () => {
    const [sums] = await run('return cumsum(x)', { x: [1, 2] }, 'x: f32[Batch]')
    expect(sums).toEqual([1, 3])
  })

  test('sort, argsort, top_k and the gradient of the largest', async () => {
    const [ascending, order, values, indices, slope] = await run(`let (values, indices) = top_k(x, 2)
  return (sort(x), argsort(x, descending = true), values, indices, gradient(sum(values * values), x))`)
    expect(ascending).toEqual(rows.flatMap((row) => row.toSorted((a, b) => a - b)))
    expect(order).toEqual(rows.flatMap((row) => sorted(row).map(([, at]) => at)))
    expect(values).toEqual([7, 3, 7, 6])
    expect(indices).toEqual([5, 0, 1, 4])
    expect(slope).toEqual([6, 0, 0, 0, 0, 14, 0, 14, 0, 0, 12, 0])
  })

  test('argsort along any axis, of whole numbers, of the first few; ranks; sums from the end', async () => {
    const [a, b, c, d, e] = await run(
      'return (argsort(x, axis = 0), argsort(int(x), true, count = 2), descending_rank(x), cumsum(x, reverse = true), argsort(x, axis = 0, count = 1))',
    )
    const columns = rows[0]!.map((_, at) => rows.map((row) => row[at]!))
    const order = columns.map((column) => [0, 1].sort((i, j) => column[i]! - column[j]! || i - j))
    expect(a).toEqual([0, 1].flatMap((place) => order.map((column) => column[place])))
    expect(b).toEqual(
      rows.flatMap((row) =>
        sorted(row.map(Math.trunc))
          .map(([, at]) => at)
          .slice(0, 2),
      ),
    )
    expect(c).toEqual(rows.flatMap((row) => row.map((_, at) => sorted(row).findIndex(([, place]) => place === at))))
    expect(d).toEqual(rows.flatMap((row) => row.map((_, at) => row.slice(at).reduce((p, q) => p + q))))
    expect(e).toEqual(order.map((column) => column[0]))
  })

  test('NaN is the largest, zeros are equal, the first of equal ones comes first', async () => {
    const values = [0, Number.NaN, -0, Number.POSITIVE_INFINITY, -1, Number.NaN]
    const given = { x: Float64Array.from([...values, ...values]) as unknown as number[] }
    const [up, down, top] = await run('return (argsort(x), argsort(x, descending = true), top_k(x, 3)[1])', given)
    expect(up!.slice(0, 6)).toEqual([4, 0, 2, 3, 1, 5])
    expect(down!.slice(0, 6)).toEqual([1, 5, 3, 0, 2, 4])
    expect(top!.slice(0, 3)).toEqual([1, 5, 3])
  })

  test('argmax and argmin along any axis', async () => {
    const [a, b, c] = await run('return (argmax(x, axis = 0), argmin(x), argmin(x, axis = -2))')
    expect(a).toEqual([0, 1, 0, 0, 1, 0])
    expect(b).toEqual([1, 0])
    expect(c).toEqual([1, 0, 1, 1, 0, 1])
  })

  test('stack, where, slices with steps', async () => {
    const [stacked, chosen, odd, every] = await run(
      'return (stack([x, -x], axis = 1), where(x > 1.0, x, 0.0), x[..., 1::2], x[:, 0:5:3])',
    )
    expect(stacked).toEqual(rows.flatMap((row) => [...row, ...row.map((value) => -value)]))
    expect(chosen).toEqual(x.map((value) => (value > 1 ? value : 0)))
    expect(odd).toEqual(rows.flatMap((row) => [row[1], row[3], row[5]]))
    expect(every).toEqual(rows.flatMap((row) => [row[0], row[3]]))
  })

  test('scatter_add and its gradient', async () => {
    const [sums, slope] = await run(
      'let y = scatter_add(x, ids, 4)\n  return (y, gradient(sum(y * y), x))',
      { x: x.slice(0, 6), ids: [2, 0, 2] },
      'x: f32[3, 2], ids: i32[3]',
    )
    expect(sums).toEqual([2, 2, 0, 0, 3.5, 6, 0, 0])
    expect(slope).toEqual([7, 12, 4, 4, 7, 12])
  })

  test('bernoulli_like is 0 or 1', async () => {
    const [draws] = await run('return bernoulli_like(x, 0.4)')
    expect(new Set(draws)).toEqual(new Set([0, 1]))
  })

  test.each([
    ['stack([x, x[0:2]])', 'NN0203'],
    ['stack([])', 'NN0210'],
    ['stack([x], axis = 3)', 'NN0204'],
    ['cumsum(x > 0.0)', 'NN0204'],
    ['scatter_add(x, int(x[0:3]), 3)', 'NN0203'],
    ['argmin(x, axis = 1)', 'NN0204'],
    ['x[0:4:0]', 'NN0224'],
    ['x[0:4:sum(x)]', 'NN0224'],
    ['top_k(x, 9)[0]', 'NN0207'],
    ['float(argsort(x, count = 5))', 'NN0222'],
    ['float(argsort(x, descending = 3))', 'NN0215'],
    ['float(argsort(x > 0.0))', 'NN0204'],
    ['cumsum(x, axis = 1)', 'NN0204'],
    ['cumsum(x, reverse = x)', 'NN0215'],
  ])('%s: %s', (expression, code) => {
    expect(codesOf(inferText('x: f32[4]', 'f32[4]', expression))).toContain(code)
  })
})
