import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { compile } from '../../compiler/index.ts'
import { codesOf } from '../check/check-text.ts'
import { compileGraphs, difference } from '../emit/run-wasm.ts'

const text = (heading: string, source: string): string => `
model Net(x: f32[Batch, 4]) -> (z: f32[Batch, 4], steps: f32) {
  param w: f32[4, 4] = normal(std = 0.1)
  ${
    source === 'iterate'
      ? `let (z, steps) = iterate z = zeros_like(x) ${heading} counted {
    yield carry tanh(0.9 * (z @ w) + x)
  }
  return (z, float(steps))`
      : `let z = scan i in arange(${heading}) over ${heading} carry z = zeros_like(x) {
    yield carry tanh(0.9 * (z @ w) + x)
  }
  return (z, ${heading}.0)`
  }
}
infer f(x: f32[Batch, 4]) -> (z: f32[Batch, 4], steps: f32, slope: f32[Batch, 4]) {
  let (z, steps) = Net(x)
  return (z, steps, gradient(sum(z * z), x))
}
train fit(x: f32[Batch, 4]) {
  let (z, steps) = Net(x)
  loss mean(z * z)
  metric steps = steps
  optimizer sgd(1.0)
}`

const x = Float64Array.from([0.5, -1, 0.25, 0.75, 0.1, 0.9, -0.6, 0.3], Math.fround)
const w = Float64Array.from({ length: 16 }, (_, at) => Math.fround(0.45 * Math.sin(3 * at + 1)))

async function graphsOf(heading: string, source = 'iterate') {
  const { graphs, diagnostics } = await compile(text(heading, source), { file: 'test.nn', stopAfter: 'simplify' })
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  const named = (name: string) => graphs!.graphs.find((graph) => graph.name === name)!
  return { infer: named('f'), step: named('fit.step') }
}

const environment = (moved: Float64Array = x) => ({
  dims: { Batch: 2 },
  inputs: { x: moved },
  variables: { w, 'fit/step': Float64Array.of(0) },
  seed: 1,
  step: 0,
})

describe('iterate through its steps', () => {
  test.each([
    ['within 7', 7],
    ['until 1e-3 within 60 unrolled', undefined],
    ['until 1e-3 within 5 unrolled', 5],
    ['until 0.0 within 9 unrolled', 9],
  ])('%s: values and gradients are those of a scan of as many steps', async (heading, wanted) => {
    const { infer, step } = await graphsOf(heading)
    const found = interpret(infer, environment()).outputs
    const steps = found.steps!.data[0]!
    if (wanted === undefined) expect(steps).toBeGreaterThan(5)
    else expect(steps).toBe(wanted)
    expect(steps).toBeLessThan(60)

    const scan = await graphsOf(String(steps), 'scan')
    const expected = interpret(scan.infer, environment()).outputs
    for (const name of ['z', 'slope'])
      found[name]!.data.forEach((value, at) => {
        expect(value).toBeCloseTo(expected[name]!.data[at]!, 12)
      })
    const weights = interpret(step, environment()).updates.w!.data
    interpret(scan.step, environment()).updates.w!.data.forEach((value, at) => {
      expect(weights[at]).toBeCloseTo(value, 12)
    })

    const runner = await compileGraphs([infer, step])
    for (const graph of [infer, step])
      expect(difference(runner.run(graph, environment()), interpret(graph, environment()))).toBeUndefined()
  })

  test('gradients agree with finite differences', async () => {
    const { infer } = await graphsOf('until 1e-3 within 60 unrolled')
    const loss = (at: number, offset: number): number => {
      const moved = x.map((value, place) => (place === at ? value + offset : value))
      return interpret(infer, environment(moved)).outputs.z!.data.reduce((sum, value) => sum + value * value, 0)
    }
    interpret(infer, environment()).outputs.slope!.data.forEach((slope, at) => {
      expect(slope).toBeCloseTo((loss(at, 1e-6) - loss(at, -1e-6)) / 2e-6, 7)
    })
  })

  test('the gradient of the fixed point is another one, and counts its steps as well', async () => {
    const implicit = interpret((await graphsOf('until 1e-3 within 60')).infer, environment()).outputs
    const unrolled = interpret((await graphsOf('until 1e-3 within 60 unrolled')).infer, environment()).outputs
    expect(implicit.steps).toEqual(unrolled.steps)
    expect(implicit.z!.data).toEqual(unrolled.z!.data)
    expect(implicit.slope!.data).not.toEqual(unrolled.slope!.data)
    implicit.slope!.data.forEach((value, at) => {
      expect(value).toBeCloseTo(unrolled.slope!.data[at]!, 2)
    })
  })

  test('a given number of steps carries whole numbers too, and draws other random numbers in each', async () => {
    const body = `infer f(x: f32[Batch, 3]) -> (n: i32, total: f32[Batch, 3]) {
  let (n, total) = iterate n = arange(2)[1], total = zeros_like(x) within 4 {
    yield carry 2 * n, total + uniform_like(x)
  }
  return (n, total)
}`
    const { graphs } = await compile(body, { file: 'test.nn', stopAfter: 'simplify' })
    const { n, total } = interpret(graphs!.graphs.find(({ name }) => name === 'f')!, {
      dims: { Batch: 1 },
      inputs: { x: new Float64Array(3) },
      seed: 5,
    }).outputs
    expect([...n!.data]).toEqual([16])
    for (const value of total!.data) expect(value / 4).not.toBe(total!.data[0]! / 2)
  })

  test.each([
    ['iterate n = int(x) until 1e-3 within 5 { yield carry n }', ['NN0205']],
    ['iterate z = x within 0 { yield carry z }', ['NN0285']],
    ['iterate z = x within 3 { yield z }', ['NN0282', 'NN0283']],
  ])('%s', (loop, codes) => {
    expect(codesOf(`infer f(x: f32[3]) {\n  return ${loop}\n}`)).toEqual(codes)
  })
})
