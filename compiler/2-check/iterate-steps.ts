/** The three ways an `iterate` takes its steps: to a fixed point, a given number of them, or to a fixed point but unrolled. */
import type { Span } from '../diagnostics/diagnostic.ts'
import { apply } from './arithmetic.ts'
import { expandTo } from './broadcast.ts'
import { bodyInput } from './capture.ts'
import { cast, constant, emit } from './entry.ts'
import { type BodyResult, emitLoop, type OpenBody } from './loop-body.ts'
import type { Frame, LoopContext } from './session.ts'
import type { ErrorValue, TensorValue } from './values.ts'

export interface Iterated {
  readonly last: readonly TensorValue[]
  /** How many steps were taken, an i32 scalar. */
  readonly steps: () => TensorValue
}

const counter = { dtype: 'i32', shape: [] } as const

/** Steps until the carries rest; the gradient is that of the fixed point. */
export function iterateSteps(
  frame: Frame,
  span: Span,
  body: OpenBody,
  result: BodyResult,
  { tolerance, limit }: { readonly tolerance: number; readonly limit: number },
): Iterated {
  const { loop, last } = emitLoop(frame, span, { kind: 'iterate', tolerance, limit }, body, result)
  const steps = () => emit(frame, span, counter, { op: 'result', attributes: { index: last.length } }, [loop])
  return { last, steps }
}

/** Exactly `limit` steps. */
export function repeatSteps(frame: Frame, span: Span, body: OpenBody, result: BodyResult, limit: number): Iterated {
  const { last } = emitLoop(frame, span, { kind: 'scan', length: limit, reverse: false }, body, result)
  return { last, steps: () => constant(frame, span, limit, 'i32') }
}

/**
 * A scan of `limit` steps whose carries stay as they are from the step after the one that moved none of them by more than
 * the tolerance. So its gradient is that of the steps taken.
 */
export function unrollIterate(
  frame: Frame,
  span: Span,
  body: OpenBody,
  { carries: next }: BodyResult,
  given: { readonly now: readonly (TensorValue | ErrorValue)[]; readonly tolerance: number; readonly limit: number },
): Iterated {
  const inner = body.frame
  const { carries } = body.context
  const now = given.now.flatMap((value) => (value.kind === 'tensor' ? [value] : []))
  const own = (name: string, value: number): LoopContext['carries'][number] => ({
    name: { text: name, span },
    first: constant(frame, span, value, 'i32'),
  })
  // 1 as long as steps are taken, and how many were.
  const running = bodyInput(inner, span, `carry${carries.length}`, { type: counter, origins: [] })
  const taken = bodyInput(inner, span, `carry${carries.length + 1}`, { type: counter, origins: [] })
  const at = (value: TensorValue) => ({ value, span })
  const both = (op: 'add' | 'mul', left: TensorValue, right: TensorValue): TensorValue =>
    emit(inner, span, counter, { op, attributes: {} }, [left, right])
  const isRunning = apply(inner, span, 'equal', [at(running), at(constant(inner, span, 1, 'i32'))], 'i32', 'bool')
  const moves = next.map((value, place) => farthestMove(inner, span, value, now[place]!))
  const farthest = moves.reduce(
    (left, right) => apply(inner, span, 'maximum', [at(left), at(right)], 'f32') as TensorValue,
  )
  const limit = constant(inner, span, given.tolerance, 'f32')
  const moving = apply(inner, span, 'less', [at(limit), at(farthest)], 'f32', 'bool') as TensorValue
  const kept = next.map((value, place) => {
    const condition = expandTo(inner, span, isRunning as TensorValue, value.type.shape)
    return emit(
      inner,
      span,
      value.type,
      { op: 'select', attributes: {} },
      [condition, value, now[place]!],
      value.origins,
    )
  })
  const widened = { ...body, context: { ...body.context, carries: [...carries, own('running', 1), own('taken', 0)] } }
  const after = [both('mul', running, cast(inner, span, moving, 'i32')), both('add', taken, running)]
  const steps = { kind: 'scan', length: given.limit, reverse: false } as const
  const { last } = emitLoop(frame, span, steps, widened, { yields: [], carries: [...kept, ...after] })
  return { last: last.slice(0, carries.length), steps: () => last[carries.length + 1]! }
}

/** max |next − now|, a scalar. */
function farthestMove(frame: Frame, span: Span, next: TensorValue, now: TensorValue): TensorValue {
  const moved = emit(frame, span, next.type, { op: 'sub', attributes: {} }, [next, now])
  const distance = emit(frame, span, next.type, { op: 'abs', attributes: {} }, [moved])
  const axes = next.type.shape.map((_, axis) => axis)
  if (axes.length === 0) return distance
  return emit(frame, span, { dtype: 'f32', shape: [] }, { op: 'reduce_max', attributes: { axes } }, [distance])
}
