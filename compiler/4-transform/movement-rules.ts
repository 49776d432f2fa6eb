/** Identities of ops that only move elements: compositions become one op, what moves nothing goes. */
import { add, type Dim, dimEqual, multiply, shapeEqual, subtract } from '../dimensions/dimension.ts'
import { pick } from '../ops/strides.ts'
import { axisGroups } from './axis-groups.ts'
import { type Match, type Rule, rule } from './rule.ts'

const all = (dims: readonly Dim[], size: number): boolean => dims.every((dim) => dimEqual(dim, size))

export const movementRules: readonly Rule[] = [
  rule('a constant has the same elements in any arrangement', ['reshape', 'permute', 'slice'], (match) => {
    const { x, attributes, build, constant } = match
    const value = constant(x)
    if (value === undefined) return undefined
    const shape =
      'shape' in attributes
        ? attributes.shape
        : 'size' in attributes
          ? attributes.size
          : pick(build.shapeOf(x), attributes.order)
    return build.full(value, shape, build.typeOf(x).dtype)
  }),

  rule('a reshape to the same shape', 'reshape', ({ x, attributes, build }) =>
    shapeEqual(attributes.shape, build.shapeOf(x)) ? x : undefined,
  ),
  rule('reshape ∘ reshape', 'reshape', ({ x, attributes, build, as }) => {
    const inner = as(x, 'reshape')
    return inner && build.reshape(inner.inputs[0]!, attributes.shape)
  }),
  rule('reshape ∘ expand = expand ∘ reshape', 'reshape', reshapeOfExpand),

  rule('a permutation that moves nothing', 'permute', ({ x, attributes: { order } }) =>
    order.every((axis, at) => axis === at) ? x : undefined,
  ),
  rule('permute ∘ permute', 'permute', ({ x, attributes: { order }, build, as }) => {
    const inner = as(x, 'permute')
    return inner && build.permute(inner.inputs[0]!, pick(inner.attributes.order, order))
  }),
  rule('a permutation of axes of size one is a reshape', 'permute', ({ x, attributes: { order }, build }) => {
    const shape = build.shapeOf(x)
    const long = order.filter((axis) => !dimEqual(shape[axis]!, 1))
    return long.every((axis, at) => at === 0 || axis > long[at - 1]!) ? build.reshape(x, pick(shape, order)) : undefined
  }),
  rule('permute ∘ expand = expand ∘ permute', 'permute', ({ x, attributes: { order }, build, as }) => {
    const inner = as(x, 'expand')
    if (!inner) return undefined
    const kept = inner.attributes.axes
    const axes = order.flatMap((axis, at) => (kept.includes(axis) ? [at] : []))
    const sources = axes.map((at) => kept.indexOf(order[at]!))
    return build.expand(build.permute(inner.inputs[0]!, sources), pick(inner.attributes.shape, order), axes)
  }),

  rule('an expansion that repeats nothing', 'expand', ({ x, attributes: { shape, axes }, build, constant }) => {
    const added = shape.filter((_, axis) => !axes.includes(axis))
    // An expanded constant stays as it is: that is how constants of any shape are known.
    return all(added, 1) && constant(x) === undefined ? build.reshape(x, shape) : undefined
  }),
  rule('expand ∘ expand', 'expand', ({ x, attributes: { shape, axes }, build, as }) => {
    const inner = as(x, 'expand')
    return inner && build.expand(inner.inputs[0]!, shape, pick(axes, inner.attributes.axes))
  }),

  rule('slice ∘ slice', 'slice', ({ x, attributes: outer, build, as }) => {
    const inner = as(x, 'slice')
    if (!inner) return undefined
    const { start, stride } = inner.attributes
    return build.slice(
      inner.inputs[0]!,
      start.map((dim, axis) => add(dim, multiply(outer.start[axis]!, stride[axis]!))),
      outer.size,
      stride.map((step, axis) => step * outer.stride[axis]!),
    )
  }),
  rule('the whole is no slice', 'slice', ({ x, attributes: { start, size, stride }, build }) =>
    shapeEqual(size, build.shapeOf(x)) && all(start, 0) && all(stride, 1) ? x : undefined,
  ),
  rule('slice ∘ expand = expand ∘ slice', 'slice', ({ x, attributes: { start, size, stride }, build, as }) => {
    const inner = as(x, 'expand')
    if (!inner) return undefined
    const { axes } = inner.attributes
    const source = build.slice(inner.inputs[0]!, pick(start, axes), pick(size, axes), pick(stride, axes))
    return build.expand(source, size, axes)
  }),
  rule('the slice of a padded tensor that is the tensor', 'slice', ({ x, attributes, build, as }) => {
    const inner = as(x, 'pad')
    if (!inner) return undefined
    const { start, size, stride } = attributes
    const source = inner.inputs[0]!
    const whole = shapeEqual(start, inner.attributes.low) && shapeEqual(size, build.shapeOf(source)) && all(stride, 1)
    return whole ? source : undefined
  }),
  rule('the slice of a concatenation that is a part', 'slice', ({ x, attributes, build, as }) => {
    const inner = as(x, 'concat')
    if (!inner || !all(attributes.stride, 1)) return undefined
    let start: Dim[] = attributes.start.map(() => 0)
    for (const part of inner.inputs) {
      const shape = build.shapeOf(part)
      if (shapeEqual(start, attributes.start) && shapeEqual(shape, attributes.size)) return part
      const { axis } = inner.attributes
      start = start.with(axis, add(start[axis]!, shape[axis]!))
    }
    return undefined
  }),

  rule('windows one wide, side by side, or their sums', ['window', 'fold'], windowOfOne),

  rule('padding of nothing', 'pad', ({ x, attributes: { low, high } }) =>
    all(low, 0) && all(high, 0) ? x : undefined,
  ),
  rule('pad ∘ pad', 'pad', ({ x, attributes: { low, high, value }, build, as }) => {
    const inner = as(x, 'pad')
    if (!inner || inner.attributes.value !== value) return undefined
    return build.pad(
      inner.inputs[0]!,
      low.map((dim, axis) => add(dim, inner.attributes.low[axis]!)),
      high.map((dim, axis) => add(dim, inner.attributes.high[axis]!)),
      value,
    )
  }),
  rule('a constant padded with itself', 'pad', ({ x, attributes: { low, high, value }, build, constant }) => {
    if (constant(x) !== value) return undefined
    const shape = build.shapeOf(x).map((dim, axis) => add(dim, add(low[axis]!, high[axis]!)))
    return build.full(value, shape, build.typeOf(x).dtype)
  }),
  rule('parts padded with zeros to stand side by side, added, are a concatenation', 'add', addedPads),

  rule('a concatenation of one', 'concat', ({ x, inputs }) => (inputs.length === 1 ? x : undefined)),
  rule('neighbouring slices side by side are one slice', 'concat', ({ inputs, attributes: { axis }, build, as }) => {
    const parts = inputs.map((input) => as(input, 'slice'))
    const [first] = parts
    if (!first) return undefined
    const source = first.inputs[0]!
    let end = first.attributes.start[axis]!
    for (const part of parts) {
      if (part?.inputs[0] !== source || part.attributes.stride.some((step) => step !== 1)) return undefined
      const { start, size } = part.attributes
      if (!start.every((own, at) => dimEqual(own, at === axis ? end : first.attributes.start[at]!))) return undefined
      end = add(end, size[axis]!)
    }
    const { start, size } = first.attributes
    return build.slice(source, start, size.with(axis, subtract(end, start[axis]!)))
  }),
  rule('concat ∘ concat', 'concat', ({ inputs, attributes: { axis }, build, as }) => {
    const parts = inputs.flatMap((input) => {
      const inner = as(input, 'concat')
      return inner?.attributes.axis === axis ? inner.inputs : [input]
    })
    return parts.length > inputs.length ? build.concat(parts, axis) : undefined
  }),
  rule('an axis of size one counts to zero', 'iota', ({ attributes: { shape, axis }, build }) =>
    dimEqual(shape[axis]!, 1) ? build.full(0, shape, 'i32') : undefined,
  ),
]

/** Where the reshape leaves repeated axes and the others apart, it can be done before repeating. */
function reshapeOfExpand({ x, attributes, build, as }: Match<'reshape'>): number | undefined {
  const inner = as(x, 'expand')
  const groups = inner && axisGroups(inner.attributes.shape, attributes.shape)
  if (!groups) return undefined
  const kept = inner.attributes.axes
  const axes: number[] = []
  for (const { from, to } of groups) {
    const own = from.filter((axis) => kept.includes(axis))
    if (own.length > 0 && own.length < from.length) return undefined
    if (own.length > 0) axes.push(...to)
  }
  if (axes.length === attributes.shape.length) return undefined
  return build.expand(build.reshape(inner.inputs[0]!, pick(attributes.shape, axes)), attributes.shape, axes)
}

function windowOfOne({ op, x, attributes, build }: Match<'window' | 'fold'>): number | undefined {
  const { axis, count, size, stride } = attributes
  const shape = build.shapeOf(x)
  const length = 'length' in attributes ? attributes.length : shape[axis]!
  if (!dimEqual(size, 1) || stride !== 1 || !dimEqual(count, length)) return undefined
  return build.reshape(x, op === 'window' ? shape.toSpliced(axis, 1, count, 1) : shape.toSpliced(axis, 2, length))
}

function addedPads({ x, y, build, as }: Match<'add'>): number | undefined {
  const [one, other] = [as(x, 'pad'), as(y, 'pad')]
  if (!one || !other || one.attributes.value !== 0 || other.attributes.value !== 0) return undefined
  for (const [first, second] of [
    [one, other],
    [other, one],
  ] as const) {
    const [a, b] = [build.shapeOf(first.inputs[0]!), build.shapeOf(second.inputs[0]!)]
    const { low, high } = first.attributes
    const differing = low.flatMap((dim, axis) => (dimEqual(dim, second.attributes.low[axis]!) ? [] : [axis]))
    const axis = differing[0]
    if (axis === undefined || differing.length > 1) continue
    const aligned = a.every((dim, at) => at === axis || dimEqual(dim, b[at]!))
    if (!aligned || !dimEqual(add(low[axis]!, a[axis]!), second.attributes.low[axis]!)) continue
    const whole = build.concat([first.inputs[0]!, second.inputs[0]!], axis)
    return build.pad(whole, low, high.with(axis, second.attributes.high[axis]!), 0)
  }
  return undefined
}
