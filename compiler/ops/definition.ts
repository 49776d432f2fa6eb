/** What one primitive must say about itself. Everything the compiler knows of an op comes from its definition. */
import type { Graph } from '../3-graph/graph.ts'
import type { Dim } from '../dimensions/dimension.ts'
import type { DType, TensorType } from '../types.ts'
import type { Expressions } from './expressions.ts'
import type { OpAttributes, Operation, OpName } from './op.ts'

/**
 * What later stages ask instead of keeping lists of names. `pseudo` ops are gone before fusion: `gradient` through
 * differentiation, `stop_gradient` and `bounded` through erasure. A `loop` is an op with a body, or takes one apart.
 */
export type OpClass =
  | 'leaf'
  | 'elementwise'
  | 'reduction'
  | 'movement'
  | 'contraction'
  | 'convolution'
  | 'pooling'
  | 'attention'
  | 'indexed'
  | 'sequential'
  | 'random'
  | 'loop'
  | 'pseudo'

export type OpDef<K extends OpName> = OpDefinition<OpAttributes[K]>

export interface OpDefinition<Attributes> {
  /** The number of operands; `variadic` is one or more. */
  readonly arity: number | 'variadic'
  readonly class: OpClass
  /**
   * The result's type. Throws a {@link ShapeError} when the operands do not fit. `producers` are the operations the
   * operands come from, for an op that depends on more of them than their types.
   */
  infer(inputs: readonly TensorType[], attributes: Attributes, producers: readonly Operation[]): TensorType
  /**
   * The vector–Jacobian product, or null for an op whose derivative is zero wherever it exists (a comparison, say).
   * Only called for an f32 result; only the f32 operands' entries are used. A loop's is made from its body.
   */
  readonly gradient: RuleFor<Attributes> | 'of the body' | null
  /** The op's meaning, in float64 over dense row-major values. */
  evaluate(inputs: readonly TensorValue[], attributes: Attributes, context: EvaluationContext): TensorValue
  /** Uses that contract tests run, always the same ones. */
  samples(): readonly OpSample<Attributes>[]
}

/** One optional node for each operand: what the cotangent of the result contributes to the operand's. */
export type RuleFor<Attributes> = (application: OpApplication<Attributes>) => readonly (number | undefined)[]

export type GradientRule<K extends OpName> = RuleFor<OpAttributes[K]>

/** One use of an op while its gradient is built. Numbers are nodes of the graph under construction. */
export interface OpApplication<Attributes> {
  readonly build: Expressions
  readonly inputs: readonly number[]
  readonly output: number
  readonly cotangent: number
  readonly attributes: Attributes
}

/** A tensor in the reference interpreter: f32 kept in float64, i32 exact, bool as 0 or 1; row-major. */
export interface TensorValue {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: Float64Array
  /** All results, where the value is that of a loop (and else that of its first). */
  readonly results?: readonly TensorValue[]
}

/** What an evaluation depends on besides its operands. */
export interface EvaluationContext {
  size(dim: Dim): number
  input(name: string, type: TensorType): TensorValue
  variable(name: string, type: TensorType): TensorValue
  hyper(name: string): number
  /** The outputs of a loop's body for values of its inputs by name. */
  run(body: Graph, inputs: Readonly<Record<string, TensorValue>>): TensorValue[]
  readonly seed: number
  readonly step: number
}

export interface OpSample<Attributes> {
  readonly inputs: readonly TensorType[]
  readonly attributes: Attributes
  /** Where each operand's values lie; f32 operands default to −2..2, i32 to −5..5. */
  readonly domains?: readonly (Domain | undefined)[]
  /** Sizes of the run-time dimensions used. */
  readonly dims?: Readonly<Record<string, number>>
}

export interface Domain {
  readonly low: number
  readonly high: number
}

/** Operands that do not fit an op. The message is a sentence without a full stop. */
export class ShapeError extends Error {}
