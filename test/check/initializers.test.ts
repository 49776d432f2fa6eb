import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { buildGraphs } from '../../compiler/3-graph/lower.ts'
import { compileGraphs, difference } from '../emit/run-wasm.ts'
import { codesOf, programOf } from './check-text.ts'

/** The first value of a parameter of these sizes. */
function initial(sizes: readonly number[], initializer: string, seed = 1): number[] {
  const graph = initOf(sizes, initializer)
  return [...interpret(graph, { seed }).updates.p!.data]
}

function initOf(sizes: readonly number[], initializer: string) {
  const text = `model M(x: f32[Batch]) -> f32[Batch] {
  param p: f32[${sizes.join(', ')}] = ${initializer}
  return x * sum(p)
}`
  return buildGraphs(programOf(text)).graphs.find(({ name }) => name === 'init')!
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const moment = (values: readonly number[], power: number): number => mean(values.map((value) => value ** power))

/** Rows of a matrix times its transpose. */
function gram(values: readonly number[], rows: number, byColumns: boolean): number[][] {
  const columns = values.length / rows
  const count = byColumns ? columns : rows
  const at = (i: number, k: number) => (byColumns ? values[k * columns + i]! : values[i * columns + k]!)
  const inner = byColumns ? rows : columns
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: count }, (_, j) => {
      let sum = 0
      for (let k = 0; k < inner; k++) sum += at(i, k) * at(j, k)
      return sum
    }),
  )
}

// Samples of 40 · 60 · 5 numbers: the mean of numbers with deviation s has deviation s / 110, and their variance s² · (√2 or less) / 110.
const sizes = [40, 60, 5]
const [fanIn, fanOut] = [300, 200]

const uniform = (bound: number) => ({ bound, variance: bound ** 2 / 3, kurtosis: 9 / 5 })
const normal = (std: number) => ({ bound: std * 6, variance: std ** 2, kurtosis: 3 })

describe('random initializers have the distribution they say', () => {
  test.each([
    ['uniform(-0.5, 0.5)', uniform(0.5)],
    ['normal(std = 0.3)', normal(0.3)],
    ['glorot_uniform', uniform(Math.sqrt(6 / (fanIn + fanOut)))],
    ['glorot_normal(gain = 2.0)', normal(2 * Math.sqrt(2 / (fanIn + fanOut)))],
    ['he_uniform', uniform(Math.sqrt(6 / fanIn))],
    ['he_normal', normal(Math.sqrt(2 / fanIn))],
    ['lecun_uniform', uniform(Math.sqrt(3 / fanIn))],
    ['lecun_normal', normal(Math.sqrt(1 / fanIn))],
    // Variance 1 − 2·φ(2)·2 / (2·Φ(2) − 1) of the normal distribution cut at two deviations, and its fourth moment.
    ['truncated_normal(std = 0.5, low = -1.0, high = 1.0)', { bound: 1, variance: 0.7737 * 0.25, kurtosis: 2.3655 }],
  ] as const)('%s', (initializer, { bound, variance, kurtosis }) => {
    const values = initial(sizes, initializer)
    const deviation = Math.sqrt(variance)
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(bound)
    expect(Math.abs(mean(values))).toBeLessThan((4 * deviation) / 110)
    expect(Math.abs(moment(values, 2) / variance - 1)).toBeLessThan((4 * 1.42) / 110)
    expect(Math.abs(moment(values, 4) / variance ** 2 / kurtosis - 1)).toBeLessThan(0.15)
    expect(Math.abs(moment(values, 3) / variance ** 1.5)).toBeLessThan(0.15)
  })

  test('a truncated normal is cut on each side by itself', () => {
    const values = initial(sizes, 'truncated_normal(mean = 1.0, std = 2.0, low = 0.0, high = 2.0)')
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...values)).toBeLessThanOrEqual(2)
    expect(Math.min(...values)).toBeLessThan(0.01)
    expect(Math.abs(mean(values) - 1)).toBeLessThan(0.03)
    // Quartiles of N(1, 4) within 0..2.
    const sorted = values.toSorted((a, b) => a - b)
    expect(sorted[values.length / 4]!).toBeCloseTo(0.515, 1)
  })
})

describe('orthogonal', () => {
  test.each([
    ['wide', [4, 7], false],
    ['square', [6, 6], false],
    ['tall', [9, 4], true],
    ['a filter', [5, 3, 2, 2], false],
    ['a row', [1, 3], false],
  ] as const)('%s: Q·Qᵀ or Qᵀ·Q is the identity', (_, shape, byColumns) => {
    const product = gram(initial(shape, 'orthogonal'), shape[0], byColumns)
    for (const [i, row] of product.entries())
      for (const [j, value] of row.entries()) expect(value).toBeCloseTo(i === j ? 1 : 0, 10)
  })

  test('gain scales it, and seeds differ', () => {
    const product = gram(initial([3, 8], 'orthogonal(gain = 2.0)'), 3, false)
    expect(product[1]![1]).toBeCloseTo(4, 9)
    expect(initial([3, 8], 'orthogonal', 1)).not.toEqual(initial([3, 8], 'orthogonal', 2))
  })

  test('in float32, compiled, 48 rows of 64 are orthogonal to rounding', async () => {
    const graph = initOf([48, 64], 'orthogonal')
    const runner = await compileGraphs([graph])
    const values = [...runner.run(graph, { seed: 5 }).updates.p!]
    const product = gram(values, 48, false)
    const worst = Math.max(...product.flatMap((row, i) => row.map((value, j) => Math.abs(value - (i === j ? 1 : 0)))))
    expect(worst).toBeLessThan(2e-6)
  })

  test('directions are evenly distributed', () => {
    // The first element of a random unit vector of 3 is uniform on −1..1.
    const graph = initOf([2, 3], 'orthogonal')
    const firsts = Array.from({ length: 400 }, (_, seed) => interpret(graph, { seed }).updates.p!.data[0]!)
    expect(Math.abs(mean(firsts))).toBeLessThan(0.12)
    expect(Math.abs(moment(firsts, 2) - 1 / 3)).toBeLessThan(0.06)
    expect(Math.abs(moment(firsts, 4) - 1 / 5)).toBeLessThan(0.06)
  })
})

describe('initializers without chance', () => {
  test('zeros, ones, constant, identity', () => {
    expect(initial([2, 2], 'zeros')).toEqual([0, 0, 0, 0])
    expect(initial([3], 'ones')).toEqual([1, 1, 1])
    expect(initial([2], 'constant(0.5)')).toEqual([0.5, 0.5])
    expect(initial([2, 3], 'identity')).toEqual([1, 0, 0, 0, 1, 0])
    expect(initial([3, 2], 'identity(gain = 3.0)')).toEqual([3, 0, 0, 3, 0, 0])
  })

  test('dirac has ones in the middle of the filters from each channel to itself', () => {
    const ones = (values: number[]) => values.flatMap((value, at) => (value === 1 ? [at] : []))
    expect(ones(initial([2, 3, 3], 'dirac'))).toEqual([1, 13])
    expect(ones(initial([3, 2, 3, 5], 'dirac'))).toEqual([7, 52])
    expect(initial([2, 3, 3], 'dirac').reduce((a, b) => a + b)).toBe(2)
  })

  test('identity needs a matrix', () => {
    const text = 'model M(x: f32[B]) -> f32[B] {\n  param p: f32[3] = identity\n  return x * sum(p)\n}'
    expect(codesOf(text)).toEqual(['NN0204'])
  })
})

describe('reshape_like and rank', () => {
  test('take the shape of another tensor', async () => {
    const text = `infer f(x: f32[Batch, 6], like: f32[Batch, 2, 3]) -> f32[Batch, 2, 3] {
  return reshape_like(x, like) * float(rank(like)) + rank(sum(x))
}`
    const graph = buildGraphs(programOf(text)).graphs.find(({ name }) => name === 'f')!
    const environment = { inputs: { x: [1, 2, 3, 4, 5, 6], like: [0, 0, 0, 0, 0, 0] }, dims: { Batch: 1 } }
    const expected = interpret(graph, environment)
    expect([...expected.outputs.output!.data]).toEqual([3, 6, 9, 12, 15, 18])
    expect(difference((await compileGraphs([graph])).run(graph, environment), expected)).toBeUndefined()
  })

  test('a shape with another number of elements is an error', () => {
    expect(codesOf('infer f(x: f32[6], y: f32[4]) -> f32[4] {\n  return reshape_like(x, y)\n}')).toContain('NN0203')
  })
})
