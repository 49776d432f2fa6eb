import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { type GraphEnvironment, interpret } from '../../compiler/3-graph/interpret.ts'
import { compile } from '../../compiler/index.ts'
import { environmentFor } from './environment.ts'
import { compileGraphs, difference } from './run-wasm.ts'

const layers = readFileSync(new URL('../fixtures/language/resnet.nn', import.meta.url), 'utf8')

const source = `${layers}
dim Batch in 1..4
model Net(x: f32[Batch, 2, 8, 8]) -> f32[Batch, 3] {
  return x |> stem: Conv(4, 3) |> r1: Residual(4) |> r2: Residual(6, 2) |> GlobalAveragePool |> fc: Linear(3)
}
infer own(x: f32[Batch, 2, 8, 8], w: f32[4, 2, 3, 3]) -> f32[Batch, 4, 4, 4] {
  return conv2d(x, w, stride = 2)
}
train fit(x: f32[Batch, 2, 8, 8], label: i32[Batch]) {
  let logits = Net(x)
  loss cross_entropy(logits, label)
  optimizer sgd(lr = 0.25)
}
`

async function graphsOf(): Promise<readonly Graph[]> {
  const compilation = await compile(source, { file: 'resnet.nn', stopAfter: 'simplify' })
  expect(compilation.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  return compilation.graphs!.graphs
}

function environment(graph: Graph): GraphEnvironment {
  const domains = (name: string) => {
    if (name === 'label') return { low: 0, high: 2 }
    return name.includes('var') ? { low: 0.5, high: 1.5 } : { low: -1, high: 1 }
  }
  return environmentFor(graph, { dims: { Batch: 4 }, seed: 5, domains })
}

describe('the residual network of the language page', () => {
  test('its convolutions are recognised, the strided ones and the one by one too', async () => {
    const step = (await graphsOf()).find(({ kind }) => kind === 'step')!
    const ops = step.nodes.map(({ op }) => op)
    // Six convolutions; forward, to the input (not for the first) and to the filter.
    expect(ops.filter((op) => op === 'convolve')).toHaveLength(3 * 6 - 1)
    for (const op of ['window', 'fold', 'pad'] as const) expect(ops).not.toContain(op)
  })

  test('the step goes down the slope of its loss', async () => {
    const step = (await graphsOf()).find(({ kind }) => kind === 'step')!
    const start = environment(step)
    const { updates } = interpret(step, start)
    const lossAt = (variables: NonNullable<GraphEnvironment['variables']>): number =>
      interpret(step, { ...start, variables }).outputs.loss!.data[0]!
    for (const name of ['stem.w', 'r1.c1.w', 'r1.n1.gamma', 'r2.c1.w', 'r2.down.w', 'r2.n2.beta', 'fc.w']) {
      const before = Float64Array.from(start.variables![name]!)
      for (const at of [0, before.length >> 1, before.length - 1]) {
        // sgd moves by lr times the gradient.
        const derived = (before[at]! - updates[name]!.data[at]!) / 0.25
        const moved = (by: number) => lossAt({ ...start.variables, [name]: before.with(at, before[at]! + by) })
        const slope = (moved(1e-5) - moved(-1e-5)) / 2e-5
        expect(Math.abs(derived - slope), `${name}[${at}]: ${derived}, not ${slope}`).toBeLessThan(
          1e-6 + 1e-5 * Math.abs(slope),
        )
      }
    }
  })

  test.each(['plain', 'relaxed'] as const)('wasm takes the steps the interpreter takes, %s build', async (build) => {
    const graphs = await graphsOf()
    const runner = await compileGraphs(graphs, build)
    for (const graph of graphs) {
      const found = difference(runner.run(graph, environment(graph)), interpret(graph, environment(graph)), 1e-3)
      expect(found && `${graph.name}: ${found}`).toBeUndefined()
    }
    const step = graphs.find(({ kind }) => kind === 'step')!
    const init = graphs.find(({ kind }) => kind === 'init')!
    const inputs = environment(step).inputs!
    let variables: Record<string, ArrayLike<number>> = runner.run(init, { seed: 1 }).updates
    const losses: number[] = []
    for (let at = 0; at < 12; at++) {
      const { outputs, updates } = runner.run(step, {
        dims: { Batch: 4 },
        inputs,
        variables: Object.fromEntries(Object.entries(variables).map(([name, data]) => [name, Float64Array.from(data)])),
        step: at,
      })
      variables = { ...variables, ...updates }
      losses.push(outputs.loss![0]!)
    }
    expect(losses.at(-1)!).toBeLessThan(0.3 * losses[0]!)
  })
})
