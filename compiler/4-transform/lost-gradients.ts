/** Gradients that cannot arrive, and what is in their way. */
import { type NodeSource, nodesOf } from '../3-graph/graft.ts'
import type { GraphNode } from '../3-graph/graph.ts'
import type { Diagnostic, Span } from '../diagnostics/diagnostic.ts'
import { isLoop } from '../ops/loops.ts'
import { definitionOf } from '../ops/registry.ts'
import { bodyInputNodes, type LoopNode, loopDependents } from './dependence.ts'

export interface LostGradient {
  readonly source: GraphNode
  readonly blocking: GraphNode
  readonly request: GraphNode
}

/**
 * The first op without a gradient on the way from the sources to the targets, or undefined if there is none. `derived`
 * are nodes that came with a gradient: comparisons among them are no obstacle.
 */
export function blockingNode(
  nodes: NodeSource,
  sources: readonly number[],
  targets: readonly number[],
  derived: ReadonlySet<number>,
): GraphNode | undefined {
  const [first, last] = [Math.min(...sources), Math.max(...targets)]
  const influences = precedents(nodes, targets, first, derived)
  const reached = new Set(sources.filter((source) => influences.has(source)))
  if (reached.size === 0) return undefined
  const results = new Map<number, readonly boolean[]>()
  for (let id = first; id <= last; id++) {
    const node = nodes.node(id)
    if (!influences.has(id) || !node.inputs.some((input) => reached.has(input))) continue
    if (isLoop(node)) {
      const operands = node.inputs.map((input) => reached.has(input))
      const { results: active } = loopDependents(node, operands)
      results.set(id, active)
      reached.add(id)
      const inside = derived.has(id) ? undefined : blockingInside(node, operands)
      if (inside && !active.includes(true)) return inside
    } else if (node.op === 'result') {
      if (results.get(node.inputs[0]!)?.[node.attributes.index]) reached.add(id)
    } else if (definitionOf(node.op).gradient !== null && node.type.dtype === 'f32') reached.add(id)
    else if (node.op !== 'stop_gradient' && !derived.has(id)) return node
  }
  return undefined
}

/** The first op without a gradient between what operands bring into a loop's body and what leaves it. */
function blockingInside(loop: LoopNode, operands: readonly boolean[]): GraphNode | undefined {
  const { body, carries } = loop.attributes
  const active = operands.map((reached, at) => reached && !(loop.op === 'iterate' && at < carries))
  const sources = bodyInputNodes(loop).filter((_, at) => active[at])
  const targets = body.outputs.map(({ node }) => node)
  return sources.length === 0 ? undefined : blockingNode(nodesOf(body.nodes), sources, targets, new Set())
}

/**
 * The nodes from `first` on whose value the targets depend on in any way but through `stop_gradient`, or through a
 * comparison that a gradient rule brought with it.
 */
function precedents(
  nodes: NodeSource,
  targets: readonly number[],
  first: number,
  derived: ReadonlySet<number>,
): Set<number> {
  const found = new Set(targets)
  for (let id = Math.max(...targets); id >= first; id--) {
    if (!found.has(id)) continue
    const { op, inputs } = nodes.node(id)
    const constant = definitionOf(op).gradient === null
    if (op === 'stop_gradient' || (constant && derived.has(id))) continue
    for (const input of inputs) found.add(input)
  }
  return found
}

/** One diagnostic for each op that blocks, naming all it blocks. */
export function diagnose(lost: readonly LostGradient[]): Diagnostic[] {
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
