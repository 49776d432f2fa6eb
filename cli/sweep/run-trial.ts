import type { DoneEvent, EpochEvent } from '../../runtime/api.ts'
import { writeNotes } from '../open-model.ts'
import type { Assignments } from '../options.ts'
import { beginRun } from '../train/begin-run.ts'
import { type FoldResult, summarize } from '../train/fold-report.ts'
import { trainFold } from '../train/train-fold.ts'
import { DiagnosticsError } from '../user-error.ts'
import type { Prepared, Preparer, SweepOptions } from './prepare.ts'
import { constantsOf, hypersOf, type Space } from './space.ts'
import type { SweepReport } from './sweep-report.ts'
import { finite, liesBehind, type Objective, plainMeasures, type Trial } from './trial.ts'

/** What all trials of a sweep share. */
export interface TrialContext {
  readonly options: SweepOptions
  readonly space: Space
  readonly objective: Objective
  readonly report: SweepReport
  readonly signal: AbortSignal
  readonly prepare: Preparer
}

export interface EndedTrial {
  readonly trial: Trial
  /** The file of the parameters it ended with; none with folds, or where it failed. */
  readonly parameters?: () => Uint8Array
}

/** What a run came to; without, Ctrl-C ended it. */
type Run = Omit<Trial, 'values' | 'seconds'> | undefined

/**
 * Trains with one setting, from the beginning.
 * @param earlier the trials before it, which it is left early for if it lies behind them
 * @returns undefined if Ctrl-C ended it
 */
export async function runTrial(
  context: TrialContext,
  values: Assignments,
  earlier: readonly Trial[],
): Promise<EndedTrial | undefined> {
  const began = performance.now()
  const seconds = (): number => Number(((performance.now() - began) / 1000).toFixed(3))
  context.report.preparing(`preparing trial ${earlier.length + 1}`)
  let prepared: Prepared
  try {
    prepared = await context.prepare(constantsOf(context.space, values))
  } catch (error) {
    // The file compiles as it is, so these values do not fit it.
    if (!(error instanceof DiagnosticsError)) throw error
    const first = error.diagnostics.find(({ severity }) => severity === 'error')!
    const none = { value: null, measures: {}, epochs: 0, epoch: 0, course: [] }
    const message = `${first.code}: ${first.message}`
    return { trial: { values, outcome: 'failed', ...none, seconds: seconds(), message } }
  }
  const options = { ...context.options, hyper: { ...context.options.hyper, ...hypersOf(context.space, values) } }
  const { open, dataset } = prepared
  const run = await (dataset ? runOnce : runFolds)({ ...context, options }, prepared, values, earlier)
  if (!run) return undefined
  const trial: Trial = { values, ...run, seconds: seconds() }
  if (!dataset) return { trial }
  const { learned, categories } = dataset
  return {
    trial,
    parameters: () => open.model.save({ metadata: writeNotes({ epochs: run.epochs, learned, categories }) }),
  }
}

async function runOnce(
  { options, objective, report, signal }: TrialContext,
  { open, settings, dataset }: Prepared,
  values: Assignments,
  earlier: readonly Trial[],
): Promise<Run> {
  const { train, valid } = dataset!.parts
  await beginRun(open, options)
  const seen: EpochEvent[] = []
  const course: (number | null)[] = []
  /** What the parameters after an epoch are worth. */
  const result = (outcome: Trial['outcome'], epoch: number): Run => ({
    outcome,
    value: outcome === 'finished' ? course[epoch - 1]! : null,
    measures: plainMeasures(settings.metrics, seen[epoch - 1]!.valid!),
    epochs: seen.length,
    epoch,
    course,
  })
  const events = open.model.fit(settings.name, train!, {
    valid: valid!,
    ...(options.batch !== undefined && { batch: options.batch }),
    ...(options.epochs !== undefined && { epochs: options.epochs }),
    signal,
  })
  for await (const event of events) {
    if (event.kind === 'step') report.step(earlier.length + 1, values, event)
    else if (event.kind === 'done') {
      if (event.reason === 'cancelled') return undefined
      const ended = result('finished', event.restored ? event.bestEpoch : event.epochs)!
      return ended.value === null ? { ...ended, outcome: 'diverged' } : ended
    } else {
      seen.push(event)
      course.push(finite(event.valid![objective.metric] as number))
      if (!Number.isFinite(event.train.loss)) return result('diverged', event.epoch)
      if (event.epoch < event.epochs && options.leave && liesBehind(course, event.epochs, earlier, objective))
        return result('left', event.epoch)
    }
  }
  throw new Error('internal: fit ended without saying so')
}

async function runFolds(
  { options, objective, report, signal }: TrialContext,
  { open, settings, folds }: Prepared,
  values: Assignments,
  earlier: readonly Trial[],
): Promise<Run> {
  const results: FoldResult[] = []
  for (const [index, load] of folds.entries()) {
    const dataset = await load()
    await beginRun(open, options)
    const done: DoneEvent = await trainFold(open, settings, dataset.parts, options, signal, (event) =>
      report.step(earlier.length + 1, values, event, index + 1),
    )
    if (done.reason === 'cancelled') return undefined
    results.push({ fold: index + 1, rows: dataset.rows, done, test: done.test! })
  }
  const { mean } = summarize(results, settings.metrics, 0)
  const value = finite(mean[objective.metric]!)
  const epochs = Math.max(...results.map(({ done }) => done.epochs))
  return {
    outcome: value === null ? 'diverged' : 'finished',
    value,
    measures: Object.fromEntries(Object.entries(mean).map(([name, own]) => [name, finite(own)])),
    epochs,
    epoch: epochs,
    course: [],
  }
}
