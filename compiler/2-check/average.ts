/**
 * `average ema(0.999)`: a train block whose parameters are running averages of the values it trains.
 *
 * A parameter itself holds the average, so that whatever reads, saves or loads it has that. The values the optimizer
 * works on are kept beside the optimizer's own states; they begin as the parameter at the first update.
 */
import type { AverageStatement, CallExpression, TrainDeclaration } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { apply, type Located, toTensor } from './arithmetic.ts'
import { expandTo } from './broadcast.ts'
import { evaluateArguments } from './calls.ts'
import { constant, type Entry, emit } from './entry.ts'
import { type Frame, report, type TrainContext, type VariableRecord } from './session.ts'
import { choose, updatesBefore } from './step-count.ts'
import type { TensorValue } from './values.ts'
import { declareInternal, initFrame } from './variables.ts'

export interface Average {
  readonly span: Span
  /** Reads the trained values in place of their average. */
  readonly substitute: NonNullable<Entry['substitute']>
  /** Stores the trained values and moves the averages, in the last step of each group. */
  keep(frame: Frame, trained: readonly VariableRecord[], step: TensorValue, complete: TensorValue | undefined): void
}

/** What a step reads of one parameter. */
interface Reading {
  readonly average: TensorValue
  readonly iterate: TensorValue
}

export function findAverage(train: TrainDeclaration, context: TrainContext): Average | undefined {
  const statements = train.body.statements.filter((statement) => statement.kind === 'average')
  const [statement] = statements
  if (!statement) return undefined
  const readings = new Map<string, Reading>()
  let unmoved: TensorValue | undefined
  const substitute: Average['substitute'] = (frame, span, { name, type, origins }, average) => {
    if (frame.session.variables.get(name)?.kind !== 'parameter') return undefined
    if (!unmoved) {
      const before = { value: updatesBefore(frame, context, span), span }
      const none = { value: constant(frame, span, 0, 'i32'), span }
      unmoved = apply(frame, span, 'equal', [before, none], 'i32', 'bool') as TensorValue
    }
    const attributes = { name: iterateName(context, name), type }
    const iterate = emit(frame, span, type, { op: 'variable', attributes }, [], origins)
    readings.set(name, { average, iterate })
    return choose(frame, span, unmoved, average, iterate)
  }
  return {
    span: statement.span,
    substitute,
    keep(frame, trained, step, complete) {
      const [, second] = statements
      if (second)
        report(frame, 'NN0202', second.span, 'a train block keeps one `average`', {
          labels: [{ span: statement.span, message: 'first here' }],
        })
      const decay = decayOf(frame, statement)
      if (!decay) return
      const weight = weightOf(frame, statement.span, decay, step)
      for (const parameter of trained) {
        const reading = readings.get(parameter.name)
        if (!reading) throw new Error(`internal: check: ${parameter.name} is trained but never read`)
        keepOne(frame, context, statement.span, parameter, reading, weight, complete)
        readings.delete(parameter.name)
      }
      // What is read but not trained has no other value than its own.
      for (const { average, iterate } of readings.values())
        frame.entry.values[iterate.id] = frame.entry.values[average.id]!
    },
  }
}

function keepOne(
  frame: Frame,
  context: TrainContext,
  span: Span,
  { name, type }: VariableRecord,
  { average, iterate }: Reading,
  weight: TensorValue,
  complete: TensorValue | undefined,
): void {
  const at = (value: TensorValue): Located => ({ value, span })
  const kept = iterateName(context, name)
  const initial = initFrame(frame, kept)
  const zeros = expandTo(initial, span, constant(initial, span, 0, 'f32'), type.shape)
  declareInternal(frame, { name: kept, kind: 'optimizer', type }, span, zeros)
  const state = frame.entry.variables.get(name)!
  frame.entry.variables.set(kept, { value: state.value, leaf: iterate, updated: true })
  const way = apply(frame, span, 'sub', [at(state.value), at(average)], 'f32')
  const part = apply(frame, span, 'mul', [{ value: way, span }, at(expandTo(frame, span, weight, type.shape))], 'f32')
  const moved = apply(frame, span, 'add', [at(average), { value: part, span }], 'f32') as TensorValue
  const value = complete ? choose(frame, span, complete, moved, average) : moved
  frame.entry.variables.set(name, { value, leaf: state.leaf, updated: true })
}

/** (1 − decay) / (1 − decay^step): the share of the newest values, all of it in the first step. */
function weightOf(frame: Frame, span: Span, decay: TensorValue, step: TensorValue): TensorValue {
  const one = { value: constant(frame, span, 1, 'f32'), span }
  const at = (value: TensorValue): Located => ({ value, span })
  const binary = (op: 'sub' | 'div' | 'pow' | 'minimum', a: Located, b: Located): Located =>
    at(apply(frame, span, op, [a, b], 'f32') as TensorValue)
  const power = binary('pow', at(decay), at(step))
  const share = binary('div', binary('sub', one, at(decay)), binary('sub', one, power))
  return binary('minimum', share, one).value as TensorValue
}

function decayOf(frame: Frame, { call }: AverageStatement): TensorValue | undefined {
  const known = call.kind === 'call' && call.callee.kind === 'name' && call.callee.name === 'ema'
  if (!known || call.arguments.length !== 1) {
    report(frame, 'NN0245', call.span, '`average` takes `ema(decay)`, as in `average ema(0.999)`')
    return undefined
  }
  const [decay] = evaluateArguments(frame, call as CallExpression)
  const tensor = toTensor(frame, decay!, 'f32')
  if (tensor.kind === 'error') return undefined
  const { value } = decay!
  if (tensor.type.shape.length === 0 && !(value.kind === 'number' && (value.value < 0 || value.value >= 1)))
    return tensor
  report(frame, 'NN0245', decay!.span, '`ema` needs one number from 0 to less than 1')
  return undefined
}

function iterateName(context: TrainContext, parameter: string): string {
  return `${context.name}/${parameter}/iterate`
}
