import { beforeAll, describe, expect, test } from 'vitest'
import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { type GraphEnvironment, interpret } from '../../compiler/3-graph/interpret.ts'
import type { OpSample } from '../../compiler/ops/definition.ts'
import type { Operation, OpName } from '../../compiler/ops/op.ts'
import { classOf, definitionOf, opDefinitions } from '../../compiler/ops/registry.ts'
import type { TensorType } from '../../compiler/types.ts'
import { randomElements, randomNumbers, sampleElements } from '../graph/sample-values.ts'
import { compileGraphs, difference, type Runner } from './run-wasm.ts'

// Loops have their own test.
const opNames = (Object.keys(opDefinitions) as OpName[]).filter((op) => op !== 'gradient' && classOf(op) !== 'loop')

interface Case {
  readonly op: OpName
  readonly graph: Graph
  readonly environment: GraphEnvironment
}

function casesOf(op: OpName): Case[] {
  return (definitionOf(op).samples() as readonly OpSample<object>[]).map((sample, at) => {
    const dims = Object.entries(sample.dims ?? {}).map(([name, size]) => ({ name, minimum: 1, maximum: size + 4 }))
    const builder = new GraphBuilder({ name: `${op}.${at}`, kind: 'infer', dims })
    const inputs = sample.inputs.map((type, operand) => builder.emit('input', [], { name: `x${operand}`, type }))
    const y = builder.add({ op, attributes: sample.attributes } as Operation, inputs)
    const graph = builder.finish([{ name: 'y', node: y }], [])
    const leaf = sample.attributes as { name?: string; type?: TensorType }
    const own: Record<string, Float64Array> = {}
    if (leaf.name && leaf.type) own[leaf.name] = randomElements(leaf.type, sample.dims ?? {}, randomNumbers(at))
    const elements = sampleElements(sample, at)
    const environment = {
      dims: sample.dims ?? {},
      inputs: { ...Object.fromEntries(elements.map((data, operand) => [`x${operand}`, data])), ...own },
      variables: own,
      hypers: { lr: 0.125 },
      seed: 7,
      step: 3,
    }
    return { op, graph, environment }
  })
}

describe('every op as wasm means what the interpreter says', () => {
  const cases = opNames.flatMap(casesOf)
  let runner: Runner

  beforeAll(async () => {
    runner = await compileGraphs(cases.map(({ graph }) => graph))
  }, 60_000)

  test.each(opNames)('%s', (op) => {
    const own = cases.filter((candidate) => candidate.op === op)
    expect(own.length).toBeGreaterThan(0)
    for (const { graph, environment } of own) {
      const found = difference(runner.run(graph, environment), interpret(graph, environment))
      expect(found && `${graph.name}: ${found}`).toBeUndefined()
    }
  })

  test('uniform numbers are the same to the bit', () => {
    for (const { graph, environment } of cases.filter(({ op }) => op === 'uniform')) {
      const { y } = interpret(graph, environment).outputs
      expect([...runner.run(graph, environment).outputs.y!]).toEqual([...y!.data])
    }
  })
})
