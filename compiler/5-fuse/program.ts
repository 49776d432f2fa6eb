/**
 * What code generation works from: buffers with fixed byte offsets, the distinct kernels as loop nests, and entries as
 * ordered calls. Every decision has been taken; printing only writes it down.
 */
import type { TrainSettings } from '../2-check/checked.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import type { Dim } from '../dimensions/dimension.ts'
import type { OpName } from '../ops/op.ts'
import type { DType, EntryKind, Hyper, RuntimeDim, TensorType, Variable } from '../types.ts'
import type { AttentionPlan } from './attention.ts'
import type { ConvolutionPlan } from './convolution.ts'
import type { Reducer } from './draft.ts'

export interface Program {
  readonly name: string
  readonly dims: readonly RuntimeDim[]
  readonly hypers: readonly { readonly hyper: Hyper; readonly buffer: number }[]
  readonly variables: readonly { readonly variable: Variable; readonly buffer: number }[]
  readonly trains: readonly TrainSettings[]
  readonly buffers: readonly Buffer[]
  readonly kernels: readonly Kernel[]
  readonly entries: readonly Entry[]
  readonly preparations: readonly Preparation[]
  /** i32 words, one for each preparation: whether its values are there and up to date. */
  readonly preparedOffset: number
  /** i32 slots. */
  readonly seedOffset: number
  readonly stepOffset: number
  /** Room for the vector constants of loops, in bytes. */
  readonly constants: { readonly offset: number; readonly bytes: number }
  readonly memory: MemoryTotals
  /** Where the module's static data begins: the tables of its runs. */
  readonly tablesOffset?: number
}

export interface MemoryTotals {
  readonly variables: number
  /** Values that follow from the variables alone, kept between calls. */
  readonly prepared: number
  readonly inputs: number
  readonly outputs: number
  readonly arena: number
  /** Addresses that runs of calls take from a table. */
  readonly tables: number
  readonly total: number
}

export interface Buffer {
  /** A valid identifier, unique in the program. */
  readonly name: string
  /** A `pointer` has no memory of its own: it is where a loop's pointer points. */
  readonly kind: 'variable' | 'prepared' | 'input' | 'output' | 'hyper' | 'arena' | 'pointer'
  readonly type: TensorType
  /** Bytes into the module's memory. */
  readonly offset: number
  /** Bytes at the largest sizes, without the padding after it. */
  readonly bytes: number
}

export interface Entry {
  readonly name: string
  /** The exported function's name. */
  readonly export: string
  readonly kind: EntryKind
  readonly dims: readonly RuntimeDim[]
  readonly inputs: readonly EntryTensor[]
  readonly outputs: readonly EntryTensor[]
  readonly calls: readonly Call[]
  /** Stretches of `calls` that are the same but for addresses, in order. */
  readonly runs: readonly Run[]
  /** What has to be prepared before the calls, in order, and which sizes must exceed one for it to be of use. */
  readonly prepared: readonly { readonly preparation: number; readonly worth: readonly Dim[] }[]
  /** The preparations that are out of date once it has begun, since it changes what they read. */
  readonly outdates: readonly number[]
  /** Bytes of the arena this entry uses. */
  readonly arenaBytes: number
  /** The most bytes alive at one step: no assignment of addresses takes less. */
  readonly liveBytes: number
}

/** Computes values that depend on variables alone; entries have it done only after one of these has changed. */
export interface Preparation extends Pick<Entry, 'name' | 'calls' | 'runs'> {
  /** The function's name. */
  readonly export: string
  /** The variables it reads, directly or through other preparations. */
  readonly variables: ReadonlySet<string>
}

/** The calls from `first` up to `end`: `turns` times those of the body, in each turn with other addresses. */
export interface Run {
  /** Among the runs of its entry. */
  readonly number: number
  readonly first: number
  readonly end: number
  readonly turns: number
  /** The calls of the first turn, a pointer in place of each buffer that is another in another turn. */
  readonly body: readonly Call[]
  /** Buffers of the kind `pointer`; `from` is the buffer of the first turn. */
  readonly pointers: readonly { readonly buffer: number; readonly from: number; readonly walk: Walk }[]
  /** Names in the body's dimensions, `first` their numbers in the first turn. */
  readonly numbers: readonly { readonly name: string; readonly first: number; readonly walk: Walk }[]
  /** A row for each turn. */
  readonly table: readonly (readonly number[])[]
}

/** How a number goes on from turn to turn: in even steps, or by a column of the table. */
export type Walk =
  | { readonly kind: 'even'; readonly step: number }
  | { readonly kind: 'table'; readonly column: number }

export interface EntryTensor {
  readonly name: string
  readonly type: TensorType
  readonly buffer: number
  /** For an i32 input used as an index: 0 ≤ value < limit. */
  readonly limit?: Dim
}

/** One pointer argument: a buffer, `elements` into it. */
export interface Place {
  readonly buffer: number
  readonly elements: Dim
}

export type Call =
  | KernelCall
  | ProductCall
  | PackCall
  | FiltersCall
  | ConvolutionCall
  | PoolingCall
  | AttentionCall
  | IndexedCall
  | SequentialCall
  | CopyCall
  | LoopCall

export interface CallOrigin {
  /** What it computes, in the reader's words: `fc1.w update`, `relu`. */
  readonly title: string
  readonly span?: Span
  readonly work: Work
  /** A scalar: where it is false the call is left out. */
  readonly when?: Place
}

/** Static estimates as functions of the run-time dimensions; `evaluateCount` gives the number. */
export interface Work {
  readonly flops: Count
  /** Bytes read and written, each tensor once per call. */
  readonly bytes: Count
}

/** A sum of products. Not a `Dim`, whose arithmetic ends at 2³¹. */
export type Count = readonly (readonly Dim[])[]

export interface KernelCall extends CallOrigin {
  readonly kind: 'kernel'
  readonly kernel: number
  readonly places: readonly Place[]
  readonly sizes: readonly Dim[]
}

/** c[m×n] = a[m×k]·b[k×n] for each index of `loops`; strides in elements, c's column stride is one. */
export interface ProductCall extends CallOrigin {
  readonly kind: 'product'
  readonly c: Place
  readonly a: Place
  readonly b: Place
  readonly m: Dim
  readonly n: Dim
  readonly k: Dim
  readonly aRow: Dim
  readonly aColumn: Dim
  readonly bRow: Dim
  readonly bColumn: Dim
  readonly cRow: Dim
  readonly loops: readonly { readonly extent: Dim; readonly a: Dim; readonly b: Dim; readonly c: Dim }[]
  /** c += a·b, where `unless` is given only if that scalar is false. */
  readonly accumulate?: { readonly unless?: Place }
  /** The buffer the product packs its panels in, if it needs one. */
  readonly scratch?: number
  /** Where an earlier call packed b. */
  readonly panels?: Panels
}

/** A buffer with packed panels, filled only where all sizes in `worth` exceed one; elsewhere the product packs for itself. */
export interface Panels {
  readonly buffer: number
  readonly worth: readonly Dim[]
  /** Packed by a preparation, not by a call before the product. */
  readonly prepared?: true
}

/** Packs the b of a product once, before the loop the product runs in or before its own loops. */
export interface PackCall extends CallOrigin {
  readonly kind: 'pack'
  readonly panels: Panels
  readonly b: Place
  readonly n: Dim
  readonly k: Dim
  readonly bRow: Dim
  readonly bColumn: Dim
}

/** The filters of a convolution at Winograd's points, as `winogradFilters` of asm/winograd.ts leaves them. */
export interface FiltersCall extends CallOrigin {
  readonly kind: 'filters'
  readonly target: number
  readonly w: Place
  readonly groups: Dim
  readonly filters: Dim
  readonly channels: Dim
  /** Of the filter by group, filter, channel. */
  readonly strides: readonly Dim[]
  /** Along both axes. */
  readonly dilations: readonly [number, number]
}

/** A convolution of asm/convolution.ts, asm/winograd.ts, asm/depthwise.ts or asm/pooled-gradient.ts. */
export interface ConvolutionCall extends CallOrigin, Omit<ConvolutionPlan, 'x' | 'w' | 'pooled'> {
  readonly kind: 'convolution'
  readonly y: Place
  readonly x: Place
  readonly w: Place
  /** What was pooled and its results, where the cotangents of a max pooling stand for the filter. */
  readonly pooled?: { readonly input: Place; readonly largest: Place }
  /** The buffer where a preparation has put the filters at Winograd's points. */
  readonly prepared?: number
  readonly scratch: number
}

/** A pooling of asm/pooling.ts, or its gradient. */
export interface PoolingCall extends CallOrigin {
  readonly kind: 'pool_max' | 'pool_max_gradient'
  readonly target: Place
  /** The input; for the gradient also the result and its cotangent. */
  readonly sources: readonly Place[]
  readonly count: Dim
  /** Per spatial axis, filled up to three in front. */
  readonly axes: readonly PoolingAxis[]
}

export interface PoolingAxis {
  readonly result: Dim
  readonly input: Dim
  readonly window: number
  readonly stride: number
  readonly low: Dim
  readonly dilation: number
}

/** Attention by asm/attention.ts, or its gradient. */
export interface AttentionCall
  extends CallOrigin,
    Pick<AttentionPlan, 'kind' | 'sizes' | 'scale' | 'reach' | 'strides' | 'rows'> {
  /** The mixtures; for the gradient those to queries, keys and values. */
  readonly targets: readonly Place[]
  /** Where the probabilities are kept. */
  readonly kept?: Place
  /** Queries, keys and values. */
  readonly sources: readonly Place[]
  /** The cotangent of the mixtures, for the gradient. */
  readonly slopes?: Place
  readonly bias?: Place
  readonly scratch: number
}

/** Rows of a table by index: gathered into `target`, or `target` zeroed and rows added to it. */
export interface IndexedCall extends CallOrigin {
  readonly kind: 'gather' | 'scatter_add'
  readonly target: Place
  readonly source: Place
  readonly indices: Place
  /** Number of indices. */
  readonly count: Dim
  readonly rowElements: Dim
  readonly tableRows: Dim
  /** Independent tables, one after the other. */
  readonly outer: Dim
}

/** The order of elements along rows, or their running sum: a call of asm/sequential.ts. */
export interface SequentialCall extends CallOrigin {
  readonly kind: 'argsort' | 'cumsum'
  readonly target: Place
  readonly source: Place
  readonly rows: Dim
  readonly length: Dim
  /** How many results each row has. */
  readonly count: Dim
  /** In descending order, or from the end. */
  readonly backwards: boolean
  /** Of the source. */
  readonly dtype: DType
  readonly scratch?: number
}

export interface CopyCall extends CallOrigin {
  readonly kind: 'copy'
  readonly target: number
  readonly source: number
  readonly elements: Dim
}

/** The body's calls, over and over. `work` is that of all steps; that of a call in the body is for one. */
export interface LoopCall extends CallOrigin {
  readonly kind: 'loop'
  /** The name that stands for the step's position in the dimensions of the body's calls. */
  readonly counter: string
  readonly count: Dim
  /** From position count − 1 down to 0. */
  readonly reverse: boolean
  readonly body: readonly Call[]
  readonly pointers: readonly PointerMove[]
  /** Ends after a step in which the f32 at `moved` is at most the tolerance. */
  readonly until?: { readonly moved: Place; readonly tolerance: number; readonly steps?: Place }
}

/** How the pointers of a loop move; all are buffers of the kind `pointer`. */
export type PointerMove =
  /** Two change places after each step. In the end `elements`, if given, are copied home from where `now` then points. */
  | {
      readonly kind: 'swap'
      readonly now: number
      readonly next: number
      readonly home: Place
      readonly other: Place
      readonly elements?: Dim
    }
  /** After each step `now` points to where that step put `next`. */
  | { readonly kind: 'follow'; readonly now: number; readonly first: Place; readonly next: Place }

/** The entries and what prepares for them: every list of calls. */
export function callLists({
  entries,
  preparations,
}: Pick<Program, 'entries' | 'preparations'>): readonly Pick<Entry, 'name' | 'calls' | 'runs'>[] {
  return [...entries, ...preparations]
}

/** All calls, those in the bodies of loops after their loop. */
export function everyCall(calls: readonly Call[]): Call[] {
  return calls.flatMap((call) => (call.kind === 'loop' ? [call, ...everyCall(call.body)] : [call]))
}

/** A literal, or the number of one of the kernel's i32 parameters. */
export type Size = number | { readonly parameter: number }

export interface IndexMap {
  readonly constant: Size
  readonly terms: readonly { readonly axis: number; readonly coefficient: Size }[]
}

export interface KernelAxis {
  readonly extent: Size
  /** The extent is known to be a multiple of this. */
  readonly multiple: 1 | 4 | 8 | 16
}

export type KernelValue =
  | { readonly kind: 'constant'; readonly dtype: DType; readonly value: number }
  | { readonly kind: 'load'; readonly dtype: DType; readonly buffer: number; readonly offset: IndexMap }
  | { readonly kind: 'position'; readonly dtype: 'i32'; readonly offset: IndexMap }
  | { readonly kind: 'size'; readonly dtype: 'i32'; readonly size: Size }
  | { readonly kind: 'inside'; readonly dtype: 'bool'; readonly offset: IndexMap; readonly limit: Size }
  | {
      readonly kind: 'random'
      readonly dtype: 'f32'
      readonly distribution: 'uniform' | 'normal'
      readonly site: Size
      readonly element: IndexMap
    }
  | {
      readonly kind: 'operation'
      readonly dtype: DType
      readonly op: OpName
      readonly operandType: DType
      readonly operands: readonly number[]
    }
  | {
      readonly kind: 'reduction'
      readonly dtype: DType
      readonly reducer: Reducer
      readonly operands: readonly number[]
    }

export interface KernelStore {
  readonly buffer: number
  readonly offset: IndexMap
  readonly value: number
  readonly accumulate: boolean
}

export interface KernelStage {
  readonly inner: readonly number[]
  readonly reductions: readonly number[]
  readonly stores: readonly KernelStore[]
}

/** One distinct loop nest; calls differ only in buffers and sizes. */
export interface Kernel {
  readonly name: string
  /** `map`, `reduce` (the same axis order, lanes along or across it) or `rows` (several stages per outer index). */
  readonly class: 'map' | 'reduce' | 'rows' | 'scalar'
  readonly buffers: readonly { readonly dtype: DType; readonly written: boolean }[]
  readonly sizes: number
  readonly axes: readonly KernelAxis[]
  readonly outer: readonly number[]
  readonly stages: readonly KernelStage[]
  readonly values: readonly KernelValue[]
  /** Whether the four lanes run along the last outer axis or along each stage's last inner axis. */
  readonly lanes: 'outer' | 'inner'
}
