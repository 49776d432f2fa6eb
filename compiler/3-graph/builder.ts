import type { Span } from '../diagnostics/diagnostic.ts'
import { type Dim, symbolsOf } from '../dimensions/dimension.ts'
import type { OpEmitter } from '../ops/expressions.ts'
import type { OpAttributes, Operation, OpName } from '../ops/op.ts'
import { inferType } from '../ops/registry.ts'
import type { EntryKind, RuntimeDim, TensorType } from '../types.ts'
import { formatAttributes } from './attributes.ts'
import type { Graph, GraphNode } from './graph.ts'
import { printGraph } from './print.ts'

/** What a graph is besides its nodes. */
export interface GraphHeading {
  readonly name: string
  readonly kind: EntryKind
  /** The run-time dimensions the graph may depend on; the finished graph keeps those it does. */
  readonly dims: readonly RuntimeDim[]
  readonly limits?: Graph['limits']
}

/**
 * The only way to make a graph. Equal operations on equal operands become one node; types are inferred. Nodes
 * added while `span` is set carry it, unless the node was there before.
 */
export class GraphBuilder implements OpEmitter {
  /** The source place of nodes added from now on. */
  span: Span | undefined = undefined
  private readonly heading: GraphHeading
  private readonly nodes: GraphNode[] = []
  private readonly known = new Map<string, number>()

  constructor(heading: GraphHeading) {
    this.heading = heading
  }

  get size(): number {
    return this.nodes.length
  }

  /** Adds the operation, or finds the node it already is. Throws a `ShapeError` if the operands do not fit. */
  emit<K extends OpName>(op: K, inputs: readonly number[], attributes: OpAttributes[K]): number {
    return this.add({ op, attributes } as Operation, inputs)
  }

  /** As {@link emit}, for an operation that is not known by name. */
  add(operation: Operation, inputs: readonly number[]): number {
    const key = keyOf(operation, inputs)
    const existing = this.known.get(key)
    if (existing !== undefined) return existing
    const id = this.nodes.length
    const type = inferType(
      operation,
      inputs.map((input) => this.node(input)),
    )
    const { op, attributes } = operation
    const node = { id, op, inputs: [...inputs], attributes, type, ...(this.span && { span: this.span }) }
    this.nodes.push(node as GraphNode)
    this.known.set(key, id)
    return id
  }

  /**
   * Gives a loop further results. Those it has must keep their indices and meanings, so that what uses them stays
   * right, and the operands must be the same.
   */
  widen(loop: number, attributes: OpAttributes['scan']): void {
    const node = this.node(loop)
    if (node.op !== 'scan') throw new Error(`internal: build: node ${loop} is no scan`)
    this.nodes[loop] = { ...node, attributes }
    this.known.set(keyOf({ op: 'scan', attributes }, node.inputs), loop)
  }

  /** A builder for the body of a loop of this graph. */
  body(): GraphBuilder {
    return new GraphBuilder({ name: 'body', kind: this.heading.kind, dims: this.heading.dims })
  }

  node(id: number): GraphNode {
    const node = this.nodes[id]
    if (node === undefined) throw new Error(`internal: build: there is no node ${id}`)
    return node
  }

  typeOf(id: number): TensorType {
    return this.node(id).type
  }

  /** The graph of what the outputs and updates need, and of every input (they are the entry's signature). */
  finish(outputs: Graph['outputs'], updates: Graph['updates']): Graph {
    const live = new Uint8Array(this.nodes.length)
    for (const { node } of [...outputs, ...updates]) live[node] = 1
    for (let id = this.nodes.length - 1; id >= 0; id--) {
      const node = this.nodes[id]!
      if (node.op === 'input') live[id] = 1
      if (live[id]) for (const input of node.inputs) live[input] = 1
    }
    const renumbered = new Int32Array(this.nodes.length).fill(-1)
    const nodes: GraphNode[] = []
    for (const node of this.nodes) {
      if (!live[node.id]) continue
      renumbered[node.id] = nodes.length
      nodes.push({ ...node, id: nodes.length, inputs: node.inputs.map((input) => renumbered[input]!) })
    }
    const limits = this.heading.limits
    const used = dimensionNames(nodes, limits ?? [])
    return {
      name: this.heading.name,
      kind: this.heading.kind,
      dims: this.heading.dims.filter((dim) => used.has(dim.name)),
      nodes,
      outputs: outputs.map(({ name, node }) => ({ name, node: renumbered[node]! })),
      updates: updates.map(({ variable, node }) => ({ variable, node: renumbered[node]! })),
      ...(limits && { limits }),
    }
  }
}

function keyOf(operation: Operation, inputs: readonly number[]): string {
  const { op, attributes } = operation
  const body = 'body' in attributes ? ` ${printGraph(attributes.body)}` : ''
  return `${op} ${inputs.join(' ')} ${formatAttributes(attributes)}${body}`
}

/** The names of the run-time dimensions that types, attributes and limits mention. */
export function dimensionNames(nodes: readonly GraphNode[], limits: NonNullable<Graph['limits']>): Set<string> {
  const names = new Set<string>()
  const seen = new Set<string>()
  const note = (dim: Dim): void => {
    if (typeof dim === 'number' || seen.has(dim.key)) return
    seen.add(dim.key)
    for (const name of symbolsOf(dim)) names.add(name)
  }
  for (const node of nodes) {
    node.type.shape.forEach(note)
    // Shapes of other attributes show in the type; these do not.
    if (node.op === 'dimension') note(node.attributes.dim)
    if (node.op === 'bounded') note(node.attributes.limit)
    if (node.op === 'slice') node.attributes.start.forEach(note)
    if (node.op === 'convolve' || node.op === 'pool_max' || node.op === 'pool_max_gradient')
      node.attributes.low.forEach(note)
    if (node.op === 'attention' || node.op === 'attention_gradient') note(node.attributes.offset)
    if (node.op === 'pad') node.attributes.low.forEach(note)
    if (node.op === 'scan') note(node.attributes.length)
    if ('body' in node.attributes) for (const { name } of node.attributes.body.dims) names.add(name)
  }
  for (const { limit } of limits) note(limit)
  return names
}

/** A builder for a changed copy of a graph. */
export function builderLike(graph: Graph, dims: readonly RuntimeDim[] = graph.dims): GraphBuilder {
  return new GraphBuilder({
    name: graph.name,
    kind: graph.kind,
    dims,
    ...(graph.limits && { limits: graph.limits }),
  })
}
