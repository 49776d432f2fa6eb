import { type Dim, isConstant } from '../../dimensions/dimension.ts'
import { type ContractionAxes, contractionAxes } from '../../ops/contraction.ts'
import { pick } from '../../ops/strides.ts'
import { broadcast } from '../broadcast.ts'
import type { Tensor } from '../onnx-graph.ts'
import type { Context, NodeOf, Translation } from '../translation.ts'
import { ascending, permuted, repeatedAxes, spread, type View, whole } from '../view.ts'

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
  const [left, right] = factors(x, y, axes)
  if (axes.leftContracted.length === 0) return outerProduct(node, left, right, context)
  if (axes.leftContracted.length === 1 && axes.leftBatch.length === 0 && left.free.length === 1) {
    if (right.free.length === 1) return whole(matrixProduct(left, right, context))
  }
  if (axes.leftContracted.length > 1 || (left.free.length > 1 && right.free.length > 1))
    return einsum(node, axes, [x, y], context)
  if (right.free.length <= 1) return stackedProduct(left, right, context)
  // The other way round its rows are the axes the result has last.
  const b = axes.leftBatch.length
  const count = right.free.length
  const product = stackedProduct(right, left, context)
  const range = (start: number, length: number): number[] => Array.from({ length }, (_, at) => start + at)
  return permuted(product, [...range(0, b), ...range(b + count, left.free.length), ...range(b, count)])
}

function factors(x: View, y: View, axes: ContractionAxes): [Factor, Factor] {
  return [
    { view: x, batch: axes.leftBatch, free: axes.leftFree, contracted: axes.leftContracted },
    { view: y, batch: axes.rightBatch, free: axes.rightFree, contracted: axes.rightContracted },
  ]
}

/** Without a sum: the operands, each repeated along what only the other has. */
function outerProduct(node: NodeOf<'contract'>, left: Factor, right: Factor, context: Context): View {
  const { shape, dtype } = node.type
  const b = left.batch.length
  const ordered = ({ view, batch, free }: Factor): View => permuted(view, [...batch, ...free])
  const places = (start: number, { free }: Factor): number[] => [
    ...left.batch.map((_, at) => at),
    ...free.map((_, at) => start + at),
  ]
  const views = [
    spread(ordered(left), shape, places(b, left)),
    spread(ordered(right), shape, places(b + left.free.length, right)),
  ]
  return broadcast(views, shape, context.layouts, (operands, sizes) =>
    context.writer.emit('Mul', operands, {}, { dtype, shape: sizes }),
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
function einsum(node: NodeOf<'contract'>, axes: ContractionAxes, views: readonly View[], context: Context): View {
  const [x, y] = views as [View, View]
  const left = x.shape.map((_, axis) => letters[axis]!)
  const right = y.shape.map((_, axis) => letters[x.shape.length + axis]!)
  const pairs = [
    ...axes.leftBatch.map((axis, at) => [axis, axes.rightBatch[at]!] as const),
    ...axes.leftContracted.map((axis, at) => [axis, axes.rightContracted[at]!] as const),
  ]
  for (const [own, other] of pairs) right[other] = left[own]!
  const result = [...pick(left, [...axes.leftBatch, ...axes.leftFree]), ...pick(right, axes.rightFree)]
  const equation = `${left.join('')},${right.join('')}->${result.join('')}`
  const operands = views.map((view) => context.layouts.exact(view))
  return whole(context.writer.emit('Einsum', operands, { equation }, { dtype: 'f32', shape: node.type.shape }))
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
