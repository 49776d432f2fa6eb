/**
 * Which values get a buffer. The rest are recomputed inside the kernels that read them: movement is an index map,
 * cheap elementwise work is repeated, and an expensive value with one reader is computed where it is read. A sum of two
 * stored tensors that several read is stored too: its operands need not live on, and its readers read one tensor.
 */
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { add, type Dim, dimEqual, product } from '../dimensions/dimension.ts'
import type { OpName } from '../ops/op.ts'
import { opDefinitions } from '../ops/registry.ts'
import { keepsSpatialAxes, poolsAsItGoes } from './convolution.ts'
import type { FlatGraph } from './flatten.ts'
import { splitsOnly } from './movement.ts'
import { storeEarly } from './store-early.ts'

/** An elementwise value costing at most this is recomputed by each of its readers. */
const CHEAP = 4
/**
 * A value that depends on no tensor, such as the mask of a dropout, is drawn again by up to two readers where it costs
 * at most this: it need not live from the forward to the backward pass.
 */
const REDRAWN = 80
const MOST_REDRAWN = 2
/** Longer chains are cut, which bounds the depth of every recursion over them. */
const LONGEST_CHAIN = 64

/** Rough cost of one element in additions. */
export const COST: Partial<Record<OpName, number>> = {
  exp: 12,
  log: 16,
  tanh: 16,
  sigmoid: 16,
  erf: 20,
  sin: 20,
  cos: 20,
  pow: 40,
  sqrt: 4,
  rsqrt: 6,
  reciprocal: 4,
  div: 4,
  uniform: 60,
  normal: 150,
}

export interface Materialisation {
  /** Per node: it has a buffer of its own, filled by some call. */
  readonly materialised: readonly boolean[]
  /** Per node: something needed depends on it. */
  readonly live: readonly boolean[]
}

/** Input, variable and hyper nodes have their buffers from the start. */
export function isSource(node: GraphNode): boolean {
  return node.op === 'input' || node.op === 'variable' || node.op === 'hyper'
}

export function isAlias(node: GraphNode): boolean {
  return node.op === 'reshape' || node.op === 'stop_gradient' || node.op === 'bounded'
}

/** The node behind reshapes and identities. */
export function behindAliases(graph: Graph, id: number): number {
  let at = id
  while (isAlias(graph.nodes[at]!)) at = graph.nodes[at]!.inputs[0]!
  return at
}

/** Part of a buffer: `elements` into it, from there on in the order of the node's elements. */
export interface Stored {
  readonly node: number
  readonly elements: Dim
}

/** Where a node's elements lie one after the other, if a buffer holds them so: behind aliases and slices of its first axis. */
export function storedAt(
  graph: Graph,
  { materialised }: Pick<Materialisation, 'materialised'>,
  id: number,
): Stored | undefined {
  let at = id
  let elements: Dim = 0
  for (;;) {
    const node = graph.nodes[at]!
    if (materialised[at] || isSource(node)) return { node: at, elements }
    if (node.op === 'slice') {
      const { shape } = graph.nodes[node.inputs[0]!]!.type
      const { start, size, stride } = node.attributes
      const whole = shape.every((extent, axis) => axis === 0 || (start[axis] === 0 && dimEqual(size[axis]!, extent)))
      if (!whole || stride.some((step) => step !== 1)) return undefined
      elements = add(elements, product([start[0] ?? 0, ...shape.slice(1)]))
    } else if (!isAlias(node)) return undefined
    at = node.inputs[0]!
  }
}

/** Ops that a call of their own computes, from operands in memory. */
export function isLibraryOp(op: OpName): boolean {
  const { class: kind } = opDefinitions[op]
  return ['contraction', 'convolution', 'pooling', 'attention', 'indexed', 'sequential'].includes(kind)
}

export function chooseMaterialised(graph: FlatGraph, allowed: { readonly winograd: boolean }): Materialisation {
  const { nodes, regions } = graph
  const live = liveNodes(graph)
  const readers = new Int32Array(nodes.length)
  for (const node of nodes) if (live[node.id]) for (const input of new Set(node.inputs)) readers[input]!++
  /** How many of a value's readers are concatenations. */
  const concatenated = new Int32Array(nodes.length)
  for (const node of nodes)
    if (live[node.id] && node.op === 'concat') for (const input of new Set(node.inputs)) concatenated[input]!++
  const materialised: boolean[] = nodes.map(() => false)
  const cost = new Float64Array(nodes.length)
  const depth = new Int32Array(nodes.length)
  const bases: (readonly number[])[] = nodes.map(() => [])
  const isStored = (id: number): boolean => storedAt(graph, { materialised }, id) !== undefined
  const give = (id: number): void => {
    if (isSource(nodes[id]!)) return
    // A product is written in the order its only reader wants.
    if (transposes(id)) materialised[nodes[id]!.inputs[0]!] = false
    materialised[id] = true
    cost[id] = 0
    depth[id] = 0
    bases[id] = [id]
  }
  const wanted = new Set([...graph.outputs, ...graph.updates].map(({ node }) => node))
  const updated = new Set(graph.updates.map(({ node }) => node))
  graph.loops.forEach(({ node, carries, yields, until }, at) => {
    if (!live[node]) return
    const results = [
      ...carries.map(({ next }) => next),
      ...yields.map((own) => own.node),
      ...(until ? [until.moved] : []),
    ]
    for (const result of results) if (live[result] && regions[result] === at + 1) wanted.add(result)
  })

  for (const node of nodes) {
    if (!live[node.id]) continue
    const kind = opDefinitions[node.op].class
    bases[node.id] = isSource(node) ? [node.id] : basesOf(node, bases)
    if (kind === 'loop') {
      materialised[node.id] = node.op === 'result'
      continue
    }
    // Nothing dear is repeated in every step of a loop it does not depend on.
    for (const input of node.inputs)
      if (regions[input] !== regions[node.id] && cost[input]! > CHEAP) {
        give(behindAliases(graph, input))
        cost[input] = 0
      }
    // What decides about a whole update is stored: part of the work can be left out then.
    if (node.op === 'select' && updated.has(node.id)) {
      const condition = behindExpansions(node.inputs[0]!)
      if (nodes[condition]!.type.shape.length === 0) give(condition)
    }
    if (isLibraryOp(node.op))
      for (const [at, input] of node.inputs.entries()) giveOperandBase(input, viewTaken(node, at))
    if (node.op === 'pool_max') {
      const convolution = convolutionAlone(node.inputs[0]!, regions[node.id]!)
      if (convolution !== undefined && poolsAsItGoes(graph, { materialised, live }, node, convolution, allowed))
        materialised[convolution] = false
    }
    if (node.op === 'reshape') {
      const input = node.inputs[0]!
      const direct = isStored(input)
      const { shape } = nodes[input]!.type
      const pieceOnly = concatenated[node.id]! === readers[node.id] && splitsOnly(node.type.shape, shape)
      if (!direct && !splitsOnly(shape, node.type.shape) && !pieceOnly) give(behindAliases(graph, input))
    }
    if ((node.op === 'expand' || node.op === 'window') && cost[node.inputs[0]!]! > CHEAP) give(node.inputs[0]!)
    for (const input of node.inputs) {
      cost[node.id]! += Math.min(cost[input]!, 1e6)
      depth[node.id] = Math.max(depth[node.id]!, depth[input]! + 1)
    }
    if (kind === 'elementwise' || kind === 'random') cost[node.id]! += COST[node.op] ?? 1
    const computed =
      kind === 'reduction' || isLibraryOp(node.op) || node.op === 'concat' || node.op === 'fold' || transposes(node.id)
    const dear = cost[node.id]! > CHEAP || (kind === 'elementwise' && bases[node.id]!.length > 1)
    const redrawn = readers[node.id]! <= MOST_REDRAWN && bases[node.id]!.length === 0 && cost[node.id]! <= REDRAWN
    const shared = readers[node.id]! > 1 && dear && !isAlias(node) && !redrawn
    // Who wants the same number everywhere fills a buffer of its own: copies would tie unrelated variables together.
    const filled = cost[node.id] === 0 && bases[node.id]!.length === 0
    const stored = wanted.has(node.id) && !isSource(node) && !filled
    if (computed || shared || depth[node.id]! > LONGEST_CHAIN || stored) give(node.id)
  }
  for (const id of storeEarly(graph, { materialised, live }, wanted)) materialised[id] = true
  return { materialised, live }

  /** The stored convolution behind `id` if nothing else reads it. */
  function convolutionAlone(id: number, region: number): number | undefined {
    let at = id
    for (;;) {
      if (readers[at] !== 1 || wanted.has(at) || regions[at] !== region) return undefined
      if (!isAlias(nodes[at]!)) break
      at = nodes[at]!.inputs[0]!
    }
    const convolution = productOf(graph, { materialised, live }, at)
    return materialised[at] && convolution !== undefined && nodes[convolution]!.op === 'convolve' ? at : undefined
  }

  /** A permutation that alone reads a product and that a product can write as it goes. */
  function transposes(id: number): boolean {
    const node = nodes[id]!
    if (node.op !== 'permute') return false
    const input = nodes[node.inputs[0]!]!
    if (readers[input.id] !== 1 || wanted.has(input.id)) return false
    if (input.op === 'convolve') return keepsSpatialAxes(node.attributes.order, input.attributes.strides.length)
    if (input.op !== 'contract') return false
    const { batch, contracted } = input.attributes
    const order = node.attributes.order.filter((_, position) => node.type.shape[position] !== 1)
    if (order.length > 0 && order.at(-1)! < batch.length) return false
    // The free axes of the two operands stay apart, each in their order: interleaved they would make tiny products.
    const free = order.filter((axis) => axis >= batch.length)
    const columns = nodes[input.inputs[0]!]!.type.shape.length - contracted.length
    const sides = free.map((axis) => (axis < columns ? 0 : 1))
    const changes = sides.filter((side, at) => at > 0 && side !== sides[at - 1]).length
    return changes <= 1 && free.every((axis, at) => at === 0 || sides[at] !== sides[at - 1] || axis > free[at - 1]!)
  }

  /** What is repeated to make a value. */
  function behindExpansions(id: number): number {
    let at = id
    while (nodes[at]!.op === 'expand' || isAlias(nodes[at]!)) at = nodes[at]!.inputs[0]!
    return at
  }

  /** A library operand must lie in memory; contractions and convolutions take some views of what does. */
  function giveOperandBase(operand: number, takes: (view: GraphNode) => boolean): void {
    let at = operand
    while (!isStored(at)) {
      const node = nodes[at]!
      const input = node.inputs[0]!
      if (node.op === 'reshape') {
        const base = behindAliases(graph, at)
        const splits = splitsOnly(nodes[input]!.type.shape, node.type.shape)
        if (!takes(nodes[base]!) || !splits) {
          give(base)
          return
        }
      } else if (!isAlias(node) && !takes(node)) {
        give(at)
        return
      }
      at = input
    }
  }
}

/** The stored tensors one element of a value needs an element of its own from, no more than two; broadcast ones do not count. */
function basesOf(node: GraphNode, bases: readonly (readonly number[])[]): readonly number[] {
  if (node.op === 'expand' || node.type.shape.length === 0) return []
  return [...new Set(node.inputs.flatMap((input) => bases[input]!))].slice(0, 2)
}

/** Which views of memory a library op takes as an operand. */
function viewTaken(node: GraphNode, operand: number): (view: GraphNode) => boolean {
  if (node.op === 'contract') return isView
  // Queries, keys and values.
  if (node.op === 'attention' || node.op === 'attention_gradient') return operand < 3 ? isView : () => false
  if (node.op !== 'convolve') return () => false
  const spatial = node.attributes.strides.length
  return (view) => view.op === 'permute' && keepsSpatialAxes(view.attributes.order, spatial)
}

/** The contraction or convolution a materialised node is the result of: itself, the one its permutation reorders, or the one that it pools. */
export function productOf(graph: Graph, { materialised }: Materialisation, id: number): number | undefined {
  const isProduct = ({ op }: GraphNode): boolean => op === 'contract' || op === 'convolve'
  const last = graph.nodes[id]!
  const pooled = last.op === 'pool_max' ? behindAliases(graph, last.inputs[0]!) : undefined
  if (pooled !== undefined && materialised[pooled]) return undefined
  const node = graph.nodes[pooled ?? id]!
  if (isProduct(node)) return node.id
  const input = node.op === 'permute' ? graph.nodes[node.inputs[0]!]! : undefined
  return input && isProduct(input) && !materialised[input.id] ? input.id : undefined
}

function isView(node: GraphNode): boolean {
  return node.op === 'permute' || node.op === 'slice' || node.op === 'expand' || node.op === 'window'
}

function liveNodes(graph: FlatGraph): boolean[] {
  const live: boolean[] = graph.nodes.map(() => false)
  const behind = new Map<number, readonly number[]>()
  for (const { node, carries, yields, until } of graph.loops) {
    for (const { now, next, first, result } of carries) {
      behind.set(now, [next, first])
      if (result !== undefined) behind.set(result, [node, next, first])
    }
    for (const { node: value, result } of yields) behind.set(result, [node, value])
    if (until) behind.set(node, [until.moved])
    if (until?.steps !== undefined) behind.set(until.steps, [node])
  }
  const pending = [...graph.outputs, ...graph.updates].map(({ node }) => node)
  while (pending.length > 0) {
    const id = pending.pop()!
    if (live[id]) continue
    live[id] = true
    const { op, inputs } = graph.nodes[id]!
    pending.push(...(behind.get(id) ?? []))
    // A loop needs the first values of the carries that something needs.
    if (opDefinitions[op].class !== 'loop') pending.push(...inputs)
  }
  return live
}
