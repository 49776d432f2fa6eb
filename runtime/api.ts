import type { BuildName, Manifest, ManifestDType, SimdBuild } from './manifest.ts'

/** Numbers in a row, C order. Floats are not accepted where whole numbers are expected, 64-bit integers nowhere. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | readonly number[]
  | readonly boolean[]

/** Arrays in arrays, one level per axis. */
export type NestedArray = readonly (number | boolean | NestedArray)[]

/**
 * What may be fed: an array in a row (its length gives the run-time dimension), nested arrays, `{ data, shape }`, or a
 * plain number for a scalar.
 */
export type Input = NumberArray | NestedArray | ShapedInput | number | boolean

export interface ShapedInput<Data = NumberArray> {
  readonly data: Data
  readonly shape: readonly number[]
  /** Where each row begins in `data`, for rows that overlap, such as windows of a text; else they follow each other. */
  readonly starts?: Int32Array | readonly number[]
}

/** What may be fed where whole numbers or truth values are expected. */
export type IntegerInput = IntegerArray | NestedArray | ShapedInput<IntegerArray> | number | boolean
export type IntegerArray = Exclude<NumberArray, Float32Array | Float64Array>

/** What comes out, always a copy; a bool is a 0 or a 1. */
export interface Tensor<Data extends TensorData = TensorData> {
  readonly data: Data
  readonly shape: readonly number[]
}

export type TensorData = Float32Array | Int32Array | Uint8Array

/** The names and types of one compiled file; an artifact's `.d.ts` holds its own. */
export interface Signature {
  readonly trains: { readonly [name: string]: TrainSignature }
  readonly infers: { readonly [name: string]: InferSignature }
  readonly parameters: string
  readonly variables: string
  readonly hypers: string
}

export interface TrainSignature {
  readonly inputs: { readonly [name: string]: Input }
  readonly metrics: Metrics
}

export interface InferSignature {
  readonly inputs: { readonly [name: string]: Input }
  readonly outputs: { readonly [name: string]: Tensor }
}

/** The mean loss and each metric: a number, or a tensor such as a confusion matrix. */
export interface Metrics {
  readonly loss: number
  readonly [name: string]: number | Tensor
}

export type TrainName<S extends Signature> = keyof S['trains'] & string
export type InferName<S extends Signature> = keyof S['infers'] & string
export type TrainInputs<S extends Signature, T extends TrainName<S>> = S['trains'][T]['inputs']
export type TrainMetrics<S extends Signature, T extends TrainName<S>> = S['trains'][T]['metrics']

export type Bytes = ArrayBuffer | ArrayBufferView

/** Bytes of a module, or something that becomes them; a function is called only when its build is the one to use. */
export type ModuleBytes = Bytes | Response | PromiseLike<Bytes | Response>
export type ModuleSource = ModuleBytes | (() => ModuleBytes)

/** The builds of one file; of those given the best that this engine runs is taken. */
export type ModuleSources = { readonly plain: ModuleSource } & {
  readonly [build in Exclude<BuildName, 'plain'>]?: ModuleSource
}

export interface LoadOptions {
  /**
   * Default: relaxed where there is one and the engine accepts it, else plain. `wide` is never taken unasked: it has the bits of `relaxed`, and
   * is faster only where the host has switched V8's revectoriser on before, else slower.
   */
  readonly build?: SimdBuild
  /**
   * Threads to share the work of large steps, default 1; the bits are the same for any number. More need a build for threads, and
   * in a browser a cross-origin isolated page and a model in a worker; otherwise one thread runs, and `Model.obstacle` says why.
   */
  readonly threads?: number
}

/** A loaded module: parameters initialised from the file's seed and ready to train or predict. Every method throws
 * a ModelError for a user's mistake and then leaves the model as it was. */
export interface Model<S extends Signature = Signature> {
  readonly manifest: Manifest
  /** The build in use: `relaxed` may round differently from `plain`. */
  readonly build: BuildName
  readonly threads: number
  /** Why there is one thread where `load` was asked for more. */
  readonly obstacle?: string
  /** The seed of the last `init` or `restore`. */
  readonly seed: number
  /** Training steps taken since `init`, restored from checkpoints. */
  readonly steps: number
  /** Starts afresh: parameters, states, optimizer and step counter, all from one seed (a 32-bit integer). */
  init(seed?: number): void
  readonly parameters: Variables<S['parameters']>
  /** Parameters, states and the optimizer's variables. */
  readonly variables: Variables<S['variables']>
  readonly hyper: Hypers<S['hypers']>
  /** One training step on one batch; the metrics are those before the update. */
  step<T extends TrainName<S>>(train: T, inputs: TrainInputs<S, T>): TrainMetrics<S, T>
  /** The same numbers without training, on one batch. */
  evaluate<T extends TrainName<S>>(train: T, inputs: TrainInputs<S, T>): TrainMetrics<S, T>
  /** Runs an `infer` block or a model on one batch. */
  predict<I extends InferName<S>>(infer: I, inputs: S['infers'][I]['inputs']): S['infers'][I]['outputs']
  /**
   * Trains over whole arrays. Data and options are checked at once, before the first step; the loop runs as the
   * events are read. Leaving the loop early or aborting the signal leaves the model usable.
   */
  fit<T extends TrainName<S>>(
    train: T,
    data: TrainInputs<S, T>,
    options?: FitOptions<TrainInputs<S, T>>,
  ): AsyncGenerator<FitEvent<TrainMetrics<S, T>>, void, void>
  /** `evaluate` over any number of rows, in batches; averages are weighted by batch size, metrics exact over all rows. */
  evaluateAll<T extends TrainName<S>>(train: T, data: TrainInputs<S, T>, options?: BatchOptions): TrainMetrics<S, T>
  /** `predict` over any number of rows, in batches. */
  predictAll<I extends InferName<S>>(
    infer: I,
    data: S['infers'][I]['inputs'],
    options?: BatchOptions,
  ): S['infers'][I]['outputs']
  /**
   * Tokens that go on from a prompt, made as they are read. The entry takes tokens (`i32[Batch]` or `i32[Batch, T]`) and
   * returns logits; outputs named like inputs are carried to the next call, and start as zeros, or empty along a
   * dimension that may be 0.
   */
  generate<I extends InferName<S>>(infer: I, options: GenerateOptions): Generator<number, void, void>
  /** A checkpoint as the bytes of a safetensors file. */
  save(options?: SaveOptions): Uint8Array<ArrayBuffer>
  /** Puts a checkpoint back; everything is checked before anything is written. Returns the file's metadata. */
  restore(bytes: Bytes, options?: RestoreOptions): Readonly<Record<string, string>>
  /**
   * Puts in the values of the safetensors file the `.nn` file's `load` block names; where there are several files, of
   * each by its name there. Everything is checked before anything is written. `init` starts afresh, without them.
   */
  loadPretrained(files: Bytes | Readonly<Record<string, Bytes>>): void
  /** Ends the model's other threads, if it has any; it cannot be used afterwards. */
  close(): void
}

export interface Variables<Name extends string = string> {
  readonly names: readonly Name[]
  list(): readonly VariableInfo[]
  /** A copy of the elements, C order. */
  get(name: Name): TensorData
  /** Shape and dtype must be the variable's. */
  set(name: Name, value: Input): void
}

export interface VariableInfo {
  readonly name: string
  readonly kind: 'parameter' | 'state' | 'optimizer'
  readonly dtype: ManifestDType
  readonly shape: readonly number[]
}

export interface Hypers<Name extends string = string> {
  readonly names: readonly Name[]
  get(name: Name): number
  /** Takes effect with the next step. Must be finite and within the declared range. */
  set(name: Name, value: number): void
}

export interface BatchOptions {
  /** Rows at a time; default 256, or what the module can hold. */
  readonly batch?: number
}

export interface GenerateOptions {
  /** Token ids to go on from, at least one. */
  readonly prompt: ArrayLike<number>
  /** How many tokens to make, default 100. */
  readonly count?: number
  /** 0 takes the likeliest token; default 1, the model's own probabilities. */
  readonly temperature?: number
  /** Only so many of the likeliest tokens; default all. */
  readonly topK?: number
  /** Only the likeliest tokens that together have this probability; default all. */
  readonly topP?: number
  /** Of the drawing, default 0: the same seed gives the same tokens. */
  readonly seed?: number
  /** Ids never to choose, such as padding. */
  readonly avoid?: readonly number[]
}

/** What `characters` or `words` of a data block learned: the token of id n + 2 is the n-th name. Plain JSON. */
export interface Vocabulary {
  readonly kind: 'characters' | 'words'
  readonly names: readonly string[]
}

export interface Tokenizer {
  /** The number of ids, padding and unknown included. */
  readonly size: number
  encode(text: string): Int32Array<ArrayBuffer>
  /** Padding becomes nothing, the unknown token `�`. */
  decode(ids: ArrayLike<number>): string
  /** The different tokens of a text that the vocabulary does not have. */
  unknownIn(text: string): readonly string[]
}

export interface StopRule {
  readonly part: 'train' | 'valid'
  /** `loss` or the name of a metric that is one number. */
  readonly metric: string
  /** Stop after so many epochs without a new best value. */
  readonly epochs: number
  /**
   * Default: what the metric's definition says; where it says nothing, `higher` for accuracy, precision, recall, f1, auc
   * and score (anywhere in the name), else `lower`.
   */
  readonly better?: 'lower' | 'higher'
}

/** What is not given comes from the `train` block. */
export interface FitOptions<Data = { readonly [name: string]: Input }> {
  /** Evaluated after each epoch. */
  readonly valid?: Data
  /** Evaluated once, at the end, after the best parameters are back. */
  readonly test?: Data
  readonly batch?: number
  /** The last epoch; epochs count from 1. */
  readonly epochs?: number
  /** The first epoch, default 1; to resume, the epoch after the last complete one, which goes on where it was interrupted. */
  readonly startEpoch?: number
  /** Of the shuffling, which depends on this seed and the epoch only; default: the model's seed. */
  readonly seed?: number
  readonly shuffle?: boolean
  /** Ends the run with the reason `cancelled`; parameters stay as they are then. */
  readonly signal?: AbortSignal
  /** Milliseconds between `step` events, default 100; 0 gives one for each step. */
  readonly progressEvery?: number
  /** `step` events after every so many steps of an epoch and at its end as well, whatever the time; default: none. */
  readonly progressSteps?: number
  /** `false` switches the file's rule off. */
  readonly stop?: StopRule | false
  /**
   * Put back the parameters and states of the best epoch when the run finishes or stops (not when cancelled or left
   * early). Default: true when there is a stop rule.
   */
  readonly restoreBest?: boolean
}

export type FitEvent<M extends Metrics = Metrics> = StepEvent | EpochEvent<M> | DoneEvent<M>

export interface StepEvent {
  readonly kind: 'step'
  readonly epoch: number
  /** Steps taken in this epoch, and how many it has. */
  readonly step: number
  readonly steps: number
  /** Of this step's batch. */
  readonly loss: number
  /** Over the epoch so far. */
  readonly meanLoss: number
  readonly samplesPerSecond: number
}

export interface EpochEvent<M extends Metrics = Metrics> {
  readonly kind: 'epoch'
  readonly epoch: number
  readonly epochs: number
  /** Over the epoch's steps, each measured before its update. */
  readonly train: M
  readonly valid?: M
  readonly seconds: number
  readonly samplesPerSecond: number
  /** Whether the watched value (the stop rule's, else valid.loss, else train.loss) is the best so far. */
  readonly best: boolean
}

export interface DoneEvent<M extends Metrics = Metrics> {
  readonly kind: 'done'
  readonly reason: 'finished' | 'stopped' | 'cancelled'
  /** The last complete epoch, 0 if none. */
  readonly epochs: number
  /** The epoch with the best watched value; the parameters are that epoch's if `restored`. */
  readonly bestEpoch: number
  readonly restored: boolean
  readonly seconds: number
  readonly test?: M
}

export interface SaveOptions {
  /** Include what is needed to go on training, default true. */
  readonly optimizer?: boolean
  /** Strings of your own for the file's metadata; names beginning `nnc.` are taken. */
  readonly metadata?: Readonly<Record<string, string>>
}

export interface RestoreOptions {
  /** Restore the optimizer's variables, step counter, seed and hypers too, default true. */
  readonly optimizer?: boolean
  /** Refuse missing and surplus tensors, default true. Shapes and dtypes must always agree. */
  readonly strict?: boolean
}

/** A worker from outside, its global scope from inside, or either end of a MessageChannel. */
export interface MessagePortLike {
  postMessage(message: unknown): void
  addEventListener(type: 'message' | 'error' | 'messageerror', listener: (event: Event) => void): void
  start?(): void
  terminate?(): void
  close?(): void
}

/**
 * A model that lives in a worker: the same methods, answered later, in the order of the calls. A ModelError there is
 * a ModelError here. Arrays are copied on the way.
 */
export interface ModelInWorker<S extends Signature = Signature> {
  readonly manifest: Manifest
  readonly build: BuildName
  readonly threads: number
  /** Why there is one thread where more were asked for. */
  readonly obstacle?: string
  init(seed?: number): Promise<void>
  readonly parameters: VariablesInWorker<S['parameters']>
  readonly variables: VariablesInWorker<S['variables']>
  readonly hyper: HypersInWorker<S['hypers']>
  step<T extends TrainName<S>>(train: T, inputs: TrainInputs<S, T>): Promise<TrainMetrics<S, T>>
  evaluate<T extends TrainName<S>>(train: T, inputs: TrainInputs<S, T>): Promise<TrainMetrics<S, T>>
  predict<I extends InferName<S>>(infer: I, inputs: S['infers'][I]['inputs']): Promise<S['infers'][I]['outputs']>
  /** Training goes on while events are not read; leaving the loop early stops it. */
  fit<T extends TrainName<S>>(
    train: T,
    data: TrainInputs<S, T>,
    options?: FitOptions<TrainInputs<S, T>>,
  ): AsyncGenerator<FitEvent<TrainMetrics<S, T>>, void, void>
  evaluateAll<T extends TrainName<S>>(
    train: T,
    data: TrainInputs<S, T>,
    options?: BatchOptions,
  ): Promise<TrainMetrics<S, T>>
  predictAll<I extends InferName<S>>(
    infer: I,
    data: S['infers'][I]['inputs'],
    options?: BatchOptions,
  ): Promise<S['infers'][I]['outputs']>
  /** Goes on while tokens are not read; leaving the loop early stops it. */
  generate<I extends InferName<S>>(infer: I, options: GenerateOptions): AsyncGenerator<number, void, void>
  save(options?: SaveOptions): Promise<Uint8Array<ArrayBuffer>>
  restore(bytes: Bytes, options?: RestoreOptions): Promise<Readonly<Record<string, string>>>
  loadPretrained(files: Bytes | Readonly<Record<string, Bytes>>): Promise<void>
  /** Ends the worker; calls still under way fail with `worker-failed`. */
  close(): void
}

export interface VariablesInWorker<Name extends string = string> {
  get(name: Name): Promise<TensorData>
  set(name: Name, value: Input): Promise<void>
}

export interface HypersInWorker<Name extends string = string> {
  get(name: Name): Promise<number>
  set(name: Name, value: number): Promise<void>
}

/**
 * What can go wrong, each under a stable code:
 * loading: `not-wasm`, `damaged-module`, `foreign-module`, `newer-module`, `bad-manifest`, `unsupported-engine`,
 * `build-unavailable`; names: `unknown-name`; what is fed: `missing-input`, `unknown-input`, `wrong-shape`,
 * `wrong-dtype`, `dimension-mismatch`, `dimension-range`, `label-range`, `not-an-integer`, `not-finite`; generation:
 * `not-a-step`; settings:
 * `bad-option`, `hyper-range`; checkpoints: `damaged-checkpoint`, `foreign-checkpoint`, `checkpoint-mismatch`,
 * `pretrained-mismatch`;
 * running: `trap`, `worker-failed`.
 */
export type ModelErrorCode =
  | 'not-wasm'
  | 'damaged-module'
  | 'foreign-module'
  | 'newer-module'
  | 'bad-manifest'
  | 'unsupported-engine'
  | 'build-unavailable'
  | 'unknown-name'
  | 'missing-input'
  | 'unknown-input'
  | 'wrong-shape'
  | 'wrong-dtype'
  | 'dimension-mismatch'
  | 'dimension-range'
  | 'label-range'
  | 'not-an-integer'
  | 'not-finite'
  | 'not-a-step'
  | 'bad-option'
  | 'hyper-range'
  | 'damaged-checkpoint'
  | 'foreign-checkpoint'
  | 'checkpoint-mismatch'
  | 'pretrained-mismatch'
  | 'trap'
  | 'threads-failed'
  | 'worker-failed'
