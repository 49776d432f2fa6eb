/**
 * A graph whose loop bodies stand among its nodes, before the node of their loop. An element becomes a slice at the loop's
 * counter, a symbol in dimensions; a value from outside is simply that value; so views, kernels and products are planned
 * across the border. Every node belongs to a region, the innermost loop it depends on: what does not depend on a
 * loop is computed before it.
 */
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { boundsOf, type DimRange } from '../dimensions/bounds.ts'
import { type Dim, subtract, symbol } from '../dimensions/dimension.ts'
import { isLoop, type LoopOperation, operandsOf, resultTypes } from '../ops/loops.ts'
import type { Operation } from '../ops/op.ts'
import type { TensorType } from '../types.ts'
import { counterName } from './counter.ts'

export interface FlatGraph extends Graph {
  /** Region n + 1 is the body of loop n, region 0 the entry itself. */
  readonly loops: readonly Loop[]
  /** The region of each node. */
  readonly regions: readonly number[]
}

export interface Loop {
  /** The node that stands for it; its operands are the carries' first values. */
  readonly node: number
  /** The region it runs in. */
  readonly parent: number
  readonly counter: string
  readonly count: Dim
  readonly reverse: boolean
  readonly carries: readonly Carry[]
  readonly yields: readonly Yield[]
  /** A fixed point ends when `moved`, an f32 scalar computed in every step, is at most the tolerance. */
  readonly until?: { readonly tolerance: number; readonly moved: number; readonly steps?: number }
}

export interface Carry {
  /** Its value at the beginning of a step, an input node. */
  readonly now: number
  readonly next: number
  readonly first: number
  /** The result node, if the graph uses the last value. */
  readonly result?: number
}

/** One stacked output that the graph uses. */
export interface Yield {
  readonly node: number
  readonly result: number
}

interface State {
  readonly ranges: Readonly<Record<string, DimRange>>
  readonly nodes: GraphNode[]
  readonly regions: number[]
  readonly depths: number[]
  readonly loops: (Loop | undefined)[]
}

export function flatten(graph: Graph, ranges: Readonly<Record<string, DimRange>>): FlatGraph {
  const state: State = { ranges, nodes: [], regions: [], depths: [0], loops: [] }
  const numbers = flattenNodes(state, graph, new Map())
  return {
    ...graph,
    nodes: state.nodes,
    outputs: graph.outputs.map(({ name, node }) => ({ name, node: numbers[node]! })),
    updates: graph.updates.map(({ variable, node }) => ({ variable, node: numbers[node]! })),
    loops: state.loops as Loop[],
    regions: state.regions,
  }
}

/** Adds the nodes of a graph or body, whose inputs are `given` by name, and returns their new numbers. */
function flattenNodes(state: State, graph: Graph, given: ReadonlyMap<string, number>): number[] {
  const numbers: number[] = []
  const results = new Map<number, ReadonlyMap<number, number>>()
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => numbers[input]!)
    if (isLoop(node)) {
      const used = new Set(
        graph.nodes.flatMap((user) =>
          user.op === 'result' && user.inputs[0] === node.id ? [user.attributes.index] : [],
        ),
      )
      results.set(node.id, flattenLoop(state, node, inputs, used))
      numbers.push(-1)
    } else if (node.op === 'result') numbers.push(results.get(node.inputs[0]!)!.get(node.attributes.index)!)
    else if (node.op === 'input' && given.has(node.attributes.name)) numbers.push(given.get(node.attributes.name)!)
    else numbers.push(append(state, node, inputs, node.type, node))
  }
  return numbers
}

/** Adds the body, the loop and its results; returns the numbers of the `used` results. */
function flattenLoop(
  state: State,
  node: GraphNode & LoopOperation,
  operands: readonly number[],
  used: ReadonlySet<number>,
): ReadonlyMap<number, number> {
  const { body, carries: carryCount } = node.attributes
  const parent = operands.reduce((best, operand) => {
    const region = state.regions[operand]!
    return state.depths[region]! > state.depths[best]! ? region : best
  }, 0)
  const index = state.loops.push(undefined) - 1
  const region = index + 1
  state.depths[region] = state.depths[parent]! + 1
  const counter = counterName(index)
  const { elements } = operandsOf(node, operands.length)
  const given = new Map<string, number>()
  operands.forEach((operand, at) => {
    if (at < carryCount) {
      const type = state.nodes[operand]!.type
      const name = `carry${at}`
      given.set(name, append(state, { op: 'input', attributes: { name, type } }, [], type, node, region))
    } else if (at < carryCount + elements)
      given.set(`element${at - carryCount}`, entryAt(state, operand, symbol(counter), node, region))
    else given.set(`outside${at - carryCount - elements}`, operand)
  })
  const numbers = flattenNodes(state, body, given)
  const next = body.outputs.map((output) => numbers[output.node]!)
  const moved = node.op === 'iterate' ? largestMove(state, given, next, node) : undefined
  const firsts = operands.slice(0, carryCount)
  const loop = append(state, node, firsts, node.type, node, parent)

  const types = resultTypes(node)
  const count = node.op === 'scan' ? node.attributes.length : node.attributes.limit
  const reverse = node.op === 'scan' && node.attributes.reverse
  const runs = boundsOf(count, state.ranges).minimum > 0
  const results = new Map<number, number>()
  const result = (at: number): number => {
    const number = append(state, { op: 'result', attributes: { index: at } }, [loop], types[at]!, node, parent)
    results.set(at, number)
    return number
  }
  const yields = next.flatMap((value, at) =>
    at >= carryCount && used.has(at) ? [{ node: value, result: result(at) }] : [],
  )
  const carries = firsts.map((first, at): Carry => {
    const carry = { now: given.get(`carry${at}`)!, next: next[at]!, first }
    if (!used.has(at)) return carry
    const stacked = yields.find((candidate) => candidate.node === carry.next)
    if (!stacked || !runs) return { ...carry, result: result(at) }
    // The last entry of the stack is the last value.
    results.set(at, entryAt(state, stacked.result, reverse ? 0 : subtract(count, 1), node, parent))
    return carry
  })
  const stepsAt = carryCount
  state.loops[index] = {
    node: loop,
    parent,
    counter,
    count,
    reverse,
    carries,
    yields,
    ...(node.op === 'iterate' && {
      until: {
        tolerance: node.attributes.tolerance,
        moved: moved!,
        ...(used.has(stepsAt) && { steps: result(stepsAt) }),
      },
    }),
  }
  return results
}

/** One entry of a tensor along its first axis. */
function entryAt(state: State, tensor: number, position: Dim, origin: GraphNode, region: number): number {
  const { dtype, shape } = state.nodes[tensor]!.type
  const [, ...entry] = shape
  const slice: Operation = {
    op: 'slice',
    attributes: {
      start: [position, ...entry.map(() => 0)],
      size: [1, ...entry],
      stride: shape.map(() => 1),
    },
  }
  const row = append(state, slice, [tensor], { dtype, shape: [1, ...entry] }, origin, region)
  return append(state, { op: 'reshape', attributes: { shape: entry } }, [row], { dtype, shape: entry }, origin)
}

/** max |next − now| over the elements of all carries. */
function largestMove(
  state: State,
  given: ReadonlyMap<string, number>,
  next: readonly number[],
  origin: GraphNode,
): number {
  const f32 = (shape: readonly Dim[]): TensorType => ({ dtype: 'f32', shape })
  const add = (operation: Operation, inputs: readonly number[], type: TensorType): number =>
    append(state, operation, inputs, type, origin)
  const moves = next.map((value, at) => {
    const { dtype, shape } = state.nodes[value]!.type
    const float = (number: number): number =>
      dtype === 'f32' ? number : add({ op: 'cast', attributes: { dtype: 'f32' } }, [number], f32(shape))
    const before = given.get(`carry${at}`)!
    const moved = add({ op: 'sub', attributes: {} }, [float(value), float(before)], f32(shape))
    const distance = add({ op: 'abs', attributes: {} }, [moved], f32(shape))
    if (shape.length === 0) return distance
    return add({ op: 'reduce_max', attributes: { axes: shape.map((_, axis) => axis) } }, [distance], f32([]))
  })
  return moves.reduce((left, right) => add({ op: 'maximum', attributes: {} }, [left, right], f32([])))
}

/** Adds a node; its region is that of its innermost operand unless given. */
function append(
  state: State,
  { op, attributes }: Operation,
  inputs: readonly number[],
  type: TensorType,
  { span }: GraphNode,
  region?: number,
): number {
  const id = state.nodes.length
  state.nodes.push({ id, op, attributes, inputs: [...inputs], type, ...(span && { span }) } as GraphNode)
  const innermost = inputs.reduce((best, input) => {
    const own = state.regions[input]!
    return state.depths[own]! > state.depths[best]! ? own : best
  }, 0)
  state.regions.push(region ?? innermost)
  return id
}
