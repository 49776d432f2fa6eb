import type { Graph, GraphNode } from '../3-graph/graph.ts'
import type { EvaluationContext, TensorValue } from '../ops/definition.ts'
import { isLoop } from '../ops/loops.ts'
import { classOf, definitionOf } from '../ops/registry.ts'
import { elementCount } from '../ops/strides.ts'
import { isStatic } from './view.ts'

/** Larger tables are computed when the graph runs, as they would fill the file. */
const MOST_ELEMENTS = 65536

/** The values of nodes that depend on nothing fed, saved or set, with f32 rounded after each step. */
export function knownValues(graph: Graph): ReadonlyMap<number, TensorValue> {
  const known = new Map<number, TensorValue>()
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => known.get(input))
    if (!isComputable(node) || !inputs.every((value) => value !== undefined)) continue
    const value = definitionOf(node.op).evaluate(inputs, node.attributes, nothingElse)
    known.set(node.id, node.type.dtype === 'f32' ? { ...value, data: value.data.map(Math.fround) } : value)
  }
  return known
}

function isComputable(node: GraphNode): boolean {
  const { shape } = node.type
  if (!isStatic(shape) || elementCount(shape) > MOST_ELEMENTS) return false
  if (node.op === 'constant' || node.op === 'iota') return true
  const kind = classOf(node.op)
  return kind !== 'leaf' && kind !== 'random' && kind !== 'pseudo' && !isLoop(node) && node.op !== 'result'
}

const nothingElse: EvaluationContext = {
  size(dim) {
    if (typeof dim !== 'number') throw new Error('internal: onnx: a constant of a size set at run time')
    return dim
  },
  input: unreachable,
  variable: unreachable,
  hyper: unreachable,
  run: unreachable,
  seed: 0,
  step: 0,
}

function unreachable(): never {
  throw new Error('internal: onnx: a constant that depends on what is fed')
}
