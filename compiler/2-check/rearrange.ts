/** `rearrange(x, [b, t, (h, e)] -> [b, h, t, e], h = 4)`: split axes, reorder them, join them. */
import type { RearrangeExpression, RearrangeItem } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { type Dim, divideExactly, floorDivide, product } from '../dimensions/dimension.ts'
import { type Located, toTensor } from './arithmetic.ts'
import { differs } from './broadcast.ts'
import { permuted, reshaped } from './builtins/movement.ts'
import { type Frame, originLabel, report } from './session.ts'
import {
  describe,
  dimOf,
  displayDim,
  displayType,
  errorValue,
  type Origin,
  type TensorValue,
  type Value,
} from './values.ts'

interface Axis {
  readonly name: string
  readonly dim: Dim
  readonly origin: Origin | undefined
}

export function evaluateRearrange(
  frame: Frame,
  expression: RearrangeExpression,
  input: Located,
  sizes: ReadonlyMap<string, Located>,
): Value {
  const x = toTensor(frame, input)
  if (x.kind === 'error') return x
  const axes = splitAxes(frame, expression, x, sizes)
  if (!axes) return errorValue
  const byName = new Map(axes.map((axis, at) => [axis.name, { axis, at }]))
  const order: number[] = []
  const shape: Dim[] = []
  const origins: (Origin | undefined)[] = []
  const used = new Set<string>()
  for (const item of expression.to) {
    const names = namesOf(item, axes)
    const joined: Dim[] = []
    for (const name of names) {
      const found = byName.get(name)
      if (!found || used.has(name))
        return report(
          frame,
          'NN0225',
          spanOf(item),
          found ? `\`${name}\` stands twice on the right` : `\`${name}\` is not an axis on the left`,
        )
      used.add(name)
      order.push(found.at)
      joined.push(found.axis.dim)
    }
    if (item.kind === 'group') {
      shape.push(product(joined))
      origins.push({ span: item.span, note: joined.map(displayDim).join(' * ') })
    } else {
      shape.push(...joined)
      origins.push(...names.map((name) => byName.get(name)!.axis.origin))
    }
  }
  const lost = axes.find((axis) => !used.has(axis.name))
  if (lost) return report(frame, 'NN0225', expression.span, `the axis \`${lost.name}\` is missing on the right`)
  const parts = reshaped(
    frame,
    expression.span,
    x,
    axes.map((axis) => axis.dim),
    axes.map((axis) => axis.origin),
  )
  const moved = order.every((axis, at) => axis === at) ? parts : permuted(frame, expression.span, parts, order)
  return reshaped(frame, expression.span, moved, shape, origins)
}

/** Every axis on the left with its size, groups taken apart. */
function splitAxes(
  frame: Frame,
  expression: RearrangeExpression,
  x: TensorValue,
  sizes: ReadonlyMap<string, Located>,
): Axis[] | undefined {
  const { shape } = x.type
  const ellipses = expression.from.filter((item) => item.kind === 'ellipsis').length
  const written = expression.from.length - ellipses
  if (ellipses > 1 || written > shape.length || (ellipses === 0 && written !== shape.length)) {
    report(
      frame,
      'NN0225',
      expression.span,
      `the left side names ${written} axes, but the tensor is ${displayType(x.type)}`,
    )
    return undefined
  }
  const axes: Axis[] = []
  let at = 0
  for (const item of expression.from) {
    if (item.kind === 'ellipsis') {
      for (let count = shape.length - written; count > 0; count--, at++)
        axes.push({ name: `...${at}`, dim: shape[at]!, origin: x.origins[at] })
    } else if (item.kind === 'axis') {
      axes.push({ name: item.name.text, dim: shape[at]!, origin: x.origins[at] })
      at++
    } else {
      const parts = splitGroup(frame, item, shape[at]!, x.origins[at], sizes)
      if (!parts) return undefined
      axes.push(...parts)
      at++
    }
  }
  return axes
}

function splitGroup(
  frame: Frame,
  item: Extract<RearrangeItem, { kind: 'group' }>,
  total: Dim,
  origin: Origin | undefined,
  sizes: ReadonlyMap<string, Located>,
): Axis[] | undefined {
  const dims: (Dim | undefined)[] = []
  for (const name of item.names) {
    const given = sizes.get(name.text)
    const dim = given && dimOf(given.value)
    if (given && dim === undefined) {
      if (given.value.kind !== 'error')
        report(
          frame,
          'NN0215',
          given.span,
          `\`${name.text}\` must be a size known when compiled, but this is ${describe(given.value)}`,
        )
      return undefined
    }
    dims.push(dim)
  }
  const open = dims.filter((dim) => dim === undefined).length
  const known = product(dims.filter((dim) => dim !== undefined))
  const rest =
    open === 1
      ? (divideExactly(total, known) ?? (frame.session.rigid ? floorDivide(total, known) : undefined))
      : undefined
  if (open > 1) {
    const missing = item.names.filter((_, at) => dims[at] === undefined).map((name) => `\`${name.text}\``)
    report(frame, 'NN0225', item.span, `all but one of ${missing.join(', ')} need a size`, {
      hint: `write \`${item.names[0]!.text} = …\` at the end`,
    })
    return undefined
  }
  if ((open === 1 && rest === undefined) || (open === 0 && differs(frame, known, total))) {
    report(frame, 'NN0203', item.span, `an axis of ${displayDim(total)} does not split by ${displayDim(known)}`, {
      labels: [originLabel(origin, () => `${displayDim(total)} comes from here`)],
    })
    return undefined
  }
  return item.names.map((name, at) => ({
    name: name.text,
    dim: dims[at] ?? rest!,
    origin: sizes.has(name.text) ? { span: sizes.get(name.text)!.span } : { span: item.span },
  }))
}

function namesOf(item: RearrangeItem, axes: readonly Axis[]): string[] {
  if (item.kind === 'axis') return [item.name.text]
  if (item.kind === 'group') return item.names.map((name) => name.text)
  return axes.filter((axis) => axis.name.startsWith('...')).map((axis) => axis.name)
}

function spanOf(item: RearrangeItem): Span {
  return item.kind === 'axis' ? item.name.span : item.span
}
