import type { DimRange } from './dimensions/bounds.ts'
import type { Dim } from './dimensions/dimension.ts'

export type DType = 'f32' | 'i32' | 'bool'

/** dtype and shape of a tensor; a scalar has the shape []. */
export interface TensorType {
  readonly dtype: DType
  readonly shape: readonly Dim[]
}

/** A dimension whose size is chosen at run time within a range; memory is planned for the maximum. */
export interface RuntimeDim extends DimRange {
  readonly name: string
}

/** A scalar that can change at run time without recompiling. */
export interface Hyper {
  readonly name: string
  readonly default: number
  readonly minimum?: number
  readonly maximum?: number
  readonly scale: 'linear' | 'log'
}

/**
 * A tensor that lives as long as the module: `parameter` is trained, `state` is carried by the model or a train
 * block, `optimizer` is carried by an optimizer for one parameter (its name is `<train>/<parameter>/<slot>`).
 */
export interface Variable {
  readonly name: string
  readonly kind: 'parameter' | 'state' | 'optimizer'
  readonly type: TensorType
  /** The model the variable belongs to, if any. */
  readonly model?: string
}

export type EntryKind = 'init' | 'step' | 'evaluate' | 'infer'
