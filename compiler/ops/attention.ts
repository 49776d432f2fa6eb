/** Attention: queries, keys and values to mixtures of values, and the gradients to all three. */
import { add, type Dim, dimEqual, floorDivide, multiply, product, subtract, symbol } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { type EvaluationContext, type OpDef, type OpSample, ShapeError, type TensorValue } from './definition.ts'
import type { Expressions } from './expressions.ts'
import type { AttentionAttributes } from './op.ts'
import { formatType, requireDType } from './requirements.ts'

/** A bias of this or less hides a score: the score depends on no query and no key, and has no weight beside any that is not hidden. */
export const HIDDEN = -1e9

/** Sizes of q [b, g, r, t, e], k [b, g, s, e] and v [b, g, s, f]. */
export interface AttentionSizes<Size = Dim> {
  readonly b: Size
  readonly g: Size
  readonly r: Size
  readonly t: Size
  readonly s: Size
  readonly e: Size
  readonly f: Size
}

export function attentionSizes<Size>(q: readonly Size[], k: readonly Size[], v: readonly Size[]): AttentionSizes<Size> {
  const [b, g, r, t, e] = q as [Size, Size, Size, Size, Size]
  return { b, g, r, t, e, s: k[2]!, f: v[3]! }
}

/** From one row of kept probabilities to the next. */
export function keptRow(keys: Dim): Dim {
  return multiply(8, floorDivide(add(keys, 7), 8))
}

/** The parts of the result in elements: the mixtures, [b, t, g, r, f], and the probabilities, [b, g, r, t, keptRow(s)]. */
export function attentionParts({ b, g, r, t, s, f }: AttentionSizes, keeps: boolean): [mixtures: Dim, kept: Dim] {
  return [product([b, t, g, r, f]), keeps ? product([b, g, r, t, keptRow(s)]) : 0]
}

/** The parts of the gradient in elements: to q, [b, t, g, r, e], to k, [b, s, g, e], and to v, [b, s, g, f]. */
export function gradientParts({ b, g, r, t, s, e, f }: AttentionSizes): [q: Dim, k: Dim, v: Dim] {
  return [product([b, t, g, r, e]), product([b, s, g, e]), product([b, s, g, f])]
}

/** From one row of the gradient to q, k and v to the next. */
export function gradientRows({ g, r, e, f }: AttentionSizes, packed: boolean): [q: Dim, k: Dim, v: Dim] {
  const own: [Dim, Dim, Dim] = [product([g, r, e]), product([g, e]), product([g, f])]
  const row = own.reduce(add)
  return packed ? [row, row, row] : own
}

// y[b, t, g, r, f] = Σ p·v, p = softmax over s of scale·Σ q·k + bias, without the s a causal query does not see; then p, if it is kept.
const attention: OpDef<'attention'> = {
  arity: 'variadic',
  class: 'attention',
  infer: ([q, k, v, bias, ...rest], attributes) => {
    if (rest.length > 0) throw new ShapeError('attention takes at most four operands')
    const sizes = requireOperands('attention', [q, k, v], bias)
    const [mixtures, kept] = attentionParts(sizes, attributes.keeps)
    return { dtype: 'f32', shape: [add(mixtures, kept)] }
  },
  gradient: ({ build, inputs, output, cotangent, attributes }) => {
    const [q, k, v, bias] = inputs as [number, number, number, number | undefined]
    const sizes = attentionSizes(build.shapeOf(q), build.shapeOf(k), build.shapeOf(v))
    const { b, g, r, t, s, e, f } = sizes
    const [mixtures] = attentionParts(sizes, attributes.keeps)
    const slopes = build.reshape(build.slice(cotangent, [0], [mixtures]), [b, t, g, r, f])
    const more = [...(attributes.keeps ? [output] : []), ...(bias === undefined ? [] : [bias])]
    const all = build.emit('attention_gradient', [q, k, v, slopes, ...more], attributes)
    const { packed } = attributes
    const [ofQ, ofK, ofV] = packed ? gradientRows(sizes, false) : gradientParts(sizes)
    const part = (start: Dim, size: Dim, shape: readonly Dim[]): number =>
      build.reshape(packed ? build.slice(all, [0, 0, start], [b, t, size]) : build.slice(all, [start], [size]), shape)
    const gradients = [
      // An axis of one element would keep the permutation from meeting its inverse.
      dimEqual(r, 1)
        ? build.reshape(build.permute(part(0, ofQ, [b, t, g, e]), [0, 2, 1, 3]), [b, g, r, t, e])
        : build.permute(part(0, ofQ, [b, t, g, r, e]), [0, 2, 3, 1, 4]),
      build.permute(part(ofQ, ofK, [b, s, g, e]), [0, 2, 1, 3]),
      build.permute(part(add(ofQ, ofK), ofV, [b, s, g, f]), [0, 2, 1, 3]),
    ]
    return bias === undefined ? gradients : [...gradients, biasGradient(build, [q, k, v, bias], slopes, attributes)]
  },
  evaluate: ([q, k, v, bias], attributes, context) => {
    const sizes = attentionSizes(q!.shape, k!.shape, v!.shape)
    const { b, g, r, t, s, f } = sizes
    const row = context.size(keptRow(s))
    const mixtures = b * t * g * r * f
    const data = new Float64Array(mixtures + (attributes.keeps ? b * g * r * t * row : 0))
    eachHead(sizes, (head, pairs) => {
      const p = probabilities([q!, k!, v!], bias, attributes, sizes, pairs, context)
      for (let i = 0; i < t; i++) {
        for (let x = 0; x < f; x++) {
          let total = 0
          for (let j = 0; j < s; j++) total += p[i]![j]! * v!.data[(pairs.key * s + j) * f + x]!
          data[((pairs.b * t + i) * g * r + pairs.g * r + pairs.r) * f + x] = total
        }
        if (attributes.keeps) data.set(p[i]!, mixtures + (head * t + i) * row)
      }
    })
    return { dtype: 'f32', shape: [data.length], data }
  },
  samples: () => samplesOf(),
}

// From (q, k, v, cotangent of y), the attention's result, if it kept its probabilities, and its bias, if it has one. It is not
// differentiated again: where gradients of gradients are asked for, attention stays as it is written.
const attention_gradient: OpDef<'attention_gradient'> = {
  arity: 'variadic',
  class: 'attention',
  infer: ([q, k, v, slopes, ...more], attributes) => {
    const [kept, bias, ...rest] = attributes.keeps ? more : [undefined, ...more]
    if (rest.length > 0) throw new ShapeError('attention_gradient takes at most six operands')
    const sizes = requireOperands('attention_gradient', [q, k, v], bias)
    const { b, g, r, t, f } = sizes
    requireShape('attention_gradient', slopes, [b, t, g, r, f])
    if (attributes.keeps) requireShape('attention_gradient', kept, [attentionParts(sizes, true).reduce(add)])
    if (!attributes.packed) return { dtype: 'f32', shape: [gradientParts(sizes).reduce(add)] }
    if (!dimEqual(t, sizes.s)) throw new ShapeError('attention_gradient packs as many queries as keys')
    return { dtype: 'f32', shape: [b, t, gradientRows(sizes, false).reduce(add)] }
  },
  gradient: null,
  evaluate: ([q, k, v, slopes, ...more], attributes, context) => {
    const [result, bias] = attributes.keeps ? more : [undefined, ...more]
    const sizes = attentionSizes(q!.shape, k!.shape, v!.shape)
    const { b, g, r, t, s, e, f } = sizes
    const row = context.size(keptRow(s))
    const { packed } = attributes
    const parts = packed ? [g * r * e, g * e, g * f] : [b * t * g * r * e, b * s * g * e, b * s * g * f]
    const starts = [0, parts[0]!, parts[0]! + parts[1]!]
    const rows = gradientRows(sizes, packed) as [number, number, number]
    const data = new Float64Array((packed ? b * t : 1) * (starts[2]! + parts[2]!))
    eachHead(sizes, (head, pairs) => {
      const kept = (i: number): Float64Array => {
        const start = b * t * g * r * f + (head * t + i) * row
        return result!.data.subarray(start, start + s)
      }
      const p = attributes.keeps
        ? Array.from({ length: t }, (_, i) => kept(i))
        : probabilities([q!, k!, v!], bias, attributes, sizes, pairs, context)
      for (let i = 0; i < t; i++) {
        const query = (pairs.b * t + i) * g * r + pairs.g * r + pairs.r
        const slope = slopes!.data.subarray(query * f, (query + 1) * f)
        const value = (j: number): Float64Array =>
          v!.data.subarray((pairs.key * s + j) * f, (pairs.key * s + j + 1) * f)
        const d = Array.from(p[i]!, (weight, j) =>
          weight === 0 ? 0 : value(j).reduce((sum, own, x) => sum + own * slope[x]!, 0),
        )
        const total = d.reduce((sum, own, j) => sum + own * p[i]![j]!, 0)
        for (let j = 0; j < s; j++) {
          const hidden = bias !== undefined && biasAt(bias, pairs, i, j) <= HIDDEN
          const ds = hidden ? 0 : attributes.scale * p[i]![j]! * (d[j]! - total)
          const toQuery = (pairs.b * t + i) * rows[0] + (pairs.g * r + pairs.r) * e
          const toKey = starts[1]! + (pairs.b * s + j) * rows[1] + pairs.g * e
          const toValue = starts[2]! + (pairs.b * s + j) * rows[2] + pairs.g * f
          for (let x = 0; x < f; x++) data[toValue + x]! += p[i]![j]! * slope[x]!
          for (let x = 0; x < e; x++) {
            data[toQuery + x]! += ds * k!.data[(pairs.key * s + j) * e + x]!
            data[toKey + x]! += ds * q!.data[(head * t + i) * e + x]!
          }
        }
      }
    })
    const shape = packed ? [b, t, rows[0]] : [data.length]
    return { dtype: 'f32', shape, data }
  },
  samples: () => gradientSamples(),
}

interface HeadPosition {
  readonly b: number
  readonly g: number
  readonly r: number
  /** Of the keys and values. */
  readonly key: number
}

function eachHead({ b, g, r }: AttentionSizes<number>, body: (head: number, position: HeadPosition) => void): void {
  for (let head = 0; head < b * g * r; head++) {
    const key = Math.floor(head / r)
    body(head, { b: Math.floor(key / g), g: key % g, r: head % r, key })
  }
}

/** Rows of probabilities of one head. */
function probabilities(
  [q, k]: readonly TensorValue[],
  bias: TensorValue | undefined,
  { scale, causal, offset }: AttentionAttributes,
  { t, s, e }: AttentionSizes<number>,
  position: HeadPosition,
  context: EvaluationContext,
): Float64Array[] {
  const { key, r } = position
  const head = q!.shape[2]! * key + r
  const reach = causal ? context.size(offset) + 1 : s
  return Array.from({ length: t }, (_, i) => {
    const seen = Math.min(s, i + reach)
    const scores = Array.from({ length: seen }, (_, j) => {
      let total = 0
      for (let x = 0; x < e; x++) total += q!.data[(head * t + i) * e + x]! * k!.data[(key * s + j) * e + x]!
      return total * scale + (bias ? biasAt(bias, position, i, j) : 0)
    })
    const largest = scores.reduce((most, own) => (own > most || Number.isNaN(own) ? own : most), -Infinity)
    const powers = scores.map((own) => Math.exp(own - largest))
    const sum = powers.reduce((total, own) => total + own, 0)
    const row = new Float64Array(s)
    powers.forEach((own, j) => {
      row[j] = own / sum
    })
    return row
  })
}

/** The bias of a score; axes of size one are repeated. */
function biasAt({ shape, data }: TensorValue, { b, g, r }: HeadPosition, i: number, j: number): number {
  const index = [b, g, r, i, j]
  return data[shape.reduce((at, size, axis) => at * size + (size === 1 ? 0 : index[axis]!), 0)]!
}

/** What a bias that is itself learned gets, written out. */
function biasGradient(
  build: Expressions,
  [q, k, v, bias]: readonly [number, number, number, number],
  slopes: number,
  { scale, causal, offset }: AttentionAttributes,
): number {
  const { b, g, r, t, s } = attentionSizes(build.shapeOf(q), build.shapeOf(k), build.shapeOf(v))
  const shape = [b, g, r, t, s]
  const heads = [
    [0, 0],
    [1, 1],
  ] as const
  const biasShape = build.shapeOf(bias)
  const same = shape.map((size, axis) => dimEqual(size, biasShape[axis]!))
  const kept = shape.flatMap((_, axis) => (same[axis] ? [axis] : []))
  const spread = build.expand(
    build.reshape(
      bias,
      kept.map((axis) => shape[axis]!),
    ),
    shape,
    kept,
  )
  const scores = build.add(build.scale(build.contract(q, k, { batch: heads, contracted: [[4, 3]] }), scale), spread)
  const column = build.iota(shape, 4)
  const limit = build.add(build.iota(shape, 3), build.expand(build.dimension(causal ? offset : s), shape, []))
  const seen = build.select(build.lessEqual(column, limit), scores, build.full(Number.NEGATIVE_INFINITY, shape))
  const over = (x: number): number => build.expand(x, shape, [0, 1, 2, 3])
  const powers = build.exp(build.sub(seen, over(build.reduceMax(seen, [4]))))
  const p = build.div(powers, over(build.reduceSum(powers, [4])))
  const d = build.contract(build.permute(slopes, [0, 2, 3, 1, 4]), v, { batch: heads, contracted: [[4, 3]] })
  const ds = build.mul(p, build.sub(d, over(build.reduceSum(build.mul(p, d), [4]))))
  const summed = shape.flatMap((_, axis) => (same[axis] ? [] : [axis]))
  return build.reshape(build.reduceSum(ds, summed), biasShape)
}

function requireOperands(
  op: string,
  operands: readonly (TensorType | undefined)[],
  bias: TensorType | undefined,
): AttentionSizes {
  const [q, k, v] = operands
  if (q?.shape.length !== 5 || k?.shape.length !== 4 || v?.shape.length !== 4)
    throw new ShapeError(`${op} takes queries of five axes, keys of four and values of four`)
  for (const operand of [q, k, v]) requireDType(op, operand, ['f32'])
  const sizes = attentionSizes(q.shape, k.shape, v.shape)
  const { b, g, s, e, f } = sizes
  requireShape(op, k, [b, g, s, e])
  requireShape(op, v, [b, g, s, f])
  if (bias) {
    const { r, t } = sizes
    requireDType(op, bias, ['f32'])
    const fits = [b, g, r, t].every((size, axis) => bias.shape[axis] === 1 || dimEqual(bias.shape[axis] ?? 0, size))
    if (bias.shape.length !== 5 || !fits || !dimEqual(bias.shape[4]!, s))
      throw new ShapeError(`${op} takes a bias for each score, not ${formatType(bias)}`)
  }
  return sizes
}

function requireShape(op: string, type: TensorType | undefined, shape: readonly Dim[]): void {
  const wanted: TensorType = { dtype: 'f32', shape }
  if (!type || formatType(type) !== formatType(wanted))
    throw new ShapeError(`${op} takes ${formatType(wanted)}, not ${type ? formatType(type) : 'nothing'}`)
}

interface SampleSizes {
  readonly q: readonly [Dim, Dim, Dim, Dim, Dim]
  readonly s: Dim
  readonly f: Dim
  readonly bias?: readonly Dim[]
  readonly causal?: Dim
  readonly packed?: boolean
}

const batch = symbol('Batch')
const cases: readonly SampleSizes[] = [
  { q: [batch, 2, 1, 5, 4], s: 5, f: 4, causal: 0 },
  { q: [2, 1, 1, 9, 3], s: 9, f: 5, causal: 0 },
  { q: [batch, 2, 2, 7, 3], s: 7, f: 5, causal: 0, packed: true },
  { q: [1, 2, 2, 4, 3], s: 7, f: 2, causal: 3 },
  { q: [2, 2, 1, 3, 5], s: 6, f: 1 },
  { q: [1, 1, 1, batch, 2], s: batch, f: 3, causal: 0 },
  { q: [1, 2, 1, 1, 4], s: 11, f: 6 },
  { q: [1, 2, 1, 1, 4], s: 3, f: 6, causal: 0 },
  { q: [2, 2, 1, 3, 4], s: 5, f: 4, bias: [2, 1, 1, 1, 5] },
  { q: [2, 1, 2, 3, 4], s: 5, f: 4, bias: [1, 1, 2, 3, 5], causal: subtract(batch, 1) },
]

function operandsOf({ q: [b, g, r, t, e], s, f, causal, packed = false }: SampleSizes) {
  const f32 = (...shape: Dim[]): TensorType => ({ dtype: 'f32', shape })
  const sizes: AttentionSizes = { b, g, r, t, s, e, f }
  return {
    inputs: [f32(b, g, r, t, e), f32(b, g, s, e), f32(b, g, s, f)],
    slopes: f32(b, t, g, r, f),
    attributes: { scale: 0.75, causal: causal !== undefined, offset: causal ?? 0, keeps: false, packed },
    sizes,
  }
}

function samplesOf(): OpSample<AttentionAttributes>[] {
  return cases.map((own) => {
    const { inputs, attributes } = operandsOf(own)
    const bias: TensorType[] = own.bias ? [{ dtype: 'f32', shape: own.bias }] : []
    return { inputs: [...inputs, ...bias], attributes, dims: { Batch: 3 } }
  })
}

function gradientSamples(): OpSample<AttentionAttributes>[] {
  return cases.flatMap((own) => {
    const { inputs, slopes, attributes, sizes } = operandsOf(own)
    const bias: TensorType[] = own.bias ? [{ dtype: 'f32', shape: own.bias }] : []
    const again = { inputs: [...inputs, slopes, ...bias], attributes, dims: { Batch: 3 } }
    // Probabilities behind what a query sees are zero, which random ones are not.
    if (own.bias || own.causal !== undefined) return [again]
    const kept: TensorType = { dtype: 'f32', shape: [attentionParts(sizes, true).reduce(add)] }
    return [again, { ...again, inputs: [...inputs, slopes, kept], attributes: { ...attributes, keeps: true } }]
  })
}

export const attentions = { attention, attention_gradient }
