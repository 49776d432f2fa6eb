import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { compileGraphs } from '../emit/run-wasm.ts'

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

/** Cases whose program is more than a chain of elementwise operations. */
const involved = cases.filter(({ expression }) =>
  /^(ctc|sparsemax|info_nce|softmax\(x, axis|log_softmax\(x, axis|erfinv|multiclass|triplet|distillation)|ignore_index/.test(
    expression,
  ),
)

test('compiled to WebAssembly, in float32, the involved ones agree as well', async () => {
  const named = involved.map((golden, at) => ({ golden, text: sourceOf(golden).replaceAll(/Case|slope_/g, `$&${at}_`) }))
  const { graphs, diagnostics } = await compile(named.map(({ text }) => text).join('\n'), {
    file: 'cases.nn',
    stopAfter: 'hoist',
  })
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  const runner = await compileGraphs(graphs!.graphs)
  for (const [at, { golden }] of named.entries()) {
    const weight = golden.value.data.map((_, position) => Math.cos(position))
    const inputs = { ...Object.fromEntries(Object.entries(golden.inputs).map(([name, { data }]) => [name, data])), weight }
    const expectNear = (name: string, expected: readonly number[]): void => {
      const graph = graphs!.graphs.find((own) => own.name === name)!
      const [actual] = Object.values(runner.run(graph, { inputs }).outputs)
      const scale = Math.max(1e-2, ...expected.map(Math.abs))
      for (const [position, value] of expected.entries())
        expect(Math.abs(actual![position]! - value), `${golden.expression}, ${name}[${position}]`).toBeLessThan(
          1e-4 * Math.abs(value) + 1e-5 * scale,
        )
    }
    expectNear(`Case${at}_`, golden.value.data)
    for (const [name, { data }] of Object.entries(golden.gradients)) expectNear(`slope_${at}_${name}`, data)
  }
})
