/** Broadcasting: trailing axes are aligned; missing axes and axes of size 1 repeat. */
import type { Span } from '../diagnostics/diagnostic.ts'
import { type Dim, dimEqual, shapeEqual, symbolsOf } from '../dimensions/dimension.ts'
import { emit } from './entry.ts'
import { type Frame, originLabel, report } from './session.ts'
import { displayDim, displayType, type ErrorValue, errorValue, type Origin, type TensorValue } from './values.ts'

/** Brings all operands to their common shape, or reports which sizes disagree. */
export function broadcast(
  frame: Frame,
  span: Span,
  operands: readonly { readonly value: TensorValue; readonly span: Span }[],
): TensorValue[] | ErrorValue {
  const rank = Math.max(...operands.map(({ value }) => value.type.shape.length))
  const shape: Dim[] = []
  const origins: (Origin | undefined)[] = []
  for (let axis = 0; axis < rank; axis++) {
    let decided: { dim: Dim; by: (typeof operands)[number]; origin: Origin | undefined } | undefined
    for (const operand of operands) {
      const { type } = operand.value
      const own = axis - rank + type.shape.length
      if (own < 0) continue
      const dim = type.shape[own]!
      const origin = operand.value.origins[own]
      if (decided === undefined || decided.dim === 1) {
        if (decided === undefined || dim !== 1) decided = { dim, by: operand, origin }
      } else if (dim !== 1 && differs(frame, dim, decided.dim)) {
        return reportMismatch(frame, span, decided, { dim, by: operand, origin }, axis)
      }
    }
    shape.push(decided!.dim)
    origins.push(decided!.origin)
  }
  const results: TensorValue[] = []
  for (const { value } of operands) results.push(expandTo(frame, span, value, shape, origins))
  return results
}

/**
 * Whether two sizes are certainly different. With generic sizes nobody has chosen yet, sizes that involve a
 * division may still agree (a `where` clause may say so).
 */
export function differs(frame: Frame, left: Dim, right: Dim): boolean {
  if (dimEqual(left, right)) return false
  if (!frame.session.rigid) return true
  const constrained = (frame.declaration?.where.length ?? 0) > 0
  return !constrained && !hasDivision(left) && !hasDivision(right)
}

export function hasDivision(dim: Dim): boolean {
  return typeof dim !== 'number' && symbolsOf(dim).length > 0 && dim.key.includes('/')
}

/** Repeats missing axes and axes of size 1. The shapes must be compatible. */
export function expandTo(
  frame: Frame,
  span: Span,
  value: TensorValue,
  shape: readonly Dim[],
  origins: readonly (Origin | undefined)[] = [],
): TensorValue {
  const from = value.type.shape
  if (shapeEqual(from, shape)) return value
  const offset = shape.length - from.length
  const kept = from.map((_, axis) => axis).filter((axis) => from[axis] !== 1 || shape[axis + offset] === 1)
  const { dtype } = value.type
  const keptShape = kept.map((axis) => from[axis]!)
  const squeezed =
    kept.length === from.length
      ? value
      : emit(frame, span, { dtype, shape: keptShape }, { op: 'reshape', attributes: { shape: keptShape } }, [value])
  const axes = kept.map((axis) => axis + offset)
  return emit(frame, span, { dtype, shape }, { op: 'expand', attributes: { shape, axes } }, [squeezed], origins)
}

interface Side {
  readonly dim: Dim
  readonly by: { readonly value: TensorValue; readonly span: Span }
  readonly origin: Origin | undefined
}

function reportMismatch(frame: Frame, span: Span, left: Side, right: Side, axis: number): ErrorValue {
  const describeSide = (side: Side) => ({ span: side.by.span, message: `this is ${displayType(side.by.value.type)}` })
  const cause = (side: Side) =>
    originLabel(side.origin, (note) => `${displayDim(side.dim)}${note ? ` = ${note}` : ''} comes from here`)
  report(
    frame,
    'NN0203',
    span,
    `the sizes ${displayDim(left.dim)} and ${displayDim(right.dim)} in axis ${axis} do not match`,
    { labels: [describeSide(left), describeSide(right), cause(left), cause(right)] },
  )
  return errorValue
}
