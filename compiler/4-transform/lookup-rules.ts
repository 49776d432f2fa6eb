/**
 * Identities of gather and scatter_add, which are products with a matrix of zeros and ones: a product with a table whose
 * rows are looked up more often than there are rows multiplies the table instead.
 */
import { type Dim, evaluateDim, isConstant, product, symbolsOf } from '../dimensions/dimension.ts'
import { contractionAxes } from '../ops/contraction.ts'
import type { OpAttributes } from '../ops/op.ts'
import { type Match, type Rule, rule } from './rule.ts'

export const lookupRules: readonly Rule[] = [
  rule('permute ∘ gather = gather of permuted indices', 'permute', ({ x, attributes: { order }, build, as }) => {
    const inner = as(x, 'gather')
    if (!inner) return undefined
    const [table, indices] = inner.inputs as [number, number]
    const { axis } = inner.attributes
    const own = within(order, axis, build.shapeOf(indices).length)
    return own && build.gather(table, build.permute(indices, own), axis)
  }),
  rule(
    'scatter_add ∘ permute = scatter_add at permuted indices',
    'scatter_add',
    ({ x, y, attributes: { axis, size }, build, as }) => {
      const inner = as(x, 'permute')
      const own = inner && within(inner.attributes.order, axis, build.shapeOf(y).length)
      if (!own) return undefined
      const back = own.map((_, at) => own.indexOf(at))
      return build.scatterAdd(inner.inputs[0]!, build.permute(y, back), axis, size)
    },
  ),
  rule('(G·t)·w = G·(t·w) for a G that gathers', 'contract', multiplyTable),
  rule('(G·t)ᵀ·y = tᵀ·(Gᵀ·y) for a G that gathers', 'contract', multiplySums),
  rule('Gᵀ·(y·w) = (Gᵀ·y)·w for a G that gathers', 'scatter_add', sumFirst),
]

/** How a permutation orders `count` axes from `axis` on, if it moves no other. */
function within(order: readonly number[], axis: number, count: number): readonly number[] | undefined {
  const inside = (at: number): boolean => at >= axis && at < axis + count
  if (!order.every((from, at) => (inside(at) ? inside(from) : from === at))) return undefined
  return order.slice(axis, axis + count).map((from) => from - axis)
}

/**
 * Whether a table has so many fewer rows than are looked up that work is better done on its rows: by far at usual sizes,
 * and at the smallest not much worse.
 */
function isSmaller(rows: Dim, indices: readonly Dim[]): boolean {
  const count = product(indices)
  const at = (size: number): number =>
    evaluateDim(count, Object.fromEntries(symbolsOf(count).map((name) => [name, size])))
  return isConstant(rows) && rows <= 2 * at(1) && 2 * rows <= at(64)
}

/** Of an axis behind `count` axes that begin at `axis`, where it is once those are one. */
function joined(at: number, axis: number, count: number): number {
  if (at < axis) return at
  return at < axis + count ? axis : at - count + 1
}

function multiplyTable({ x, y, attributes, build, as }: Match<'contract'>): number | undefined {
  const axes = contractionAxes(attributes, build.shapeOf(x).length, build.shapeOf(y).length)
  for (const side of [0, 1] as const) {
    const gathered = as(side === 0 ? x : y, 'gather')
    if (!gathered) continue
    const [table, indices] = gathered.inputs as [number, number]
    const { axis } = gathered.attributes
    const looked = build.shapeOf(indices)
    const free = side === 0 ? axes.leftFree : axes.rightFree
    const isFree = looked.every((_, at) => free.includes(axis + at))
    if (!isFree || !isSmaller(build.shapeOf(table)[axis]!, looked)) continue
    const renamed = renameAxes(attributes, side, (at) => joined(at, axis, looked.length))
    const result = build.contract(side === 0 ? table : x, side === 0 ? y : table, renamed)
    const before = free.filter((at) => at < axis).length
    return build.gather(result, indices, axes.leftBatch.length + (side === 0 ? 0 : axes.leftFree.length) + before)
  }
  return undefined
}

function multiplySums({ x, y, attributes, build, as }: Match<'contract'>): number | undefined {
  for (const side of [0, 1] as const) {
    const gathered = as(side === 0 ? x : y, 'gather')
    if (!gathered) continue
    const [table, indices] = gathered.inputs as [number, number]
    const { axis } = gathered.attributes
    const looked = build.shapeOf(indices)
    const other = side === 0 ? y : x
    // Where the other operand has the axes that are looked up, which must be side by side.
    const partners = looked.map(
      (_, at) => attributes.contracted.find((pair) => pair[side] === axis + at)?.[1 - side] ?? -1,
    )
    const start = Math.min(...partners)
    const beside = partners.length > 0 && start >= 0 && Math.max(...partners) === start + partners.length - 1
    const rows = build.shapeOf(table)[axis]!
    if (!beside || !isSmaller(rows, looked)) continue
    const order = partners.map((_, at) => partners.indexOf(start + at))
    const sums = build.scatterAdd(other, build.permute(indices, order), start, rows)
    const pairs = attributes.contracted.filter((pair) => pair[side] <= axis || pair[side] >= axis + looked.length)
    const kept = { batch: attributes.batch, contracted: pairs }
    const onTable = renameAxes(kept, side, (at) => joined(at, axis, looked.length))
    const renamed = renameAxes(onTable, side === 0 ? 1 : 0, (at) => joined(at, start, looked.length))
    return build.contract(side === 0 ? table : sums, side === 0 ? sums : table, renamed)
  }
  return undefined
}

function sumFirst({ x, y: indices, attributes: { axis, size }, build, as }: Match<'scatter_add'>): number | undefined {
  const inner = as(x, 'contract')
  const looked = build.shapeOf(indices)
  if (!inner || looked.length === 0 || !isSmaller(size, looked)) return undefined
  const [left, right] = inner.inputs as [number, number]
  const axes = contractionAxes(inner.attributes, build.shapeOf(left).length, build.shapeOf(right).length)
  const batches = axes.leftBatch.length
  const side = axis >= batches + axes.leftFree.length ? 1 : 0
  const free = side === 0 ? axes.leftFree : axes.rightFree
  const first = axis - batches - (side === 0 ? 0 : axes.leftFree.length)
  const own = free.slice(Math.max(0, first), first + looked.length)
  const start = own[0]
  const beside = first >= 0 && own.length === looked.length && own.every((at, place) => at === start! + place)
  if (start === undefined || !beside) return undefined
  const sums = build.scatterAdd(side === 0 ? left : right, indices, start, size)
  const renamed = renameAxes(inner.attributes, side, (at) => joined(at, start, looked.length))
  return build.contract(side === 0 ? sums : left, side === 0 ? right : sums, renamed)
}

function renameAxes(
  { batch, contracted }: OpAttributes['contract'],
  side: 0 | 1,
  rename: (axis: number) => number,
): OpAttributes['contract'] {
  const pairs = (list: OpAttributes['contract']['batch']): [number, number][] =>
    list.map(([left, right]) => (side === 0 ? [rename(left), right] : [left, rename(right)]))
  return { batch: pairs(batch), contracted: pairs(contracted) }
}
