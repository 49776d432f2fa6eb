/**
 * What of predictions and evaluations depends on variables and numbers alone, as graphs of its own: their results are kept between calls in
 * hidden variables, until one of those they are made of changes.
 */
import { builderLike, dimensionNames, GraphBuilder } from '../3-graph/builder.ts'
import { graft, nodesOf, reach } from '../3-graph/graft.ts'
import type { Graph, GraphNode, GraphProgram } from '../3-graph/graph.ts'
import { printGraph } from '../3-graph/print.ts'
import type { DimRange } from '../dimensions/bounds.ts'
import { isConstant, product } from '../dimensions/dimension.ts'
import type { OpClass } from '../ops/definition.ts'
import { isLoop } from '../ops/loops.ts'
import type { OpAttributes, OpName } from '../ops/op.ts'
import { opDefinitions } from '../ops/registry.ts'
import type { Variable } from '../types.ts'
import type { KeptRoom } from './kept-operands.ts'
import { COST } from './materialise.ts'
import { largestBytes } from './plan-graph.ts'

export interface SeparatedGraph {
  /** Updates hidden variables. */
  readonly graph: Graph
  /** The numbers of the entries that read them. */
  readonly users: readonly number[]
  /** The hidden variables. */
  readonly made: readonly string[]
  /** The variables they are made of. */
  readonly from: readonly string[]
}

export interface Separated {
  /** Its graphs read the hidden variables in place of what these hold. */
  readonly program: GraphProgram
  readonly prepared: readonly SeparatedGraph[]
}

/** The variables that stay the same from call to call of an entry, as far as nothing else changes them. */
export function fixedVariables({ variables, trains }: GraphProgram, { updates }: Graph): Set<string> {
  const changed = new Set(updates.map(({ variable }) => variable))
  return new Set(
    variables.flatMap(({ name, kind }) => {
      const lasting = kind === 'parameter' || kind === 'state' || kind === 'prepared'
      // A train block's own states are put back by the host.
      const carried = trains.some((train) => name.startsWith(`${train.name}/`))
      return lasting && !carried && !changed.has(name) ? [name] : []
    }),
  )
}

/** A value is kept if computing an element takes at least so many cheap operations, or if a library call needs it in memory. */
const DEAR = 4
/** Looking whether a value is there takes as long as some operations do. */
const LEAST_WORK = 32
/** Operations that leave no trace in memory where a product reads what they arrange. */
const VIEWS: ReadonlySet<OpName> = new Set(['reshape', 'permute', 'expand', 'slice', 'window'])

interface KeptValue {
  readonly name: string
  readonly graph: number
  readonly node: number
  readonly from: readonly string[]
  readonly users: Set<number>
}

export function separate(program: GraphProgram, ranges: Readonly<Record<string, DimRange>>, room: KeptRoom): Separated {
  const values = new Map<string, KeptValue>()
  const replaced = program.graphs.map((graph, at): Graph => {
    if (graph.kind !== 'infer' && graph.kind !== 'evaluate') return graph
    const found = findKept(graph, fixedVariables(program, graph), ranges, room)
    if (found.length === 0) return graph
    const names = new Map<number, string>()
    for (const { node, key, from } of found) {
      const known = values.get(key) ?? {
        ...{ name: `kept ${values.size}`, graph: at, node, from },
        users: new Set<number>(),
      }
      known.users.add(at)
      values.set(key, known)
      names.set(node, known.name)
    }
    return withVariables(graph, names)
  })
  const groups = new Map<string, KeptValue[]>()
  for (const value of values.values()) {
    const key = [value.graph, ...value.users].join()
    groups.set(key, [...(groups.get(key) ?? []), value])
  }
  const prepared = [...groups.values()].map((own, number) => preparationOf(program, own, number))
  const variables = [...values.values()].map(
    ({ name, graph, node }): Variable => ({
      name,
      kind: 'prepared',
      type: program.graphs[graph]!.nodes[node]!.type,
    }),
  )
  return { program: { ...program, variables: [...program.variables, ...variables], graphs: replaced }, prepared }
}

/** A graph that computes values that the same entries need. */
function preparationOf(program: GraphProgram, values: readonly KeptValue[], number: number): SeparatedGraph {
  const { graph: origin, users } = values[0]!
  const source = program.graphs[origin]!
  const builder = new GraphBuilder({ name: `kept values ${number}`, kind: 'infer', dims: [] })
  const known = new Map<number, number>()
  graft(
    nodesOf(source.nodes),
    values.map(({ node }) => node),
    builder,
    known,
  )
  return {
    graph: builder.finish(
      [],
      values.map(({ name, node }) => ({ variable: name, node: known.get(node)! })),
    ),
    users: [...users],
    made: values.map(({ name }) => name),
    from: [...new Set(values.flatMap(({ from }) => from))],
  }
}

/** The graph with variables in place of some nodes. */
function withVariables(graph: Graph, names: ReadonlyMap<number, string>): Graph {
  const builder = builderLike(graph)
  const known = new Map<number, number>()
  // The signature keeps the order of its inputs.
  for (const node of graph.nodes) if (node.op === 'input') known.set(node.id, builder.add(node, []))
  for (const [id, name] of names) {
    const { type, span } = graph.nodes[id]!
    builder.span = span
    known.set(id, builder.emit('variable', [], { name, type }))
  }
  const ends = [...graph.outputs, ...graph.updates].map(({ node }) => node)
  graft(nodesOf(graph.nodes), ends, builder, known)
  return builder.finish(
    graph.outputs.map(({ name, node }) => ({ name, node: known.get(node)! })),
    graph.updates.map(({ variable, node }) => ({ variable, node: known.get(node)! })),
  )
}

/** The values of a graph to be kept, each with a key that equal values of other graphs share. */
function findKept(
  graph: Graph,
  fixed: ReadonlySet<string>,
  ranges: Readonly<Record<string, DimRange>>,
  room: KeptRoom,
): { readonly node: number; readonly key: string; readonly from: readonly string[] }[] {
  const { nodes } = graph
  const lasting: boolean[] = []
  for (const node of nodes) lasting.push(isLasting(node, fixed) && node.inputs.every((input) => lasting[input]))
  const wanted = new Map<number, boolean>()
  const want = (id: number, inMemory: boolean): void => {
    if (lasting[id]) wanted.set(id, inMemory || wanted.get(id) === true)
  }
  for (const node of nodes) {
    if (lasting[node.id]) continue
    const library = LIBRARY.has(opDefinitions[node.op].class)
    for (const input of node.inputs) want(input, library)
  }
  for (const { node } of graph.outputs) want(node, false)
  const found: {
    readonly node: number
    readonly key: string
    readonly from: readonly string[]
    readonly gain: number
  }[] = []
  for (let id = nodes.length - 1; id >= 0; id--) {
    const inMemory = wanted.get(id)
    const node = nodes[id]!
    if (inMemory === undefined || opDefinitions[node.op].class === 'leaf') continue
    if (VIEWS.has(node.op)) {
      want(node.inputs[0]!, inMemory)
      continue
    }
    const cone = reach(nodesOf(nodes), [id], () => false)
    const work = cone.reduce((total, own) => total + workOf(graph, own), 0)
    const bytes = largestBytes(node.type.shape, ranges)
    const dear = work >= (DEAR * bytes) / 4 || inMemory
    if (isLoop(node) || !dear || work < LEAST_WORK) {
      for (const input of node.inputs) want(input, false)
      continue
    }
    const names = cone.flatMap((own) => {
      const { op, attributes } = nodes[own]!
      return op === 'variable' ? [(attributes as OpAttributes['variable']).name] : []
    })
    found.push({ node: id, key: keyOf(graph, id), from: names, gain: work / bytes })
  }
  found.sort((a, b) => b.gain - a.gain)
  return found.filter(({ node, key }) => room.take(key, largestBytes(nodes[node]!.type.shape, ranges)))
}

/** Classes of ops that read their operands from memory. */
const LIBRARY: ReadonlySet<OpClass> = new Set([
  ...(['contraction', 'convolution', 'pooling', 'attention', 'indexed', 'sequential'] as const),
])

/** Whether a node has the same value in every call if its operands do. */
function isLasting(node: GraphNode, fixed: ReadonlySet<string>): boolean {
  if (!node.type.shape.every(isConstant) || dimensionNames([node], []).size > 0) return false
  if (node.op === 'variable') return fixed.has(node.attributes.name)
  if (isLoop(node)) return node.attributes.body.nodes.every((own) => own.op === 'input' || isLasting(own, fixed))
  return node.op !== 'input' && node.op !== 'hyper' && opDefinitions[node.op].class !== 'random'
}

/** Roughly, in cheap operations. */
function workOf(graph: Graph, id: number): number {
  const node = graph.nodes[id]!
  const elements = (own: GraphNode): number => product(own.type.shape) as number
  const { class: kind } = opDefinitions[node.op]
  if (kind === 'leaf' || VIEWS.has(node.op) || node.op === 'result') return 0
  if (node.op === 'contract' || node.op === 'convolve') {
    const [left, right] = node.inputs.map((input) => graph.nodes[input]!) as [GraphNode, GraphNode]
    const summed =
      node.op === 'contract'
        ? node.attributes.contracted.map(([axis]) => left.type.shape[axis]!)
        : right.type.shape.slice(2)
    return elements(node) * Math.max(DEAR, 2 * (product(summed) as number))
  }
  if (kind === 'elementwise') return elements(node) * (COST[node.op] ?? 1)
  if (kind === 'movement') return elements(node)
  if (isLoop(node)) {
    const body = node.attributes.body.nodes.reduce((total, own) => total + elements(own), 0)
    return body * (node.op === 'scan' ? (node.attributes.length as number) : node.attributes.limit)
  }
  return Math.max(DEAR * elements(node), ...node.inputs.map((input) => elements(graph.nodes[input]!)))
}

/** What a node is made of, as text: that of a graph with it alone. */
function keyOf(graph: Graph, id: number): string {
  const builder = new GraphBuilder({ name: 'kept', kind: 'infer', dims: [] })
  const known = new Map<number, number>()
  graft(nodesOf(graph.nodes), [id], builder, known)
  return printGraph(builder.finish([{ name: 'value', node: known.get(id)! }], []))
}
