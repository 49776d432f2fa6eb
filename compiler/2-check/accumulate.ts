/** Gradient accumulation: one update from the gradients of several steps. */
import type { Span } from '../diagnostics/diagnostic.ts'
import { apply } from './arithmetic.ts'
import { expandTo } from './broadcast.ts'
import { constant, type Entry, readVariable, updateVariable } from './entry.ts'
import type { Frame, TrainContext, VariableRecord } from './session.ts'
import { choose } from './step-count.ts'
import type { TensorValue, VariableReference } from './values.ts'
import { declareInternal, initFrame } from './variables.ts'

/** One group of steps: whether this step is its first, and how many it has. */
export interface Group {
  readonly first: TensorValue
  readonly size: number
  readonly span: Span
}

/** The mean gradients of the group so far: in its first step the sums begin anew, in its last they are complete. */
export function addUp(
  frame: Frame,
  context: TrainContext,
  { first, size, span }: Group,
  parameters: readonly VariableRecord[],
  gradients: readonly TensorValue[],
): TensorValue[] {
  return parameters.map(({ name: parameter, type, origins }, position) => {
    const name = `${context.name}/${parameter}/gradient.sum`
    const at = (value: TensorValue) => ({ value, span })
    const initial = initFrame(frame, name)
    const none = expandTo(initial, span, constant(initial, span, 0, 'f32'), type.shape)
    declareInternal(frame, { name, kind: 'optimizer', type }, span, none)
    const reference: VariableReference = { kind: 'variable', name, type, updatable: true, origins }
    const before = readVariable(frame, span, reference)
    const gradient = gradients[position]!
    const more = apply(frame, span, 'add', [at(before), at(gradient)], 'f32') as TensorValue
    const sum = choose(frame, span, first, gradient, more)
    updateVariable(frame, span, reference, sum)
    const share = expandTo(frame, span, constant(frame, span, 1 / size, 'f32'), type.shape)
    return apply(frame, span, 'mul', [at(sum), at(share)], 'f32') as TensorValue
  })
}

/** Makes the updates since `before` take effect only where `condition` holds. */
export function keepUnless(frame: Frame, span: Span, condition: TensorValue, before: Entry['variables']): void {
  for (const [name, state] of frame.entry.variables) {
    const earlier = before.get(name)?.value ?? state.leaf
    if (state.value === earlier) continue
    const value = choose(frame, span, condition, state.value, earlier)
    frame.entry.variables.set(name, { ...state, value })
  }
}
