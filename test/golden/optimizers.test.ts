import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { compile } from '../../compiler/index.ts'
import { compileGraphs } from '../emit/run-wasm.ts'

interface Golden {
  readonly shapes: readonly (readonly number[])[]
  readonly steps: number
  readonly runs: Readonly<Record<string, readonly (readonly number[])[]>>
}

const { shapes, steps, runs }: Golden = JSON.parse(
  readFileSync(new URL('./optimizers.json', import.meta.url), 'utf8'),
)

/** A loss whose gradient is p + x, for the parameters of optimizers.py; `optimizers` are the statements of the train block. */
function sourceOf(optimizers: string): string {
  const sizes = shapes.map((shape) => `f32[${shape.join(', ')}]`)
  const inputs = sizes.map((size, k) => `x${k}: ${size}`).join(', ')
  const terms = sizes.map((_, k) => `sum(0.5 * p${k} * p${k} + p${k} * x${k})`)
  return `model M(${inputs}) -> f32 {
${sizes.map((size, k) => `  param p${k}: ${size} = zeros`).join('\n')}
  return ${terms.join(' + ')}
}
train fit(${inputs}) {
  loss M(${sizes.map((_, k) => `x${k}`).join(', ')})
${optimizers}
}
`
}

const numbered = (number: number, function_: (i: number) => number): number[] =>
  Array.from({ length: shapes[number]!.reduce((a, b) => a * b, 1) }, (_, at) => function_(at + number))

const firstValues = (): Record<string, ArrayLike<number>> =>
  Object.fromEntries(shapes.map((_, k) => [`p${k}`, numbered(k, (i) => Math.sin(i) / 2)]))

const inputsOf = (step: number): Record<string, number[]> =>
  Object.fromEntries(shapes.map((_, k) => [`x${k}`, numbered(k, (i) => Math.cos(i + 3 * step))]))

describe(`${steps} steps of each optimizer, in float64, as PyTorch or the paper's formula takes them`, () => {
  test.each(Object.entries(runs))('%s', async (optimizer, expected) => {
    const { graphs, diagnostics } = await compile(sourceOf(`  optimizer ${optimizer}`), {
      file: 'fit.nn',
      stopAfter: 'simplify',
    })
    expect(diagnostics).toEqual([])
    const graph = (name: string) => graphs!.graphs.find((own) => own.name === name)!
    const initial = Object.entries(interpret(graph('init'), { seed: 1 }).updates)
    let variables = { ...Object.fromEntries(initial.map(([name, { data }]) => [name, data])), ...firstValues() }
    for (let step = 1; step <= steps; step++) {
      const { updates } = interpret(graph('fit.step'), { inputs: inputsOf(step), variables })
      variables = { ...variables, ...Object.fromEntries(Object.entries(updates).map(([k, { data }]) => [k, data])) }
    }
    for (const [k, values] of expected.entries())
      for (const [at, value] of values.entries())
        expect(Math.abs(variables[`p${k}`]![at]! - value), `p${k}[${at}]`).toBeLessThan(1e-9)
  })
})

/** Optimizers whose steps do not jump where rounding decides. */
const smooth = Object.entries(runs).filter(([optimizer]) => !optimizer.startsWith('lion'))

describe('compiled to WebAssembly, in float32', () => {
  test.each(smooth.filter((_, at) => at % 4 === 0))('%s', async (optimizer, expected) => {
    const { graphs } = await compile(sourceOf(`  optimizer ${optimizer}`), { file: 'fit.nn', stopAfter: 'hoist' })
    const chosen = ['init', 'fit.step'].map((name) => graphs!.graphs.find((own) => own.name === name)!)
    const runner = await compileGraphs(chosen)
    let variables = { ...runner.run(chosen[0]!, { seed: 1 }).updates, ...firstValues() }
    for (let step = 1; step <= steps; step++)
      variables = { ...variables, ...runner.run(chosen[1]!, { inputs: inputsOf(step), variables }).updates }
    for (const [k, values] of expected.entries())
      for (const [at, value] of values.entries())
        expect(Math.abs(variables[`p${k}`]![at]! - value), `p${k}[${at}]`).toBeLessThan(2e-4)
  })
})
