/**
 * What the checker hands on: every entry point with all layers and functions expanded, all names resolved and all
 * shapes known (symbolic in run-time dimensions only). A flat list of values in order; no value refers to a later one.
 */

import type { DataDeclaration, StringLiteral } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import type { Dim } from '../dimensions/dimension.ts'
import type { Operation, OpName } from '../ops/op.ts'
import type { EntryKind, EpochStatistic, Hyper, MetricTraits, RuntimeDim, TensorType, Variable } from '../types.ts'

export interface CheckedProgram {
  /** The file's name without folder and extension: `digits`. */
  readonly name: string
  readonly dims: readonly RuntimeDim[]
  readonly hypers: readonly Hyper[]
  readonly variables: readonly Variable[]
  /** `init` first, then per train block `<train>.step` and `<train>.evaluate`, then each infer block and each model. */
  readonly entries: readonly CheckedEntry[]
  readonly trains: readonly TrainSettings[]
  readonly data: readonly DataDeclaration[]
  readonly loads: readonly CheckedLoad[]
  /** The file's own constants that are numbers and that something reads. */
  readonly constants: Readonly<Record<string, number>>
}

/** A `load` block: where each value of a model comes from. */
export interface CheckedLoad {
  /** The model, or the train or infer block. */
  readonly name: string
  readonly path: StringLiteral
  readonly tensors: readonly LoadedTensor[]
  /** What the file may hold besides. */
  readonly unused: readonly StringLiteral[]
  readonly span: Span
}

export interface LoadedTensor {
  readonly variable: string
  /** Its name in the file. */
  readonly tensor: string
  /** Axis k of the variable is axis order[k] of the tensor. */
  readonly order?: readonly number[]
  /** The shape may be another one with as many elements. */
  readonly reshape?: true
  /** The `map`, or the block's name. */
  readonly span: Span
}

export interface CheckedEntry {
  readonly name: string
  readonly kind: EntryKind
  readonly values: readonly CheckedValue[]
  /** Position in `values`; a step and an evaluation have `loss` and each metric. */
  readonly outputs: readonly { readonly name: string; readonly value: number }[]
  /** Assignments that take effect together, after everything has been read. */
  readonly updates: readonly { readonly variable: string; readonly value: number }[]
}

export interface CheckedValue {
  readonly type: TensorType
  /** In the user's file: where the library was called, for values that come from its code. */
  readonly span: Span
  /** The library's own line, `std/layers.nn`, for values that come from there. */
  readonly origin?: Span
  readonly form: OperationForm | IndexedForm | LoopForm
}

export type OperationForm = { readonly kind: 'operation'; readonly operands: readonly number[] } & Operation

/** Index notation: `let y[indices] = body`. The value's shape is the extents of `indices`. */
export interface IndexedForm {
  readonly kind: 'indexed'
  readonly indices: readonly IndexVariable[]
  readonly body: IndexedExpression
}

/** A loop, of the type of its result 0. Results are read with the operation `result`: as those of `scan` and `iterate`. */
export interface LoopForm {
  readonly kind: 'loop'
  readonly steps:
    | { readonly kind: 'scan'; readonly length: Dim; readonly reverse: boolean }
    | { readonly kind: 'iterate'; readonly tolerance: number; readonly limit: number }
  /** The first value of each carry. */
  readonly carries: readonly number[]
  /** What a scan steps through, along the first axis of each. */
  readonly elements: readonly number[]
  /** All that the body reads besides. */
  readonly outside: readonly number[]
  readonly body: LoopBody
}

/** A list of its own: numbers are positions in `values`, which has the inputs `carry0…`, `element0…` and `outside0…`. */
export interface LoopBody {
  readonly values: readonly CheckedValue[]
  /** The next value of each carry. */
  readonly carries: readonly number[]
  readonly yields: readonly number[]
}

export interface IndexVariable {
  /** Unique within the value. */
  readonly name: string
  readonly extent: Dim
}

/** Σ coefficients[name] · index + constant */
export interface AffineSubscript {
  readonly coefficients: Readonly<Record<string, number>>
  readonly constant: Dim
}

export type ElementwiseOp = Extract<
  OpName,
  | 'neg'
  | 'abs'
  | 'sign'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'rsqrt'
  | 'reciprocal'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'sigmoid'
  | 'erf'
  | 'floor'
  | 'not'
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'pow'
  | 'maximum'
  | 'minimum'
  | 'less'
  | 'less_equal'
  | 'equal'
  | 'not_equal'
  | 'and'
  | 'or'
  | 'select'
  | 'stop_gradient'
>

export type IndexedExpression =
  | { readonly kind: 'constant'; readonly value: number; readonly dtype: 'f32' | 'i32' | 'bool' }
  /** A scalar tensor from outside. */
  | { readonly kind: 'scalar'; readonly value: number }
  /** The value of an affine combination of indices, i32. */
  | { readonly kind: 'position'; readonly subscript: AffineSubscript }
  /** `otherwise` is the value outside the tensor (`?? 0.0`); without it the checker has proved the read inside. */
  | {
      readonly kind: 'read'
      readonly value: number
      readonly subscripts: readonly (AffineSubscript | IndexedExpression)[]
      readonly otherwise?: number
    }
  | { readonly kind: 'elementwise'; readonly op: ElementwiseOp; readonly operands: readonly IndexedExpression[] }
  | { readonly kind: 'cast'; readonly dtype: 'f32' | 'i32' | 'bool'; readonly operand: IndexedExpression }
  | {
      readonly kind: 'reduce'
      /** `mean` arrives here as a sum divided by the extents. */
      readonly reducer: 'sum' | 'max' | 'min' | 'prod'
      readonly indices: readonly IndexVariable[]
      readonly body: IndexedExpression
    }

export interface TrainSettings {
  readonly name: string
  readonly data?: string
  /** The dimension `batch` fills: the leading run-time dimension shared by the inputs. */
  readonly batchDim?: string
  readonly batch?: number
  /** `streams`: row b of a batch goes on where row b of the batch before ended. */
  readonly order?: 'streams'
  readonly epochs?: number
  readonly seed?: number
  readonly stop?: { readonly part: 'train' | 'valid'; readonly metric: string; readonly epochs: number }
  readonly metrics: readonly MetricSettings[]
}

/** A metric of a train block, beside the loss. */
export interface MetricSettings extends MetricTraits {
  readonly name: string
  /**
   * `batch`: its output is of one batch, to be averaged by examples. `epoch`: its output is of the epoch so far. A
   * statistic is computed from all values these outputs have had in the epoch.
   */
  readonly over: 'batch' | 'epoch' | { readonly statistic: EpochStatistic; readonly columns: readonly string[] }
  /** One number, which can be watched from epoch to epoch. */
  readonly scalar: boolean
}
