import type { SourceFile } from '../1-parse/ast.ts'
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { positionOf, sourceText } from '../diagnostics/source-text.ts'
import type { Place } from './onnx-graph.ts'

/** Finds where nodes come from. `trees` are all files, the library's among them. */
export function places(
  trees: readonly SourceFile[],
  sources: ReadonlyMap<string, string>,
): (graph: Graph, node: GraphNode) => Place {
  const files = new Map(trees.map((tree) => [tree.file, tree]))
  const texts = new Map([...sources].map(([name, text]) => [name, sourceText(text)]))
  const declarationAt = ({ file, start }: Span): string =>
    files.get(file)?.declarations.flatMap((declaration) => {
      const inside = declaration.span.start <= start && start < declaration.span.end
      return inside && 'name' in declaration ? [declaration.name.text] : []
    })[0] ?? ''
  return (graph, node) => {
    const label = layerOf(graph, node) ?? (node.span ? declarationAt(node.span) : '')
    const text = node.span && texts.get(node.span.file)
    if (!node.span || !text) return { label }
    return { label, line: `${node.span.file}:${positionOf(text, node.span.start).line + 1}` }
  }
}

/** The layer whose parameter the node reads: `b1.attn` for `b1.attn.w`. */
function layerOf(graph: Graph, { inputs }: GraphNode): string | undefined {
  for (const input of inputs) {
    let node = graph.nodes[input]!
    while (node.op === 'reshape' || node.op === 'permute' || node.op === 'expand') node = graph.nodes[node.inputs[0]!]!
    if (node.op !== 'variable') continue
    const { name } = node.attributes
    const end = name.lastIndexOf('.')
    if (end > 0) return name.slice(0, end)
  }
  return undefined
}
