/** Loops: `scan` along a dimension and `iterate` to a fixed point. A body is elaborated once, as a list of its own. */
import type { Carry, IterateExpression, ScanExpression } from '../1-parse/ast.ts'
import type { Dim } from '../dimensions/dimension.ts'
import { toTensor } from './arithmetic.ts'
import { addElement } from './capture.ts'
import { evaluate, locate } from './expressions.ts'
import { checkType } from './invoke.ts'
import { iterateSteps, repeatSteps, unrollIterate } from './iterate-steps.ts'
import { carryInputs, emitLoop, openBody, runLoopBody } from './loop-body.ts'
import { type Frame, type LoopContext, report } from './session.ts'
import { restackedAt, type SteppedDimension, steppedAxis, steppedFirst } from './stepped-axis.ts'
import { describe, dimOf, type ErrorValue, errorValue, type TensorValue, type Value } from './values.ts'
import { initialized } from './variables.ts'

/** Steps an `iterate` may be allowed. */
export const MAXIMUM_ITERATIONS = 1_000_000

/** The stacked yields, then the last carries: a tuple, or the value itself where there is only one. */
export function evaluateScan(frame: Frame, scan: ScanExpression): Value {
  if (frame.indexed) return reportIndexed(frame, scan)
  const dimension = steppedDimension(frame, scan)
  const elements = scan.elements.map(({ name, source }) => {
    const stacked = toTensor(frame, locate(frame, source))
    const axis = dimension && stacked.kind === 'tensor' ? steppedAxis(frame, dimension, stacked, source) : undefined
    return stacked.kind === 'tensor' && axis !== undefined ? { name, source, stacked, axis } : { name, source }
  })
  const carries = firstCarries(frame, scan.carries)
  const body = openBody(frame, { keyword: 'scan', carries }, dimension?.dim ?? 1)
  for (const { name, source, stacked, axis } of elements) {
    const value = stacked && addElement(body.frame, source.span, steppedFirst(frame, source.span, stacked, axis))
    body.declare(name, value ?? errorValue)
  }
  carryInputs(body)
  const result = runLoopBody(body, scan)
  const [first] = elements
  if (!result || !dimension || first?.axis === undefined || elements.some(({ stacked }) => !stacked)) return errorValue
  const steps = { kind: 'scan', length: dimension.dim, reverse: scan.reverse } as const
  const { last, stacks } = emitLoop(frame, scan.span, steps, body, result)
  return together([...stacks.map((stack) => restackedAt(frame, scan.span, stack, first.axis, dimension)), ...last])
}

/** The carries once none of them moves any more, or after a given number of steps; `counted`, then the number of steps. */
export function evaluateIterate(frame: Frame, loop: IterateExpression): Value {
  if (frame.indexed) return reportIndexed(frame, loop)
  const tolerance = loop.tolerance && setting(frame, loop.tolerance, 'a tolerance of 0 or more', (value) => value >= 0)
  const limit = setting(
    frame,
    loop.limit,
    `a whole number of steps from 1 to ${MAXIMUM_ITERATIONS.toLocaleString('en')}`,
    (value) => Number.isInteger(value) && value >= 1 && value <= MAXIMUM_ITERATIONS,
  )
  const carries = firstCarries(frame, loop.carries).map((carry, at) => {
    const { first } = carry
    if (!loop.tolerance || first.kind === 'error' || first.type.dtype === 'f32') return carry
    const { span } = loop.carries[at]!.initial
    const text = `\`iterate … until\` needs f32 carries, not ${first.type.dtype}`
    return { ...carry, first: report(frame, 'NN0205', span, text) }
  })
  // Towards a fixed point the body draws the same random numbers in every step.
  const body = openBody(frame, { keyword: 'iterate', carries }, loop.tolerance ? undefined : limit)
  const now = carryInputs(body)
  const result = runLoopBody(body, loop)
  if (!result || limit === undefined || (loop.tolerance && tolerance === undefined)) return errorValue
  const { span } = loop
  const { last, steps } =
    tolerance === undefined
      ? repeatSteps(frame, span, body, result, limit)
      : loop.unrolled
        ? unrollIterate(frame, span, body, result, { now, tolerance, limit })
        : iterateSteps(frame, span, body, result, { tolerance, limit })
  return together(loop.counted ? [...last, steps()] : last)
}

function together(values: readonly TensorValue[]): Value {
  const [only] = values
  return values.length === 1 && only ? only : { kind: 'tuple', items: values }
}

function reportIndexed(frame: Frame, loop: ScanExpression | IterateExpression): ErrorValue {
  return report(frame, 'NN0223', loop.span, `\`${loop.kind}\` gives whole tensors and cannot stand in index notation`, {
    hint: 'give the loop a `let` of its own and read its result with subscripts',
  })
}

/** The size after `over`. */
function steppedDimension(frame: Frame, { over }: ScanExpression): SteppedDimension | undefined {
  const value = evaluate({ ...frame, floorDivision: true }, over)
  if (value.kind === 'error') return undefined
  const dim: Dim | undefined = dimOf(value)
  if (dim === undefined || (value.kind !== 'number' && value.kind !== 'dimension')) {
    report(frame, 'NN0280', over.span, `a loop runs over a dimension, but this is ${describe(value)}`, {
      hint: 'name the dimension of the axis to step along: `over Time`',
    })
    return undefined
  }
  return { dim, expression: over, ...(value.origin && { origin: value.origin }) }
}

function firstCarries(frame: Frame, carries: ScanExpression['carries']): LoopContext['carries'] {
  return carries.map((carry) => ({ name: carry.name, first: firstCarry(frame, carry) }))
}

function firstCarry(frame: Frame, { name, type, initial }: Carry): TensorValue | ErrorValue {
  const located = locate(frame, initial)
  const { value } = located
  if (type) {
    const filled = initialized(frame, type, value, initial.span)
    return toTensor(frame, { value: checkType(frame, type, filled, initial.span, initial.span), span: initial.span })
  }
  const isInitializer =
    value.kind === 'initializer' || (value.kind === 'callable' && value.declaration.kind === 'initializer')
  if (isInitializer)
    return report(frame, 'NN0206', initial.span, `the shape of the carry \`${name.text}\` is not known`, {
      hint: `say its type: \`${name.text}: f32[…] = …\``,
    })
  return toTensor(frame, located, value.kind === 'number' ? 'f32' : undefined)
}

/** A number known when compiled that passes the test. */
function setting(
  frame: Frame,
  expression: IterateExpression['limit'],
  what: string,
  fits: (value: number) => boolean,
): number | undefined {
  const value = evaluate(frame, expression)
  if (value.kind === 'error') return undefined
  if (value.kind === 'number' && Number.isFinite(value.value) && fits(value.value)) return value.value
  report(
    frame,
    'NN0285',
    expression.span,
    `\`iterate\` needs ${what}, known when compiled, but this is ${describe(value)}`,
  )
  return undefined
}
