import { builderLike, type GraphBuilder } from '../3-graph/builder.ts'
import type { Graph } from '../3-graph/graph.ts'
import { isLoop } from '../ops/loops.ts'
import type { LoopNode } from './dependence.ts'

/**
 * Adds a loop, or what takes its place, to the builder. `operands` are its operands there, `used` the results that are
 * read; returns what stands for each of those.
 */
export type LoopRewrite = (
  builder: GraphBuilder,
  loop: LoopNode,
  operands: readonly number[],
  used: ReadonlySet<number>,
) => ReadonlyMap<number, number>

/** Rebuilds the graph with its loops, not those within them, rewritten. */
export function rewriteLoops(graph: Graph, rewrite: LoopRewrite): Graph {
  if (!graph.nodes.some((node) => isLoop(node))) return graph
  const used = new Map<number, Set<number>>()
  for (const node of graph.nodes) {
    if (node.op !== 'result') continue
    const indices = used.get(node.inputs[0]!)
    if (indices) indices.add(node.attributes.index)
    else used.set(node.inputs[0]!, new Set([node.attributes.index]))
  }
  const builder = builderLike(graph)
  const nodes = new Int32Array(graph.nodes.length).fill(-1)
  const results = new Map<number, ReadonlyMap<number, number>>()
  for (const node of graph.nodes) {
    builder.span = node.span
    const inputs = node.inputs.map((input) => nodes[input]!)
    if (isLoop(node)) results.set(node.id, rewrite(builder, node, inputs, used.get(node.id) ?? new Set()))
    else if (node.op === 'result') nodes[node.id] = results.get(node.inputs[0]!)!.get(node.attributes.index)!
    else nodes[node.id] = builder.add(node, inputs)
  }
  return builder.finish(
    graph.outputs.map(({ name, node }) => ({ name, node: nodes[node]! })),
    graph.updates.map(({ variable, node }) => ({ variable, node: nodes[node]! })),
  )
}
