/** Numbers for everything a graph reads. */
import type { Graph } from '../../compiler/3-graph/graph.ts'
import type { GraphEnvironment } from '../../compiler/3-graph/interpret.ts'
import type { Domain } from '../../compiler/ops/definition.ts'
import { randomElements, randomNumbers } from '../graph/sample-values.ts'

export interface EnvironmentOptions {
  readonly dims: Readonly<Record<string, number>>
  readonly seed: number
  readonly hypers?: Readonly<Record<string, number>>
  /** Where the values of an input or variable lie. */
  readonly domains?: (name: string) => Domain | undefined
}

export function environmentFor(
  graph: Graph,
  { dims, seed, hypers = {}, domains }: EnvironmentOptions,
): GraphEnvironment {
  const random = randomNumbers(seed)
  const inputs: Record<string, Float64Array> = {}
  const variables: Record<string, Float64Array> = {}
  for (const node of graph.nodes) {
    if (node.op !== 'input' && node.op !== 'variable') continue
    const { name, type } = node.attributes
    const target = node.op === 'input' ? inputs : variables
    target[name] = randomElements(type, dims, random, domains?.(name))
  }
  return { dims, inputs, variables, hypers, seed, step: seed + 1 }
}
