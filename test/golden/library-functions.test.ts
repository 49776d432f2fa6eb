import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { interpret } from '../../compiler/3-graph/interpret.ts'

interface GoldenTensor {
  readonly dtype: 'f32' | 'i32'
  readonly shape: readonly number[]
  readonly data: readonly number[]
}

interface GoldenCase {
  readonly expression: string
  readonly inputs: Readonly<Record<string, GoldenTensor>>
  readonly value: GoldenTensor
  readonly gradients: Readonly<Record<string, GoldenTensor>>
}

const { cases }: { cases: readonly GoldenCase[] } = JSON.parse(
  readFileSync(new URL('./library-functions.json', import.meta.url), 'utf8'),
)

const typeOf = ({ dtype, shape }: GoldenTensor) => (shape.length === 0 ? dtype : `${dtype}[${shape.join(', ')}]`)

/** The expression as a model (layers need one), its value and its gradient with respect to each f32 input. */
function sourceOf({ expression, inputs, value, gradients }: GoldenCase): string {
  const parameters = Object.entries(inputs)
    .map(([name, tensor]) => `${name}: ${typeOf(tensor)}`)
    .join(', ')
  const call = `Case(${Object.keys(inputs).join(', ')})`
  const slopes = Object.entries(gradients).map(
    ([name, tensor]) =>
      `infer slope_${name}(${parameters}, weight: ${typeOf(value)}) -> ${typeOf(tensor)} {
  return gradient(sum(${call} * weight), ${name})
}`,
  )
  return `model Case(${parameters}) -> ${typeOf(value)} {
  return ${expression}
}
${slopes.join('\n')}
`
}

function expectClose(actual: Float64Array, expected: readonly number[], what: string): void {
  expect(actual.length, what).toBe(expected.length)
  expected.forEach((value, index) => {
    expect(Math.abs(actual[index]! - value), `${what}[${index}]`).toBeLessThan(1e-9 + 1e-7 * Math.abs(value))
  })
}

describe('the standard library agrees with PyTorch, values and gradients, in float64', () => {
  test.each(cases.map((golden) => [golden.expression, golden] as const))('%s', async (_, golden) => {
    const { graphs, diagnostics } = await compile(sourceOf(golden), { file: 'case.nn', stopAfter: 'simplify' })
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
    const graph = (name: string) => graphs!.graphs.find((candidate) => candidate.name === name)!
    const fed = Object.entries(golden.inputs).map(([name, { data }]) => [name, Float64Array.from(data)] as const)
    const inputs = { ...Object.fromEntries(fed), weight: Float64Array.from(golden.value.data, (_, at) => Math.cos(at)) }
    const common = { dims: {}, inputs, hypers: {}, seed: 1, step: 0 }
    const initial = interpret(graph('init'), { ...common, variables: {} }).updates
    const variables = Object.fromEntries(Object.entries(initial).map(([name, { data }]) => [name, data]))
    const valueOf = (name: string) => Object.values(interpret(graph(name), { ...common, variables }).outputs)[0]!.data
    expectClose(valueOf('Case'), golden.value.data, 'value')
    for (const [name, expected] of Object.entries(golden.gradients))
      expectClose(valueOf(`slope_${name}`), expected.data, `gradient of ${name}`)
  })
})
