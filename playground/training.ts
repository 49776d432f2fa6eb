import { drawCurves } from '../cli/curve/draw-curves.ts'
import { notedSteps, recordHistory } from '../cli/curve/record-history.ts'
import type { Dataset } from '../cli/data/dataset.ts'
import { feedRows } from '../cli/data/feed-rows.ts'
import { readCsv } from '../cli/data/read-csv.ts'
import { asDiagnostics, type FileOpener, planOf, readDataset, readTables } from '../cli/data/read-dataset.ts'
import type { RawColumn } from '../cli/data/table.ts'
import { metricTables, scalarMetrics } from '../cli/metric-table.ts'
import { formatBytes, formatCount, formatDuration, formatMetric } from '../cli/numbers.ts'
import { classesOf } from '../cli/predict/classes.ts'
import { dataForEntry } from '../cli/predict/data-for-entry.ts'
import { readInput } from '../cli/predict/read-rows.ts'
import { predictionsCsv, predictionsJson } from '../cli/predict/write-predictions.ts'
import type { SourceText } from '../cli/source-file.ts'
import { styleFor } from '../cli/style.ts'
import { scalarMeasures } from '../cli/train/measure-columns.ts'
import type { TrainFacts } from '../cli/train/train-report.ts'
import { batchOf, chooseTrain, dataOf, parameterCount, stepEntry, wantedInputs } from '../cli/train-block.ts'
import { DiagnosticsError, UserError } from '../cli/user-error.ts'
import { compile } from '../compiler/index.ts'
import { simdOf } from '../runtime/builds.ts'
import { supports } from '../runtime/engine.ts'
import { type DoneEvent, type EpochEvent, type Input, load, type Model } from '../runtime/index.ts'
import type { Answer } from './messages.ts'

/** A model that was trained in this page. */
export interface Trained {
  readonly name: string
  readonly module: Uint8Array
  save(): Uint8Array
  /** Predictions for CSV or JSON rows, in the form of the rows. */
  predict(rows: string): Promise<string>
}

/** Pictures are drawn at most so often, in milliseconds. */
const DRAWN_EVERY = 250

/** Compiles a file and trains it on its data, telling how it goes. Throws errors made for users. */
export async function train(
  source: SourceText,
  files: FileOpener,
  signal: AbortSignal,
  tell: (answer: Answer) => void,
): Promise<Trained> {
  tell({ kind: 'doing', what: 'compiling' })
  const began = performance.now()
  const build = supports('relaxed') ? 'relaxed' : 'plain'
  const { diagnostics, sources, modules, checked } = await compile(source.text, { file: source.name, builds: [build] })
  if (!modules || diagnostics.some(({ severity }) => severity === 'error'))
    throw new DiagnosticsError(diagnostics, sources)
  const milliseconds = performance.now() - began
  const module = modules[build]!
  if (checked!.loads.length > 0)
    throw new UserError(
      'this page reads no pretrained parameters',
      'leave out the `load` block, or run the file with `nnc train`',
    )
  const model = await load(module.slice())
  const settings = chooseTrain(model, source.name, undefined)
  tell({ kind: 'doing', what: 'reading the data' })
  const declaration = dataOf(checked!, settings)
  const wanted = wantedInputs(stepEntry(model, settings), settings.batchDim)
  const dataset = await readDataset(declaration, source, wanted, files)
  const facts: TrainFacts = {
    file: source.name,
    train: settings.name,
    parameters: parameterCount(model),
    build: simdOf(model.build),
    threads: 1,
    compileMilliseconds: milliseconds,
    fromCache: false,
    rows: dataset.rows,
    batch: batchOf(model, settings),
    startEpoch: 1,
    epochs: settings.epochs ?? 1,
    seed: model.seed >>> 0,
    metrics: settings.metrics,
    categories: dataset.categories,
  }
  const done = await follow(model, facts, dataset, signal, tell)
  const sample = await sampleRows(source, checked!.data, model, files)
  tell({ ...closing(done.event, facts), picture: done.picture, sample })
  return {
    name: model.manifest.name,
    module,
    save: () => model.save(),
    predict: (rows) => predict(rows, source, checked!.data, model, dataset),
  }
}

async function follow(
  model: Model,
  facts: TrainFacts,
  { parts }: Dataset,
  signal: AbortSignal,
  tell: (answer: Answer) => void,
): Promise<{ event: DoneEvent; picture: string }> {
  const measures = scalarMeasures(facts.metrics)
  const shown = (['train', 'valid'] as const).filter((part) => facts.rows[part] !== undefined)
  tell({
    kind: 'started',
    facts: opening(facts, model),
    measures: measures.map(({ name }) => name),
    parts: shown,
  })
  const recorder = recordHistory(facts)
  const picture = (): string => drawCurves([{ name: facts.file, history: recorder.history() }])
  let drawn = Number.NEGATIVE_INFINITY
  const cellsOf = (event: EpochEvent): string[] => [
    `${event.epoch}/${event.epochs}`,
    ...shown.flatMap((part) => measures.map((measure) => formatMetric(measure, Number(event[part]?.[measure.name])))),
    formatCount(event.samplesPerSecond),
  ]
  const events = model.fit(facts.train, parts.train!, {
    ...(parts.valid && { valid: parts.valid }),
    ...(parts.test && { test: parts.test }),
    signal,
    progressSteps: notedSteps(facts),
  })
  for await (const event of events) {
    if (event.kind === 'done') {
      recorder.done(event)
      return { event, picture: picture() }
    }
    if (event.kind === 'step') {
      recorder.step(event)
      const share = (event.epoch - 1 + event.step / event.steps) / facts.epochs
      tell({
        kind: 'progress',
        share,
        text: `epoch ${event.epoch} of ${facts.epochs}, ${formatCount(event.samplesPerSecond)} samples/s`,
      })
      continue
    }
    recorder.epoch(event)
    const now = performance.now()
    const draw = now - drawn > DRAWN_EVERY
    if (draw) drawn = now
    tell({ kind: 'epoch', cells: cellsOf(event), best: event.best, ...(draw && { picture: picture() }) })
  }
  throw new Error('internal: fit ended without saying so')
}

function opening(facts: TrainFacts, { manifest }: Model): string[] {
  const rows = Object.entries(facts.rows).map(([part, count]) => `${formatCount(count)} ${part}`)
  return [
    `${formatCount(facts.parameters)} parameters, compiled in ${formatDuration(facts.compileMilliseconds)}, ${facts.build === 'plain' ? 'SIMD' : 'relaxed SIMD'}, ${formatBytes(manifest.memory.total)} of memory`,
    `${rows.join(' · ')} rows; batch ${facts.batch}, seed ${facts.seed}`,
  ]
}

function closing(done: DoneEvent, facts: TrainFacts): Pick<Extract<Answer, { kind: 'done' }>, 'kind' | 'lines'> {
  const style = styleFor(false)
  const time = formatDuration(done.seconds * 1000)
  if (done.reason === 'cancelled') return { kind: 'done', lines: [`stopped in epoch ${done.epochs + 1} after ${time}`] }
  const which = done.restored ? `; parameters of epoch ${done.bestEpoch}, the best` : ''
  const ended = `${done.reason === 'stopped' ? 'stopped early after' : 'trained'} ${formatCount(done.epochs)} epochs in ${time}${which}`
  if (!done.test) return { kind: 'done', lines: [ended] }
  const tested = `test: ${scalarMetrics(done.test, facts.metrics, style)} on ${formatCount(facts.rows.test!)} rows it was never trained on`
  return { kind: 'done', lines: [ended, tested, ...metricTables(done.test, facts.metrics, facts.categories, style)] }
}

type Declarations = Parameters<typeof dataForEntry>[1]

/** The `infer` block or, without one, the model: what predicts. */
function inferEntry({ manifest }: Model): Parameters<typeof dataForEntry>[0] {
  const entry = manifest.entries.find(({ kind }) => kind === 'infer')
  if (!entry) throw new UserError('this file has nothing to predict with: no model, no `infer` block')
  return entry
}

/** Two rows of the data, as JSON to start from; empty where a row has no columns a person would write. */
async function sampleRows(source: SourceText, data: Declarations, model: Model, files: FileOpener): Promise<string> {
  const declaration = dataForEntry(inferEntry(model), data, model.manifest.trains)
  if (!declaration) return ''
  const plan = planOf(declaration, source)
  if (plan.source.format !== 'csv' && plan.source.format !== 'json') return ''
  const { source: table } = await readTables(plan, files)
  const rows = [0, 1].filter((row) => row < table.rows)
  const columns = [...table.columns]
  const texts = rows.map((row) =>
    JSON.stringify(Object.fromEntries(columns.map(([name, column]) => [name, cell(column, row)]))),
  )
  return `[${texts.join(',\n ')}]`
}

/** A value as JSON has it: what is a number stands as one, though a CSV file holds text alone. */
function cell(column: RawColumn, row: number): unknown {
  if (column.kind === 'number') return column.missing.includes(row) ? null : column.values[row]
  const value = column.values[row]
  if (typeof value !== 'string') return value ?? null
  return value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : value
}

async function predict(
  text: string,
  source: SourceText,
  data: Declarations,
  model: Model,
  dataset: Dataset,
): Promise<string> {
  const entry = inferEntry(model)
  const isJson = /^\s*[[{]/.test(text)
  const bytes = new TextEncoder().encode(text)
  const names = entry.inputs.map(({ name }) => name)
  const given = isJson
    ? readInput(bytes, 'the text', names)
    : ({ kind: 'rows', table: readCsv(bytes, 'the text') } as const)
  let inputs: Readonly<Record<string, Input>>
  let skipped: ReadonlyMap<number, unknown> | undefined
  if (given.kind === 'inputs') inputs = given.inputs as Record<string, Input>
  else {
    const declaration = dataForEntry(entry, data, model.manifest.trains)
    const plan = declaration && planOf(declaration, source)
    const batchDim = entry.inputs.map(({ shape }) => shape[0]).find((size) => typeof size === 'string')
    const fed = await asDiagnostics(source, async () =>
      feedRows(plan, given.table, wantedInputs(entry, batchDim as string | undefined), dataset.learned),
    )
    inputs = fed.inputs
    skipped = fed.skipped
  }
  const outputs = model.predictAll(entry.name, inputs)
  const rows = (Object.values(outputs)[0]?.shape[0] ?? 1) + (skipped?.size ?? 0)
  const classes = classesOf(model.manifest, dataset.categories)
  const print = isJson ? predictionsJson : predictionsCsv
  return print({ outputs, rows, ...(skipped && { skipped }), ...(classes && { classes }) })
}
