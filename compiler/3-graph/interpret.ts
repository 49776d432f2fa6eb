/** The definition of what a graph computes: slow, in float64, one op after the other. */
import { evaluateDim } from '../dimensions/dimension.ts'
import type { EvaluationContext, TensorValue } from '../ops/definition.ts'
import { definitionOf } from '../ops/registry.ts'
import { elementCount } from '../ops/strides.ts'
import type { TensorType } from '../types.ts'
import type { Graph } from './graph.ts'
import { printNode } from './print.ts'

export interface GraphEnvironment {
  readonly dims?: Readonly<Record<string, number>>
  /** Row-major elements by name. */
  readonly inputs?: Readonly<Record<string, ArrayLike<number>>>
  readonly variables?: Readonly<Record<string, ArrayLike<number>>>
  readonly hypers?: Readonly<Record<string, number>>
  readonly seed?: number
  readonly step?: number
}

export interface GraphResult {
  readonly outputs: Readonly<Record<string, TensorValue>>
  readonly updates: Readonly<Record<string, TensorValue>>
}

/** A value the graph cannot take: an index out of bounds, an input that is missing or of the wrong length. */
export class EvaluationError extends Error {}

/** Runs the graph. Throws an {@link EvaluationError} that names the node or the input. */
export function interpret(graph: Graph, environment: GraphEnvironment): GraphResult {
  const values = evaluateNodes(graph, environment)
  return {
    outputs: Object.fromEntries(graph.outputs.map(({ name, node }) => [name, values[node]!])),
    updates: Object.fromEntries(graph.updates.map(({ variable, node }) => [variable, values[node]!])),
  }
}

/** The value of every node, for tests and for finding the first node that differs. */
export function evaluateNodes(graph: Graph, environment: GraphEnvironment): TensorValue[] {
  return evaluateWith(graph, evaluationContext(environment))
}

function evaluateWith(graph: Graph, context: EvaluationContext): TensorValue[] {
  const values: TensorValue[] = []
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => values[input]!)
    try {
      values.push(definitionOf(node.op).evaluate(inputs, node.attributes, context))
    } catch (error) {
      if (error instanceof RangeError) throw new EvaluationError(`${error.message}, in \`${printNode(node)}\``)
      throw error
    }
  }
  return values
}

function evaluationContext(environment: GraphEnvironment): EvaluationContext {
  const dims = environment.dims ?? {}
  const size: EvaluationContext['size'] = (dim) => evaluateDim(dim, dims)
  const fetch = (kind: string, given: GraphEnvironment['inputs'], name: string, type: TensorType): TensorValue => {
    const elements = given?.[name]
    if (elements === undefined) throw new EvaluationError(`${kind} ${name} has no value`)
    const shape = type.shape.map(size)
    if (elements.length !== elementCount(shape))
      throw new EvaluationError(
        `${kind} ${name} takes ${elementCount(shape)} elements for the shape [${shape.join(', ')}], not ${elements.length}`,
      )
    return { dtype: type.dtype, shape, data: Float64Array.from(elements) }
  }
  return {
    size,
    input: (name, type) => fetch('input', environment.inputs, name, type),
    variable: (name, type) => fetch('variable', environment.variables, name, type),
    hyper: (name) => {
      const value = environment.hypers?.[name]
      if (value === undefined) throw new EvaluationError(`hyper ${name} has no value`)
      return value
    },
    seed: environment.seed ?? 0,
    step: environment.step ?? 0,
    run(body, inputs) {
      const values = evaluateWith(body, { ...this, input: (name) => inputs[name]! })
      return body.outputs.map(({ node }) => values[node]!)
    },
  }
}
