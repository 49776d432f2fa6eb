/** How far an index runs when tensors with axes of different sizes are read with it. */
import type { Span } from '../diagnostics/diagnostic.ts'
import { boundsOf } from '../dimensions/bounds.ts'
import { type Dim, dimEqual, isConstant, subtract } from '../dimensions/dimension.ts'
import { differs } from './broadcast.ts'
import { rangesOf } from './entry.ts'
import { evaluate } from './expressions.ts'
import type { IndexSlot } from './index-context.ts'
import { type Frame, originLabel, report } from './session.ts'
import { dimOf, displayDim, type Origin } from './values.ts'

/** Notes that `slot` runs over an axis of this size. Returns false after a report. */
export function fixExtent(frame: Frame, slot: IndexSlot, size: Dim, span: Span, origin: Origin | undefined): boolean {
  const source = origin ?? { span }
  if (slot.extent === undefined || isPartOf(frame, size, slot.extent)) {
    slot.extent = size
    slot.source = source
    return true
  }
  if (isPartOf(frame, slot.extent, size) || !differs(frame, slot.extent, size)) return true
  const { extent } = slot
  report(
    frame,
    'NN0220',
    span,
    `the index \`${slot.name}\` runs to ${displayDim(extent)}, but this axis has ${displayDim(size)}`,
    {
      labels: [
        originLabel(slot.source, () => `${displayDim(extent)} comes from here`),
        originLabel(origin, () => `${displayDim(size)} comes from here`),
      ],
      hint: remedyFor(frame, extent, size),
    },
  )
  return false
}

/**
 * Whether an axis of `size` is a table for up to `whole` entries, of which only the first are read. Two different
 * constants are more likely a mistake, unless a `where` clause says that this is meant.
 */
function isPartOf(frame: Frame, size: Dim, whole: Dim): boolean {
  if (dimEqual(size, whole)) return false
  const isTable = !isConstant(size) && isConstant(whole)
  if (!isTable && !isDeclaredPart(frame, size, whole)) return false
  return frame.session.rigid || boundsOf(subtract(whole, size), rangesOf(frame)).minimum >= 0
}

/** `where size <= whole`, or the same the other way round. */
function isDeclaredPart(frame: Frame, size: Dim, whole: Dim): boolean {
  return (frame.declaration?.where ?? []).some((constraint) => {
    if (constraint.kind !== 'binary') return false
    const { operator } = constraint
    const isOrder = operator === '<=' || operator === '<' || operator === '>=' || operator === '>'
    if (!isOrder) return false
    const [smaller, larger] = operator.startsWith('<')
      ? [constraint.left, constraint.right]
      : [constraint.right, constraint.left]
    const [low, high] = [smaller, larger].map((side) => dimOf(evaluate({ ...frame, floorDivision: true }, side)))
    return low !== undefined && high !== undefined && dimEqual(low, size) && dimEqual(high, whole)
  })
}

function remedyFor(frame: Frame, extent: Dim, size: Dim): string {
  const [constant, other] = isConstant(extent) ? [extent, size] : [size, extent]
  if (isConstant(constant) && !isConstant(other) && !frame.session.rigid) {
    const { maximum } = boundsOf(other, rangesOf(frame))
    return `${displayDim(other)} can be ${maximum}: lower its range to ${constant}, or give reads outside a value: \`x[i] ?? 0.0\``
  }
  return 'a read that may lie outside needs a value: `x[i] ?? 0.0`'
}
