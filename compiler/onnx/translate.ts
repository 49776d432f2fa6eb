import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { isLoop } from '../ops/loops.ts'
import type { OpName } from '../ops/op.ts'
import { classOf } from '../ops/registry.ts'
import { knownValues } from './known-values.ts'
import type { Place, Scope } from './onnx-graph.ts'
import { contraction } from './ops/contraction.ts'
import { convolution } from './ops/convolution.ts'
import { elementwise } from './ops/elementwise.ts'
import { indexed } from './ops/indexed.ts'
import { leaves } from './ops/leaves.ts'
import { loops, translateLoop } from './ops/loops.ts'
import { filled, movement } from './ops/movement.ts'
import { pooling } from './ops/pooling.ts'
import { reductions } from './ops/reductions.ts'
import { recognise } from './recognise.ts'
import type { Context, Translation } from './translation.ts'
import { isStatic, spread, type View, whole } from './view.ts'

/** Ops that are gone once a graph is simplified, draw random numbers, or are loops, which have several results. */
type Untranslated =
  | 'scan'
  | 'iterate'
  | 'uniform'
  | 'normal'
  | 'stop_gradient'
  | 'bounded'
  | 'gradient'
  | 'cotangent'
  | 'with_gradient'
  | 'pool_max_gradient'
  | 'attention'
  | 'attention_gradient'

/** How every other op is written. */
const translations: { readonly [K in Exclude<OpName, Untranslated>]: Translation<K> } = {
  ...leaves,
  ...elementwise,
  ...reductions,
  ...movement,
  ...contraction,
  ...convolution,
  ...pooling,
  ...indexed,
  ...loops,
}

/** What the translation of a graph shares with those of the bodies in it. */
export type Surroundings = Pick<Context, 'writer' | 'sizes' | 'layouts' | 'ranges' | 'refuse' | 'activations'> & {
  /** Where a node comes from. */
  place(graph: Graph, node: GraphNode): Place
}

/** Adds the graph's nodes to a scope of the ONNX graph; the outputs in their order. */
export function translateGraph(
  graph: Graph,
  scope: Scope,
  outside: Context['outside'],
  surroundings: Surroundings,
): readonly View[] {
  const { writer } = surroundings
  const values: View[] = []
  const loopResults = new Map<number, readonly View[]>()
  const known = knownValues(graph)
  const uses = countUses(graph)
  const spreads = spreadNodes(graph)
  const numberOf = (node: number): number | undefined => {
    const data = known.get(node)?.data
    if (data) return data.every((value) => value === data[0]) ? data[0] : undefined
    const { op, inputs } = graph.nodes[node]!
    return op === 'expand' ? numberOf(inputs[0]!) : undefined
  }
  const context: Context = {
    ...surroundings,
    graph,
    scope,
    outside,
    numberOf,
    value: (node) => values[node]!,
    results: (loop) => loopResults.get(loop)!,
    uses: (node) => uses[node]!,
    isSpread: (node) => spreads.has(node),
    translateBody(body, inner, inputs) {
      const read: Context['outside'] = (kind, name) => {
        const view = kind === 'input' ? inputs.get(name) : undefined
        if (!view) throw new Error(`internal: onnx: a body reads the ${kind} ${name}`)
        return view
      }
      const { place } = writer
      const results = translateGraph(body, inner, read, {
        ...surroundings,
        place: (...of) => {
          const own = surroundings.place(...of)
          return own.label === '' ? place : own
        },
      })
      writer.place = place
      return results
    },
  }
  for (const node of graph.nodes) {
    writer.place = surroundings.place(graph, node)
    if (isLoop(node)) {
      loopResults.set(node.id, translateLoop(node, context))
      values[node.id] = loopResults.get(node.id)![0]!
    } else values[node.id] = translateNode(node, context, known.get(node.id)?.data)
  }
  return graph.outputs.map(({ node }) => values[node]!)
}

function translateNode(node: GraphNode, context: Context, data: Float64Array | undefined): View {
  const { shape, dtype } = node.type
  // What moves or repeats a constant is a view of it.
  if (data && isStatic(shape) && classOf(node.op) !== 'leaf' && !isView(node)) {
    if (data.length > 0 && data.every((value) => Object.is(value, data[0])))
      return spread(filled(dtype, data[0]!, [], context), shape, [])
    return whole(context.writer.constant(dtype, shape, data))
  }
  if (classOf(node.op) === 'random')
    return context.refuse(
      node,
      'random numbers, which ONNX draws differently',
      'give them to the entry as an input, or export an entry that draws none',
    )
  const translate = (translations as Readonly<Partial<Record<OpName, Translation<OpName>>>>)[node.op]
  if (!translate) throw new Error(`internal: onnx: ${node.op} has no translation`)
  return recognise(node, context) ?? translate(node, context)
}

function isView({ op }: GraphNode): boolean {
  return op === 'expand' || op === 'permute' || op === 'reshape'
}

function countUses(graph: Graph): Uint32Array {
  const uses = new Uint32Array(graph.nodes.length)
  for (const { inputs } of graph.nodes) for (const input of inputs) uses[input]!++
  for (const { node } of graph.outputs) uses[node]!++
  return uses
}

/** Nodes that some `expand` repeats, directly or after operations element by element. */
function spreadNodes(graph: Graph): ReadonlySet<number> {
  const found = new Set<number>()
  for (const node of [...graph.nodes].reverse()) {
    const passes = classOf(node.op) === 'elementwise' && found.has(node.id)
    if (passes || node.op === 'expand') for (const input of node.inputs) found.add(input)
  }
  return found
}
