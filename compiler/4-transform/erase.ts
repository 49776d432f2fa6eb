import { builderLike } from '../3-graph/builder.ts'
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { type Dim, dimEqual, isConstant } from '../dimensions/dimension.ts'
import { isLoop, withBody } from '../ops/loops.ts'
import { bodyInputNodes } from './dependence.ts'

type Limits = NonNullable<Graph['limits']>

/**
 * Takes out `stop_gradient` and `bounded`, which have done their work once gradients are in place. What `bounded`
 * promised of a whole input is kept as the graph's `limits`, so that fed values can be checked.
 */
export function erase(graph: Graph): Graph {
  const limits = boundedInputs(graph)
  return withoutMarks({ ...graph, ...(limits.length > 0 && { limits }) })
}

function withoutMarks(graph: Graph): Graph {
  const builder = builderLike(graph)
  const nodes = new Int32Array(graph.nodes.length)
  for (const node of graph.nodes) {
    builder.span = node.span
    const inputs = node.inputs.map((input) => nodes[input]!)
    const operation = isLoop(node) ? withBody(node, withoutMarks(node.attributes.body)) : node
    nodes[node.id] = isErased(node) ? inputs[0]! : builder.add(operation, inputs)
  }
  return builder.finish(
    graph.outputs.map(({ name, node }) => ({ name, node: nodes[node]! })),
    graph.updates.map(({ variable, node }) => ({ variable, node: nodes[node]! })),
  )
}

function isErased(node: GraphNode): boolean {
  return node.op === 'stop_gradient' || node.op === 'bounded'
}

/** For each input bounded as a whole: the smallest limit that is a number, and each that depends on a name. */
function boundedInputs(graph: Graph): Limits {
  const limits = new Map<string, Dim[]>()
  const note = (name: string, limit: Dim): void => {
    limits.set(name, tightest([...(limits.get(name) ?? []), limit]))
  }
  for (const { input, limit } of graph.limits ?? []) note(input, limit)
  visitBounded(graph, (id) => graph.nodes[id], note)
  return [...limits].flatMap(([input, list]) => list.map((limit) => ({ input, limit })))
}

/** `origin` finds the node outside all loops that an input of this graph holds the elements of, if there is one. */
function visitBounded(
  graph: Graph,
  origin: (input: number) => GraphNode | undefined,
  note: (input: string, limit: Dim) => void,
): void {
  const wholeOrigin = (id: number): GraphNode | undefined => {
    let node = graph.nodes[id]!
    while (holdsWholeOperand(node)) node = graph.nodes[node.inputs[0]!]!
    return node.op === 'input' ? origin(node.id) : undefined
  }
  for (const node of graph.nodes) {
    if (isLoop(node)) {
      const { body, carries } = node.attributes
      const operands = new Map(bodyInputNodes(node).map((input, at) => [input, at]))
      const outer = (input: number): GraphNode | undefined => {
        const at = operands.get(input)!
        return at < carries ? undefined : wholeOrigin(node.inputs[at]!)
      }
      visitBounded(body, outer, note)
    }
    if (node.op !== 'bounded') continue
    const source = wholeOrigin(node.id)
    if (source?.op === 'input') note(source.attributes.name, node.attributes.limit)
  }
}

/** Whether the result holds every element of the operand and no other. */
function holdsWholeOperand(node: GraphNode): boolean {
  return isErased(node) || node.op === 'reshape' || node.op === 'expand' || node.op === 'permute'
}

function tightest(limits: readonly Dim[]): Dim[] {
  const known = limits.filter(isConstant)
  const named = limits.filter((limit) => !isConstant(limit))
  const distinct = named.filter((limit, at) => named.findIndex((other) => dimEqual(other, limit)) === at)
  return known.length > 0 ? [Math.min(...known), ...distinct] : distinct
}
