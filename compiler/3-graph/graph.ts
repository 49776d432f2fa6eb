/**
 * The graph: one per entry point, immutable, in A-normal form. Nodes are in topological order and a node's id is its
 * position. Built only through the builder, which merges equal nodes; spans stay outside that equality.
 */
import type { DataDeclaration } from '../1-parse/ast.ts'
import type { TrainSettings } from '../2-check/checked.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import type { Dim } from '../dimensions/dimension.ts'
import type { Operation } from '../ops/op.ts'
import type { EntryKind, Hyper, RuntimeDim, TensorType, Variable } from '../types.ts'

export type GraphNode = {
  readonly id: number
  readonly inputs: readonly number[]
  readonly type: TensorType
  readonly span?: Span
} & Operation

export interface Graph {
  readonly name: string
  readonly kind: EntryKind
  /** The run-time dimensions the graph depends on, in the order the compiled function takes them. */
  readonly dims: readonly RuntimeDim[]
  readonly nodes: readonly GraphNode[]
  readonly outputs: readonly { readonly name: string; readonly node: number }[]
  /** Variable assignments, all reading the values from before. */
  readonly updates: readonly { readonly variable: string; readonly node: number }[]
  /** What `bounded` promised of i32 inputs, 0 ≤ element < limit, once erased: fed values are checked against it. */
  readonly limits?: readonly { readonly input: string; readonly limit: Dim }[]
}

/** All entry points of a file, with what they share. */
export interface GraphProgram {
  readonly name: string
  readonly dims: readonly RuntimeDim[]
  readonly hypers: readonly Hyper[]
  readonly variables: readonly Variable[]
  readonly graphs: readonly Graph[]
  readonly trains: readonly TrainSettings[]
  readonly data: readonly DataDeclaration[]
}
