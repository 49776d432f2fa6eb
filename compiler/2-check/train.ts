/** Train blocks: the step with gradients and updates, the evaluation, and the settings the trainer reads. */

import { matchesPattern } from '../../runtime/pattern.ts'
import type { CallExpression, ClipStatement, FreezeStatement, Statement, TrainDeclaration } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { addUp, keepUnless } from './accumulate.ts'
import { apply, type Located, toTensor } from './arithmetic.ts'
import { type Average, findAverage } from './average.ts'
import { expandTo } from './broadcast.ts'
import { evaluateArguments } from './calls.ts'
import type { CheckedEntry, TrainSettings } from './checked.ts'
import { dependenciesOf } from './dependencies.ts'
import { constant, createEntry, type Entry, emit, finishEntry } from './entry.ts'
import { bindEntryInputs, type EntryInputs, entryFrame, runEntry } from './entry-point.ts'
import { invoke } from './invoke.ts'
import { assignOptimizers, type FoundOptimizer, findOptimizers } from './optimizers.ts'
import { penalised } from './penalties.ts'
import { requireMatch } from './require-match.ts'
import { type Frame, report, type Session, type TrainContext, type VariableRecord } from './session.ts'
import { runStatement } from './statements.ts'
import { advanceStep, readStep } from './step-count.ts'
import { batchInStreams, columnName, groupSize, trainSettings } from './train-settings.ts'
import type { TensorValue, Value } from './values.ts'

/** Statements that say how to train; the others say what is computed. */
const trainerStatements = ['optimizer', 'setting', 'stop', 'freeze', 'clip', 'penalty', 'average'] as const

export interface CheckedTrain {
  readonly entries: readonly CheckedEntry[]
  readonly settings: TrainSettings
}

export function checkTrain(session: Session, train: TrainDeclaration): CheckedTrain {
  const name = train.name.text
  const step = elaborate(session, train, createEntry(`${name}.step`, 'step'), true)
  const evaluation = elaborate(session, train, createEntry(`${name}.evaluate`, 'evaluate'), false)
  const settings = trainSettings(step.frame, train, step.inputs, step.context)
  const streams = batchInStreams(train)
  const carried = (variable: string): boolean =>
    streams && variable.startsWith(`${name}/`) && session.variables.get(variable)?.kind === 'state'
  return { entries: [finishEntry(step.frame.entry), finishEntry(evaluation.frame.entry, carried)], settings }
}

interface Elaborated {
  readonly frame: Frame
  readonly context: TrainContext
  readonly inputs: EntryInputs
}

function elaborate(session: Session, train: TrainDeclaration, entry: Entry, training: boolean): Elaborated {
  const name = train.name.text
  const context: TrainContext = { name, metrics: [] }
  const statePrefix = { prefix: `${name}/`, kind: 'state' } as const
  const average = training ? findAverage(train, context) : undefined
  const own = average ? { ...entry, substitute: average.substitute } : entry
  const frame: Frame = { ...entryFrame(session, own, training, name), statePrefix, train: context, steps: context }
  const inputs: EntryInputs = { tensors: [] }
  runEntry(() => {
    inputs.tensors = bindEntryInputs(frame, train.inputs)
    for (const statement of train.body.statements)
      if (!isTrainerStatement(statement)) runStatement(frame, statement, 'train')
    addOutputs(frame, train, context)
    if (training) addOptimizer(frame, train, context, average)
  })
  return { frame, context, inputs }
}

function isTrainerStatement(statement: Statement): boolean {
  return (trainerStatements as readonly string[]).includes(statement.kind)
}

function addOutputs(frame: Frame, train: TrainDeclaration, context: TrainContext): void {
  if (!context.loss) {
    report(frame, 'NN0240', train.name.span, `the train block \`${train.name.text}\` has no \`loss\``, {
      hint: 'add one: `loss cross_entropy(logits, label)`',
    })
    return
  }
  for (const { name, value } of [{ name: 'loss', value: context.loss.value }, ...context.metrics]) {
    if (value.kind === 'tensor') frame.entry.outputs.push({ name, value: value.id })
    if (value.kind === 'statistic')
      for (const [at, column] of value.columns.entries())
        frame.entry.outputs.push({ name: columnName(name, at), value: column.id })
  }
}

/** Gradients of all trained parameters, summed over groups of steps, clipped, and given to their optimizers. */
function addOptimizer(
  frame: Frame,
  train: TrainDeclaration,
  context: TrainContext,
  average: Average | undefined,
): void {
  const optimizers = findOptimizers(frame, train)
  const loss = context.loss?.value
  if (loss?.kind !== 'tensor') return
  const trained = trainedParameters(frame, train, loss)
  const assigned = trained && optimizers && assignOptimizers(frame, train, optimizers, trained)
  if (!assigned) return
  const span = optimizers[0]!.span
  const size = groupSize(frame, train)
  const objective = penalised(frame, train, loss, trained)
  const single = trained.map((parameter) => gradientOf(frame, objective, parameter, context.loss!.span))
  const step = readStep(frame, context, span)
  const group = advanceStep(frame, context, size, span)
  const complete = group?.complete
  const gradients = clipped(
    frame,
    train,
    group ? addUp(frame, context, { first: group.first, size, span }, trained, single) : single,
  )
  for (const [at, parameter] of trained.entries()) {
    const optimizer = assigned[at]!
    const before = complete && new Map(frame.entry.variables)
    updateParameter(frame, train, optimizer, parameter, gradients[at]!, step)
    if (before) keepUnless(frame, optimizer.span, complete, before)
  }
  average?.keep(frame, trained, step, complete)
  for (const { name } of trained) claimTraining(frame, train, name, average?.span)
}

/** A parameter whose average one train block keeps is not updated by another one. */
function claimTraining(frame: Frame, train: TrainDeclaration, parameter: string, averaged: Span | undefined): void {
  const { trainers } = frame.session
  const earlier = trainers.get(parameter)
  const average = averaged ?? earlier?.averaged
  if (earlier && average)
    report(
      frame,
      'NN0251',
      train.name.span,
      `\`${parameter}\` is trained by \`${earlier.train.text}\` too, but one of both keeps its average`,
      {
        labels: [
          { span: average, message: 'the average' },
          { span: earlier.train.span, message: 'the other train block' },
        ],
        hint: '`freeze` it in one of the blocks',
      },
    )
  trainers.set(parameter, { train: train.name, averaged: average })
}

/** The parameters the loss is computed from, without the frozen ones. */
function trainedParameters(frame: Frame, train: TrainDeclaration, loss: TensorValue): VariableRecord[] | undefined {
  const { entry, session } = frame
  const needed = dependenciesOf(entry.values, loss.id)
  const reached: VariableRecord[] = []
  for (const [name, { leaf }] of entry.variables) {
    const variable = session.variables.get(name)
    if (variable?.kind === 'parameter' && needed.has(leaf.id)) reached.push(variable)
  }
  let trained = reached
  for (const statement of train.body.statements)
    if (statement.kind === 'freeze') trained = freeze(frame, statement, reached, trained)
  for (const { name } of reached) session.settled.add(name)
  if (trained.length > 0) return trained
  report(
    frame,
    'NN0244',
    train.name.span,
    reached.length === 0
      ? `the train block \`${train.name.text}\` reaches no parameter`
      : 'every parameter is frozen: there is nothing to train',
  )
  return undefined
}

function freeze(
  frame: Frame,
  statement: FreezeStatement,
  reached: readonly VariableRecord[],
  trained: readonly VariableRecord[],
): VariableRecord[] {
  const names = reached.map(({ name }) => name)
  for (const pattern of [statement.pattern, statement.except])
    if (pattern) requireMatch(frame.session, pattern, names, 'no parameter of this train block')
  const { pattern, except } = statement
  return trained.filter(
    ({ name }) => !matchesPattern(pattern.value, name) || (except !== undefined && matchesPattern(except.value, name)),
  )
}

function gradientOf(frame: Frame, loss: TensorValue, parameter: VariableRecord, span: Span): TensorValue {
  const { leaf } = frame.entry.variables.get(parameter.name)!
  return emit(frame, span, parameter.type, { op: 'gradient', attributes: {} }, [loss, leaf], leaf.origins)
}

/**
 * `clip global_norm(c)`: all gradients scaled so that their joint norm is at most c. `clip norm(c)`: each by its own norm.
 * `clip value(c)`: each element within ±c.
 */
function clipped(frame: Frame, train: TrainDeclaration, gradients: readonly TensorValue[]): readonly TensorValue[] {
  let current = gradients
  for (const statement of train.body.statements) {
    if (statement.kind !== 'clip') continue
    const limit = clipLimit(frame, statement)
    if (!limit) continue
    current =
      limit.method === 'value'
        ? clipValue(frame, statement.span, current, limit.bound)
        : limit.method === 'norm'
          ? current.flatMap((gradient) => clipNorm(frame, statement.span, [gradient], limit.bound))
          : clipNorm(frame, statement.span, current, limit.bound)
  }
  return current
}

function clipLimit(
  frame: Frame,
  statement: ClipStatement,
): { method: 'value' | 'norm' | 'global_norm'; bound: Located } | undefined {
  const { call } = statement
  const name = call.kind === 'call' && call.callee.kind === 'name' ? call.callee.name : undefined
  const known = name === 'value' || name === 'norm' || name === 'global_norm'
  if (call.kind !== 'call' || !known || call.arguments.length !== 1) {
    report(frame, 'NN0245', call.span, '`clip` takes `global_norm(c)`, `norm(c)` or `value(c)`')
    return undefined
  }
  const [bound] = evaluateArguments(frame, call as CallExpression)
  const tensor = toTensor(frame, bound!, 'f32')
  if (tensor.kind === 'error') return undefined
  if (tensor.type.shape.length === 0 && !(bound!.value.kind === 'number' && bound!.value.value <= 0))
    return { method: name, bound: { value: tensor, span: bound!.span } }
  report(frame, 'NN0245', bound!.span, `\`${name}\` needs one positive number`)
  return undefined
}

function clipValue(frame: Frame, span: Span, gradients: readonly TensorValue[], bound: Located): TensorValue[] {
  const at = (value: Value): Located => ({ value, span })
  const low = at(apply(frame, span, 'neg', [bound], 'f32'))
  return gradients.map((gradient) => {
    const above = at(apply(frame, span, 'maximum', [at(gradient), low], 'f32'))
    return apply(frame, span, 'minimum', [above, bound], 'f32') as TensorValue
  })
}

/** scale = min(1, c / (norm + 1e-6)), as PyTorch's clip_grad_norm_. */
function clipNorm(frame: Frame, span: Span, gradients: readonly TensorValue[], bound: Located): TensorValue[] {
  const at = (value: Value): Located => ({ value, span })
  let total: Value = constant(frame, span, 0, 'f32')
  for (const gradient of gradients) {
    const square = apply(frame, span, 'mul', [at(gradient), at(gradient)], 'f32') as TensorValue
    const axes = square.type.shape.map((_, axis) => axis)
    const sum =
      axes.length === 0
        ? square
        : emit(frame, span, { dtype: 'f32', shape: [] }, { op: 'reduce_sum', attributes: { axes } }, [square])
    total = apply(frame, span, 'add', [at(total), at(sum)], 'f32')
  }
  const norm = apply(frame, span, 'sqrt', [at(total)], 'f32')
  const safe = apply(frame, span, 'add', [at(norm), at(constant(frame, span, 1e-6, 'f32'))], 'f32')
  const ratio = apply(frame, span, 'div', [bound, at(safe)], 'f32')
  const scale = apply(frame, span, 'minimum', [at(ratio), at(constant(frame, span, 1, 'f32'))], 'f32') as TensorValue
  return gradients.map((gradient) => {
    const whole = expandTo(frame, span, scale, gradient.type.shape)
    return apply(frame, span, 'mul', [at(gradient), at(whole)], 'f32') as TensorValue
  })
}

function updateParameter(
  frame: Frame,
  train: TrainDeclaration,
  optimizer: FoundOptimizer,
  parameter: VariableRecord,
  gradient: TensorValue,
  step: TensorValue,
): void {
  const { declaration, globals, config, span } = optimizer
  const [p, g] = declaration.inputs
  const reference = {
    kind: 'variable',
    name: parameter.name,
    type: parameter.type,
    updatable: true,
    origins: parameter.origins,
  } as const
  const inputs = new Map([
    ...(p ? [[p, { value: reference, span }] as const] : []),
    ...(g ? [[g, { value: gradient, span }] as const] : []),
  ])
  invoke(frame, {
    declaration,
    globals,
    config,
    inputs,
    span,
    what: `\`${declaration.name.text}\``,
    extra: new Map([['step', step]]),
    overrides: {
      statePrefix: { prefix: `${train.name.text}/${parameter.name}/`, kind: 'optimizer' },
      site: `${train.name.text}/${parameter.name}`,
    },
  })
}
