/** Which values depend on which in a way that has a derivative. */
import { type NodeSource, nodesOf } from '../3-graph/graft.ts'
import type { GraphNode } from '../3-graph/graph.ts'
import { bodyInputNames, isLoop, type LoopOperation, operandsOf } from '../ops/loops.ts'
import { definitionOf } from '../ops/registry.ts'

export type LoopNode = Extract<GraphNode, LoopOperation>

/** The nodes up to `last` that depend on a source by f32 values and ops with gradients; loops with such a result. */
export function dependents(source: NodeSource, sources: readonly number[], last: number): Set<number> {
  const found = new Set(sources)
  const results = new Map<number, readonly boolean[]>()
  for (let id = sources.reduce((a, b) => Math.min(a, b), last); id <= last; id++) {
    const node = source.node(id)
    if (isLoop(node)) {
      const active = node.inputs.map((input) => found.has(input) && source.node(input).type.dtype === 'f32')
      if (!active.includes(true)) continue
      const { results: reached } = loopDependents(node, active)
      results.set(id, reached)
      if (reached.includes(true)) found.add(id)
    } else if (node.op === 'result') {
      if (results.get(node.inputs[0]!)?.[node.attributes.index]) found.add(id)
    } else if (node.type.dtype === 'f32' && definitionOf(node.op).gradient !== null) {
      if (node.inputs.some((input) => found.has(input) && source.node(input).type.dtype === 'f32')) found.add(id)
    }
  }
  return found
}

/**
 * For a loop of which some operands matter: which inputs of its body do in some step, and which results. Where an
 * iteration ends does not depend on where it starts.
 */
export function loopDependents(
  loop: LoopNode,
  operands: readonly boolean[],
): { inputs: readonly boolean[]; results: readonly boolean[] } {
  const { body, carries } = loop.attributes
  const inputNodes = bodyInputNodes(loop)
  const inputs = operands.map((active, at) => active && !(loop.op === 'iterate' && at < carries))
  for (;;) {
    const sources = inputNodes.filter((_, at) => inputs[at])
    const found = dependents(nodesOf(body.nodes), sources, body.nodes.length - 1)
    const outputs = body.outputs.map(({ node }) => found.has(node) && body.nodes[node]!.type.dtype === 'f32')
    let grown = false
    for (let carry = 0; carry < carries; carry++) {
      if (!outputs[carry] || inputs[carry]) continue
      inputs[carry] = true
      grown = true
    }
    if (grown) continue
    // A carry that starts from what matters matters after no step at all.
    const results = outputs.map((reached, at) => reached || (at < carries && inputs[at]!))
    return { inputs, results: loop.op === 'iterate' ? [...results, false] : results }
  }
}

/** The carries through which, from step to step, the given outputs of a body may change with its inputs. */
export function carriesBehind(loop: LoopNode, outputs: readonly boolean[]): readonly boolean[] {
  const { body, carries } = loop.attributes
  const inputNodes = bodyInputNodes(loop).slice(0, carries)
  const wanted = body.outputs.map((_, at) => outputs[at] ?? false)
  for (;;) {
    const found = new Set(body.outputs.flatMap(({ node }, at) => (wanted[at] ? [node] : [])))
    for (let id = body.nodes.length - 1; id >= 0; id--) {
      const node = body.nodes[id]!
      if (!found.has(id) || definitionOf(node.op).gradient === null) continue
      for (const input of node.inputs) found.add(input)
    }
    const before = wanted.filter(Boolean).length
    inputNodes.forEach((node, carry) => {
      if (found.has(node)) wanted[carry] = true
    })
    if (wanted.filter(Boolean).length === before) return wanted.slice(0, carries)
  }
}

/** The body's input nodes in the order of the loop's operands. */
export function bodyInputNodes(loop: LoopNode): number[] {
  const byName = new Map<string, number>()
  for (const node of loop.attributes.body.nodes) if (node.op === 'input') byName.set(node.attributes.name, node.id)
  return bodyInputNames(operandsOf(loop, loop.inputs.length)).map((name) => byName.get(name)!)
}
