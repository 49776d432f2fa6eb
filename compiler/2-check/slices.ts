/** Subscripts outside index notation: `x[0]`, `x[1:3]`, `x[..., 0]`, and items of tuples. */
import type { IndexExpression, Subscript } from '../1-parse/ast.ts'
import { boundsOf } from '../dimensions/bounds.ts'
import { add, type Dim, floorDivide, isConstant, subtract } from '../dimensions/dimension.ts'
import { reshaped } from './builtins/movement.ts'
import { emit, rangesOf } from './entry.ts'
import { evaluate } from './expressions.ts'
import { type Frame, report } from './session.ts'
import { describe, dimOf, displayDim, displayType, errorValue, type Origin, type Value } from './values.ts'

export function evaluateSlice(frame: Frame, expression: IndexExpression, given?: Value): Value {
  const target = given ?? evaluate(frame, expression.target)
  if (target.kind === 'error') return target
  if (target.kind === 'tuple' || target.kind === 'list') return selectItem(frame, expression, target.items)
  if (target.kind !== 'tensor')
    return report(
      frame,
      'NN0224',
      expression.target.span,
      `only tensors have subscripts, but this is ${describe(target)}`,
    )
  const { dtype, shape } = target.type
  const written = expression.subscripts.filter((subscript) => subscript.kind !== 'ellipsis')
  if (written.length > shape.length)
    return report(
      frame,
      'NN0224',
      expression.span,
      `${displayType(target.type)} has ${shape.length} axes, but there are ${written.length} subscripts`,
    )
  const start: Dim[] = []
  const size: Dim[] = []
  const dropped: boolean[] = []
  const origins: (Origin | undefined)[] = []
  const stride: number[] = []
  const take = (from: Dim, length: Dim, step: number, drop: boolean, origin: Origin | undefined): void => {
    start.push(from)
    stride.push(step)
    size.push(length)
    dropped.push(drop)
    origins.push(origin)
  }
  const takeWhole = (count: number): void => {
    for (let left = count; left > 0; left--) take(0, shape[start.length]!, 1, false, target.origins[start.length])
  }
  for (const subscript of expression.subscripts) {
    if (subscript.kind === 'ellipsis') {
      takeWhole(shape.length - written.length)
      continue
    }
    const range = subscriptRange(frame, subscript, shape[start.length]!)
    if (!range) return errorValue
    take(range.from, range.length, range.step, subscript.kind === 'expression', { span: subscript.span })
  }
  takeWhole(shape.length - start.length)
  const attributes = { start, size, stride }
  const cut = emit(frame, expression.span, { dtype, shape: size }, { op: 'slice', attributes }, [target], origins)
  if (!dropped.includes(true)) return cut
  const kept = <Item>(items: readonly Item[]): Item[] => items.filter((_, axis) => !dropped[axis])
  return reshaped(frame, expression.span, cut, kept(size), kept(origins))
}

function subscriptRange(
  frame: Frame,
  subscript: Exclude<Subscript, { kind: 'ellipsis' }>,
  size: Dim,
): { from: Dim; length: Dim; step: number } | undefined {
  const sizeOf = (expression: IndexExpression['target']): Dim | undefined => {
    const value = evaluate({ ...frame, floorDivision: true }, expression)
    if (value.kind === 'error') return undefined
    const dim = dimOf(value)
    if (dim !== undefined) return dim
    report(
      frame,
      'NN0224',
      expression.span,
      `a subscript must be known when compiled here, but this is ${describe(value)}`,
      {
        hint: 'inside index notation (`let y[i] = x[i + 1]`) indices are subscripts too; `gather` reads at computed positions',
      },
    )
    return undefined
  }
  let from: Dim | undefined
  let to: Dim | undefined
  if (subscript.kind === 'expression') {
    from = sizeOf(subscript.value)
    to = from === undefined ? undefined : subtract(from, -1)
  } else {
    from = subscript.from ? sizeOf(subscript.from) : 0
    to = subscript.to ? sizeOf(subscript.to) : size
  }
  if (from === undefined || to === undefined) return undefined
  const length = subtract(to, from)
  const ranges = rangesOf(frame)
  const possible = (dim: Dim, least: number): boolean => frame.session.rigid || boundsOf(dim, ranges).minimum >= least
  if (possible(from, 0) && possible(length, 0) && possible(subtract(size, to), 0)) {
    const step = subscript.kind === 'slice' && subscript.step ? stepOf(frame, subscript.step) : 1
    if (step === undefined) return undefined
    return { from, length: step === 1 ? length : floorDivide(add(length, step - 1), step), step }
  }
  const text = subscript.kind === 'expression' ? displayDim(from) : `${displayDim(from)}:${displayDim(to)}`
  report(frame, 'NN0222', subscript.span, `${text} does not lie inside an axis of ${displayDim(size)} elements`, {
    hint:
      fromTheBack(size, from) ??
      fromTheBack(size, to) ??
      (isConstant(size) ? 'positions count from 0' : 'it must hold for every size in the range of the dimension'),
  })
  return undefined
}

/** What to write for a position that Python counts from the back. */
function fromTheBack(size: Dim, position: Dim): string | undefined {
  if (!isConstant(position) || position >= 0) return undefined
  return `positions count from 0: from the back, write \`${displayDim(add(size, position))}\``
}

function stepOf(frame: Frame, expression: IndexExpression['target']): number | undefined {
  const value = evaluate(frame, expression)
  if (value.kind === 'error') return undefined
  const step = dimOf(value)
  if (step !== undefined && isConstant(step) && step >= 1) return step
  report(
    frame,
    'NN0224',
    expression.span,
    `the step of a slice must be a whole number from 1 on, known when compiled, but this is ${describe(value)}`,
  )
  return undefined
}

function selectItem(frame: Frame, expression: IndexExpression, items: readonly Value[]): Value {
  const [subscript] = expression.subscripts
  if (expression.subscripts.length === 1 && subscript?.kind === 'expression') {
    const value = evaluate({ ...frame, floorDivision: true }, subscript.value)
    if (value.kind === 'error') return value
    const at = dimOf(value)
    const item = at !== undefined && isConstant(at) ? items[at] : undefined
    if (item) return item
  }
  return report(frame, 'NN0224', expression.span, `this tuple has the items 0 to ${items.length - 1}`)
}
