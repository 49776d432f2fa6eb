import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { builderLike, GraphBuilder } from '../../compiler/3-graph/builder.ts'
import { graft, nodesOf } from '../../compiler/3-graph/graft.ts'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { type GraphEnvironment, interpret } from '../../compiler/3-graph/interpret.ts'
import { printGraph } from '../../compiler/3-graph/print.ts'
import { readGraph } from '../../compiler/3-graph/read.ts'
import { verifyGraph } from '../../compiler/3-graph/verify.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { erase } from '../../compiler/4-transform/erase.ts'
import { hoist } from '../../compiler/4-transform/hoist.ts'
import { simplify } from '../../compiler/4-transform/simplify.ts'
import { type Expressions, expressions } from '../../compiler/ops/expressions.ts'
import { type Network, networks, runtimeDims } from './loop-networks.ts'
import { randomLoop } from './random-loop.ts'
import { randomElements, randomNumbers } from './sample-values.ts'

const names = Object.keys(networks) as (keyof typeof networks)[]
const sizes = { Time: 4, Batch: 2 }

/** The network's outputs. */
function graphOf(network: Network): Graph {
  const builder = new GraphBuilder({ name: 'loop', kind: 'infer', dims: runtimeDims })
  builder.span = { file: 'loop.nn', start: 1, end: 2 }
  const outputs = network(expressions(builder), builder)
  return builder.finish(
    Object.entries(outputs).map(([name, node]) => ({ name, node })),
    [],
  )
}

function environmentOf(
  graph: Graph,
  dims: Record<string, number> = sizes,
): GraphEnvironment & { inputs: Record<string, Float64Array> } {
  const random = randomNumbers(5)
  const inputs: Record<string, Float64Array> = {}
  for (const node of graph.nodes)
    if (node.op === 'input')
      inputs[node.attributes.name] = randomElements(
        node.type,
        dims,
        random,
        node.type.dtype === 'i32' ? { low: 0, high: 2 } : { low: -1, high: 1 },
      )
  return { dims, inputs }
}

/**
 * A weighted sum of the network's outputs as `loss`, and its gradient for each of the network's inputs; of the second
 * order, for a weighted sum of those gradients.
 */
function withGradients(network: Network, order: 1 | 2 = 1): Graph {
  const builder = new GraphBuilder({ name: 'loop', kind: 'infer', dims: runtimeDims })
  const build = expressions(builder)
  const weighted = (values: readonly (readonly [name: string, node: number])[]): number =>
    values
      .map(([name, node]) => sumOf(build, build.mul(node, build.input(`weight of ${name}`, build.typeOf(node)))))
      .reduce(build.add)
  const outputs = Object.entries(network(build, builder))
  const inputs = Array.from({ length: builder.size }, (_, id) => builder.node(id)).flatMap((node) =>
    node.op === 'input' && node.type.dtype === 'f32' ? [{ id: node.id, name: node.attributes.name }] : [],
  )
  const gradientsOf = (loss: number) => inputs.map(({ id, name }) => [name, build.gradient(loss, id)] as const)
  const first = weighted(outputs)
  const loss = order === 1 ? first : weighted(gradientsOf(first))
  const gradients = gradientsOf(loss).map(([name, node]) => ({ name, node }))
  const { graph, diagnostics } = differentiate(builder.finish([{ name: 'loss', node: loss }, ...gradients], []))
  expect(diagnostics).toEqual([])
  verifyGraph(graph)
  expect(readGraph(printGraph(graph, { spans: true }))).toEqual(graph)
  return graph
}

function sumOf(build: Expressions, x: number): number {
  return build.reduceSum(
    x,
    build.shapeOf(x).map((_, axis) => axis),
  )
}

/** Every gradient named like an input against the central difference of `loss`. */
function compareWithDifferences(graph: Graph, dims: Record<string, number> = sizes): void {
  const environment = environmentOf(graph, dims)
  const { outputs } = interpret(graph, environment)
  const forward = graphOfOutputs(graph, ['loss'])
  const lossWith = (name: string, at: number, value: number): number =>
    interpret(forward, { dims, inputs: { ...environment.inputs, [name]: environment.inputs[name]!.with(at, value) } })
      .outputs.loss!.data[0]!
  const step = 1e-5
  for (const [name, gradient] of Object.entries(outputs)) {
    if (name === 'loss') continue
    gradient.data.forEach((slope, at) => {
      const x = environment.inputs[name]![at]!
      const difference = (lossWith(name, at, x + step) - lossWith(name, at, x - step)) / (2 * step)
      expect(slope, `d loss / d ${name}[${at}]`).toBeCloseTo(difference, 6)
    })
  }
}

/** All gradients at once, along one random direction. */
function compareInOneDirection(graph: Graph, dims: Record<string, number>): void {
  const environment = environmentOf(graph, dims)
  const { loss: _, ...gradients } = interpret(graph, environment).outputs
  const forward = graphOfOutputs(graph, ['loss'])
  const random = randomNumbers(7)
  const directions = Object.entries(gradients).map(
    ([name, { data }]) => [name, data.map(() => random() * 2 - 1)] as const,
  )
  const lossAt = (step: number): number => {
    const moved = directions.map(([name, direction]) => [
      name,
      environment.inputs[name]!.map((x, at) => x + step * direction[at]!),
    ])
    const inputs = { ...environment.inputs, ...Object.fromEntries(moved) }
    return interpret(forward, { dims, inputs }).outputs.loss!.data[0]!
  }
  let slope = 0
  for (const [name, direction] of directions)
    gradients[name]!.data.forEach((value, at) => {
      slope += value * direction[at]!
    })
  const difference = (step: number): number => (lossAt(step) - lossAt(-step)) / (2 * step)
  // Richardson's extrapolation, for losses that bend much.
  const extrapolated = (4 * difference(5e-5) - difference(1e-4)) / 3
  expect(Math.abs(slope - extrapolated)).toBeLessThanOrEqual(1e-6 * (1 + Math.abs(slope)))
}

function graphOfOutputs(graph: Graph, names: readonly string[]): Graph {
  const builder = builderLike(graph)
  const known = new Map<number, number>()
  graft(nodesOf(graph.nodes), graph.nodes.keys(), builder, known)
  return builder.finish(
    graph.outputs.flatMap(({ name, node }) => (names.includes(name) ? [{ name, node: known.get(node)! }] : [])),
    [],
  )
}

describe.each(names)('%s', (name) => {
  const graph = graphOf(networks[name])

  test('is well formed and reads back, spans and all', () => {
    verifyGraph(graph)
    expect(readGraph(printGraph(graph, { spans: true }))).toEqual(graph)
  })
})

describe('the interpreter', () => {
  /** x @ w for rows of x. */
  const product = (x: number[][], w: Float64Array, columns: number): number[][] =>
    x.map((row) =>
      Array.from({ length: columns }, (_, j) => row.reduce((sum, value, k) => sum + value * w[k * columns + j]!, 0)),
    )
  const rows = (data: ArrayLike<number>, width: number): number[][] =>
    Array.from({ length: data.length / width }, (_, row) => Array.from(data).slice(row * width, (row + 1) * width))

  test.each(['elman', 'elman reversed'] as const)('runs %s step by step', (name) => {
    const graph = graphOf(networks[name])
    const { inputs } = environmentOf(graph)
    const { outputs } = interpret(graph, { dims: sizes, inputs })
    const { x, w, u, b, first0 } = inputs as Record<string, Float64Array>
    const steps = name === 'elman' ? [0, 1, 2, 3] : [3, 2, 1, 0]
    let state = rows(first0!, 3)
    for (const step of steps) {
      const [driven, kept] = [product(rows(x!.slice(step * 4, step * 4 + 4), 2), w!, 3), product(state, u!, 3)]
      state = driven.map((row, i) => row.map((value, j) => Math.tanh(value + b![j]! + kept[i]![j]!)))
      rows(outputs.states!.data.slice(step * 6, step * 6 + 6), 3).forEach((row, i) => {
        row.forEach((value, j) => {
          expect(value).toBeCloseTo(state[i]![j]!, 12)
        })
      })
    }
    expect(rows(outputs.last0!.data, 3)).toEqual(rows(outputs.states!.data.slice(steps[3]! * 6, steps[3]! * 6 + 6), 3))
  })

  test('sums cumulatively', () => {
    const graph = graphOf(networks['cumulative sum'])
    const x = [1, 2, 3, 10, 20, 30, 100, 200, 300]
    const { sums } = interpret(graph, { dims: { Time: 3 }, inputs: { x } }).outputs
    expect([...sums!.data]).toEqual([1, 2, 3, 11, 22, 33, 111, 222, 333])
    expect(sums!.shape).toEqual([3, 3])
  })

  test('takes carries of every dtype, and those that come from before', () => {
    const graph = graphOf(networks.mixed)
    const inputs = { x: [1, 2, 3, 4, 5, 6], first0: [7, 8, 9], scale: [0, 1, 2] }
    const { outputs } = interpret(graph, { dims: { Time: 2 }, inputs })
    expect([...outputs.product!.data]).toEqual([1, 18, 91])
    expect([...outputs.last!.data]).toEqual([4, 5, 6])
    expect([...outputs.shifted!.data]).toEqual([21, 24, 27, 4, 8, 12])
  })

  test('finds a fixed point, and counts its steps', () => {
    const graph = graphOf(networks['fixed point'])
    const environment = environmentOf(graph)
    const { point } = interpret(graph, environment).outputs
    const again = product(rows(point!.data, 3), environment.inputs.u!, 3)
    rows(point!.data, 3).forEach((row, i) => {
      row.forEach((value, j) => {
        expect(value).toBeCloseTo(Math.tanh(again[i]![j]! / 4 + environment.inputs.x![i * 3 + j]!), 12)
      })
    })
  })
})

describe.each(names)('gradients of %s', (name) => {
  test('agree with finite differences', () => {
    compareWithDifferences(withGradients(networks[name]))
  })

  test('have gradients that agree with finite differences', () => {
    compareWithDifferences(withGradients(networks[name], 2))
  })
})

/** The same outputs, but for rounding. */
function expectSame(one: Graph, other: Graph, dims: Record<string, number>): void {
  const environment = environmentOf(one, dims)
  const [expected, actual] = [interpret(one, environment).outputs, interpret(other, environment).outputs]
  expect(Object.keys(actual)).toEqual(Object.keys(expected))
  for (const [name, { data, shape }] of Object.entries(expected)) {
    expect(actual[name]!.shape).toEqual(shape)
    data.forEach((value, at) => {
      expect(actual[name]!.data[at], `${name}[${at}]`).toBeCloseTo(value, 9)
    })
  }
}

describe.each(names)('%s simplified', (name) => {
  test.each([1, 2] as const)('means the same, with gradients of order %i', (order) => {
    const graph = withGradients(networks[name], order)
    const simple = simplify(erase(graph))
    verifyGraph(simple)
    expect(printGraph(simplify(simple))).toBe(printGraph(simple))
    for (const dims of [sizes, { Time: 1, Batch: 1 }, { Time: 3, Batch: 5 }]) expectSame(graph, simple, dims)
  })
})

const optimised = (graph: Graph): Graph => hoist(simplify(erase(graph)))

describe.each(names)('%s with motion out of loops', (name) => {
  test.each([1, 2] as const)('means the same, with gradients of order %i', (order) => {
    const graph = withGradients(networks[name], order)
    const moved = optimised(graph)
    verifyGraph(moved)
    for (const dims of [sizes, { Time: 1, Batch: 1 }, { Time: 3, Batch: 5 }]) expectSame(graph, moved, dims)
  })
})

describe('random loops', () => {
  test('have gradients that agree with finite differences, and mean the same when moved', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 30 }), (seed) => {
        const graph = withGradients(randomLoop(seed))
        const dims = { Time: 3, Batch: 2 }
        compareInOneDirection(graph, dims)
        const moved = hoist(simplify(erase(graph)))
        verifyGraph(moved)
        expectSame(graph, moved, dims)
      }),
      { numRuns: 150 },
    )
  })
})
