import type { GraphBuilder } from './builder.ts'
import type { GraphNode } from './graph.ts'

/** Nodes by number: a builder, or a graph's. */
export interface NodeSource {
  node(id: number): GraphNode
}

/** What the targets are made of, ascending, up to and with the nodes of `cut`, whose own operands are not followed. */
export function reach(source: NodeSource, targets: Iterable<number>, cut: (id: number) => boolean): number[] {
  const reached = new Set(targets)
  // A set goes through what is added to it on the way.
  for (const id of reached) {
    if (cut(id)) continue
    for (const input of source.node(id).inputs) reached.add(input)
  }
  return [...reached].sort((a, b) => a - b)
}

/**
 * Copies what the targets are made of into the builder. `known` maps nodes to those that stand for them there; it
 * grows by all that is copied.
 */
export function graft(
  source: NodeSource,
  targets: Iterable<number>,
  builder: GraphBuilder,
  known: Map<number, number>,
): void {
  for (const id of reach(source, targets, (node) => known.has(node))) {
    if (known.has(id)) continue
    const node = source.node(id)
    builder.span = node.span
    known.set(
      id,
      builder.add(
        node,
        node.inputs.map((input) => known.get(input)!),
      ),
    )
  }
}

export function nodesOf(nodes: readonly GraphNode[]): NodeSource {
  return { node: (id) => nodes[id]! }
}
