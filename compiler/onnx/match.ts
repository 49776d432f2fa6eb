/** Looking at the graph for groups of nodes. */
import type { GraphNode } from '../3-graph/graph.ts'
import type { OpName } from '../ops/op.ts'
import type { Context, NodeOf } from './translation.ts'

export function nodeAt(id: number, { graph }: Context): GraphNode {
  return graph.nodes[id]!
}

/** The node if it is that op. */
export function as<K extends OpName>(id: number, op: K, { graph }: Context): NodeOf<K> | undefined {
  const node = graph.nodes[id]!
  return node.op === op ? (node as NodeOf<K>) : undefined
}

/** The operands both ways round. */
export function bothWays({ inputs }: GraphNode): readonly (readonly [number, number])[] {
  const [left, right] = inputs as readonly [number, number]
  return [
    [left, right],
    [right, left],
  ]
}

/** What an `expand` repeats, if it does so exactly along the axes given. */
export function spreadAlong(id: number, axes: readonly number[], context: Context): number | undefined {
  const node = as(id, 'expand', context)
  if (!node) return undefined
  const { shape, axes: kept } = node.attributes
  const own = shape.flatMap((_, axis) => (kept.includes(axis) ? [] : [axis]))
  return String(own) === String(axes) ? node.inputs[0]! : undefined
}

/** The factors of a product, or the node itself. */
export function factorsOf(id: number, context: Context): number[] {
  const node = as(id, 'mul', context)
  return node ? node.inputs.flatMap((input) => factorsOf(input, context)) : [id]
}

/** x where the node is Σx/n along the axes. */
export function meanOf(id: number, axes: readonly number[], context: Context): number | undefined {
  const node = as(id, 'mul', context)
  if (!node) return undefined
  for (const [sum, factor] of bothWays(node)) {
    const found = as(sum, 'reduce_sum', context)
    if (!found || String(found.attributes.axes) !== String(axes)) continue
    const { shape } = nodeAt(found.inputs[0]!, context).type
    const count = axes.reduce((total, axis) => total * Number(shape[axis]), 1)
    if (context.numberOf(factor) === Math.fround(1 / count)) return found.inputs[0]
  }
  return undefined
}
