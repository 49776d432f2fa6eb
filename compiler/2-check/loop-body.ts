/** The body of a loop: what it may read, what its `yield` gives, and the loop as one value with its results. */
import type { Block, Name, YieldStatement } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import type { Dim } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { type Located, toTensor } from './arithmetic.ts'
import { differs, expandTo } from './broadcast.ts'
import { bodyInput } from './capture.ts'
import type { LoopForm } from './checked.ts'
import { append, createBody, emit, type LoopPlace } from './entry.ts'
import { locate } from './expressions.ts'
import { bind, createScope } from './scope.ts'
import { type Frame, type LoopContext, originLabel, report } from './session.ts'
import { runBlock } from './statements.ts'
import { displayDim, displayType, type ErrorValue, errorValue, type TensorValue, type Value } from './values.ts'

export interface OpenBody {
  readonly frame: Frame
  readonly context: LoopContext
  readonly place: LoopPlace
  /** Binds a name of the loop's heading; each is written once. */
  readonly declare: (name: Name, value: Value) => void
}

export interface BodyResult {
  readonly yields: readonly TensorValue[]
  readonly carries: readonly TensorValue[]
}

/** A body to elaborate; `length` is the number of steps of a scan. */
export function openBody(outer: Frame, context: LoopContext, length?: Dim): OpenBody {
  const { entry, place } = createBody(outer.entry, length)
  const { indexed, expected, train, statePrefix, ...inherited } = outer
  const scope = createScope(outer.scope)
  const frame: Frame = { ...inherited, entry, scope, bodyScope: scope, floorDivision: false, loop: context }
  const declare = (name: Name, value: Value): void => {
    const earlier = scope.bindings.get(name.text)
    if (earlier)
      report(outer, 'NN0202', name.span, `\`${name.text}\` is already a name of this loop`, {
        labels: [earlier.span && { span: earlier.span, message: 'first here' }],
      })
    bind(scope, name.text, value, name.span)
  }
  return { frame, context, place, declare }
}

/** What the carries are at the beginning of a step. */
export function carryInputs({ frame, context, declare }: OpenBody): (TensorValue | ErrorValue)[] {
  return context.carries.map(({ name, first }, at) => {
    const now = first.kind === 'error' ? first : bodyInput(frame, name.span, `carry${at}`, first)
    declare(name, now)
    return now
  })
}

/** Elaborates the body; undefined if something in it was wrong (and reported). */
export function runLoopBody(
  { frame, context }: OpenBody,
  loop: { readonly kind: 'scan' | 'iterate'; readonly body: Block; readonly span: Span },
): BodyResult | undefined {
  const ended = runBlock(frame, loop.body, 'loop')
  const { result } = context
  if (result) return 'kind' in result ? undefined : result
  if (!ended) {
    const start = { ...loop.span, end: loop.span.start + loop.kind.length }
    report(frame, 'NN0283', start, `the body of this \`${loop.kind}\` ends without \`yield\``, {
      hint: `end it with \`${yieldForm(context)}\``,
    })
  }
  return undefined
}

function yieldForm({ keyword, carries }: LoopContext): string {
  const next = carries.map(({ name }) => `next_${name.text}`).join(', ')
  const value = keyword === 'scan' ? ' value' : ''
  return `yield${value}${next && ` carry ${next}`}`
}

/** `yield y carry next`: ends the body. */
export function runYield(frame: Frame, statement: YieldStatement): Value {
  const { loop } = frame
  if (!loop) throw new Error('internal: check: a yield outside a loop')
  const yields = yielded(frame, loop, statement)
  const carries = nextCarries(frame, loop, statement)
  loop.result = yields && carries ? { yields, carries } : errorValue
  return errorValue
}

/** A tuple yields each of its items. */
function yielded(frame: Frame, loop: LoopContext, statement: YieldStatement): TensorValue[] | undefined {
  if (!statement.value) {
    if (loop.carries.length > 0) return []
    report(frame, 'NN0283', statement.span, 'this loop neither yields nor carries anything', {
      hint: `write \`${yieldForm(loop)}\``,
    })
    return undefined
  }
  const { span } = statement.value
  const value = locate(frame, statement.value)
  if (loop.keyword === 'iterate') {
    if (value.value.kind !== 'error')
      report(frame, 'NN0283', span, '`iterate` gives only its carries once they have settled; it yields nothing', {
        hint: `write \`${yieldForm(loop)}\``,
      })
    return undefined
  }
  const items = value.value.kind === 'tuple' ? value.value.items : [value.value]
  const tensors = items.map((item) =>
    toTensor(frame, { value: item, span }, item.kind === 'number' ? 'f32' : undefined),
  )
  return allTensors(tensors)
}

function nextCarries(frame: Frame, loop: LoopContext, statement: YieldStatement): TensorValue[] | undefined {
  const values = statement.carry.map((expression) => locate(frame, expression))
  const { carries } = loop
  if (values.length !== carries.length) {
    const names = carries.map(({ name }) => `\`${name.text}\``).join(', ')
    const carried = carries.length === 0 ? 'nothing' : `${countOf(carries.length)} (${names})`
    const given = values.length === 0 ? 'none' : String(values.length)
    report(
      frame,
      'NN0282',
      statement.carry.length > 0 ? spanOf(values) : statement.span,
      `this loop carries ${carried}, but its \`yield\` passes on ${given}`,
      {
        labels: carries.slice(0, 1).map(({ name }) => ({ span: name.span, message: 'carried from here' })),
        hint: carries.length === 0 ? 'declare it after `over …`: `carry h = first`' : `write \`${yieldForm(loop)}\``,
      },
    )
    return undefined
  }
  return allTensors(values.map((value, at) => nextCarry(frame, carries[at]!, value)))
}

function nextCarry(frame: Frame, { name, first }: LoopContext['carries'][number], next: Located): Value {
  if (first.kind === 'error' || next.value.kind === 'error') return errorValue
  const { type } = first
  const tensor = toTensor(frame, next, next.value.kind === 'tensor' ? undefined : type.dtype)
  if (tensor.kind === 'error') return tensor
  const sameRank = tensor.type.shape.length === type.shape.length
  const axis = sameRank ? type.shape.findIndex((dim, at) => differs(frame, dim, tensor.type.shape[at]!)) : -1
  if (tensor.type.dtype === type.dtype && sameRank && axis < 0) return { ...tensor, type }
  const isScalar = tensor.type.dtype === type.dtype && tensor.type.shape.length === 0
  if (isScalar) return expandTo(frame, next.span, tensor, type.shape, first.origins)
  const source = (value: TensorValue) =>
    axis < 0
      ? undefined
      : originLabel(
          value.origins[axis],
          (note) => `${displayDim(value.type.shape[axis]!)}${note ? ` = ${note}` : ''} comes from here`,
        )
  return report(
    frame,
    'NN0281',
    next.span,
    `the carry \`${name.text}\` starts as ${displayType(type)}, but the next step gets ${displayType(tensor.type)}`,
    {
      labels: [{ span: name.span, message: `${displayType(type)} here` }, source(first), source(tensor)],
      hint: 'what a loop carries keeps its type from step to step',
    },
  )
}

/** Appends the loop and its results: the last carries, and each yield stacked along a new first axis. */
export function emitLoop(
  frame: Frame,
  span: Span,
  steps: LoopForm['steps'],
  { context, place, frame: inner }: OpenBody,
  { yields, carries }: BodyResult,
): { loop: TensorValue; last: TensorValue[]; stacks: TensorValue[] } {
  const first = context.carries.flatMap((carry) => (carry.first.kind === 'tensor' ? [carry.first] : []))
  const stackTypes = yields.map(({ type: { dtype, shape } }): TensorType => {
    return { dtype, shape: steps.kind === 'scan' ? [steps.length, ...shape] : shape }
  })
  const types = [...first.map(({ type }) => type), ...stackTypes]
  const ids = (values: readonly TensorValue[]): number[] => values.map(({ id }) => id)
  const form: LoopForm = {
    kind: 'loop',
    steps,
    carries: ids(first),
    elements: ids(place.elements),
    outside: ids(place.outside),
    body: { values: inner.entry.values, carries: ids(carries), yields: ids(yields) },
  }
  const loop = append(frame, span, types[0]!, form, [])
  const result = (type: TensorType, index: number, origins: TensorValue['origins']): TensorValue =>
    emit(frame, span, type, { op: 'result', attributes: { index } }, [loop], origins)
  return {
    loop,
    last: first.map(({ type, origins }, at) => result(type, at, origins)),
    stacks: yields.map(({ origins }, at) =>
      result(stackTypes[at]!, first.length + at, [undefined, ...originsOf(yields[at]!, origins)]),
    ),
  }
}

/** One origin per axis. */
function originsOf({ type }: TensorValue, origins: TensorValue['origins']): TensorValue['origins'] {
  return type.shape.map((_, axis) => origins[axis])
}

function allTensors(values: readonly Value[]): TensorValue[] | undefined {
  const tensors = values.flatMap((value) => (value.kind === 'tensor' ? [value] : []))
  return tensors.length === values.length ? tensors : undefined
}

function spanOf(values: readonly Located[]): Span {
  return { ...values[0]!.span, end: values.at(-1)!.span.end }
}

function countOf(count: number): string {
  return count === 1 ? '1 value' : `${count} values`
}
