import { formatShape } from '../dimensions/dimension.ts'
import type { FinishedGraph, Stored } from './finish.ts'
import type { OnnxNode, Tensor } from './onnx-graph.ts'
import { isSubgraph } from './onnx-graph.ts'

/** The names everything has in the file. */
export interface Names {
  readonly tensors: ReadonlyMap<Tensor, string>
  /** By a node's first output. */
  readonly nodes: ReadonlyMap<Tensor, string>
}

/**
 * Inputs, parameters and outputs keep the names they have in the `.nn` file; nodes are called by their layer and operator,
 * and so are their results.
 */
export function nameAll(
  graph: FinishedGraph,
  inputs: readonly Tensor[],
  outputs: readonly { readonly name: string; readonly tensor: Tensor }[],
): Names {
  const taken = new Set(outputs.map(({ name }) => name))
  const tensors = new Map<Tensor, string>(outputs.map(({ name, tensor }) => [tensor, name]))
  const nodes = new Map<Tensor, string>()
  const give = (tensor: Tensor, wanted: string): void => {
    if (!tensors.has(tensor)) tensors.set(tensor, unique(wanted, taken))
  }
  for (const tensor of inputs) if (tensor.origin.kind === 'input') give(tensor, tensor.origin.name)
  for (const { tensor, name } of graph.stored) if (name !== undefined) give(tensor, name)
  for (const stored of graph.stored) give(stored.tensor, constantName(stored))
  const visit = (list: readonly OnnxNode[]): void => {
    for (const node of list) {
      const label = node.place.label === '' ? node.op : `${node.place.label}/${node.op}`
      const name = unique(label, taken)
      nodes.set(node.outputs[0]!, name)
      node.outputs.forEach((output, at) => {
        if (tensors.has(output)) return
        if (at === 0) tensors.set(output, name)
        else give(output, `${name}.${at}`)
      })
      for (const attribute of Object.values(node.attributes)) {
        if (!isSubgraph(attribute)) continue
        for (const input of attribute.inputs)
          if (input.origin.kind === 'input') give(input, `${name}/${input.origin.name}`)
        visit(attribute.scope.nodes)
      }
    }
  }
  visit(graph.nodes)
  return { tensors, nodes }
}

function constantName({ tensor: { dtype, shape }, elements }: Stored): string {
  const text = elements.length <= 6 ? Array.from(elements, String).join() : `${dtype}${formatShape(shape)}`
  return `constant/${text}`
}

function unique(wanted: string, taken: Set<string>): string {
  let name = wanted
  for (let number = 2; taken.has(name); number++) name = `${wanted}_${number}`
  taken.add(name)
  return name
}
