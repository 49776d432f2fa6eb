import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { compile } from '../../compiler/index.ts'

interface GoldenTensor {
  readonly shape: readonly number[]
  readonly data: readonly number[]
}

interface GoldenCase {
  readonly name: string
  readonly body: string
  readonly inputs: Readonly<Record<string, GoldenTensor>>
  readonly parameters: Readonly<Record<string, GoldenTensor>>
  readonly value: GoldenTensor
  readonly gradients: Readonly<Record<string, GoldenTensor>>
}

const { dims, cases }: { dims: Readonly<Record<string, number>>; cases: readonly GoldenCase[] } = JSON.parse(
  readFileSync(new URL('./recurrent.json', import.meta.url), 'utf8'),
)

/** `f32[Batch, Time, 4]`: leading sizes stay open until run time. */
function typeOf({ shape }: GoldenTensor): string {
  const named = shape.map((size, axis) => (axis === 0 ? 'Batch' : axis === 1 && size === dims.Time ? 'Time' : size))
  return `f32[${named.join(', ')}]`
}

/** The body as a model; a step of gradient descent at rate 1 subtracts the gradient of each parameter. */
function sourceOf({ body, inputs, value }: GoldenCase): string {
  const parameters = Object.entries(inputs)
    .map(([name, tensor]) => `${name}: ${typeOf(tensor)}`)
    .join(', ')
  const call = `sum(Case(${Object.keys(inputs).join(', ')}) * weight)`
  const slopes = Object.entries(inputs).map(
    ([name, tensor]) => `infer slope_${name}(${parameters}, weight: ${typeOf(value)}) -> ${typeOf(tensor)} {
  return gradient(${call}, ${name})
}`,
  )
  return `model Case(${parameters}) -> ${typeOf(value)} {
  ${body}
}
train fit(${parameters}, weight: ${typeOf(value)}) {
  loss ${call}
  optimizer sgd(1.0)
}
${slopes.join('\n')}
`
}

function expectClose(actual: ArrayLike<number>, expected: readonly number[], what: string): void {
  expect(actual.length, what).toBe(expected.length)
  expected.forEach((value, index) => {
    expect(Math.abs(actual[index]! - value), `${what}[${index}]`).toBeLessThan(1e-9 + 1e-7 * Math.abs(value))
  })
}

describe('recurrent networks agree with PyTorch, values and gradients, in float64', () => {
  test.each(cases.map((golden) => [golden.name, golden] as const))('%s', async (_, golden) => {
    const { graphs, diagnostics } = await compile(sourceOf(golden), { file: 'case.nn', stopAfter: 'hoist' })
    expect(diagnostics).toEqual([])
    const graph = (name: string) => graphs!.graphs.find((candidate) => candidate.name === name)!
    const dataOf = (tensors: Readonly<Record<string, GoldenTensor>>) =>
      Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, Float64Array.from(data)]))
    const inputs = { ...dataOf(golden.inputs), weight: Float64Array.from(golden.value.data, (_, at) => Math.cos(at)) }
    const variables = { ...dataOf(golden.parameters), 'fit/step': [0] }
    const run = (name: string) => interpret(graph(name), { dims, inputs, variables, hypers: {}, seed: 1, step: 0 })
    const outputOf = (name: string) => Object.values(run(name).outputs)[0]!.data

    expectClose(outputOf('Case'), golden.value.data, 'value')
    for (const name of Object.keys(golden.inputs))
      expectClose(outputOf(`slope_${name}`), golden.gradients[name]!.data, `gradient of ${name}`)
    const { updates } = run('fit.step')
    for (const [name, { data }] of Object.entries(golden.parameters)) {
      const moved = data.map((before, at) => before - updates[name]!.data[at]!)
      expectClose(moved, golden.gradients[name]!.data, `gradient of ${name}`)
    }
  })
})
