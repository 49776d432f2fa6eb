import { elementCount, offsetsOf, pick, rowMajorStrides } from '../ops/strides.ts'
import type { Attribute, Initializer, OnnxNode, Scope, Tensor } from './onnx-graph.ts'
import { isSubgraph, tensorsRead } from './onnx-graph.ts'
import { isStatic } from './view.ts'

/** What is written: only what outputs depend on. */
export interface FinishedGraph {
  readonly nodes: readonly OnnxNode[]
  /** In the order they are first read. */
  readonly stored: readonly Stored[]
}

/** A tensor whose elements are in the file. */
export interface Stored extends Pick<Initializer, 'name' | 'elements' | 'overridable'> {
  readonly tensor: Tensor
}

/**
 * The nodes that outputs depend on. A parameter that is read in one layout only, transposed say, is stored in that
 * layout.
 */
export function finish(scope: Scope, outputs: readonly Tensor[]): FinishedGraph {
  let nodes = liveNodes(scope, outputs)
  const stored = new Map<Tensor, Stored>()
  for (const tensor of [...nodes.flatMap(tensorsRead), ...outputs]) {
    const { origin } = tensor
    if (origin.kind === 'initializer') stored.set(tensor, { ...origin, tensor })
  }
  for (let changed = true; changed; ) {
    changed = false
    const readers = readersOf(nodes, outputs)
    for (const own of [...stored.values()]) {
      const relayouts = (readers.get(own.tensor) ?? []).map((reader) => relayout(reader, own))
      if (own.overridable || relayouts.some((result) => result === undefined)) continue
      // Several layouts of a parameter would be copies of it.
      if (relayouts.length === 0 || (relayouts.length > 1 && own.name !== undefined)) continue
      const gone = new Set(readers.get(own.tensor))
      nodes = nodes.filter((node) => !gone.has(node))
      stored.delete(own.tensor)
      for (const result of relayouts) stored.set(result!.tensor, result!)
      changed = true
    }
  }
  const readers = readersOf(nodes, outputs)
  return { nodes, stored: [...stored.values()].filter(({ tensor }) => readers.has(tensor)) }
}

function liveNodes(scope: Scope, outputs: readonly Tensor[]): OnnxNode[] {
  const live = new Set<Tensor>(outputs)
  const nodes: OnnxNode[] = []
  for (const node of [...scope.nodes].reverse()) {
    if (!node.outputs.some((output) => live.has(output))) continue
    const pruned = withPrunedBodies(node)
    nodes.push(pruned)
    for (const tensor of tensorsRead(pruned)) live.add(tensor)
  }
  return nodes.reverse()
}

function withPrunedBodies(node: OnnxNode): OnnxNode {
  const entries = Object.entries(node.attributes).map(([name, attribute]): [string, Attribute] => {
    if (!isSubgraph(attribute)) return [name, attribute]
    const nodes = liveNodes(attribute.scope, attribute.outputs)
    return [name, { ...attribute, scope: { ...attribute.scope, nodes } }]
  })
  return { ...node, attributes: Object.fromEntries(entries) }
}

/** For each tensor who reads it: nodes of the outermost graph, once each, and undefined for an output. */
function readersOf(
  nodes: readonly OnnxNode[],
  outputs: readonly Tensor[],
): ReadonlyMap<Tensor, readonly (OnnxNode | undefined)[]> {
  const readers = new Map<Tensor, (OnnxNode | undefined)[]>()
  const note = (tensor: Tensor, reader: OnnxNode | undefined): void => {
    readers.set(tensor, [...(readers.get(tensor) ?? []), reader])
  }
  for (const node of nodes) for (const tensor of new Set(tensorsRead(node))) note(tensor, node)
  for (const tensor of outputs) note(tensor, undefined)
  return readers
}

/** The result of a node that only moves the elements of a stored tensor. */
function relayout(node: OnnxNode | undefined, stored: Stored): Stored | undefined {
  if (!node || node.inputs[0] !== stored.tensor) return undefined
  const tensor = node.outputs[0]!
  if (!isStatic(stored.tensor.shape) || !isStatic(tensor.shape)) return undefined
  const { perm } = node.attributes
  if (node.op === 'Transpose' && Array.isArray(perm))
    return { ...stored, tensor, elements: transposed(stored.elements, stored.tensor.shape, perm) }
  const same = node.op === 'Unsqueeze' || node.op === 'Squeeze' || node.op === 'Reshape'
  return same ? { ...stored, tensor } : undefined
}

function transposed(elements: ArrayLike<number>, shape: readonly number[], order: readonly number[]): Float64Array {
  const strides = rowMajorStrides(shape)
  const moved = new Float64Array(elementCount(shape))
  offsetsOf(pick(shape, order), pick(strides, order)).forEach((from, to) => {
    moved[to] = elements[from]!
  })
  return moved
}
