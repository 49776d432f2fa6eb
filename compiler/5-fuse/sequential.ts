/** What runs along rows, as calls of asm/sequential.ts. */
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { type Dim, product } from '../dimensions/dimension.ts'
import type { SequentialCall } from './program.ts'

type SequentialNode = GraphNode & { op: 'argsort' | 'cumsum' }

export function isSequential(node: GraphNode): node is SequentialNode {
  return node.op === 'argsort' || node.op === 'cumsum'
}

export function sequentialOf(
  graph: Graph,
  node: SequentialNode,
): Pick<SequentialCall, 'kind' | 'rows' | 'length' | 'count' | 'backwards' | 'dtype' | 'work'> {
  const { dtype, shape } = graph.nodes[node.inputs[0]!]!.type
  const rows = product(shape.slice(0, -1))
  const length = shape.at(-1)!
  return {
    kind: node.op,
    rows,
    length,
    count: node.type.shape.at(-1)!,
    backwards: node.op === 'argsort' ? node.attributes.descending : node.attributes.reverse,
    dtype,
    work: { flops: [shape], bytes: [shape, node.type.shape].map((dims) => [4, ...dims]) },
  }
}

/** Bytes asm/sequential.ts sorts a row in, at a 16-byte boundary: its entries twice, and how often each byte occurs. */
export function argsortScratchBytes(node: SequentialNode, graph: Graph, largest: (dim: Dim) => number): number {
  return 16 * largest(graph.nodes[node.inputs[0]!]!.type.shape.at(-1)!) + 4096 + 64
}
