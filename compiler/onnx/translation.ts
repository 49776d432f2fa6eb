import type { Graph, GraphNode } from '../3-graph/graph.ts'
import type { DimRange } from '../dimensions/bounds.ts'
import type { OpName } from '../ops/op.ts'
import type { Layouts } from './layout.ts'
import type { Scope, Tensor } from './onnx-graph.ts'
import type { activationTemplates } from './recognise-activation.ts'
import type { Sizes } from './sizes.ts'
import type { View } from './view.ts'
import type { OnnxWriter } from './writer.ts'

/** A node of the graph with the attributes of its op. */
export type NodeOf<K extends OpName> = Extract<GraphNode, { op: K }>

/** What a translation sees of the graph its node is in and of the one it writes. */
export interface Context {
  readonly graph: Graph
  readonly writer: OnnxWriter
  readonly sizes: Sizes
  readonly layouts: Layouts
  readonly ranges: Readonly<Record<string, DimRange>>
  readonly scope: Scope
  readonly activations: ReturnType<typeof activationTemplates>
  /** What a node translated before has become. */
  value(node: number): View
  /** What a loop translated before has returned. */
  results(loop: number): readonly View[]
  /** How often the nodes and outputs of the graph read the node. */
  uses(node: number): number
  /** Whether results of the node are to be repeated along new axes. */
  isSpread(node: number): boolean
  /** The number all elements of the node are, if it is one known now. */
  numberOf(node: number): number | undefined
  /** The value of an input, variable or hyper of the graph. */
  outside(kind: 'input' | 'variable' | 'hyper', name: string): View
  /** Translates the body of a loop into a scope of its own. */
  translateBody(body: Graph, scope: Scope, inputs: ReadonlyMap<string, View>): readonly View[]
  /** Ends the export: the node cannot be translated. */
  refuse(node: GraphNode, what: string, remedy: string): never
}

/** How one op is written: its value as a view of an ONNX tensor. */
export type Translation<K extends OpName> = (node: NodeOf<K>, context: Context) => View

/** The tensor with all elements of an operand in order. */
export function operand(node: GraphNode, at: number, { value, layouts }: Context): Tensor {
  return layouts.exact(value(node.inputs[at]!))
}
