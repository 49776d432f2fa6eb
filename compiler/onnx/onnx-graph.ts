/** An ONNX graph under construction, as plain data: what the encoder writes, before anything has a name. */
import type { Dim } from '../dimensions/dimension.ts'
import type { DType } from '../types.ts'

/** ONNX counts sizes and positions in int64, which the language does not have. */
export type OnnxType = DType | 'i64'

/** A value of the ONNX graph, known by identity; its axes have the sizes in `shape`. */
export interface Tensor {
  readonly id: number
  readonly dtype: OnnxType
  readonly shape: readonly Dim[]
  /** The graph it is computed in: the entry's, or the body of a loop. */
  readonly scope: Scope
  readonly origin: Origin
  /** The tensor this one is a reshape of, itself no reshape. */
  readonly reshapedFrom?: Tensor
}

export type Origin =
  | { readonly kind: 'input'; readonly name: string }
  | Initializer
  | { readonly kind: 'node'; readonly node: OnnxNode; readonly output: number }

/** Elements stored in the file. */
export interface Initializer {
  readonly kind: 'initializer'
  /** That of a parameter, state or hyper; other constants are called by their values. */
  readonly name?: string
  readonly elements: ArrayLike<number>
  /** Whether whoever runs the graph may feed another value. */
  readonly overridable?: true
}

export interface OnnxNode {
  readonly op: string
  /** Inputs left out are undefined. */
  readonly inputs: readonly (Tensor | undefined)[]
  readonly attributes: Attributes
  /** Filled by the writer when the node is made. */
  readonly outputs: Tensor[]
  readonly place: Place
}

/** Where a node comes from: a layer's path or the name of the function around it, and its line in the source. */
export interface Place {
  readonly label: string
  readonly line?: string
}

/** A number is an integer, a list are integers; a real number says so. */
export type Attribute = number | readonly number[] | string | { readonly float: number } | Subgraph
export type Attributes = Readonly<Record<string, Attribute>>

/** The body of a loop; it may read tensors of the graphs around it. */
export interface Subgraph {
  readonly scope: Scope
  readonly name: string
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
}

/** One list of nodes in the order they are computed. */
export interface Scope {
  readonly depth: number
  readonly nodes: OnnxNode[]
}

export function isSubgraph(attribute: Attribute): attribute is Subgraph {
  return typeof attribute === 'object' && 'scope' in attribute
}

/** All tensors a node reads, those that its bodies read from outside among them. */
export function tensorsRead(node: OnnxNode): Tensor[] {
  const read = node.inputs.filter((input) => input !== undefined)
  for (const attribute of Object.values(node.attributes))
    if (isSubgraph(attribute)) read.push(...attribute.outputs, ...attribute.scope.nodes.flatMap(tensorsRead))
  return read
}
