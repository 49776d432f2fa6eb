/** Gradients the user gave for a function: their formula with the actual cotangent in place of its name. */
import type { GraphBuilder } from '../3-graph/builder.ts'
import { builderLike } from '../3-graph/builder.ts'
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { isLoop, withBody } from '../ops/loops.ts'

/** What the node's result's `cotangent` contributes to each of its operands. */
export function givenGradients(
  builder: GraphBuilder,
  node: GraphNode & { readonly op: 'with_gradient' },
  cotangent: number,
): (number | undefined)[] {
  const { count } = node.attributes
  const formulas = node.inputs.slice(2 + count)
  const given = substitute(builder, formulas, node.inputs[1]!, cotangent)
  return [undefined, undefined, ...given, ...formulas.map(() => undefined)]
}

/** Copies of the nodes `roots` with `replacement` in place of `name` in everything they are computed from. */
function substitute(builder: GraphBuilder, roots: readonly number[], name: number, replacement: number): number[] {
  const last = Math.max(...roots)
  const needed = new Set(roots)
  for (let id = last; id > name; id--)
    if (needed.has(id)) for (const input of builder.node(id).inputs) needed.add(input)
  const copies = new Map([[name, replacement]])
  for (let id = name + 1; id <= last; id++) {
    if (!needed.has(id)) continue
    const node = builder.node(id)
    if (!node.inputs.some((input) => copies.has(input))) continue
    builder.span = node.span
    copies.set(
      id,
      builder.add(
        node,
        node.inputs.map((input) => copies.get(input) ?? input),
      ),
    )
  }
  return roots.map((root) => copies.get(root) ?? root)
}

/** The graph as if no gradient had been given: all of them are derived. */
export function withoutGivenGradients(graph: Graph): Graph {
  const builder = builderLike(graph)
  const nodes: number[] = []
  for (const node of graph.nodes) {
    builder.span = node.span
    const inputs = node.inputs.map((input) => nodes[input]!)
    const operation = isLoop(node) ? withBody(node, withoutGivenGradients(node.attributes.body)) : node
    nodes.push(node.op === 'with_gradient' ? inputs[0]! : builder.add(operation, inputs))
  }
  return builder.finish(
    graph.outputs.map(({ name, node }) => ({ name, node: nodes[node]! })),
    graph.updates.map(({ variable, node }) => ({ variable, node: nodes[node]! })),
  )
}
