/**
 * softmax(mask(scale·Q·Kᵀ + bias))·V, however it was written, is attention: one op that keeps no matrix of scores. Found before differentiation,
 * so that the gradients need none either. What does not fit, as dropped-out weights or weights that something else reads, stays as it is.
 */
import { builderLike } from '../3-graph/builder.ts'
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { boundsOf, type DimRange } from '../dimensions/bounds.ts'
import { add, type Dim, dimEqual, product, shapeEqual } from '../dimensions/dimension.ts'
import { attentionParts, attentionSizes } from '../ops/attention.ts'
import { contractionAxes } from '../ops/contraction.ts'
import { type Expressions, expressions } from '../ops/expressions.ts'
import { isLoop, withBody } from '../ops/loops.ts'
import { pick } from '../ops/strides.ts'
import { readScores, type Scores } from './attention-scores.ts'

/** Matrices of probabilities up to this size are kept for the gradient rather than computed again. */
const MOST_KEPT = 128 * 128

/** Replaces all attention, unless gradients of gradients are asked for. */
export function recogniseAttention(graph: Graph): Graph {
  return hasNestedGradients(graph) ? graph : replaceAttention(graph, rangesOf(graph), hasGradients(graph))
}

function replaceAttention(graph: Graph, ranges: Readonly<Record<string, DimRange>>, learns: boolean): Graph {
  const sources = new Set(graph.nodes.flatMap((node) => (node.op === 'gradient' ? [node.inputs[1]!] : [])))
  const readers = new Int32Array(graph.nodes.length)
  for (const { inputs } of graph.nodes) for (const input of new Set(inputs)) readers[input]!++
  for (const { node } of [...graph.outputs, ...graph.updates]) readers[node]!++
  const builder = builderLike(graph)
  const build = expressions(builder)
  const nodes: number[] = []
  for (const node of graph.nodes) {
    builder.span = node.span
    const operation = isLoop(node) ? withBody(node, replaceAttention(node.attributes.body, ranges, learns)) : node
    const found = node.op === 'contract' ? attentionOf(node) : undefined
    nodes.push(
      found ??
        builder.add(
          operation,
          node.inputs.map((input) => nodes[input]!),
        ),
    )
  }
  return builder.finish(
    graph.outputs.map(({ name, node }) => ({ name, node: nodes[node]! })),
    graph.updates.map(({ variable, node }) => ({ variable, node: nodes[node]! })),
  )

  /** A node of the old graph that may be looked through: no gradient is taken with respect to it. */
  function nodeOf(id: number): GraphNode | undefined {
    return sources.has(id) ? undefined : graph.nodes[id]!
  }

  function attentionOf(mix: GraphNode & { readonly op: 'contract' }): number | undefined {
    for (const side of [0, 1] as const) {
      const weights = weightsOf(graph, mix.inputs[side]!, nodeOf, readers)
      if (weights === undefined) continue
      const scores = readScores(graph, weights, { nodeOf, ranges, build, nodes })
      const found = scores && assemble(graph, mix, side, scores, { build, nodes, ranges, learns })
      if (found !== undefined) return found
    }
    return undefined
  }
}

/** The scores whose softmax along the last axis a node is, if nothing but one product reads that. */
function weightsOf(
  graph: Graph,
  id: number,
  nodeOf: (id: number) => GraphNode | undefined,
  readers: Int32Array,
): number | undefined {
  const top = nodeOf(id)
  if (!top || readers[id] !== 1) return undefined
  const quotient = top.op === 'with_gradient' ? nodeOf(top.inputs[0]!) : top
  if (quotient?.op !== 'div') return undefined
  const last = quotient.type.shape.length - 1
  const powers = nodeOf(quotient.inputs[0]!)
  const shifted = powers?.op === 'exp' ? nodeOf(powers.inputs[0]!) : undefined
  if (shifted?.op !== 'sub') return undefined
  const scores = shifted.inputs[0]!
  /** What is reduced along the last axis and repeated along it again. */
  const reducedBy = (op: 'reduce_sum' | 'reduce_max', spread: number): number | undefined => {
    const expansion = nodeOf(spread)
    if (expansion?.op !== 'expand') return undefined
    const { axes } = expansion.attributes
    if (axes.length !== last || axes.some((axis, at) => axis !== at)) return undefined
    let reduction = nodeOf(expansion.inputs[0]!)
    while (reduction?.op === 'reshape' || reduction?.op === 'stop_gradient') reduction = nodeOf(reduction.inputs[0]!)
    if (reduction?.op !== op || !shapeEqual(reduction.type.shape, graph.nodes[expansion.inputs[0]!]!.type.shape))
      return undefined
    const [axis, ...others] = reduction.attributes.axes
    return axis === last && others.length === 0 ? reduction.inputs[0]! : undefined
  }
  if (reducedBy('reduce_sum', quotient.inputs[1]!) !== powers!.id) return undefined
  if (reducedBy('reduce_max', shifted.inputs[1]!) !== scores) return undefined
  if (top.op !== 'with_gradient') return scores
  // The gradient that was given must be the softmax's own: y·(dy − Σ y·dy).
  const [y, dy, x, formula] = top.inputs as [number, number, number, number]
  const slope = nodeOf(formula)
  const inner = slope?.op === 'mul' && slope.inputs[0] === y ? nodeOf(slope.inputs[1]!) : undefined
  const mean = inner?.op === 'sub' && inner.inputs[0] === dy ? reducedBy('reduce_sum', inner.inputs[1]!) : undefined
  const weighted = mean === undefined ? undefined : nodeOf(mean)
  const own = weighted?.op === 'mul' && weighted.inputs[0] === y && weighted.inputs[1] === dy
  return own && top.attributes.count === 1 && x === scores ? scores : undefined
}

interface Surroundings {
  readonly build: Expressions
  /** By node of the old graph. */
  readonly nodes: readonly number[]
  readonly ranges: Readonly<Record<string, DimRange>>
  readonly learns: boolean
}

/** The attention with the axes of the product with the values, which takes the weights on `side`. */
function assemble(
  graph: Graph,
  mix: GraphNode & { readonly op: 'contract' },
  side: 0 | 1,
  scores: Scores,
  { build, nodes, ranges, learns }: Surroundings,
): number | undefined {
  const value = mix.inputs[1 - side]!
  const { batch, contracted } = mix.attributes
  const pairs = (list: typeof batch): { weight: number; value: number }[] =>
    list.map((pair) => ({ weight: pair[side], value: pair[side === 0 ? 1 : 0] }))
  const [heads, sums] = [pairs(batch), pairs(contracted)]
  const keyAxis = scores.axes.length - 1
  if (sums.length !== 1 || sums[0]!.weight !== keyAxis) return undefined
  const batchAxes = scores.axes.flatMap(({ kind }, at) => (kind === 'batch' ? [at] : []))
  const rowAxes = scores.axes.flatMap(({ kind }, at) => (kind === 'row' ? [at] : []))
  if (batchAxes.length > 2 || rowAxes.length > 2) return undefined
  if (heads.length !== batchAxes.length || heads.some(({ weight }) => !batchAxes.includes(weight))) return undefined
  // The axis of queries: the one the causal mask counts, else the last.
  const queryAxis = scores.causal?.query ?? rowAxes.at(-1)
  if (scores.causal && !rowAxes.includes(scores.causal.query)) return undefined
  const sharing = rowAxes.filter((axis) => axis !== queryAxis)

  const valueShape = graph.nodes[value]!.type.shape
  const valueUsed = new Set([...heads, ...sums].map((pair) => pair.value))
  const features = valueShape.map((_, axis) => axis).filter((axis) => !valueUsed.has(axis))
  if (features.length !== 1) return undefined

  const shape = scores.shape
  const [ofQuery, ofKey] = [graph.nodes[scores.query]!.type.shape, graph.nodes[scores.key]!.type.shape]
  const inQuery = (axis: number): number => scores.axes[axis]!.query!
  const inKey = (axis: number): number => scores.axes[axis]!.key!
  const inValue = (axis: number): number => heads.find(({ weight }) => weight === axis)!.value
  const size = (axes: readonly number[]): Dim => product(pick(shape, axes))
  const [b, g] = [size(batchAxes.slice(0, 1)), size(batchAxes.slice(1))]
  const r = size(sharing)
  const queries = queryAxis === undefined ? [] : [queryAxis]
  const [t, s] = [size(queries), shape[keyAxis]!]
  const [e, f] = [ofQuery[scores.summed.query]!, valueShape[features[0]!]!]
  const q = build.reshape(
    build.permute(nodes[scores.query]!, [...[...batchAxes, ...sharing, ...queries].map(inQuery), scores.summed.query]),
    [b, g, r, t, e],
  )
  const k = build.reshape(
    build.permute(nodes[scores.key]!, [...batchAxes.map(inKey), inKey(keyAxis), scores.summed.key]),
    [b, g, s, e],
  )
  const v = build.reshape(build.permute(nodes[value]!, [...batchAxes.map(inValue), sums[0]!.value, features[0]!]), [
    ...[b, g, s, f],
  ])
  if (ofKey.length !== batchAxes.length + 2 || ofQuery.length !== batchAxes.length + rowAxes.length + 1)
    return undefined
  const bias = scores.bias([...batchAxes, ...sharing, ...queries, keyAxis])
  const ofBias = bias && [
    build.reshape(bias.node, [
      ...[batchAxes.slice(0, 1), batchAxes.slice(1), sharing, queries].map((axes) =>
        axes.length > 0 && bias.varies.has(axes[0]!) ? shape[axes[0]!]! : 1,
      ),
      s,
    ]),
  ]
  const sizes = attentionSizes([b, g, r, t, e], [b, g, s, e], [b, g, s, f])
  const keeps = learns && boundsOf(product([t, s]), ranges).maximum <= MOST_KEPT
  const all = build.emit('attention', [q, k, v, ...(ofBias ?? [])], {
    scale: scores.scale,
    causal: scores.causal !== undefined,
    offset: scores.causal?.offset ?? 0,
    keeps,
    packed: dimEqual(t, s) && isOneRow(graph, [scores.query, scores.key, value]),
  })
  const mixtures = build.slice(all, [0], [attentionParts(sizes, keeps)[0]])
  // Axes of the product: batch, the free ones of its left operand, those of its right one.
  const laidOut = [...batchAxes.slice(0, 1), ...queries, ...batchAxes.slice(1), ...sharing]
  const y = build.reshape(mixtures, [...pick(shape, laidOut), f])
  const free = contractionAxes(
    mix.attributes,
    graph.nodes[mix.inputs[0]!]!.type.shape.length,
    graph.nodes[mix.inputs[1]!]!.type.shape.length,
  )
  const rows = side === 0 ? free.leftFree : free.rightFree
  const wanted = [...heads.map(({ weight }) => weight), ...(side === 0 ? [...rows, -1] : [-1, ...rows])]
  const labels = [...laidOut, -1]
  return build.permute(
    y,
    wanted.map((label) => labels.indexOf(label)),
  )
}

/** Whether the nodes are the parts of one tensor's last axis, in this order and in whatever arrangement. */
function isOneRow(graph: Graph, parts: readonly number[]): boolean {
  let source: number | undefined
  let end: Dim = 0
  for (const part of parts) {
    let node = graph.nodes[part]!
    while (node.op === 'reshape' || node.op === 'permute') node = graph.nodes[node.inputs[0]!]!
    if (node.op !== 'slice' || (source !== undefined && node.inputs[0] !== source)) return false
    source = node.inputs[0]!
    const { start, size, stride } = node.attributes
    const { shape } = graph.nodes[source]!.type
    const others = shape.every((extent, axis) => axis === shape.length - 1 || dimEqual(extent, size[axis]!))
    if (!others || stride.some((step) => step !== 1) || !dimEqual(start.at(-1)!, end)) return false
    end = add(end, size.at(-1)!)
  }
  return source !== undefined && dimEqual(graph.nodes[source]!.type.shape.at(-1)!, end)
}

function rangesOf(graph: Graph): Readonly<Record<string, DimRange>> {
  return Object.fromEntries(graph.dims.map((dim) => [dim.name, dim]))
}

function hasGradients(graph: Graph): boolean {
  return graph.nodes.some((node) => node.op === 'gradient' || (isLoop(node) && hasGradients(node.attributes.body)))
}

/** Whether a gradient is taken of something that depends on one. */
function hasNestedGradients(graph: Graph): boolean {
  const behind = new Set<number>()
  for (const node of graph.nodes) {
    if (isLoop(node) && hasNestedGradients(node.attributes.body)) return true
    const depends = node.inputs.some((input) => behind.has(input))
    if (node.op === 'gradient' && behind.has(node.inputs[0]!)) return true
    const own = node.op === 'gradient' || (isLoop(node) && hasGradients(node.attributes.body))
    if (depends || own) behind.add(node.id)
  }
  return false
}
