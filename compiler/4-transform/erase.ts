import { builderLike } from '../3-graph/builder.ts'
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { type Dim, dimEqual, isConstant } from '../dimensions/dimension.ts'

type Limits = NonNullable<Graph['limits']>

/**
 * Takes out `stop_gradient`, `bounded` and `with_gradient`, which have done their work once gradients are in place. What `bounded`
 * promised of a whole input is kept as the graph's `limits`, so that fed values can be checked.
 */
export function erase(graph: Graph): Graph {
  const limits = boundedInputs(graph)
  const builder = builderLike({ ...graph, ...(limits.length > 0 && { limits }) })
  const nodes = new Int32Array(graph.nodes.length)
  for (const node of graph.nodes) {
    builder.span = node.span
    const inputs = node.inputs.map((input) => nodes[input]!)
    nodes[node.id] = isErased(node) ? inputs[0]! : builder.add(node, inputs)
  }
  return builder.finish(
    graph.outputs.map(({ name, node }) => ({ name, node: nodes[node]! })),
    graph.updates.map(({ variable, node }) => ({ variable, node: nodes[node]! })),
  )
}

function isErased(node: GraphNode): boolean {
  return node.op === 'stop_gradient' || node.op === 'bounded' || node.op === 'with_gradient'
}

/** For each input bounded as a whole: the smallest limit that is a number, and each that depends on a name. */
function boundedInputs(graph: Graph): Limits {
  const limits = new Map<string, Dim[]>()
  for (const { input, limit } of graph.limits ?? []) limits.set(input, [...(limits.get(input) ?? []), limit])
  for (const node of graph.nodes) {
    if (node.op !== 'bounded') continue
    const origin = wholeOrigin(graph, node)
    if (origin.op !== 'input') continue
    const { name } = origin.attributes
    limits.set(name, tightest([...(limits.get(name) ?? []), node.attributes.limit]))
  }
  return [...limits].flatMap(([input, list]) => list.map((limit) => ({ input, limit })))
}

/** Follows back ops whose result holds every element of their operand and no other. */
function wholeOrigin(graph: Graph, node: GraphNode): GraphNode {
  let origin = node
  while (isErased(origin) || origin.op === 'reshape' || origin.op === 'expand' || origin.op === 'permute')
    origin = graph.nodes[origin.inputs[0]!]!
  return origin
}

function tightest(limits: readonly Dim[]): Dim[] {
  const known = limits.filter(isConstant)
  const named = limits.filter((limit) => !isConstant(limit))
  const distinct = named.filter((limit, at) => named.findIndex((other) => dimEqual(other, limit)) === at)
  return known.length > 0 ? [Math.min(...known), ...distinct] : distinct
}
