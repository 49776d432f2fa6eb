/**
 * Random well-typed graphs for differential tests. Values stay in a tame range, and wherever a tiny rounding
 * difference could change a result by much (comparisons, `floor`, `argmax`, the branches of `maximum`) the operands
 * are exact: small dyadic fractions that float32 and float64 compute alike in any order.
 */
import fc from 'fast-check'
import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import {
  type Dim,
  dimEqual,
  evaluateDim,
  isConstant,
  multiply,
  product,
  symbol,
} from '../../compiler/dimensions/dimension.ts'
import { type Expressions, expressions } from '../../compiler/ops/expressions.ts'
import { elementCount, otherAxes, pick } from '../../compiler/ops/strides.ts'
import type { DType, TensorType } from '../../compiler/types.ts'
import { randomNumbers } from './sample-values.ts'

export interface RandomGraph {
  readonly graph: Graph
  readonly inputs: Record<string, Float64Array>
  readonly dims: Record<string, number>
}

export interface RandomGraphOptions {
  readonly minimumOps?: number
  readonly maximumOps?: number
  /**
   * Adds a scalar output `loss` and for each f32 input x the output `gradient.x`, as `gradient` nodes that
   * differentiation is still to replace.
   */
  readonly gradients?: boolean
}

/** An arbitrary of graphs with inputs for them. It shrinks to fewer ops. */
export function randomGraph(options: RandomGraphOptions = {}): fc.Arbitrary<RandomGraph> {
  const { minimumOps = 1, maximumOps = 25, gradients = false } = options
  return fc
    .record({
      seed: fc.integer({ min: 0, max: 2 ** 30 }),
      ops: fc.integer({ min: minimumOps, max: maximumOps }),
      batch: fc.constantFrom(1, 0, 2, 3, 4, 5, 7, 8, 17),
    })
    .map(({ seed, ops, batch }) => new RandomGraphMaker(seed, batch).make(ops, gradients))
}

/** Random graphs with gradients of a scalar loss with respect to every f32 input. */
export function randomGraphWithGradients(
  options: Omit<RandomGraphOptions, 'gradients'> = {},
): fc.Arbitrary<RandomGraph> {
  return randomGraph({ ...options, gradients: true })
}

/** What is known of a node's values. */
interface Value {
  readonly node: number
  readonly type: TensorType
  /** |x| is at most this. */
  readonly bound: number
  /** If defined, every element is a multiple of 2^−bits and no rounding has taken place. */
  readonly bits?: number | undefined
}

const sizes = [1, 2, 3, 4, 5, 7, 8, 17]
const maximumElements = 2000
const maximumBound = 1e3
/** Elements exact in float32: bound·2^bits below 2²⁴. */
const isExact = (bound: number, bits: number): boolean => bits >= 0 && bound * 2 ** bits < 2 ** 24

class RandomGraphMaker {
  private readonly random: () => number
  private readonly builder: GraphBuilder
  private readonly build: Expressions
  private readonly dims: Record<string, number>
  private readonly inputs: Record<string, Float64Array> = {}
  private readonly inputNodes = new Map<string, number>()
  private readonly values: Value[] = []
  private readonly batch = symbol('Batch')

  constructor(seed: number, batch: number) {
    this.random = randomNumbers(seed)
    this.dims = { Batch: batch }
    const heading = { name: 'random', kind: 'infer', dims: [{ name: 'Batch', minimum: 0, maximum: 32 }] } as const
    this.builder = new GraphBuilder(heading)
    this.build = expressions(this.builder)
  }

  make(ops: number, gradients: boolean): RandomGraph {
    const inputs = 1 + this.below(3)
    for (let count = 0; count < inputs; count++) this.addInput('f32', this.shape())
    for (let count = 0; count < ops; count++) this.addOp()
    const outputs: { name: string; node: number }[] = []
    const last = this.values.slice(-2)
    last.forEach(({ node }, at) => {
      outputs.push({ name: `y${at}`, node })
    })
    if (gradients) outputs.push(...this.loss())
    return { graph: this.builder.finish(outputs, []), inputs: this.inputs, dims: this.dims }
  }

  /** The mean of the last f32 values, weighted unevenly, and its gradients. */
  private loss(): { name: string; node: number }[] {
    const { build } = this
    let loss = build.constant(0)
    for (const value of this.values.filter(({ type }) => type.dtype === 'f32').slice(-3)) {
      const axes = value.type.shape.map((_, axis) => axis)
      const weight = this.addInput('f32', value.type.shape)
      const count = elementCount(this.numeric(value.type.shape))
      const total = build.reduceSum(build.mul(value.node, weight.node), axes)
      loss = build.add(loss, build.scale(total, 1 / (count * Math.max(1, value.bound))))
    }
    const gradients = [...this.inputNodes].flatMap(([name, node]) =>
      build.typeOf(node).dtype === 'f32' ? [{ name: `gradient.${name}`, node: build.gradient(loss, node) }] : [],
    )
    return [{ name: 'loss', node: loss }, ...gradients]
  }

  private addInput(dtype: DType, shape: readonly Dim[], limit?: number): Value {
    const name = `x${Object.keys(this.inputs).length}`
    const type: TensorType = { dtype, shape }
    const data = Float64Array.from({ length: elementCount(this.numeric(shape)) }, () => {
      if (dtype === 'bool') return this.below(2)
      return dtype === 'i32' ? this.below(limit ?? 9) - (limit === undefined ? 4 : 0) : (this.below(257) - 128) / 64
    })
    this.inputs[name] = data
    const bound = dtype === 'f32' ? 2 : (limit ?? 4)
    const node = this.build.input(name, type)
    this.inputNodes.set(name, node)
    return this.keep(node, bound, dtype === 'f32' ? 6 : 0)
  }

  private keep(node: number, bound: number, bits?: number): Value {
    const exact = bits !== undefined && isExact(bound, bits) ? bits : undefined
    const value = { node, type: this.build.typeOf(node), bound, bits: exact }
    this.values.push(value)
    return value
  }

  private addOp(): void {
    for (let attempt = 0; attempt < 20; attempt++) {
      const before = this.values.length
      this.choose(this.makers).call(this)
      const added = this.values[this.values.length - 1]!
      if (this.values.length > before && added.bound <= maximumBound && this.isSmall(added.type.shape)) return
      this.values.length = before
    }
  }

  private readonly makers: readonly (() => void)[] = [
    this.smooth,
    this.smooth,
    this.exactUnary,
    this.arithmetic,
    this.arithmetic,
    this.arithmetic,
    this.quotient,
    this.comparison,
    this.selection,
    this.conversion,
    this.reduction,
    this.reduction,
    this.extreme,
    this.arrangement,
    this.arrangement,
    this.expansion,
    this.padding,
    this.slicing,
    this.concatenation,
    this.windows,
    this.contraction,
    this.contraction,
    this.gathering,
    this.leaf,
  ]

  private smooth(): void {
    const x = this.any('f32')
    const { build } = this
    this.choose([
      () => x.bound <= 5 && this.keep(build.exp(x.node), Math.exp(x.bound)),
      () => this.keep(build.tanh(x.node), 1),
      () => this.keep(build.sigmoid(x.node), 1),
      () => this.keep(build.erf(x.node), 1),
      () => x.bound <= 50 && this.keep(build.sin(x.node), 1),
      () => x.bound <= 50 && this.keep(build.cos(x.node), 1),
      () => this.keep(build.log(this.positive(x)), Math.log(x.bound ** 2 + 0.5) + 1),
      () => this.keep(build.sqrt(this.positive(x)), x.bound + 1),
      () => this.keep(build.rsqrt(this.positive(x)), 1.5),
      () => this.keep(build.reciprocal(this.positive(x)), 2),
      () =>
        x.bound <= 10 &&
        this.keep(build.pow(this.positive(x), build.like(x.node, this.choose([2, 0.5, -1, 1.5]))), x.bound ** 4 + 1),
    ])()
  }

  /** x² + 0.5, well away from zero. */
  private positive(x: Value): number {
    const { build } = this
    return build.add(build.mul(x.node, x.node), build.like(x.node, 0.5))
  }

  private exactUnary(): void {
    const { build } = this
    const x = this.any(this.choose(['f32', 'i32'] as const))
    if (this.random() < 0.3) {
      this.keep(build.neg(x.node), x.bound, x.bits)
      return
    }
    if (x.bits === undefined) return
    const operation = this.choose([build.abs, build.sign, build.floor])
    if (operation === build.floor && x.type.dtype !== 'f32') return
    const bound = operation === build.sign ? 1 : operation === build.floor ? x.bound + 1 : x.bound
    this.keep(operation(x.node), bound, operation === build.abs ? x.bits : 0)
  }

  private arithmetic(): void {
    const { build } = this
    const x = this.any(this.choose(['f32', 'f32', 'i32'] as const))
    const y = this.sameType(x)
    const bits = x.bits !== undefined && y.bits !== undefined ? Math.max(x.bits, y.bits) : undefined
    this.choose([
      () => this.keep(build.add(x.node, y.node), x.bound + y.bound, bits),
      () => this.keep(build.sub(x.node, y.node), x.bound + y.bound, bits),
      () => this.keep(build.mul(x.node, y.node), x.bound * y.bound, bits === undefined ? undefined : x.bits! + y.bits!),
      () => bits !== undefined && this.keep(build.maximum(x.node, y.node), Math.max(x.bound, y.bound), bits),
      () => bits !== undefined && this.keep(build.minimum(x.node, y.node), Math.max(x.bound, y.bound), bits),
    ])()
  }

  private quotient(): void {
    const x = this.any('f32')
    const y = this.sameType(x)
    this.keep(this.build.div(x.node, this.positive(y)), x.bound * 2)
  }

  private comparison(): void {
    const { build } = this
    const x = this.any(this.choose(['f32', 'i32', 'bool'] as const))
    const y = this.sameType(x)
    if (x.bits === undefined || y.bits === undefined) return
    const operations =
      x.type.dtype === 'bool'
        ? [build.and, build.or, build.equal, build.notEqual]
        : [build.less, build.lessEqual, build.equal, build.notEqual]
    const result = this.choose(operations)(x.node, y.node)
    this.keep(this.random() < 0.2 ? build.not(result) : result, 1, 0)
  }

  private selection(): void {
    const { build } = this
    const x = this.any(this.choose(['f32', 'f32', 'i32', 'bool'] as const))
    const y = this.sameType(x)
    const condition = this.values.find(({ type }) => type.dtype === 'bool' && this.sameShape(type.shape, x.type.shape))
    const chosen = condition ?? this.addInput('bool', x.type.shape)
    const bits = x.bits !== undefined && y.bits !== undefined ? Math.max(x.bits, y.bits) : undefined
    this.keep(build.select(chosen.node, x.node, y.node), Math.max(x.bound, y.bound), bits)
  }

  private conversion(): void {
    const x = this.any(this.choose(['f32', 'i32', 'bool'] as const))
    if (x.bits === undefined) return
    const dtype = this.choose(['f32', 'i32', 'bool'] as const)
    if (dtype === x.type.dtype) return
    this.keep(this.build.cast(x.node, dtype), dtype === 'bool' ? 1 : x.bound, 0)
  }

  private reduction(): void {
    const { build } = this
    const x = this.any(this.choose(['f32', 'f32', 'i32'] as const))
    const axes = this.someAxes(x.type.shape.length)
    const count = elementCount(this.numeric(pick(x.type.shape, axes)))
    if (this.random() < 0.15 && count <= 5 && x.bound <= 3 && x.type.dtype === 'f32') {
      this.keep(build.reduceProd(x.node, axes), Math.max(1, x.bound) ** count)
      return
    }
    const sum = build.reduceSum(x.node, axes)
    if (x.type.dtype === 'f32' && x.bound * count > 50) this.keep(build.scale(sum, 1 / count), x.bound)
    else this.keep(sum, x.bound * count, x.bits)
  }

  private extreme(): void {
    const { build } = this
    const x = this.any(this.choose(['f32', 'f32', 'i32'] as const))
    if (x.bits === undefined || x.type.shape.length === 0) return
    const axes = this.someAxes(x.type.shape.length)
    this.choose([
      () => this.keep(build.reduceMax(x.node, axes), x.bound, x.bits),
      () => this.keep(build.reduceMin(x.node, axes), x.bound, x.bits),
      () => this.keep(build.argmax(x.node, this.below(x.type.shape.length)), 32, 0),
    ])()
  }

  private arrangement(): void {
    const { build } = this
    const x = this.any()
    const { shape } = x.type
    if (this.random() < 0.5) {
      const order = shape.map((_, axis) => axis)
      for (let at = order.length - 1; at > 0; at--) {
        const other = this.below(at + 1)
        ;[order[at], order[other]] = [order[other]!, order[at]!]
      }
      this.keep(build.permute(x.node, order), x.bound, x.bits)
      return
    }
    const axis = this.below(shape.length + 1)
    const [here, next] = [shape[axis], shape[axis + 1]]
    const splits = isConstant(here ?? 1) ? [2, 3, 4].filter((part) => ((here ?? 1) as number) % part === 0) : []
    const part = this.choose([0, ...splits])
    const target =
      part > 0
        ? shape.toSpliced(axis, 1, (here as number) / part, part)
        : here !== undefined && next !== undefined && this.random() < 0.6
          ? shape.toSpliced(axis, 2, multiply(here, next))
          : shape.toSpliced(axis, 0, 1)
    if (target.length <= 4) this.keep(build.reshape(x.node, target), x.bound, x.bits)
  }

  private expansion(): void {
    const x = this.any()
    if (x.type.shape.length >= 4) return
    const axis = this.below(x.type.shape.length + 1)
    const shape = x.type.shape.toSpliced(axis, 0, this.size())
    this.keep(this.build.expand(x.node, shape, otherAxes(shape.length, [axis])), x.bound, x.bits)
  }

  private padding(): void {
    const x = this.any(this.choose(['f32', 'i32'] as const))
    const low = x.type.shape.map(() => this.below(3))
    const high = x.type.shape.map(() => this.below(3))
    const value = this.choose([0, 0, 1, -2])
    this.keep(this.build.pad(x.node, low, high, value), Math.max(x.bound, 2), x.bits)
  }

  private slicing(): void {
    const x = this.any()
    const { shape } = x.type
    const stride = shape.map((dim) => (isConstant(dim) && dim > 1 ? 1 + this.below(3) : 1))
    const start = shape.map((dim) => (isConstant(dim) ? this.below(dim) : 0))
    const size = shape.map((dim, axis) =>
      isConstant(dim) ? 1 + this.below(Math.floor((dim - start[axis]! - 1) / stride[axis]!) + 1) : dim,
    )
    this.keep(this.build.slice(x.node, start, size, stride), x.bound, x.bits)
  }

  private concatenation(): void {
    const x = this.any()
    if (x.type.shape.length === 0) return
    const axis = this.below(x.type.shape.length)
    const parts = [x, this.sameType(x), ...(this.random() < 0.3 ? [x] : [])]
    const bits = parts.every((part) => part.bits !== undefined)
      ? Math.max(...parts.map((part) => part.bits!))
      : undefined
    this.keep(
      this.build.concat(
        parts.map((part) => part.node),
        axis,
      ),
      Math.max(...parts.map((part) => part.bound)),
      bits,
    )
  }

  private windows(): void {
    const { build } = this
    const x = this.any(this.choose(['f32', 'f32', 'i32'] as const))
    const axis = x.type.shape.findIndex((dim) => isConstant(dim) && dim > 1)
    if (axis < 0 || x.type.shape.length >= 4) return
    const length = x.type.shape[axis] as number
    const [stride, dilation] = [1 + this.below(3), 1 + this.below(2)]
    const size = 1 + this.below(Math.min(4, Math.floor((length - 1) / dilation) + 1))
    const count = Math.floor((length - 1 - (size - 1) * dilation) / stride) + 1
    const attributes = { axis, count, size, stride, dilation }
    const windows = this.keep(build.window(x.node, attributes), x.bound, x.bits)
    if (this.random() < 0.4) this.keep(build.fold(windows.node, { ...attributes, length }), x.bound * size, x.bits)
  }

  private contraction(): void {
    const { build } = this
    const x = this.any('f32')
    const rank = x.type.shape.length
    if (rank === 0) return
    const contractedAxis = this.below(rank)
    const batchAxis = rank > 1 && this.random() < 0.3 ? (contractedAxis + 1) % rank : undefined
    const shape: Dim[] = [x.type.shape[contractedAxis]!]
    if (batchAxis !== undefined) shape.push(x.type.shape[batchAxis]!)
    const free = this.random() < 0.85
    if (free) shape.push(this.size())
    const turn = this.below(shape.length)
    const order = shape.map((_, at) => (at + turn) % shape.length)
    const y = this.addInput('f32', pick(shape, order))
    const place = (position: number): number => order.indexOf(position)
    const count = elementCount(this.numeric([shape[0]!]))
    const flip = this.random() < 0.4
    const pair = (left: number, right: number): [number, number] => (flip ? [right, left] : [left, right])
    const node = build.contract(flip ? y.node : x.node, flip ? x.node : y.node, {
      batch: batchAxis === undefined ? [] : [pair(batchAxis, place(1))],
      contracted: [pair(contractedAxis, place(0))],
    })
    this.keep(node, x.bound * 2 * count, x.bits === undefined ? undefined : x.bits + 6)
  }

  private gathering(): void {
    const { build } = this
    const x = this.any(this.choose(['f32', 'f32', 'i32'] as const))
    const axis = x.type.shape.findIndex((dim) => isConstant(dim))
    if (axis < 0 || x.type.shape.length >= 4) return
    const size = x.type.shape[axis] as number
    const indices = this.addInput('i32', this.choose([[], [this.size()], [3, 2]]), size)
    const gathered = this.keep(build.gather(x.node, indices.node, axis), x.bound, x.bits)
    if (this.random() < 0.4) {
      const count = elementCount(this.numeric(indices.type.shape))
      this.keep(build.scatterAdd(gathered.node, indices.node, axis, size), x.bound * count, x.bits)
    }
  }

  private leaf(): void {
    const { build } = this
    const shape = this.shape()
    this.choose([
      () => this.keep(build.full((this.below(33) - 16) / 8, shape), 2, 3),
      () => shape.length > 0 && this.keep(build.iota(shape, this.below(shape.length)), 32, 0),
      () => this.keep(build.dimension(this.batch), 32, 0),
      () => this.keep(build.emit('uniform', [], { shape, site: this.below(5) }), 1),
      () => this.keep(build.emit('normal', [], { shape, site: this.below(5) }), 6),
      () => this.addInput('f32', shape),
      () => this.addInput('i32', shape),
      () => this.addInput('bool', shape),
    ])()
  }

  /** A value so far, of the dtype if one is given. */
  private any(dtype?: DType): Value {
    const candidates = this.values.filter(({ type }) => dtype === undefined || type.dtype === dtype)
    if (candidates.length === 0) return this.addInput(dtype ?? 'f32', this.shape())
    // Recent values more often, so that graphs grow deep.
    return candidates[Math.floor(this.random() ** 0.5 * candidates.length)]!
  }

  /** Another value of the type of x, found or brought to its shape. */
  private sameType(x: Value): Value {
    const { shape, dtype } = x.type
    const equal = this.values.filter(({ type }) => type.dtype === dtype && this.sameShape(type.shape, shape))
    if (equal.length > 1 && this.random() < 0.6) return this.choose(equal)
    const row = this.values.find(
      ({ type }) => type.dtype === dtype && type.shape.length === 1 && dimEqual(type.shape[0]!, shape.at(-1) ?? 0),
    )
    if (row && this.random() < 0.6) {
      const node = this.build.expand(row.node, shape, [shape.length - 1])
      return { node, type: x.type, bound: row.bound, bits: row.bits }
    }
    if (dtype === 'f32' && this.random() < 0.4) {
      const value = (this.below(33) - 16) / 8
      return { node: this.build.like(x.node, value), type: x.type, bound: 2, bits: 3 }
    }
    return this.addInput(dtype, shape)
  }

  private sameShape(left: readonly Dim[], right: readonly Dim[]): boolean {
    return left.length === right.length && left.every((dim, axis) => dimEqual(dim, right[axis]!))
  }

  private isSmall(shape: readonly Dim[]): boolean {
    const largest = evaluateDim(product(shape), { Batch: 32 })
    return shape.length <= 5 && elementCount(this.numeric(shape)) <= maximumElements && largest <= 20 * maximumElements
  }

  private shape(): Dim[] {
    const rank = this.choose([0, 1, 1, 2, 2, 2, 3])
    return Array.from({ length: rank }, (_, axis) => (axis === 0 && this.random() < 0.4 ? this.batch : this.size()))
  }

  private size(): number {
    return this.choose(sizes)
  }

  private someAxes(rank: number): number[] {
    const axes = Array.from({ length: rank }, (_, axis) => axis).filter(() => this.random() < 0.5)
    return axes.length === 0 && rank > 0 ? [this.below(rank)] : axes
  }

  private numeric(shape: readonly Dim[]): number[] {
    return shape.map((dim) => evaluateDim(dim, this.dims))
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  private choose<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
}
