import { expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { environmentFor } from './environment.ts'
import { randomConvolution } from './random-convolution.ts'
import { compileGraphs, difference } from './run-wasm.ts'

const count = Number(process.env.NNC_CONVOLUTIONS ?? 40)
const seed = Number(process.env.NNC_SEED ?? Math.floor(Math.random() * 1e8))

test('random convolutions and poolings as wasm mean what the interpreter says', async () => {
  console.log(`random convolutions: NNC_SEED=${seed}`)
  const graphs = Array.from({ length: count }, (_, number) => randomConvolution(`g${number}`, seed + number))
  for (const build of ['plain', 'relaxed', 'wide'] as const) {
    const runner = await compileGraphs(graphs, build)
    for (const graph of graphs) {
      for (const Batch of [1, 3]) {
        const environment = environmentFor(graph, { dims: { Batch }, seed: Batch })
        const found = difference(runner.run(graph, environment), interpret(graph, environment))
        expect(found && `${graph.name} at ${Batch}: ${found}`).toBeUndefined()
      }
    }
  }
}, 120_000)
