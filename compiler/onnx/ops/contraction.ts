import { type Dim, isConstant } from '../../dimensions/dimension.ts'
import { type ContractionAxes, contractionAxes } from '../../ops/contraction.ts'
import { pick } from '../../ops/strides.ts'
import { broadcast } from '../broadcast.ts'
import type { Tensor } from '../onnx-graph.ts'
import type { Context, Translation } from '../translation.ts'
import { ascending, isUnit, permuted, repeatedAxes, spread, type View, whole } from '../view.ts'

/** An operand of a product with the roles of its axes. */
interface Factor {
  readonly view: View
  readonly batch: readonly number[]
  readonly free: readonly number[]
  readonly contracted: readonly number[]
}

const contract: Translation<'contract'> = (node, context) => {
  const [x, y] = node.inputs.map((input) => context.value(input)) as [View, View]
  const axes = contractionAxes(node.attributes, x.shape.length, y.shape.length)
  const matrices = axes.leftBatch.length === 0 && axes.leftContracted.length === 1
  if (matrices && axes.leftFree.length === 1 && axes.rightFree.length === 1) {
    const [left, right] = [
      { view: x, batch: [], free: axes.leftFree, contracted: axes.leftContracted },
      { view: y, batch: [], free: axes.rightFree, contracted: axes.rightContracted },
    ]
    return whole(matrixProduct(left, right, context))
  }
  return context.layouts.reshape(product(factors(x, y, axes), context), node.type.shape)
}

/** The sum of products, axes of size one left out of the result. */
function product([left, right]: readonly [Factor, Factor], context: Context): View {
  if (left.contracted.length === 0) return outerProduct(left, right, context)
  if (left.contracted.length > 1 || (left.free.length > 1 && right.free.length > 1)) return einsum(left, right, context)
  if (left.batch.length === 0) {
    if (left.free.length === 1 && right.free.length === 1) return whole(matrixProduct(left, right, context))
    const convolved = pointwise(left, right, context) ?? pointwise(right, left, context, true)
    if (convolved) return convolved
  }
  if (right.free.length <= 1) return stackedProduct(left, right, context)
  // The other way round its rows are the axes the result has last.
  const b = left.batch.length
  const count = right.free.length
  return permuted(stackedProduct(right, left, context), [
    ...range(0, b),
    ...range(b + count, left.free.length),
    ...range(b, count),
  ])
}

function range(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => start + at)
}

/** The operands without their axes of size one. */
function factors(x: View, y: View, axes: ContractionAxes): [Factor, Factor] {
  const factor = (view: View, ...roles: readonly (readonly number[])[]): Factor => {
    const long = view.shape.flatMap((dim, axis) => (isUnit(dim) ? [] : [axis]))
    const [batch, free, contracted] = roles.map((role) =>
      role.flatMap((axis) => (long.includes(axis) ? [long.indexOf(axis)] : [])),
    )
    return { view: permuted(view, long), batch: batch!, free: free!, contracted: contracted! }
  }
  return [
    factor(x, axes.leftBatch, axes.leftFree, axes.leftContracted),
    factor(y, axes.rightBatch, axes.rightFree, axes.rightContracted),
  ]
}

/** The sizes of the result: batch, left free, right free. */
function resultShape(left: Factor, right: Factor): Dim[] {
  return [
    ...pick(left.view.shape, left.batch),
    ...pick(left.view.shape, left.free),
    ...pick(right.view.shape, right.free),
  ]
}

/**
 * x[n, c, …]·w[o, c] as a convolution with filters of one element, where x lies so already: the result [n, o, …] has its
 * axes put in the order of the product, in which `exchanged` puts the filters' first.
 */
function pointwise(x: Factor, w: Factor, { writer, layouts }: Context, exchanged = false): View | undefined {
  const { tensor, axes, shape } = x.view
  const rank = tensor.shape.length
  if (w.free.length > 1 || rank < 3 || rank > 5 || axes.length !== rank) return undefined
  if (axes[x.contracted[0]!] !== 1 || repeatedAxes(x.view).length > 0) return undefined
  const units = range(0, rank - 2).map(() => 1)
  const filters = w.free.length === 0 ? 1 : w.view.shape[w.free[0]!]!
  const channels = shape[x.contracted[0]!]!
  const filter = layouts.exact(
    layouts.reshape(permuted(w.view, [...w.free, ...w.contracted]), [filters, channels, ...units]),
  )
  const result = writer.emit('Conv', [tensor, filter], {}, { dtype: 'f32', shape: tensor.shape.with(1, filters) })
  const rows = x.free.map((axis) => axes[axis]!)
  const columns = w.free.length === 0 ? [] : [1]
  const order = exchanged ? [...columns, ...rows] : [...rows, ...columns]
  const view = whole(result)
  return { tensor: result, shape: pick(view.shape, order), axes: pick(view.axes, order) }
}

/** Without a sum: the operands, each repeated along what only the other has. */
function outerProduct(left: Factor, right: Factor, context: Context): View {
  const shape = resultShape(left, right)
  const b = left.batch.length
  const ordered = ({ view, batch, free }: Factor): View => permuted(view, [...batch, ...free])
  const places = (start: number, { free }: Factor): number[] => [...range(0, b), ...range(start, free.length)]
  const views = [
    spread(ordered(left), shape, places(b, left)),
    spread(ordered(right), shape, places(b + left.free.length, right)),
  ]
  return broadcast(views, shape, context.layouts, (operands, sizes) =>
    context.writer.emit('Mul', operands, {}, { dtype: 'f32', shape: sizes }),
  )
}

/** [m, k]·[k, n]: Gemm, which reads either operand transposed. */
function matrixProduct(left: Factor, right: Factor, { writer, layouts }: Context): Tensor {
  const a = matrix(permuted(left.view, [left.free[0]!, left.contracted[0]!]), layouts.exact)
  const b = matrix(permuted(right.view, [right.contracted[0]!, right.free[0]!]), layouts.exact)
  const shape = [left.view.shape[left.free[0]!]!, right.view.shape[right.free[0]!]!]
  if (!a.transposed && !b.transposed) return writer.emit('MatMul', [a.tensor, b.tensor], {}, { dtype: 'f32', shape })
  const flags = { ...(a.transposed && { transA: 1 }), ...(b.transposed && { transB: 1 }) }
  return writer.emit('Gemm', [a.tensor, b.tensor], flags, { dtype: 'f32', shape })
}

function matrix(view: View, exact: (view: View) => Tensor): { readonly tensor: Tensor; readonly transposed: boolean } {
  const transposed = !ascending(view.axes)
  return { tensor: exact(transposed ? permuted(view, [1, 0]) : view), transposed }
}

/**
 * Matrix products [batch…, left free…, k]·[batch…, k, right free], of which the right operand is the same for all but
 * the last free axis of the left.
 */
function stackedProduct(left: Factor, right: Factor, { writer, layouts }: Context): View {
  const at = ({ view }: Factor, axes: readonly number[]): Dim[] => pick(view.shape, axes)
  const rows = left.free.length === 0 ? [1] : at(left, left.free)
  const columns = right.free.length === 0 ? [1] : at(right, right.free)
  const batch = at(left, left.batch)
  const depth = at(left, left.contracted)
  const x = layouts.exact(
    placed(left, [...left.batch, ...left.free, ...left.contracted], [...batch, ...rows, ...depth], left.free, batch),
  )
  const order = [...right.batch, ...right.contracted, ...right.free]
  const units = batch.length > 0 ? rows.slice(1).map(() => 1) : []
  const y = layouts.exact(placedRight(right, order, [...batch, ...units, ...depth, ...columns], batch.length, units))
  const product = writer.emit('MatMul', [x, y], {}, { dtype: 'f32', shape: [...batch, ...rows, ...columns] })
  return layouts.reshape(whole(product), [...batch, ...at(left, left.free), ...at(right, right.free)])
}

/** The left operand; without a free axis it gets one of size one. */
function placed(
  { view }: Factor,
  order: readonly number[],
  shape: readonly Dim[],
  free: readonly number[],
  batch: readonly Dim[],
): View {
  const positions = order.map((_, at) => (free.length === 0 && at >= batch.length ? at + 1 : at))
  return spread(permuted(view, order), shape, positions)
}

function placedRight(
  { view }: Factor,
  order: readonly number[],
  shape: readonly Dim[],
  batch: number,
  units: readonly Dim[],
): View {
  const positions = order.map((_, at) => (at < batch ? at : at + units.length))
  return spread(permuted(view, order), shape, positions)
}

const letters = 'abcdefghijklmnopqrstuvwxyz'

/** Everything else: the axes by letters. */
function einsum(left: Factor, right: Factor, { writer, layouts }: Context): View {
  const own = left.view.shape.map((_, axis) => letters[axis]!)
  const other = right.view.shape.map((_, axis) => letters[own.length + axis]!)
  left.batch.forEach((axis, at) => {
    other[right.batch[at]!] = own[axis]!
  })
  left.contracted.forEach((axis, at) => {
    other[right.contracted[at]!] = own[axis]!
  })
  const result = [...pick(own, [...left.batch, ...left.free]), ...pick(other, right.free)]
  const equation = `${own.join('')},${other.join('')}->${result.join('')}`
  const operands = [left, right].map(({ view }) => layouts.exact(view))
  return whole(writer.emit('Einsum', operands, { equation }, { dtype: 'f32', shape: resultShape(left, right) }))
}

/**
 * The result of a matrix product with a vector added to each row, as one Gemm; undefined if it is not that.
 */
export function withBias(product: View, bias: View, { writer }: Context): View | undefined {
  const { origin } = product.tensor
  if (origin.kind !== 'node' || product.shape.length !== 2 || repeatedAxes(product).length > 0) return undefined
  const { node } = origin
  const open = (node.op === 'Gemm' || node.op === 'MatMul') && node.inputs.length === 2
  if (!open || product.tensor.shape.length !== 2) return undefined
  if (node.inputs.some((input) => input!.shape.length !== 2)) return undefined
  const last = product.axes.indexOf(1)
  const fits = bias.axes.every((axis, at) => axis === undefined || at === last)
  const { shape } = bias.tensor
  if (!fits || shape.length > 1 || !shape.every(isConstant)) return undefined
  const { dtype } = product.tensor
  const inputs = [...node.inputs, bias.tensor]
  return { ...product, tensor: writer.emit('Gemm', inputs, node.attributes, { dtype, shape: product.tensor.shape }) }
}

export const contraction = { contract }
