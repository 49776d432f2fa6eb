/**
 * Reverse-mode differentiation, graph to graph: every `gradient(y, x)` becomes ordinary nodes. The graph is rebuilt
 * in order, so an inner gradient is in place before an outer one is taken; all x asked of one y share a sweep.
 */
import { builderLike, type GraphBuilder } from '../3-graph/builder.ts'
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import { type Expressions, expressions } from '../ops/expressions.ts'
import { isLoop, withBody } from '../ops/loops.ts'
import type { Operation } from '../ops/op.ts'
import { blockingNode, diagnose, type LostGradient } from './lost-gradients.ts'
import { pullBack } from './pull-back.ts'

/**
 * Replaces all gradients. An x that y does not depend on, or only through `stop_gradient`, has the gradient zero; one
 * that y depends on only through ops without a gradient (a comparison, `argmax`, `floor`) is a diagnostic.
 */
export function differentiate(graph: Graph): { graph: Graph; diagnostics: Diagnostic[] } {
  const builder = builderLike(graph)
  const tape: Tape = { builder, build: expressions(builder), derived: new Set() }
  const requests = requestsByTarget(graph)
  const nodes = new Int32Array(graph.nodes.length).fill(-1)
  const gradients = new Map<number, ReadonlyMap<number, number>>()
  const lost: LostGradient[] = []
  const diagnostics: Diagnostic[] = []
  for (const node of graph.nodes) {
    builder.span = node.span
    if (node.op !== 'gradient') {
      nodes[node.id] = builder.add(
        withoutGradients(node, diagnostics),
        node.inputs.map((input) => nodes[input]!),
      )
      continue
    }
    const [target, source] = [node.inputs[0]!, node.inputs[1]!]
    let found = gradients.get(target)
    if (!found) {
      const known = requests.get(target)!.filter((request) => nodes[request.inputs[1]!]! >= 0)
      const sources = new Map(known.map((request) => [nodes[request.inputs[1]!]!, request]))
      found = sweep(tape, nodes[target]!, sources, lost)
      gradients.set(target, found)
    }
    builder.span = node.span
    nodes[node.id] = found.get(nodes[source]!) ?? tape.build.like(nodes[source]!, 0)
  }
  builder.span = undefined
  const differentiated = builder.finish(
    graph.outputs.map(({ name, node }) => ({ name, node: nodes[node]! })),
    graph.updates.map(({ variable, node }) => ({ variable, node: nodes[node]! })),
  )
  return { graph: differentiated, diagnostics: [...diagnostics, ...diagnose(lost)] }
}

/** The operation; a loop's with the gradients inside its body replaced. */
function withoutGradients(operation: Operation, diagnostics: Diagnostic[]): Operation {
  if (!isLoop(operation)) return operation
  const inner = differentiate(operation.attributes.body)
  diagnostics.push(...inner.diagnostics)
  return withBody(operation, inner.graph)
}

interface Tape {
  readonly builder: GraphBuilder
  readonly build: Expressions
  /** Nodes that came with a gradient. */
  readonly derived: Set<number>
}

/** The gradient nodes by their y. */
function requestsByTarget(graph: Graph): Map<number, GraphNode[]> {
  const requests = new Map<number, GraphNode[]>()
  for (const node of graph.nodes) {
    if (node.op !== 'gradient') continue
    const target = node.inputs[0]!
    const list = requests.get(target)
    if (list) list.push(node)
    else requests.set(target, [node])
  }
  return requests
}

/** d Σ target / d source for every source, by node; a source without an entry has the gradient zero. */
function sweep(
  { builder, build, derived }: Tape,
  target: number,
  sources: ReadonlyMap<number, GraphNode>,
  lost: LostGradient[],
): Map<number, number> {
  const start = builder.size
  const result = pullBack(builder, new Map([[target, build.like(target, 1)]]), [...sources.keys()])
  for (let id = start; id < builder.size; id++) derived.add(id)
  for (const [source, request] of sources) {
    if (result.has(source)) continue
    const blocking = blockingNode(builder, [source], [target], derived)
    if (blocking) lost.push({ source: builder.node(source), blocking, request })
  }
  return result
}
