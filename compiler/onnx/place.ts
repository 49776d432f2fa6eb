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
  const known = new Map<Graph, readonly (string | undefined)[]>()
  const layersIn = (graph: Graph): readonly (string | undefined)[] => {
    const layers = known.get(graph) ?? layersOf(graph)
    known.set(graph, layers)
    return layers
  }
  return (graph, node) => {
    const label = layersIn(graph)[node.id] ?? (node.span ? declarationAt(node.span) : '')
    const text = node.span && texts.get(node.span.file)
    if (!node.span || !text) return { label }
    return { label, line: `${node.span.file}:${positionOf(text, node.span.start).line + 1}` }
  }
}

/**
 * The layer of each node by its path: of a node that reads a parameter that of the parameter, `b1.attn` for `b1.attn.w`;
 * of one between such nodes the path they have in common.
 */
function layersOf(graph: Graph): (string | undefined)[] {
  const own = graph.nodes.map((node) => layerRead(graph, node))
  const above = [...own]
  for (const { id, inputs } of graph.nodes) above[id] ??= inputs.map((input) => above[input]).reduce(common, undefined)
  const below = [...own]
  for (const { id, inputs } of [...graph.nodes].reverse())
    for (const input of inputs) if (own[input] === undefined) below[input] = common(below[input], below[id])
  return own.map((layer, id) => {
    if (layer !== undefined || above[id] === undefined || below[id] === undefined) return layer
    return common(above[id], below[id]) || undefined
  })
}

function layerRead(graph: Graph, { inputs }: GraphNode): string | undefined {
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

/** The path both begin with; what is undefined has no say. */
function common(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other
  const [left, right] = [one.split('.'), other.split('.')]
  const end = left.findIndex((part, at) => part !== right[at])
  return (end < 0 ? left : left.slice(0, end)).join('.')
}
