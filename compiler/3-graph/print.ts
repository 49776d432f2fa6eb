import { formatDim } from '../dimensions/dimension.ts'
import { formatType } from '../ops/requirements.ts'
import { formatAttributes } from './attributes.ts'
import type { Graph, GraphNode } from './graph.ts'

/**
 * The graph as text that {@link readGraph} reads back: a heading, a line for each node, then what leaves the graph. The
 * body of a loop is a graph of its own, indented below the loop's line.
 * With `spans`, each node's source place is appended as `@ "file" start end`.
 */
export function printGraph(graph: Graph, options: { readonly spans?: boolean } = {}): string {
  const lines = [`graph ${JSON.stringify(graph.name)} ${graph.kind}`]
  for (const { name, minimum, maximum } of graph.dims) lines.push(`dim ${name} in ${minimum}..${maximum}`)
  for (const node of graph.nodes) {
    lines.push(printNode(node, options.spans ?? false))
    if (!('body' in node.attributes)) continue
    for (const line of printGraph(node.attributes.body, options).trimEnd().split('\n')) lines.push(`  ${line}`)
  }
  for (const { name, node } of graph.outputs) lines.push(`output ${JSON.stringify(name)} = %${node}`)
  for (const { variable, node } of graph.updates) lines.push(`update ${JSON.stringify(variable)} = %${node}`)
  for (const { input, limit } of graph.limits ?? []) lines.push(`limit ${JSON.stringify(input)} < ${formatDim(limit)}`)
  return `${lines.join('\n')}\n`
}

/** The node's line, without the body of a loop. */
export function printNode(node: GraphNode, spans = false): string {
  const operands = node.inputs.map((input) => `%${input}`).join(', ')
  const attributes = Object.keys(node.attributes).length === 0 ? '' : ` ${formatAttributes(node.attributes)}`
  const place = spans && node.span ? ` @ ${JSON.stringify(node.span.file)} ${node.span.start} ${node.span.end}` : ''
  return `%${node.id}: ${formatType(node.type)} = ${node.op}(${operands})${attributes}${place}`
}
