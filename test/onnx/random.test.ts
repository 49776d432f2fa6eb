import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { type GraphEnvironment, interpret } from '../../compiler/3-graph/interpret.ts'
import { printGraph } from '../../compiler/3-graph/print.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { erase } from '../../compiler/4-transform/erase.ts'
import { simplify } from '../../compiler/4-transform/simplify.ts'
import { compile, exportOnnx } from '../../compiler/index.ts'
import { expressions } from '../../compiler/ops/expressions.ts'
import { classOf } from '../../compiler/ops/registry.ts'
import { environmentFor } from '../emit/environment.ts'
import { loopCases } from '../emit/loop-cases.ts'
import { randomConvolution } from '../emit/random-convolution.ts'
import { type Network, networks } from '../graph/loop-networks.ts'
import { type RandomGraph, randomGraph, randomGraphWithGradients } from '../graph/random-graph.ts'
import { randomLoop } from '../graph/random-loop.ts'
import { randomProgram, VOCABULARY } from '../language/random-program.ts'
import { largestDifference, writeGraph } from './run-onnx.ts'

// NNC_SEED=7 NNC_GRAPHS=200 npx vitest run test/onnx/random.test.ts: one seed again, or a longer run.
const seed = Number(process.env.NNC_SEED ?? Date.now() % 1_000_000)
const count = Number(process.env.NNC_GRAPHS ?? 10)

async function expectSame(graph: Graph, environment: GraphEnvironment): Promise<void> {
  const { bytes } = await writeGraph(graph, environment)
  const sizes = JSON.stringify(environment.dims)
  const difference = await largestDifference(bytes, graph, environment).catch((error: Error) => {
    throw new Error(`${error.message} at ${sizes} with NNC_SEED=${seed}\n${printGraph(graph)}`)
  })
  if (!(difference < 1e-4)) expect.fail(`${difference} at ${sizes} with NNC_SEED=${seed}\n${printGraph(graph)}`)
}

/** onnxruntime has no products and no largest elements of nothing, and draws other random numbers. */
function isPossible({ graph, dims }: RandomGraph): boolean {
  return dims.Batch !== 0 && graph.nodes.every(({ op }) => classOf(op) !== 'random')
}

test.each([
  ['graphs', randomGraph().filter(isPossible)],
  ['graphs with gradients', randomGraphWithGradients({ maximumOps: 15 }).filter(isPossible)],
])('random %s', async (_, arbitrary) => {
  for (const { graph, dims, inputs } of fc.sample(arbitrary, { numRuns: count, seed }))
    await expectSame(simplify(erase(differentiate(graph).graph)), { dims, inputs })
})

test('random convolutions and poolings, and their gradients', async () => {
  for (let number = 0; number < count; number++) {
    const graph = randomConvolution(`g${number}`, seed + number)
    await expectSame(graph, environmentFor(graph, { dims: { Batch: 1 + (number % 3) }, seed: number }))
  }
})

test('random programs with the gradient of what they predict', async () => {
  const arbitrary = fc.record({
    choices: fc.array(fc.nat(), { minLength: 80, maxLength: 80, size: 'max' }),
    statements: fc.integer({ min: 2, max: 12 }),
  })
  const drawn = fc
    .sample(arbitrary, { numRuns: count, seed })
    .map(({ choices, statements }, at) => randomProgram(String(at), choices, statements))
  const source = `dim Batch in 1..9\n${drawn.map((program) => program.source).join('\n')}`
  const compilation = await compile(source, { file: 'random.nn', stopAfter: 'graph' })
  for (const [at, program] of drawn.entries()) {
    const graph = erase(differentiate(compilation.graphs!.graphs.find(({ name }) => name === program.infer)!).graph)
    const domains = (name: string) => (name === 'ids' ? { low: 0, high: VOCABULARY - 1 } : { low: -1, high: 1 })
    const environment = environmentFor(graph, { dims: { Batch: 1 + (at % 9) }, seed: at, domains })
    const { slope } = interpret(graph, environment).outputs
    if (!slope!.data.every((value) => Math.abs(value) < 1e3)) continue
    const { model } = await exportOnnx(compilation, { entry: program.infer, variables: environment.variables! })
    const difference = await largestDifference(model!.bytes, graph, environment)
    if (!(difference < 5e-4)) expect.fail(`${difference} with NNC_SEED=${seed} of\n${program.source}`)
  }
})

function loopGraph(name: string, network: Network): Graph {
  const builder = new GraphBuilder({
    ...{ name, kind: 'infer' },
    dims: [
      { name: 'Batch', minimum: 1, maximum: 9 },
      { name: 'Time', minimum: 1, maximum: 12 },
    ],
  })
  const outputs = Object.entries(network(expressions(builder), builder))
  return builder.finish(
    outputs.map(([output, node]) => ({ name: output, node })),
    [],
  )
}

const written = { ...networks, ...loopCases }

test.each(Object.keys(written) as (keyof typeof written)[])('loops: %s', async (name) => {
  const graph = loopGraph(name, written[name])
  for (const dims of [
    { Batch: 1, Time: 1 },
    { Batch: 4, Time: 7 },
  ]) {
    const environment = environmentFor(graph, { dims, seed: dims.Time, domains: () => ({ low: -1, high: 1 }) })
    await expectSame(graph, environment)
    await expectSame(simplify(graph), environment)
  }
})

test('random loops', async () => {
  for (let number = 0; number < count; number++) {
    const graph = loopGraph('random', randomLoop(seed + number))
    const domains = (name: string) => (name === 'rows' ? { low: 0, high: 2 } : { low: -1, high: 1 })
    await expectSame(
      graph,
      environmentFor(graph, { dims: { Batch: 3, Time: 1 + (number % 5) }, seed: number, domains }),
    )
  }
})
