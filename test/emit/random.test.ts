import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GraphNode } from '../../compiler/3-graph/graph.ts'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { printGraph } from '../../compiler/3-graph/print.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { erase } from '../../compiler/4-transform/erase.ts'
import { simplify } from '../../compiler/4-transform/simplify.ts'
import type { SimdBuild } from '../../runtime/manifest.ts'
import { type RandomGraph, randomGraph, randomGraphWithGradients } from '../graph/random-graph.ts'
import { compileGraphs, difference } from './run-wasm.ts'

/** Set NNC_SEED to repeat a run, NNC_BUILD for one build only. */
const seed = Number(process.env.NNC_SEED ?? Date.now() % 2 ** 30)
const only = process.env.NNC_BUILD as SimdBuild | undefined
const MODULES = 10
const GRAPHS_PER_MODULE = 52
console.log(`random graphs to wasm: NNC_SEED=${seed}`)

interface Sample extends RandomGraph {
  readonly variables: Record<string, Float64Array>
}

/** The inputs become variables, and each one's gradient its new value: reads and writes of the same memory. */
function withUpdates({ graph, inputs, dims }: RandomGraph, number: number): Sample {
  const own = (name: string): string => `${name}.${number}`
  const nodes = graph.nodes.map((node) =>
    node.op === 'input'
      ? ({ ...node, op: 'variable', attributes: { ...node.attributes, name: own(node.attributes.name) } } as GraphNode)
      : node,
  )
  const isGradient = ({ name }: { name: string }): boolean => name.startsWith('gradient.')
  const updates = graph.outputs
    .filter(isGradient)
    .map(({ name, node }) => ({ variable: own(name.replace('gradient.', '')), node }))
  const variables = Object.fromEntries(Object.entries(inputs).map(([name, data]) => [own(name), data]))
  const outputs = graph.outputs.filter((output) => !isGradient(output))
  return { graph: { ...graph, nodes, outputs, updates }, inputs: {}, dims, variables }
}

/** A third as built, a third with gradients, a third with gradients and simplified; every other gradient an update. */
function sampleModule(number: number): Sample[] {
  const third = Math.ceil(GRAPHS_PER_MODULE / 3)
  const plain = fc.sample(randomGraph(), { seed: seed + 3 * number, numRuns: third })
  const withGradients = fc.sample(randomGraphWithGradients(), { seed: seed + 3 * number + 1, numRuns: 2 * third })
  const prepared = [
    ...plain.map((sample) => ({ ...sample, graph: erase(sample.graph) })),
    ...withGradients.map((sample, at) => {
      const graph = erase(differentiate(sample.graph).graph)
      return { ...sample, graph: at < third ? graph : simplify(graph) }
    }),
  ]
  return prepared.map((sample, at) => {
    const full = at % 2 === 0 ? withUpdates(sample, at) : { ...sample, variables: {} }
    return { ...full, graph: { ...full.graph, name: `random.${at}` } }
  })
}

describe('random graphs as wasm mean what the interpreter says', () => {
  test.each(Array.from({ length: MODULES }, (_, at) => at))('module %i', async (number) => {
    const samples = sampleModule(number)
    expect(samples.length).toBeGreaterThanOrEqual(50)
    const runner = await compileGraphs(
      samples.map(({ graph }) => graph),
      only ?? (['relaxed', 'wide'] as const)[number] ?? 'plain',
    )
    for (const { graph, inputs, variables, dims } of samples) {
      const environment = { dims, inputs, variables, seed: number, step: 5 }
      const result = runner.run(graph, environment)
      const found = difference(result, interpret(graph, environment))
      if (found) throw new Error(`NNC_SEED=${seed}, module ${number}, ${found}\n${printGraph(graph)}`)
      expect(runner.run(graph, environment)).toEqual(result)
    }
  })
})
