import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { compile } from '../../compiler/index.ts'

interface GoldenTensor {
  readonly shape: readonly number[]
  readonly data: readonly number[]
}

interface GoldenCase {
  readonly layer: string
  readonly x: GoldenTensor
  readonly variables: Readonly<Record<string, GoldenTensor>>
  readonly value: GoldenTensor
  readonly weight: GoldenTensor
  readonly loss: number
  readonly gradients: Readonly<Record<string, GoldenTensor>>
  /** What the layer carries, after the step. */
  readonly state: Readonly<Record<string, GoldenTensor>>
}

const { cases }: { cases: readonly GoldenCase[] } = JSON.parse(
  readFileSync(new URL('./convolution.json', import.meta.url), 'utf8'),
)

/** One step moves every parameter by its gradient; x is differentiated apart. */
function sourceOf({ layer, x, value, variables }: GoldenCase): string {
  const [input, result] = [x, value].map(({ shape }) => `f32[${shape.join(', ')}]`)
  const train = `train fit(x: ${input}, weight: ${result}) {
  loss sum(Case(x) * weight)
  optimizer sgd(lr = 1.0)
}
`
  return `model Case(x: ${input}) -> ${result} {
  return x |> n: ${layer}
}
infer slope(x: ${input}, weight: ${result}) -> ${input} {
  return gradient(sum(Case(x) * weight), x)
}
${Object.keys(variables).length > 0 ? train : ''}`
}

function expectClose(actual: ArrayLike<number>, expected: readonly number[], what: string): void {
  expect(actual.length, what).toBe(expected.length)
  expected.forEach((value, index) => {
    expect(Math.abs(actual[index]! - value), `${what}[${index}]`).toBeLessThan(1e-9 + 1e-7 * Math.abs(value))
  })
}

describe('convolution and pooling layers agree with PyTorch, values and gradients, in float64', () => {
  test.each(cases.map((golden) => [golden.layer, golden] as const))('%s', async (layer, golden) => {
    const { graphs, diagnostics } = await compile(sourceOf(golden), { file: 'case.nn', stopAfter: 'simplify' })
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
    const graph = (name: string) => graphs!.graphs.find((candidate) => candidate.name === name)!
    const inputs = { x: Float64Array.from(golden.x.data), weight: Float64Array.from(golden.weight.data) }
    const common = { dims: {}, inputs, hypers: {}, seed: 1, step: 0 }
    const initial = interpret(graph('init'), { ...common, variables: {} }).updates
    const variables = Object.fromEntries(Object.entries(initial).map(([name, { data }]) => [name, data]))
    const run = (name: string) => Object.values(interpret(graph(name), { ...common, variables }).outputs)[0]!.data
    for (const [name, { data }] of Object.entries(golden.variables)) {
      expect(variables[`n.${name}`]!.length, name).toBe(data.length)
      variables[`n.${name}`] = Float64Array.from(data)
    }
    if (Object.keys(golden.variables).length > 0) {
      const step = interpret(graph('fit.step'), { ...common, variables })
      expect(step.outputs.loss!.data[0]).toBeCloseTo(golden.loss, 9)
      for (const [name, { data }] of Object.entries(golden.gradients)) {
        if (name === 'x') continue
        const moved = step.updates[`n.${name}`]!.data.map((value, at) => variables[`n.${name}`]![at]! - value)
        expectClose(moved, data, `gradient of ${name}`)
      }
      for (const [name, { data }] of Object.entries(golden.state)) expectClose(step.updates[`n.${name}`]!.data, data, name)
    }
    // Normalising in use is another function than in training, which alone PyTorch was asked for.
    if (layer === 'BatchNorm') return
    expectClose(run('Case'), golden.value.data, 'value')
    expectClose(run('slope'), golden.gradients.x!.data, 'gradient of x')
  })
})
