/**
 * The primitives. Everything else in the language is made of these, in `.nn` text. An operation's attributes are
 * what is fixed when compiled; its inputs are values.
 */
import type { Graph } from '../3-graph/graph.ts'
import type { Dim } from '../dimensions/dimension.ts'
import type { DType, TensorType } from '../types.ts'

export interface OpAttributes {
  // Leaves
  input: { readonly name: string; readonly type: TensorType }
  variable: { readonly name: string; readonly type: TensorType }
  /** f32 scalar set at run time. */
  hyper: { readonly name: string }
  /** A scalar (shape []); bool is 0 or 1. */
  constant: { readonly value: number; readonly dtype: DType }
  /** The size of a dimension at run time, an i32 scalar. */
  dimension: { readonly dim: Dim }
  /** i32; each element is its position along `axis`. */
  iota: { readonly shape: readonly Dim[]; readonly axis: number }
  /**
   * f32 in [0, 1), from counters: element e (row-major) of site s at step t under seed k is a pure function of
   * (k, s, t, e), so recomputing gives the same bits.
   */
  uniform: { readonly shape: readonly Dim[]; readonly site: number }
  /** f32, standard normal, with the same counters. */
  normal: { readonly shape: readonly Dim[]; readonly site: number }

  // Elementwise: all operands have the same shape (broadcasting is an explicit `expand`)
  neg: NoAttributes
  abs: NoAttributes
  sign: NoAttributes
  exp: NoAttributes
  log: NoAttributes
  sqrt: NoAttributes
  rsqrt: NoAttributes
  reciprocal: NoAttributes
  sin: NoAttributes
  cos: NoAttributes
  tanh: NoAttributes
  sigmoid: NoAttributes
  erf: NoAttributes
  floor: NoAttributes
  not: NoAttributes
  /** f32 → i32 truncates toward zero and saturates; bool → number is 0 or 1; number → bool is ≠ 0. */
  cast: { readonly dtype: DType }
  add: NoAttributes
  sub: NoAttributes
  mul: NoAttributes
  /** f32 only. */
  div: NoAttributes
  pow: NoAttributes
  maximum: NoAttributes
  minimum: NoAttributes
  less: NoAttributes
  less_equal: NoAttributes
  equal: NoAttributes
  not_equal: NoAttributes
  and: NoAttributes
  or: NoAttributes
  /** condition (bool), then, else */
  select: NoAttributes
  /** The identity, whose gradient is zero. */
  stop_gradient: NoAttributes
  /** The identity on i32, with the promise 0 ≤ x < limit; fed inputs are checked against it. */
  bounded: { readonly limit: Dim }

  // Reductions drop the reduced axes; axes ascend
  reduce_sum: { readonly axes: readonly number[] }
  reduce_max: { readonly axes: readonly number[] }
  reduce_min: { readonly axes: readonly number[] }
  reduce_prod: { readonly axes: readonly number[] }
  /** i32 position of the first largest element. */
  argmax: { readonly axis: number }

  // Along the last axis, one element after another
  /** i32 positions of the first `count` elements in ascending or descending order, stable; NaN is the largest. */
  argsort: { readonly descending: boolean; readonly count: Dim }
  /** Sums of the elements up to each one, or with `reverse` from each one on. */
  cumsum: { readonly reverse: boolean }

  // Movement
  reshape: { readonly shape: readonly Dim[] }
  /** Output axis i is input axis order[i]. */
  permute: { readonly order: readonly number[] }
  /** Input axis i becomes output axis axes[i] (ascending, same size); the other output axes repeat. */
  expand: { readonly shape: readonly Dim[]; readonly axes: readonly number[] }
  /** `value` around the input, `low[i]` before and `high[i]` after along axis i; none may be negative. */
  pad: { readonly low: readonly Dim[]; readonly high: readonly Dim[]; readonly value: number }
  /** Elements start[i] + j·stride[i] for j in 0..size[i]. */
  slice: { readonly start: readonly Dim[]; readonly size: readonly Dim[]; readonly stride: readonly number[] }
  concat: { readonly axis: number }
  /**
   * Axis `axis` of size N becomes two, [count, size], holding x[o·stride + k·dilation];
   * every position read lies inside (pad first).
   */
  window: WindowAttributes
  /** The adjoint of `window`: two axes at `axis` become one of size `length`, overlapping positions added. */
  fold: WindowAttributes & { readonly length: Dim }

  // Contraction: output axes are batch…, free left…, free right…, in the order of their operands
  contract: {
    readonly batch: readonly (readonly [left: number, right: number])[]
    readonly contracted: readonly (readonly [left: number, right: number])[]
  }

  // Convolution of x [batch, group, channel, spatial…] with a filter [group, filter, channel, spatial…]
  convolve: ConvolutionAttributes

  // Pooling of x [n, spatial…]: the largest element of each window, and (x, y, cotangent of y) → cotangent of x
  pool_max: PoolingAttributes
  pool_max_gradient: PoolingAttributes

  /**
   * attention(q [b, g, r, t, e], k [b, g, s, e], v [b, g, s, f], bias?): all mixtures of values, [b, t, g, r, f], then, if `keeps`, the
   * probabilities, in one row. A bias has the shape of the scores, [b, g, r, t, s], but for leading axes of size one;
   * where it is −1e9 or less, a score is hidden, and changes with no query and no key.
   */
  attention: AttentionAttributes
  /** (q, k, v, cotangent of the mixtures, the result if it `keeps`, bias?) → the cotangents of q, k and v in one row, or `packed`. */
  attention_gradient: AttentionAttributes

  // Indexed access. gather(x, indices): axis `axis` of x is replaced by the axes of indices (i32, bounded)
  gather: { readonly axis: number }
  /** scatter_add(updates, indices): the adjoint of gather; `size` is the length of the restored axis. */
  scatter_add: { readonly axis: number; readonly size: Dim }

  /**
   * A loop of `length` steps. Operands: the first carries, then the elements, then values from outside. The body has the
   * inputs `carry0…`, `element0…`, `outside0…` and the outputs `carry0…` (the next carries, of the same types), then
   * `yield0…`. Step t reads entry t of each element along its first axis and writes entry t of each stacked yield along a
   * new first axis; with `reverse`, entry length − 1 − t of both. Its own type is that of result 0.
   */
  scan: {
    readonly length: Dim
    readonly reverse: boolean
    readonly carries: number
    readonly elements: number
    readonly body: Graph
  }
  /**
   * A fixed point: repeats the body from the first carries until no element of a carry moves by more than `tolerance`,
   * at most `limit` times. Operands: the first carries, then values from outside; body inputs `carry0…`, `outside0…`,
   * outputs `carry0…`. Results: the last carries, then the number of steps taken (i32 scalar). Its gradient is that of
   * the exact fixed point by the implicit function theorem, which presumes that one was reached and that the body
   * contracts there; where the iteration started has no influence.
   */
  iterate: { readonly tolerance: number; readonly limit: number; readonly carries: number; readonly body: Graph }
  /** result(loop): one result of a scan (the last carries, then the stacked yields) or of an iterate. */
  result: { readonly index: number }

  /**
   * gradient(y, x): d sum(y) / d x, x's type. Replaced by automatic differentiation; never reaches fusion.
   */
  gradient: NoAttributes
  /** What the gradient of a result will be: a name for it in a gradient the user gave. `site` tells them apart. */
  cotangent: { readonly site: number; readonly type: TensorType }
  /**
   * with_gradient(y, dy, x…, g…): y, whose gradients with respect to `count` values x are g, in terms of the
   * `cotangent` dy.
   */
  with_gradient: { readonly count: number }
}

export type NoAttributes = Readonly<Record<never, never>>

export interface WindowAttributes {
  readonly axis: number
  readonly count: Dim
  readonly size: Dim
  readonly stride: number
  readonly dilation: number
}

/**
 * Per spatial axis: result element s and filter element k meet at position s·stride + k·filterDilation − low of the
 * input, whose elements lie `inputDilation` apart with zeros between and around them. Strides and filter dilations
 * may be negative, `low` too; `size` is the extent of the result.
 */
export interface ConvolutionAttributes {
  readonly strides: readonly number[]
  readonly low: readonly Dim[]
  readonly size: readonly Dim[]
  readonly inputDilation: readonly number[]
  readonly filterDilation: readonly number[]
}

/** Per spatial axis: element k of the window of result s lies at s·stride + k·dilation − low; those outside are left out. */
export interface PoolingAttributes {
  readonly strides: readonly number[]
  readonly low: readonly Dim[]
  readonly size: readonly Dim[]
  readonly window: readonly number[]
  readonly dilation: readonly number[]
}

/** Scores are scale·q·k; a causal query i sees the keys j ≤ i + offset. */
export interface AttentionAttributes {
  readonly scale: number
  readonly causal: boolean
  /** Not negative. */
  readonly offset: Dim
  readonly keeps: boolean
  /** Queries, keys and values come from one row for each position, side by side, and so shall their cotangents: [b, t, (q, k, v)]. */
  readonly packed: boolean
}

export type OpName = keyof OpAttributes

/** An op with its attributes, discriminated by `op`. */
export type Operation = { readonly [K in OpName]: { readonly op: K; readonly attributes: OpAttributes[K] } }[OpName]
