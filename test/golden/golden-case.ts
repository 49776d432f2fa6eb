import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { compile } from '../../compiler/index.ts'

/** A tensor both sides compute (`salt`), one given number by number, or what is kept of a result. */
interface KeptTensor {
  readonly type?: string
  readonly shape: readonly number[]
  readonly salt?: number
  readonly data?: readonly number[]
  readonly stride?: number
  readonly projections?: readonly [number, number]
}

type KeptTensors = Readonly<Record<string, KeptTensor>>

/** What `golden_cases.py` writes. */
interface GoldenCase {
  readonly name: string
  readonly model?: string
  readonly body: string
  readonly dims: Readonly<Record<string, number>>
  readonly inputs: KeptTensors
  readonly result: string
  readonly parameters: KeptTensors
  readonly value: KeptTensor
  readonly gradients: KeptTensors
  readonly states?: KeptTensors
}

function numbersOf({ shape, salt, data }: KeptTensor, scale: number): Float64Array {
  if (data) return Float64Array.from(data, Number)
  const count = shape.reduce((product, size) => product * size, 1)
  return Float64Array.from({ length: count }, (_, at) => scale * Math.sin(12.9898 * (at + 1) + 78.233 * salt!))
}

/** The case as a program; a step of gradient descent at rate 1 subtracts the gradient of each parameter. */
function sourceOf({ model, body, dims, inputs, result, gradients, parameters }: GoldenCase): string {
  const typed = Object.entries(inputs)
    .map(([name, { type }]) => `${name}: ${type}`)
    .join(', ')
  const call = `sum(Case(${Object.keys(inputs).join(', ')}) * weight)`
  const slopes = Object.keys(inputs)
    .filter((name) => gradients[name])
    .map(
      (name) => `infer slope_${name}(${typed}, weight: ${result}) -> ${inputs[name]!.type} {
  return gradient(${call}, ${name})
}`,
    )
  const train = `train fit(${typed}, weight: ${result}) {
  loss ${call}
  optimizer sgd(1.0)
}`
  const ranges = Object.keys(dims).map((name) => `dim ${name} in 1..16`)
  return `${ranges.join('\n')}
${model ?? ''}
model Case(${typed}) -> ${result} {
  ${body}
}
${Object.keys(parameters).length > 0 ? train : ''}
${slopes.join('\n')}
`
}

function expectKept(actual: ArrayLike<number>, { shape, data, stride, projections }: KeptTensor, what: string): void {
  const numbers = Array.from(actual)
  expect(numbers.length, what).toBe(shape.reduce((product, size) => product * size, 1))
  const compare = (value: number, expected: number, scale: number, at: string) =>
    expect(Math.abs(value - expected), `${what}${at}`).toBeLessThan(1e-9 * scale + 1e-7 * Math.abs(expected))
  data!.forEach((expected, at) => {
    compare(numbers[at * (stride ?? 1)]!, expected, 1, `[${at * (stride ?? 1)}]`)
  })
  if (!projections) return
  const project = (factor: (at: number) => number) => numbers.reduce((sum, value, at) => sum + value * factor(at), 0)
  compare(project(Math.cos), projections[0], numbers.length, ' along the cosines')
  compare(
    project((at) => Math.sin(1.7 * at)),
    projections[1],
    numbers.length,
    ' along the sines',
  )
}

async function checkCase(golden: GoldenCase): Promise<void> {
  const { graphs, diagnostics } = await compile(sourceOf(golden), { file: 'case.nn', stopAfter: 'hoist' })
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  const { dims } = golden
  const graph = (name: string) => graphs!.graphs.find((candidate) => candidate.name === name)!
  const tensors = (all: KeptTensors, scale: number) =>
    Object.fromEntries(Object.entries(all).map(([name, tensor]) => [name, numbersOf(tensor, scale)]))
  const count = golden.value.shape.reduce((product, size) => product * size, 1)
  const weight = Float64Array.from({ length: count }, (_, at) => Math.cos(at))
  const inputs = { ...tensors(golden.inputs, 1), weight }
  const common = { dims, inputs, hypers: {}, seed: 1, step: 0 }
  const initial = interpret(graph('init'), { ...common, variables: {} }).updates
  const parameters = tensors(golden.parameters, 0.5)
  const variables: Record<string, ArrayLike<number>> = {
    ...Object.fromEntries(Object.entries(initial).map(([name, { data }]) => [name, data])),
    'fit/step': [0],
  }
  for (const [name, data] of Object.entries(parameters)) {
    expect(variables[name]?.length, `${name} of ${Object.keys(variables).join(', ')}`).toBe(data.length)
    variables[name] = data
  }
  const run = (name: string) => interpret(graph(name), { ...common, variables: variables as Record<string, number[]> })
  const outputOf = (name: string) => Object.values(run(name).outputs)[0]!.data

  // What a layer carries makes training another function than use: then only the step is PyTorch's.
  if (!golden.states) {
    expectKept(outputOf('Case'), golden.value, 'value')
    for (const name of Object.keys(golden.inputs))
      if (golden.gradients[name]) expectKept(outputOf(`slope_${name}`), golden.gradients[name], `gradient of ${name}`)
  }
  if (Object.keys(parameters).length === 0) return
  const { updates } = run('fit.step')
  for (const [name, data] of Object.entries(parameters)) {
    const moved = data.map((before, at) => before - updates[name]!.data[at]!)
    expectKept(moved, golden.gradients[name]!, `gradient of ${name}`)
  }
  for (const [name, kept] of Object.entries(golden.states ?? {})) expectKept(updates[name]!.data, kept, name)
}

/** Tests every case of a file written by `golden_cases.py`, in float64. */
export function checkGoldenCases(what: string, file: URL): void {
  const { cases }: { cases: readonly GoldenCase[] } = JSON.parse(readFileSync(file, 'utf8'))
  describe(what, () => {
    test.each(cases.map((golden) => [golden.name, golden] as const))('%s', async (_, golden) => {
      await checkCase(golden)
    })
  })
}
