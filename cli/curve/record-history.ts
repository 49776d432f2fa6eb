import type { DoneEvent, EpochEvent, Metrics, StepEvent } from '../../runtime/api.ts'
import { isShare } from '../numbers.ts'
import type { TrainFacts } from '../train/train-report.ts'
import { HISTORY_FORMAT, type HistoryEpoch, type HistoryResult, type Measures, type TrainHistory } from './history.ts'

/** About so many points of the loss within the epochs are kept of a whole run. */
const STEP_POINTS = 400

/** Collects a run's events into its history. */
export interface HistoryRecorder {
  step(event: StepEvent): void
  epoch(event: EpochEvent): void
  done(event: DoneEvent): void
  history(): TrainHistory
}

/** After how many steps of an epoch its loss is noted; a matter of the run's length alone, so that runs repeat. */
export function notedSteps(facts: TrainFacts): number {
  return Math.max(1, Math.ceil((stepsIn(facts) * facts.epochs) / STEP_POINTS))
}

/** @param earlier the history of the run this one resumes */
export function recordHistory(facts: TrainFacts, earlier?: TrainHistory): HistoryRecorder {
  const every = notedSteps(facts)
  const rows = facts.rows.train!
  const before = facts.startEpoch - 1
  const steps: [number, number | null][] = (earlier?.steps ?? [])
    .filter(([passed]) => passed <= before)
    .map(([passed, loss]) => [passed, loss])
  // Points of the epoch the earlier run was interrupted in, which this one goes on with or begins anew.
  const within = (earlier?.steps ?? []).filter(([passed]) => passed > before && passed < before + 1)
  const epochs: HistoryEpoch[] = (earlier?.epochs ?? []).filter(({ epoch }) => epoch <= before)
  let result: HistoryResult | undefined
  let noted = { epoch: 0, rows: 0, total: 0 }
  return {
    step({ epoch, step, steps: all, meanLoss }) {
      if (step % every !== 0) return
      if (noted.epoch !== epoch) {
        noted = { epoch, rows: 0, total: 0 }
        for (const [passed, loss] of epoch === facts.startEpoch ? within : []) {
          const at = Math.round((passed - before) * all)
          if (at >= step) break
          const seen = Math.min(at * facts.batch, rows)
          steps.push([passed, loss])
          noted = { epoch, rows: seen, total: noted.total + (loss ?? Number.NaN) * (seen - noted.rows) }
        }
      }
      const seen = Math.min(step * facts.batch, rows)
      const total = meanLoss * seen
      steps.push([rounded(epoch - 1 + step / all), measure((total - noted.total) / (seen - noted.rows))])
      noted = { epoch, rows: seen, total }
    },
    epoch({ epoch, train, valid, seconds, best }) {
      epochs.push({
        epoch,
        train: measures(train),
        ...(valid && { valid: measures(valid) }),
        seconds: rounded(seconds),
        best,
      })
    },
    done({ reason, epochs: last, bestEpoch, restored, seconds, test }) {
      const took = rounded(seconds + (earlier ? epochsUpTo(earlier, before) : 0))
      result = { reason, epochs: last, bestEpoch, restored, seconds: took, ...(test && { test: measures(test) }) }
    },
    history: () => ({
      format: HISTORY_FORMAT,
      file: facts.file,
      train: facts.train,
      parameters: facts.parameters,
      build: facts.build,
      batch: facts.batch,
      seed: facts.seed,
      rows: facts.rows as Readonly<Record<string, number>>,
      metrics: facts.metrics.filter(({ scalar }) => scalar).map(({ name }) => name),
      percent: facts.metrics.filter(isShare).map(({ name }) => name),
      ...(result && { result }),
      steps,
      epochs,
    }),
  }
}

function stepsIn(facts: TrainFacts): number {
  return Math.ceil(facts.rows.train! / facts.batch)
}

/** Seconds the epochs of an earlier run took. */
function epochsUpTo({ epochs }: TrainHistory, last: number): number {
  return epochs.filter(({ epoch }) => epoch <= last).reduce((sum, { seconds }) => sum + seconds, 0)
}

/** What is one number; tables have no curve. */
function measures(values: Metrics): Measures {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (typeof value === 'number' ? [[name, measure(value)]] : [])),
  )
}

/** Six significant digits draw any picture. */
function measure(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(6)) : null
}

function rounded(value: number): number {
  return Number(value.toFixed(4))
}
