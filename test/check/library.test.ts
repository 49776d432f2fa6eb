import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { buildGraphs } from '../../compiler/3-graph/lower.ts'
import { verifyGraph } from '../../compiler/3-graph/verify.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { programOf } from './check-text.ts'

type Numbers = Readonly<Record<string, readonly number[]>>

/** Compiles to graphs and runs one entry point in the reference interpreter. */
function run(text: string, entry: string, inputs: Numbers, variables: Numbers = {}, dims: Record<string, number> = {}) {
  const program = buildGraphs(programOf(text))
  for (const graph of program.graphs) verifyGraph(graph)
  const graph = differentiate(program.graphs.find(({ name }) => name === entry)!).graph
  const { outputs, updates } = interpret(graph, { dims, inputs, variables, hypers: { lr: 0.1 }, seed: 1, step: 0 })
  const numbers = (values: typeof outputs): Record<string, number[]> =>
    Object.fromEntries(Object.entries(values).map(([name, { data }]) => [name, [...data]]))
  return { outputs: numbers(outputs), updates: numbers(updates) }
}

const expectNumbers = (actual: readonly number[] | undefined, expected: readonly number[]): void => {
  expect(actual).toHaveLength(expected.length)
  for (const [at, value] of expected.entries()) expect(actual![at]).toBeCloseTo(value, 9)
}

describe('the language against plain formulas', () => {
  const x = [1, -2, 0.5, 3, 0, -1]

  test('layer norm', () => {
    const text = 'model M(x: f32[Batch, 3]) -> f32[Batch, 3] {\n  return x |> norm: LayerNorm\n}'
    const gamma = [1, 2, 3]
    const beta = [0.5, 0, -0.5]
    const expected = [0, 3].flatMap((row) => {
      const values = x.slice(row, row + 3)
      const mean = values.reduce((sum, value) => sum + value, 0) / 3
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 3
      return values.map((value, c) => (gamma[c]! * (value - mean)) / Math.sqrt(variance + 1e-5) + beta[c]!)
    })
    const { outputs } = run(text, 'M', { x }, { 'norm.gamma': gamma, 'norm.beta': beta }, { Batch: 2 })
    expectNumbers(outputs.output, expected)
  })

  test('convolution in index notation, with stride and a border of zeros', () => {
    const text = `fn conv(x: f32[H], w: f32[K], stride: int = 1) -> f32[H / stride] where K % 2 == 1, H % stride == 0 {
  let y[i] = sum[p]((x[i * stride + p - K / 2] ?? 0.0) * w[p])
  return y
}
infer f(x: f32[6], w: f32[3]) -> f32[3] {
  return conv(x, w, stride = 2)
}`
    const w = [2, -1, 0.5]
    const expected = [0, 2, 4].map((i) => [-1, 0, 1].reduce((sum, offset, p) => sum + (x[i + offset] ?? 0) * w[p]!, 0))
    expectNumbers(run(text, 'f', { x, w }).outputs.output, expected)
  })

  test('rearrange moves what it says', () => {
    const text = 'infer f(x: f32[6]) -> f32[3, 2] {\n  return rearrange(x, [(a, b)] -> [b, a], a = 2)\n}'
    expectNumbers(run(text, 'f', { x }).outputs.output, [1, 3, -2, 0, 0.5, -1])
  })

  test('a step of adam with clipping', () => {
    const text = `hyper lr = 0.1
model M(x: f32[Batch, 2]) -> f32[Batch] {
  param w: f32[2] = zeros
  return x @ w
}
train fit(x: f32[Batch, 2], y: f32[Batch]) {
  loss mean_squared_error(M(x), y)
  optimizer adam(lr)
  clip global_norm(1.0)
}`
    const y = [1, 2, 3]
    const w = [0.5, -0.25]
    const rows = [0, 1, 2].map((row) => x.slice(2 * row, 2 * row + 2))
    const errors = rows.map((row, at) => row[0]! * w[0]! + row[1]! * w[1]! - y[at]!)
    const raw = [0, 1].map((c) => rows.reduce((sum, row, at) => sum + (2 / 3) * errors[at]! * row[c]!, 0))
    const scale = Math.min(1, 1 / (Math.hypot(...raw) + 1e-6))
    const g = raw.map((value) => value * scale)
    const m = g.map((value) => 0.1 * value)
    const v = g.map((value) => 0.001 * value * value)
    const expected = w.map((value, c) => value - (0.1 * (m[c]! / 0.1)) / (Math.sqrt(v[c]! / 0.001) + 1e-8))
    const variables = { w, 'fit/step': [0], 'fit/w/m': [0, 0], 'fit/w/v': [0, 0] }
    const { outputs, updates } = run(text, 'fit.step', { x, y }, variables, { Batch: 3 })
    expectNumbers(outputs.loss, [errors.reduce((sum, error) => sum + error * error, 0) / 3])
    expectNumbers(updates.w, expected)
    expectNumbers(updates['fit/w/m'], m)
    expectNumbers(updates['fit/step'], [1])
  })

  test('one batch-norm step moves the running statistics', () => {
    const text = `model M(x: f32[Batch, 1]) -> f32[Batch, 1] {
  return x |> norm: BatchNorm1d(momentum = 0.5)
}
train fit(x: f32[Batch, 1]) {
  loss mean(M(x) ^ 2)
  optimizer sgd(0.1)
}`
    const variables = {
      'norm.gamma': [1],
      'norm.beta': [0],
      'norm.running_mean': [1],
      'norm.running_var': [2],
      'fit/step': [0],
    }
    const { updates } = run(text, 'fit.step', { x: [0, 2, 4, 6] }, variables, { Batch: 4 })
    expectNumbers(updates['norm.running_mean'], [2])
    expectNumbers(updates['norm.running_var'], [2 + 0.5 * ((5 * 4) / 3 - 2)])
    const predicted = run(text, 'M', { x: [3, 1] }, variables, { Batch: 2 }).outputs.output
    expectNumbers(
      predicted,
      [2, 0].map((value) => value / Math.sqrt(2 + 1e-5)),
    )
  })

  test('initializers fill within their bounds', () => {
    const text = `model M(x: f32[Batch, 8]) -> f32[Batch, 4] {
  param w: f32[4, 8] = glorot_uniform
  return x @ transpose(w)
}`
    const { updates } = run(text, 'init', {})
    const bound = Math.sqrt(6 / 12)
    expect(Math.max(...updates.w!.map(Math.abs))).toBeLessThanOrEqual(bound)
    expect(new Set(updates.w).size).toBeGreaterThan(20)
  })
})
