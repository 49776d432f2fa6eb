import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { checkGradients } from '../../compiler/check-gradients.ts'
import { checkSource, compile } from '../../compiler/index.ts'

/** The outputs of an entry in the reference interpreter, after all passes over graphs. */
async function run(text: string, entry: string, inputs: Record<string, number[]>) {
  const { graphs, diagnostics } = await compile(text, { file: 'test.nn', stopAfter: 'simplify' })
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  const graph = graphs!.graphs.find(({ name }) => name === entry)!
  const { outputs } = interpret(graph, { inputs, variables: { w: [0.6, -1.4] }, dims: { Batch: 2 } })
  return { graph, values: Object.values(outputs).map(({ data }) => [...data]) }
}

const rounded = `fn rounded(x: f32[...]) -> f32[...] {
  return floor(x + 0.5)
} gradient (dy) {
  return 3.0 * dy
}
`

describe('a gradient given for a function', () => {
  test('takes the place of the derived one, and costs nothing where no gradient is taken', async () => {
    const text = `${rounded}infer value(x: f32[3]) -> f32[3] {
  return rounded(x)
}
infer slope(x: f32[3]) -> f32[3] {
  return gradient(sum(rounded(2.0 * x) ^ 2), x)
}`
    const x = [0.4, -1.3, 2.1]
    const { graph, values } = await run(text, 'value', { x })
    expect(values).toEqual([[0, -1, 2]])
    expect(graph.nodes.map(({ op }) => op)).not.toContain('mul')
    // d/dx = 2·round(2x) · 3 · 2
    expect((await run(text, 'slope', { x })).values).toEqual([x.map((value) => 12 * Math.floor(2 * value + 0.5))])
  })

  test('one for each f32 input, from names of the body; a number repeats', async () => {
    const text = `fn blend(a: f32[N], pick: bool[N], b: f32[N], scale = 2.0) -> f32[N] {
  let left = scale * a
  return if pick then left else b
} gradient (dy) {
  return (dy * left, 7.0)
}
infer slopes(a: f32[2], b: f32[2]) -> (f32[2], f32[2]) {
  let y = sum(blend(a, a > b, b))
  return (gradient(y, a), gradient(y, b))
}`
    expect((await run(text, 'slopes', { a: [1, 5], b: [3, 4] })).values).toEqual([
      [2, 10],
      [7, 7],
    ])
  })

  test('gradients of it, several calls, calls inside each other', async () => {
    const text = `fn cube(x: f32[...]) -> f32[...] {
  return x * x * x
} gradient (dy) {
  return 3.0 * square(x) * dy
}
fn square(x: f32[...]) -> f32[...] {
  return x * x
} gradient (dy) {
  return 2.0 * x * dy
}
infer first(x: f32[2]) -> f32[2] {
  return gradient(sum(cube(square(x)) + cube(x)), x)
}
infer second(x: f32[2]) -> f32[2] {
  return gradient(sum(gradient(sum(cube(x)), x)), x)
}`
    const x = [1.5, -0.5]
    expect((await run(text, 'first', { x })).values).toEqual([x.map((value) => 6 * value ** 5 + 3 * value ** 2)])
    expect((await run(text, 'second', { x })).values).toEqual([x.map((value) => 6 * value)])
  })

  test('parameters are trained through it', async () => {
    const text = `${rounded}model Net(x: f32[Batch, 2]) -> f32[Batch, 2] {
  param w: f32[2] = ones
  return x * rounded(w)
}
infer slope(x: f32[Batch, 2]) -> f32[Batch, 2] {
  return Net(x)
}
train fit(x: f32[Batch, 2]) {
  loss sum(Net(x))
  optimizer sgd(1.0)
}`
    const { graphs } = await compile(text, { file: 'test.nn', stopAfter: 'simplify' })
    const step = graphs!.graphs.find(({ name }) => name === 'fit.step')!
    const { updates } = interpret(step, {
      inputs: { x: [1, 2, 3, 4] },
      variables: { w: [0.6, -1.4], 'fit/step': [0] },
      dims: { Batch: 2 },
    })
    expect([...updates.w!.data]).toEqual([0.6 - 3 * 4, -1.4 - 3 * 6])
  })
})

describe('checkGradients', () => {
  test('finds wrong gradients, and sizes that the conditions of a function allow', async () => {
    const text = `const Fixed = 3
fn right(x: f32[N, M], w: f32[Fixed, M], ids: i32[N]) -> f32[N, M] where N % 4 == 0 {
  return x * gather(w, class_index(ids, Fixed))
} gradient (dy) {
  let y[f, m] = sum[n](if ids[n] == f then dy[n, m] * x[n, m] else 0.0 * w[f, m])
  return (dy * gather(w, class_index(ids, Fixed)), y)
}
fn wrong(x: f32[...]) -> f32[...] {
  return log(x)
} gradient (dy) {
  return dy * 1.01 / x
}
fn never(x: f32[N]) -> f32[N] where N > 1000 {
  return x
} gradient (dy) {
  return dy
}
`
    const { ast, diagnostics } = checkSource(text, { file: 'test.nn' })
    expect(diagnostics).toEqual([])
    const results = await checkGradients(text, ast!, { file: 'test.nn' })
    expect(results.map((result) => result.function)).toEqual(['right', 'wrong', 'never'])
    const [right, wrong, never] = results
    expect(right).toMatchObject({ inputs: 'x: f32[4, 4], w: f32[Fixed, 4], ids: i32[4]' })
    if (!('derived' in right!) || !('derived' in wrong!)) throw new Error('expected comparisons')
    expect(right.derived).toBeLessThan(1e-12)
    expect(right.numeric).toBeLessThan(1e-6)
    expect(wrong.derived).toBeCloseTo(0.01 / 1.01, 6)
    expect(wrong.numeric).toBeCloseTo(0.01 / 1.01, 6)
    expect(never).toHaveProperty('reason')
  })
})
