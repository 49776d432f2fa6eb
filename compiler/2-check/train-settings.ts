/** What the trainer reads from a train block: sizes, epochs, seed, when to stop, on what data. */
import type { Expression, SettingStatement, StopStatement, TrainDeclaration } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { isConstant } from '../dimensions/dimension.ts'
import type { MetricSettings, TrainSettings } from './checked.ts'
import type { EntryInputs } from './entry-point.ts'
import { evaluate } from './expressions.ts'
import { type Frame, type Measure, report, type TrainContext } from './session.ts'
import { describe } from './values.ts'

export function trainSettings(
  frame: Frame,
  train: TrainDeclaration,
  inputs: EntryInputs,
  context: TrainContext,
): TrainSettings {
  const metrics = context.metrics.flatMap(metricSettings)
  const batchDim = sharedBatchDim(inputs)
  const numbers: Partial<Record<SettingStatement['setting'], number>> = {}
  let stop: TrainSettings['stop']
  const seen = new Map<string, Span>()
  for (const statement of train.body.statements) {
    const key = statement.kind === 'setting' ? statement.setting : statement.kind
    if (statement.kind !== 'setting' && statement.kind !== 'stop') continue
    const earlier = seen.get(key)
    if (earlier)
      report(frame, 'NN0202', statement.span, `\`${key}\` is set twice`, {
        labels: [{ span: earlier, message: 'first here' }],
      })
    seen.set(key, statement.span)
    if (statement.kind === 'stop') stop = stopRule(frame, statement, metrics)
    else numbers[statement.setting] = settingValue(frame, statement, batchDim)
    if (statement.kind === 'setting' && statement.streams && statement.setting !== 'batch')
      report(frame, 'NN0245', statement.span, `only \`batch\` is taken \`in streams\``)
  }
  const data = train.data && dataName(frame, train.data)
  if (data !== undefined && batchInStreams(train)) checkStreams(frame, train, data)
  return {
    name: train.name.text,
    ...(data !== undefined && { data }),
    ...(batchDim !== undefined && { batchDim }),
    ...(numbers.batch !== undefined && { batch: numbers.batch }),
    ...(batchInStreams(train) && { order: 'streams' as const }),
    ...(numbers.epochs !== undefined && { epochs: numbers.epochs }),
    ...(numbers.seed !== undefined && { seed: numbers.seed }),
    ...(stop && { stop }),
    metrics,
  }
}

/** The output that holds a column of a statistic; no metric can have this name. */
export function columnName(metric: string, column: number): string {
  return `${metric}.${column}`
}

function metricSettings({ name, value, ofEpoch, traits }: Measure): MetricSettings[] {
  if (value.kind === 'tensor') {
    const over = ofEpoch ? 'epoch' : 'batch'
    return [{ name, over, scalar: value.type.shape.length === 0, ...traits }]
  }
  if (value.kind !== 'statistic') return []
  const columns = value.columns.map((_, at) => columnName(name, at))
  return [{ name, over: { statistic: value.statistic, columns }, scalar: true, ...traits }]
}

/** `batch n in streams`: each row of a batch goes on where the same row of the batch before ended. */
export function batchInStreams(train: TrainDeclaration): boolean {
  return train.body.statements.some((own) => own.kind === 'setting' && own.setting === 'batch' && own.streams === true)
}

/** Streams need rows that follow each other: in order, and windows without overlap. */
function checkStreams(frame: Frame, train: TrainDeclaration, data: string): void {
  const batch = train.body.statements.find((own) => own.kind === 'setting' && own.streams === true)!
  for (const statement of frame.globals.data.get(data)!.statements) {
    if (statement.kind === 'split' && statement.manner?.kind !== 'in order')
      report(frame, 'NN0245', batch.span, `\`in streams\` needs rows in their order, and \`${data}\` is shuffled`, {
        labels: [{ span: statement.span, message: 'split here' }],
        hint: 'end the split with `in order`',
      })
    if (statement.kind !== 'field' || statement.value.kind !== 'call') continue
    const { callee, arguments: given } = statement.value
    const every = given.find(
      (argument, position) => argument.name?.text === 'every' || (!argument.name && position === 2),
    )
    if (every && callee.kind === 'name' && callee.name === 'window')
      report(frame, 'NN0245', batch.span, '`in streams` needs windows that follow each other', {
        labels: [{ span: every.span, message: 'these may overlap or leave gaps' }],
        hint: 'leave `every` out',
      })
  }
}

/** The run-time dimension that leads every input with axes. */
function sharedBatchDim({ tensors }: EntryInputs): string | undefined {
  const leading = new Set<string | undefined>()
  for (const { type } of tensors) {
    const [first] = type.shape
    if (first !== undefined) leading.add(isConstant(first) ? undefined : first.key)
  }
  const [name] = leading
  return leading.size === 1 && name !== undefined && /^\w+$/.test(name) ? name : undefined
}

function settingValue(frame: Frame, statement: SettingStatement, batchDim: string | undefined): number | undefined {
  const { setting, span } = statement
  const value = evaluate(frame, statement.value)
  if (value.kind === 'error') return undefined
  const least = setting === 'seed' ? 0 : 1
  if (value.kind !== 'number' || !Number.isInteger(value.value) || value.value < least || value.value > 2 ** 31 - 1) {
    report(
      frame,
      'NN0245',
      statement.value.span,
      `\`${setting}\` must be a whole number from ${least} on, known when compiled, but this is ${describe(value)}`,
    )
    return undefined
  }
  const range = setting === 'batch' && batchDim !== undefined ? frame.session.dims.get(batchDim) : undefined
  if (setting === 'batch' && !range)
    report(
      frame,
      'NN0245',
      span,
      'the inputs of this train block share no leading run-time dimension for `batch` to fill',
      {
        hint: 'write `f32[Batch, …]` for each input',
      },
    )
  else if (range && (value.value < range.minimum || value.value > range.maximum))
    report(
      frame,
      'NN0245',
      statement.value.span,
      `\`batch\` ${value.value} lies outside the range of \`${range.name}\`, ${range.minimum}..${range.maximum}`,
      {
        hint: `declare \`dim ${range.name} in 1..${value.value}\` at the top of the file`,
      },
    )
  return value.value
}

/** How many steps share one update: `accumulate 4`. */
export function groupSize(frame: Frame, train: TrainDeclaration): number {
  const statement = train.body.statements.find((own) => own.kind === 'setting' && own.setting === 'accumulate')
  return statement?.kind === 'setting' ? (settingValue(frame, statement, undefined) ?? 1) : 1
}

function stopRule(frame: Frame, statement: StopStatement, metrics: readonly MetricSettings[]): TrainSettings['stop'] {
  const { metric: written } = statement
  const part = written.kind === 'member' && written.target.kind === 'name' ? written.target.name : 'valid'
  const metric = written.kind === 'member' ? written.member.text : written.name
  const known = ['loss', ...metrics.filter(({ scalar }) => scalar).map(({ name }) => name)]
  if ((part !== 'train' && part !== 'valid') || !known.includes(metric)) {
    const options = known.map((name) => `valid.${name}`)
    const similar = suggest(`${part}.${metric}`, options)
    report(frame, 'NN0246', written.span, `there is no \`${part}.${metric}\` to watch`, {
      hint: similar ? `did you mean \`${similar}\`?` : `there are ${options.map((name) => `\`${name}\``).join(', ')}`,
    })
    return undefined
  }
  const epochs = wholeNumber(frame, statement.epochs)
  return epochs === undefined ? undefined : { part, metric, epochs }
}

function wholeNumber(frame: Frame, expression: Expression): number | undefined {
  const value = evaluate(frame, expression)
  if (value.kind === 'number' && Number.isInteger(value.value) && value.value > 0) return value.value
  if (value.kind !== 'error')
    report(
      frame,
      'NN0245',
      expression.span,
      `the number of epochs must be a whole number from 1 on, but this is ${describe(value)}`,
    )
  return undefined
}

function dataName(frame: Frame, name: { readonly text: string; readonly span: Span }): string | undefined {
  const { data } = frame.globals
  if (data.has(name.text)) return name.text
  const similar = suggest(name.text, data.keys())
  report(frame, 'NN0247', name.span, `there is no data block called \`${name.text}\``, {
    hint: similar ? `did you mean \`${similar}\`?` : `declare it: \`data ${name.text} { source csv("file.csv") }\``,
  })
  return undefined
}
