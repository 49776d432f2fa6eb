import { describe, expect, test } from 'vitest'
import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { type GraphEnvironment, interpret } from '../../compiler/3-graph/interpret.ts'
import { printGraph } from '../../compiler/3-graph/print.ts'
import { readGraph } from '../../compiler/3-graph/read.ts'
import { verifyGraph } from '../../compiler/3-graph/verify.ts'
import { evaluateDim } from '../../compiler/dimensions/dimension.ts'
import type { OpSample } from '../../compiler/ops/definition.ts'
import { expressions } from '../../compiler/ops/expressions.ts'
import type { Operation, OpName } from '../../compiler/ops/op.ts'
import { definitionOf, opDefinitions } from '../../compiler/ops/registry.ts'
import type { TensorType } from '../../compiler/types.ts'
import { randomElements, randomNumbers, sampleElements } from './sample-values.ts'

const opNames = Object.keys(opDefinitions) as OpName[]
const dims = [{ name: 'Batch', minimum: 1, maximum: 64 }]

/** The op on inputs named x0, x1, …, with its result as the output y. */
function graphOf(op: OpName, sample: OpSample<object>): { builder: GraphBuilder; inputs: number[]; y: number } {
  const builder = new GraphBuilder({ name: op, kind: 'infer', dims })
  const inputs = sample.inputs.map((type, at) => builder.emit('input', [], { name: `x${at}`, type }))
  const y = builder.add({ op, attributes: sample.attributes } as Operation, inputs)
  return { builder, inputs, y }
}

function environmentOf(sample: OpSample<object>, seed: number): GraphEnvironment {
  const elements = sampleElements(sample, seed)
  const leaf = sample.attributes as { name?: string; type?: TensorType }
  const own: Record<string, Float64Array> = {}
  if (leaf.name && leaf.type) own[leaf.name] = randomElements(leaf.type, sample.dims ?? {}, randomNumbers(seed))
  return {
    dims: sample.dims ?? {},
    inputs: { ...Object.fromEntries(elements.map((data, at) => [`x${at}`, data])), ...own },
    variables: own,
    hypers: { lr: 0.125 },
    seed: 7,
    step: 3,
  }
}

describe.each(opNames)('%s', (op) => {
  const definition = definitionOf(op)
  const samples = definition.samples() as readonly OpSample<object>[]

  test('its values have the inferred type, and its graphs read back', () => {
    // Loops have tests of their own, for bodies are graphs.
    if (op !== 'gradient' && definition.class !== 'loop') expect(samples.length).toBeGreaterThan(0)
    for (const sample of samples) {
      const { builder, y } = graphOf(op, sample)
      const graph = builder.finish([{ name: 'y', node: y }], [])
      verifyGraph(graph)
      expect(readGraph(printGraph(graph))).toEqual(graph)
      const { y: value } = interpret(graph, environmentOf(sample, 1)).outputs
      const type = builder.typeOf(y)
      expect(value!.dtype).toBe(type.dtype)
      expect(value!.shape).toEqual(type.shape.map((dim) => evaluateDim(dim, sample.dims ?? {})))
      expect(value!.data.length).toBe(value!.shape.reduce((count, size) => count * size, 1))
      if (type.dtype === 'i32') expect([...value!.data]).toEqual([...value!.data].map((element) => element | 0))
      if (type.dtype === 'bool') expect([...value!.data].every((element) => element === 0 || element === 1)).toBe(true)
    }
  })

  const differentiable = samples.filter((sample) => sample.inputs.some((type) => type.dtype === 'f32'))
  if (typeof definition.gradient === 'function')
    test('its gradient agrees with finite differences', () => {
      let compared = 0
      differentiable.forEach((sample, seed) => {
        compared += compareGradient(op, sample, seed)
      })
      expect(compared).toBeGreaterThan(0)
    })
})

/** Compares every derivative of Σ y·weight with a central difference; returns how many. */
function compareGradient(op: OpName, sample: OpSample<object>, seed: number): number {
  const { builder, inputs, y } = graphOf(op, sample)
  const build = expressions(builder)
  const type = build.typeOf(y)
  if (type.dtype !== 'f32') return 0
  const weight = build.input('weight', type)
  const rank = type.shape.length
  const loss = build.reduceSum(
    build.mul(y, weight),
    Array.from({ length: rank }, (_, axis) => axis),
  )
  const { gradient } = definitionOf(op)
  if (typeof gradient !== 'function') return 0
  const gradients = gradient({
    build,
    inputs,
    output: y,
    cotangent: weight,
    attributes: sample.attributes,
  })
  const outputs: { name: string; node: number }[] = []
  inputs.forEach((input, at) => {
    if (build.typeOf(input).dtype !== 'f32') return
    expect(build.typeOf(gradients[at]!)).toEqual(build.typeOf(input))
    outputs.push({ name: `x${at}`, node: gradients[at]! })
  })
  const forward = builder.finish([{ name: 'loss', node: loss }], [])
  const backward = builder.finish(outputs, [])
  verifyGraph(backward)
  const base = environmentOf(sample, seed)
  const environment = {
    ...base,
    inputs: { ...base.inputs, weight: randomElements(type, sample.dims ?? {}, randomNumbers(99)) },
  }
  const derived = interpret(backward, environment).outputs
  let compared = 0
  for (const { name } of outputs) {
    derived[name]!.data.forEach((slope, at) => {
      expect(slope, `${op} ${JSON.stringify(sample.attributes)} d/d${name}[${at}]`).toBeCloseTo(
        centralDifference(forward, environment, name, at),
        6,
      )
      compared++
    })
  }
  return compared
}

function centralDifference(graph: Graph, environment: GraphEnvironment, input: string, at: number): number {
  const step = 1e-5
  const lossAt = (offset: number): number => {
    const moved = Float64Array.from(environment.inputs![input]!)
    moved[at]! += offset
    return interpret(graph, { ...environment, inputs: { ...environment.inputs, [input]: moved } }).outputs.loss!
      .data[0]!
  }
  return (lossAt(step) - lossAt(-step)) / (2 * step)
}
