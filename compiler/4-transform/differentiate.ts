/**
 * Reverse-mode differentiation, graph to graph: every `gradient(y, x)` becomes ordinary nodes. The graph is rebuilt
 * in order, so an inner gradient is in place before an outer one is taken; all x asked of one y share a sweep.
 */
import { builderLike, type GraphBuilder } from '../3-graph/builder.ts'
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import type { Diagnostic, Span } from '../diagnostics/diagnostic.ts'
import { type Expressions, expressions } from '../ops/expressions.ts'
import { definitionOf } from '../ops/registry.ts'

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
  for (const node of graph.nodes) {
    builder.span = node.span
    if (node.op !== 'gradient') {
      nodes[node.id] = builder.add(
        node,
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
  return { graph: differentiated, diagnostics: diagnose(lost) }
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
  const first = Math.min(target, ...sources.keys())
  const start = builder.size
  const onPath = dependents(builder, [...sources.keys()], first, target)
  const cotangents = new Map<number, number>()
  if (onPath.has(target)) cotangents.set(target, build.like(target, 1))
  for (let id = target; id >= first; id--) {
    const cotangent = cotangents.get(id)
    if (cotangent === undefined) continue
    const node = builder.node(id)
    const { inputs, attributes } = node
    const rule = definitionOf(node.op).gradient
    // A source may itself come from an op without a gradient.
    if (typeof rule !== 'function' || !inputs.some((input) => onPath.has(input))) continue
    builder.span = node.span
    const contributions = rule({ build, inputs, output: id, cotangent, attributes })
    inputs.forEach((input, at) => {
      const contribution = contributions[at]
      if (contribution === undefined || !onPath.has(input)) return
      const total = cotangents.get(input)
      cotangents.set(input, total === undefined ? contribution : build.add(total, contribution))
    })
  }
  for (let id = start; id < builder.size; id++) derived.add(id)
  const result = new Map<number, number>()
  let influences: Set<number> | undefined
  for (const [source, request] of sources) {
    const gradient = cotangents.get(source)
    if (gradient !== undefined) result.set(source, gradient)
    else {
      influences ??= precedents(builder, target, first, derived)
      const blocking = influences.has(source) ? blockingNode(builder, source, target, influences, derived) : undefined
      if (blocking) lost.push({ source: builder.node(source), blocking, request })
    }
  }
  return result
}

/** The nodes up to `last` that depend on a source by f32 values and ops with gradients. */
function dependents(builder: GraphBuilder, sources: readonly number[], first: number, last: number): Set<number> {
  const found = new Set(sources)
  for (let id = first; id <= last; id++) {
    const node = builder.node(id)
    if (node.type.dtype !== 'f32' || definitionOf(node.op).gradient === null) continue
    if (node.inputs.some((input) => found.has(input) && builder.typeOf(input).dtype === 'f32')) found.add(id)
  }
  return found
}

/**
 * The nodes from `first` on whose value the target depends on in any way but through `stop_gradient`, or through a
 * comparison that a gradient rule brought with it.
 */
function precedents(builder: GraphBuilder, target: number, first: number, derived: ReadonlySet<number>): Set<number> {
  const found = new Set([target])
  for (let id = target; id >= first; id--) {
    if (!found.has(id)) continue
    const { op, inputs } = builder.node(id)
    const constant = definitionOf(op).gradient === null
    if (op === 'stop_gradient' || (constant && derived.has(id))) continue
    for (const input of inputs) found.add(input)
  }
  return found
}

/** The first op without a gradient on the way from the source to the target. */
function blockingNode(
  builder: GraphBuilder,
  source: number,
  target: number,
  influences: ReadonlySet<number>,
  derived: ReadonlySet<number>,
): GraphNode | undefined {
  const reached = new Set([source])
  for (let id = source + 1; id <= target; id++) {
    const node = builder.node(id)
    if (!influences.has(id) || !node.inputs.some((input) => reached.has(input))) continue
    const continues = definitionOf(node.op).gradient !== null && node.type.dtype === 'f32'
    if (continues) reached.add(id)
    else if (node.op !== 'stop_gradient' && !derived.has(id)) return node
  }
  return undefined
}

interface LostGradient {
  readonly source: GraphNode
  readonly blocking: GraphNode
  readonly request: GraphNode
}

/** One diagnostic for each op that blocks, naming all it blocks. */
function diagnose(lost: readonly LostGradient[]): Diagnostic[] {
  const byBlocking = new Map<number, LostGradient[]>()
  for (const entry of lost) {
    const list = byBlocking.get(entry.blocking.id)
    if (list) list.push(entry)
    else byBlocking.set(entry.blocking.id, [entry])
  }
  return [...byBlocking.values()].map((entries) => {
    const { blocking, request } = entries[0]!
    const names = [...new Set(entries.map(({ source }) => nameOf(source)))]
    const nowhere: Span = { file: '', start: 0, end: 0 }
    const labels = request.span ? [{ span: request.span, message: 'the gradient is taken here' }] : []
    return {
      code: 'NN0301',
      severity: 'error',
      span: blocking.span ?? request.span ?? nowhere,
      message: `no gradient reaches ${listed(names)}: the value depends on it only through \`${blocking.op}\`, whose derivative is zero everywhere`,
      labels,
      hint: `use a smooth expression in place of \`${blocking.op}\`, or stop_gradient(…) if nothing should be learned through it`,
    }
  })
}

function nameOf(node: GraphNode): string {
  return node.op === 'variable' || node.op === 'input' ? `\`${node.attributes.name}\`` : 'a value'
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ')
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown
}
