import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import { graft, nodesOf } from '../../compiler/3-graph/graft.ts'
import type { Graph, GraphNode } from '../../compiler/3-graph/graph.ts'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { printGraph } from '../../compiler/3-graph/print.ts'
import { simplify } from '../../compiler/4-transform/simplify.ts'
import { evaluateDim, symbol } from '../../compiler/dimensions/dimension.ts'
import { expressions } from '../../compiler/ops/expressions.ts'
import { classOf } from '../../compiler/ops/registry.ts'
import { elementCount } from '../../compiler/ops/strides.ts'
import { type RandomGraph, randomGraph } from '../graph/random-graph.ts'
import { randomNumbers } from '../graph/sample-values.ts'
import { scan } from './loop-cases.ts'
import { compileGraphs, difference } from './run-wasm.ts'

/** Set NNC_SEED to repeat a run. */
const seed = Number(process.env.NNC_SEED ?? Date.now() % 2 ** 30)
const MODULES = 3
const LOOPS_PER_MODULE = 40
const Time = symbol('Time')
console.log(`random loops to wasm: NNC_SEED=${seed}`)

type InputNode = Extract<GraphNode, { op: 'input' }>

/**
 * The graph as the body of a scan: each input comes from outside or is an element, stacked along its first or its last
 * axis; the outputs are yields, and the f32 ones are also added up in carries.
 */
function looped({ graph, inputs, dims }: RandomGraph, name: string, number: number): RandomGraph {
  const random = randomNumbers(number)
  const length = 1 + Math.floor(random() * 6)
  const builder = new GraphBuilder({
    name,
    kind: 'infer',
    dims: [...graph.dims, { name: 'Time', minimum: 1, maximum: 8 }],
  })
  const build = expressions(builder)
  const given: Record<string, Float64Array> = {}
  const elements: { readonly input: InputNode; readonly node: number }[] = []
  const outsides: { readonly input: InputNode; readonly node: number }[] = []
  for (const input of graph.nodes.filter((node) => node.op === 'input')) {
    const { name: own, type } = input.attributes
    const data = inputs[own]!
    if (random() < 0.3) {
      outsides.push({ input, node: build.input(own, type) })
      given[own] = data
      continue
    }
    // Each step's entry holds the same elements, turned.
    const count = elementCount(type.shape.map((dim) => evaluateDim(dim, dims)))
    const last = random() < 0.5
    given[own] = Float64Array.from({ length: count * length }, (_, at) => {
      const [step, element] = last ? [at % length, Math.floor(at / length)] : [Math.floor(at / count), at % count]
      return data[(element + step) % count]!
    })
    const rank = type.shape.length
    const stacked = build.input(own, { ...type, shape: last ? [...type.shape, Time] : [Time, ...type.shape] })
    const order = [rank, ...type.shape.map((_, axis) => axis)]
    elements.push({ input, node: last ? build.permute(stacked, order) : stacked })
  }
  const summed = graph.outputs.filter(({ node }) => graph.nodes[node]!.type.dtype === 'f32')
  const parts = {
    carries: summed.map(({ node }) => build.full(0.25, graph.nodes[node]!.type.shape)),
    elements: elements.map(({ node }) => node),
    outsides: outsides.map(({ node }) => node),
    reverse: random() < 0.5,
  }
  const results = scan(builder, Time, parts, (e, values, body) => {
    const known = new Map<number, number>()
    elements.forEach(({ input }, at) => {
      known.set(input.id, values.elements[at]!)
    })
    outsides.forEach(({ input }, at) => {
      known.set(input.id, values.outsides[at]!)
    })
    const targets = graph.outputs.map(({ node }) => node)
    graft(nodesOf(graph.nodes), targets, body, known)
    const totals = summed.map(({ node }, at) => e.add(e.scale(values.carries[at]!, 0.5), known.get(node)!))
    const yields = targets.map((node) => known.get(node)!)
    return { carries: totals, yields: random() < 0.5 ? yields : [...yields, ...totals] }
  })
  const outputs = results.map((node, at) => ({ name: `r${at}`, node }))
  return { graph: builder.finish(outputs, []), inputs: given, dims: { ...dims, Time: length } }
}

const isRandom = (graph: Graph): boolean => graph.nodes.some(({ op }) => classOf(op) === 'random')

describe('random loops as wasm mean what the interpreter says', () => {
  test.each(Array.from({ length: MODULES }, (_, at) => at))('module %i', async (number) => {
    const graphs = fc.sample(
      randomGraph({ maximumOps: 12 }).filter(({ graph }) => !isRandom(graph)),
      { seed: seed + number, numRuns: LOOPS_PER_MODULE },
    )
    const samples = graphs.map((sample, at) => looped(sample, `loop.${at}`, seed + 100 * number + at))
    const compiled = samples.map(({ graph }, at) => (at % 2 === 0 ? graph : simplify(graph)))
    const runner = await compileGraphs(compiled)
    for (const [at, { inputs, dims }] of samples.entries()) {
      const graph = compiled[at]!
      const environment = { dims, inputs }
      const result = runner.run(graph, environment)
      const found = difference(result, interpret(graph, environment))
      if (found) throw new Error(`NNC_SEED=${seed}, module ${number}, ${found}\n${printGraph(graph)}`)
      expect(runner.run(graph, environment)).toEqual(result)
    }
  })
})
