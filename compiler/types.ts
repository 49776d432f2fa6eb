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
 * block, `optimizer` is carried by an optimizer for one parameter (its name is `<train>/<parameter>/<slot>`), a
 * `total` is what a metric has added up since the epoch began (its name is `<train>/metric <metric>/<slot>`), and
 * what is `prepared` follows from others alone, so that it is kept until they change (`5-fuse/separate.ts`).
 */
export interface Variable {
  readonly name: string
  readonly kind: 'parameter' | 'state' | 'optimizer' | 'total' | 'prepared'
  readonly type: TensorType
  /** The model the variable belongs to, if any. */
  readonly model?: string
}

/** How a metric's values are to be read. */
export interface MetricTraits {
  readonly better?: 'higher' | 'lower'
  readonly unit?: 'percent'
}

/** Statistics of all values of an epoch, with the columns each is computed from; `?` marks one that may be absent. */
export const epochStatistics = {
  area_under_roc: ['score', 'target', 'weight?'],
  average_precision: ['score', 'target', 'weight?'],
  rank_correlation: ['x', 'y'],
  median: ['x'],
} as const

export type EpochStatistic = keyof typeof epochStatistics

export type EntryKind = 'init' | 'step' | 'evaluate' | 'infer'
