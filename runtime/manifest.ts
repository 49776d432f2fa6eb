/**
 * The description a compiled module carries in its custom section `nnc`: everything a host needs to feed, train and
 * read it. JSON, UTF-8. Offsets are bytes into the exported `memory`; all numbers are little-endian.
 */
export interface Manifest {
  readonly format: 'nnc'
  /**
   * Raised when a host that knows only the older form could no longer use the module correctly: 3 where a host that writes variables has to
   * clear what was `prepared` from them, else 2.
   */
  readonly version: 2 | 3
  /** The compiler's version. */
  readonly compiler: string
  /** The source file's name without extension. */
  readonly name: string
  readonly build: BuildName
  readonly dims: readonly ManifestDimension[]
  readonly entries: readonly ManifestEntry[]
  readonly variables: readonly ManifestVariable[]
  readonly hypers: readonly ManifestHyper[]
  readonly trains: readonly ManifestTrain[]
  /** The `load` blocks; absent where there are none. */
  readonly pretrained?: readonly ManifestPretrained[]
  /** i32 slots: the seed, and the number of steps taken (advanced by each step entry, restored from checkpoints). */
  readonly seedOffset: number
  readonly stepOffset: number
  /**
   * Where the module keeps values that follow from its variables between calls: i32 words that say which are there. Its own entries clear those
   * they outdate; a host that has written to a variable sets all of them to 0.
   */
  readonly prepared?: { readonly offset: number; readonly count: number }
  /** Bytes of the memory's parts, for reports. */
  readonly memory: {
    readonly variables: number
    readonly prepared?: number
    readonly inputs: number
    readonly arena: number
    readonly total: number
  }
  /** Of a build for several threads, whose module imports its memory as `env.memory`; absent where nothing in it is long enough to share. */
  readonly threads?: ManifestThreads
}

/** Words of the control block are i32. Thread 0 calls the entries; each other calls the exported `work` with its number. */
export interface ManifestThreads {
  /** The number of threads; then the entry begun, whether a thread has failed, and the seconds to wait for another. */
  readonly control: number
  /** Counts the entries begun, and barriers passed: where threads sleep. */
  readonly sleeping: readonly [number, number]
  /** From here each thread but the first has `privateBytes` of its own. */
  readonly privateOffset: number
  readonly privateBytes: number
  readonly maximum: number
}

/**
 * `plain`: fixed-width SIMD only. `relaxed`: relaxed SIMD, which may round differently. `wide`: the same instructions and bits, ordered for an
 * engine that joins pairs of vectors. The others are the same for several threads, with the same bits.
 */
export type BuildName = SimdBuild | `${SimdBuild}-threads`
export type SimdBuild = 'plain' | 'relaxed' | 'wide'

export type ManifestDType = 'f32' | 'i32' | 'bool'

/** A run-time dimension; memory holds up to `maximum`. */
export interface ManifestDimension {
  readonly name: string
  readonly minimum: number
  readonly maximum: number
}

/** A size: a number, the name of a run-time dimension, or [operator, left, right] with floor division. */
export type ManifestSize = number | string | readonly ['+' | '-' | '*' | '/', ManifestSize, ManifestSize]

export interface ManifestTensor {
  readonly name: string
  /** bool is stored as i32, 0 or 1. */
  readonly dtype: ManifestDType
  readonly shape: readonly ManifestSize[]
  readonly offset: number
  /** For i32 inputs used as an index or class: 0 ≤ value < limit. */
  readonly limit?: ManifestSize
}

/** The exported function `export` takes the sizes of `dims` as i32, in order, and returns nothing. */
export interface ManifestEntry {
  readonly name: string
  readonly export: string
  readonly kind: 'init' | 'step' | 'evaluate' | 'infer'
  readonly dims: readonly string[]
  readonly inputs: readonly ManifestTensor[]
  readonly outputs: readonly ManifestTensor[]
  /** Of a build for several threads: from which product of the sizes of `dims` on they share it; absent where one thread does it alone. */
  readonly shared?: number
}

export interface ManifestVariable {
  readonly name: string
  readonly kind: 'parameter' | 'state' | 'optimizer'
  readonly dtype: ManifestDType
  readonly shape: readonly ManifestSize[]
  readonly offset: number
}

/** An f32 slot. */
export interface ManifestHyper {
  readonly name: string
  readonly offset: number
  readonly default: number
  readonly minimum?: number
  readonly maximum?: number
  readonly scale: 'linear' | 'log'
}

export interface ManifestTrain {
  readonly name: string
  readonly step: string
  readonly evaluate: string
  readonly data?: string
  readonly batchDim?: string
  readonly batch?: number
  /**
   * `streams`: row b of a batch goes on where row b of the batch before ended; the block's own states are carried
   * along, in the evaluation too, and start afresh with each pass over the data. Absent: rows are shuffled.
   */
  readonly order?: 'streams'
  readonly epochs?: number
  readonly seed?: number
  readonly stop?: { readonly part: 'train' | 'valid'; readonly metric: string; readonly epochs: number }
  readonly metrics: readonly ManifestMetric[]
  /** What metrics add up over an epoch: back to what `init` wrote before each. */
  readonly totals: readonly ManifestTensor[]
}

/** A metric of a train block, beside the loss. */
export interface ManifestMetric {
  readonly name: string
  /**
   * `batch`: the output of its name is of one batch, to be averaged by examples. `epoch`: its output, of any shape, is of
   * the epoch so far. A statistic is computed from all values these outputs have in an epoch.
   */
  readonly over: 'batch' | 'epoch' | { readonly statistic: EpochStatistic; readonly columns: readonly string[] }
  /** One number. */
  readonly scalar: boolean
  readonly better?: 'higher' | 'lower'
  /** How a person reads it: 0.93 as 93 %. */
  readonly unit?: 'percent'
}

export type EpochStatistic = 'area_under_roc' | 'average_precision' | 'rank_correlation' | 'median'

/** What a `load` block takes from its file. */
export interface ManifestPretrained {
  /** The model, or the train or infer block. */
  readonly name: string
  /** As the `.nn` file names it. */
  readonly file: string
  readonly tensors: readonly {
    readonly variable: string
    /** Its name in the file. */
    readonly tensor: string
    /** Axis k of the variable is axis order[k] of the tensor. */
    readonly order?: readonly number[]
    /** The tensor may have any shape with as many elements. */
    readonly reshape?: true
  }[]
  /** Patterns for the tensors that nothing takes. */
  readonly unused: readonly string[]
}
