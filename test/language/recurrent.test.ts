import { describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { compile } from '../../compiler/index.ts'
import { isLoop } from '../../compiler/ops/loops.ts'

const training = (layer: string, longest = 100): string => `dim Time in 1..${longest}
dim Batch in 1..16
model M(x: f32[Batch, Time, 5]) -> f32[Batch, Time, 8] {
  return x |> layers: repeat(2) ${layer}(8)
}
train fit(x: f32[Batch, Time, 5], y: f32[Batch, Time, 8]) {
  loss mean_squared_error(M(x), y)
  optimizer sgd(0.1)
}`

const countProducts = (graph: Graph): number => graph.nodes.filter(({ op }) => op === 'contract').length

describe.each(['Rnn', 'Gru', 'Lstm'])('two layers of %s', (layer) => {
  test('have one product in each loop, the one with the hidden state; all others are taken out', async () => {
    const { graphs, diagnostics } = await compile(training(layer), { file: 'm.nn', stopAfter: 'hoist' })
    expect(diagnostics).toEqual([])
    const step = graphs!.graphs.find(({ kind }) => kind === 'step')!
    const loops = step.nodes.filter(isLoop)
    expect(loops.map(({ attributes }) => countProducts(attributes.body))).toEqual([1, 1, 1, 1])
    // For each layer: the inputs' product; the gradients of both weights; for the second, the gradient of its input.
    expect(countProducts(step)).toBe(7)
  })
})

test('the code for a thousand steps is the code for ten', async () => {
  const sizeFor = async (longest: number): Promise<number> => {
    const { assemblyScript } = await compile(training('Gru', longest), { file: 'm.nn', stopAfter: 'emit' })
    return assemblyScript!.replace(/\d+/g, '0').length
  }
  expect(await sizeFor(1000)).toBe(await sizeFor(10))
})
