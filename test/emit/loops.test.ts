import { beforeAll, describe, expect, test } from 'vitest'
import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { printGraph } from '../../compiler/3-graph/print.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { erase } from '../../compiler/4-transform/erase.ts'
import { simplify } from '../../compiler/4-transform/simplify.ts'
import { type Expressions, expressions } from '../../compiler/ops/expressions.ts'
import { type Network, networks as written } from '../graph/loop-networks.ts'
import { environmentFor } from './environment.ts'
import { loopCases } from './loop-cases.ts'
import { compileGraphs, difference, type Runner } from './run-wasm.ts'

const dims = [
  { name: 'Batch', minimum: 1, maximum: 9 },
  { name: 'Time', minimum: 1, maximum: 12 },
]
const sizes = [
  { Batch: 1, Time: 1 },
  { Batch: 3, Time: 2 },
  { Batch: 4, Time: 7 },
  { Batch: 9, Time: 12 },
]
const domains = () => ({ low: -1, high: 1 })

function graphOf(name: string, network: Network): Graph {
  const builder = new GraphBuilder({ name, kind: 'infer', dims })
  const outputs = Object.entries(network(expressions(builder), builder))
  return builder.finish(
    outputs.map(([output, node]) => ({ name: output, node })),
    [],
  )
}

/** The network with a weighted sum of its outputs as loss, and the gradient of each input. */
function withGradients(network: Network): Network {
  return (build, builder) => {
    const outputs = Object.entries(network(build, builder)).filter(([, node]) => build.typeOf(node).dtype === 'f32')
    const inputs = Array.from({ length: builder.size }, (_, id) => builder.node(id)).filter(
      (node) => node.op === 'input',
    )
    const loss = outputs
      .map(([name, node]) => sumOf(build, build.mul(node, build.input(`weight of ${name}`, build.typeOf(node)))))
      .reduce(build.add)
    const gradients = inputs.map(({ id, attributes: { name } }) => [`d ${name}`, build.gradient(loss, id)] as const)
    return { ...Object.fromEntries(outputs), loss, ...Object.fromEntries(gradients) }
  }
}

function sumOf(build: Expressions, x: number): number {
  return build.reduceSum(
    x,
    build.shapeOf(x).map((_, axis) => axis),
  )
}

/** Compares wasm with the interpreter at every size, twice with the same bits. */
function compare(runner: Runner, graph: Graph): void {
  for (const dims of sizes) {
    const environment = environmentFor(graph, { dims, seed: dims.Time, domains })
    const result = runner.run(graph, environment)
    const found = difference(result, interpret(graph, environment))
    if (found) throw new Error(`${found} at ${JSON.stringify(dims)}\n${printGraph(graph)}`)
    expect(runner.run(graph, environment)).toEqual(result)
  }
}

const networks = { ...written, ...loopCases }
const names = Object.keys(networks) as (keyof typeof networks)[]
// Where an iteration ends early, rounding decides when, and the gradient of the steps taken is another.
const differentiable = names.filter((name) => name !== 'iterations')

describe('loops as wasm mean what the interpreter says', () => {
  const values = names.map((name) => graphOf(name, networks[name]))
  const gradients = differentiable.map((name) =>
    erase(differentiate(graphOf(`${name} backwards`, withGradients(networks[name]))).graph),
  )
  const simplified = gradients.map((graph) => simplify({ ...graph, name: `${graph.name} simplified` }))
  let runner: Runner

  beforeAll(async () => {
    runner = await compileGraphs([...values, ...gradients, ...simplified])
  })

  test.each(names)('%s', (name) => compare(runner, values[names.indexOf(name)]!))
  test.each(differentiable)('gradients of %s', (name) => compare(runner, gradients[differentiable.indexOf(name)]!))
  test.each(differentiable)('simplified gradients of %s', (name) =>
    compare(runner, simplified[differentiable.indexOf(name)]!),
  )
})
