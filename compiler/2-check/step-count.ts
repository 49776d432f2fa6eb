/** `step` in a train block, and the groups of steps whose gradients are added up (`accumulate 4`). */
import type { Span } from '../diagnostics/diagnostic.ts'
import { apply } from './arithmetic.ts'
import { expandTo } from './broadcast.ts'
import { cast, constant, emit, readVariable, updateVariable } from './entry.ts'
import type { Frame, TrainContext } from './session.ts'
import type { TensorValue, VariableReference } from './values.ts'
import { declareInternal, initFrame } from './variables.ts'

const counter = { dtype: 'i32', shape: [] } as const

/**
 * An f32 scalar: which update the gradients of this step go into, 1.0 for the first; in an evaluation the updates made
 * so far.
 */
export function readStep(frame: Frame, context: TrainContext, span: Span): TensorValue {
  if (context.step) return context.step
  const before = readVariable(frame, span, count(frame, `${context.name}/step`, span))
  const current = frame.training ? next(frame, span, before) : before
  context.step = cast(frame, span, current, 'f32')
  return context.step
}

/** How many updates there were before this step, i32. */
export function updatesBefore(frame: Frame, context: TrainContext, span: Span): TensorValue {
  return readVariable(frame, span, count(frame, `${context.name}/step`, span))
}

/** Where in its group of `size` this step is, if there are groups: only the last one makes an update. */
export function advanceStep(
  frame: Frame,
  context: TrainContext,
  size: number,
  span: Span,
): { readonly first: TensorValue; readonly complete: TensorValue } | undefined {
  const reference = count(frame, `${context.name}/step`, span)
  const before = readVariable(frame, span, reference)
  const after = next(frame, span, before)
  if (size === 1) {
    updateVariable(frame, span, reference, after)
    return undefined
  }
  const parts = count(frame, `${context.name}/step.part`, span)
  const earlier = readVariable(frame, span, parts)
  const part = next(frame, span, earlier)
  const isEqual = (value: TensorValue, number: number): TensorValue => {
    const operands = [
      { value, span },
      { value: constant(frame, span, number, 'i32'), span },
    ]
    return apply(frame, span, 'equal', operands, 'i32', 'bool') as TensorValue
  }
  const complete = isEqual(part, size)
  updateVariable(frame, span, parts, choose(frame, span, complete, constant(frame, span, 0, 'i32'), part))
  updateVariable(frame, span, reference, choose(frame, span, complete, after, before))
  return { first: isEqual(earlier, 0), complete }
}

/** `condition ? yes : no` for a scalar condition and two values of one type. */
export function choose(
  frame: Frame,
  span: Span,
  condition: TensorValue,
  yes: TensorValue,
  no: TensorValue,
): TensorValue {
  const whole = expandTo(frame, span, condition, yes.type.shape)
  return emit(frame, span, yes.type, { op: 'select', attributes: {} }, [whole, yes, no], yes.origins)
}

function count(frame: Frame, name: string, span: Span): VariableReference {
  const zero = constant(initFrame(frame, name), span, 0, 'i32')
  declareInternal(frame, { name, kind: 'optimizer', type: counter }, span, zero)
  return { kind: 'variable', name, type: counter, updatable: true, origins: [] }
}

function next(frame: Frame, span: Span, before: TensorValue): TensorValue {
  return emit(frame, span, counter, { op: 'add', attributes: {} }, [before, constant(frame, span, 1, 'i32')])
}
