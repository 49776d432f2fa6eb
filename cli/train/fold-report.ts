import type { DoneEvent, Metrics, StepEvent } from '../../runtime/api.ts'
import type { ManifestMetric } from '../../runtime/manifest.ts'
import { scalarMeasures } from './measure-columns.ts'
import type { TrainFacts } from './train-report.ts'

/** What is known of a cross-validation before its first step. */
export interface FoldsFacts extends Omit<TrainFacts, 'rows' | 'startEpoch'> {
  readonly folds: number
}

/** A fold that has been tested. */
export interface FoldResult {
  /** From 1. */
  readonly fold: number
  readonly rows: TrainFacts['rows']
  readonly done: DoneEvent
  /** Of the rows the fold was not trained on. */
  readonly test: Metrics
}

/** Loss and metrics that are one number, over the folds. */
export interface FoldsSummary {
  readonly mean: Readonly<Record<string, number>>
  /** The standard deviation of a sample, with n − 1. */
  readonly deviation: Readonly<Record<string, number>>
  readonly seconds: number
}

/** Tells a cross-validation: to a person at a terminal, to a log, or to a machine. */
export interface FoldReport {
  /** What is being prepared, before the start. */
  preparing(what: string): void
  start(facts: FoldsFacts): void
  step(fold: number, event: StepEvent): void
  fold(result: FoldResult): void
  /** After so many folds. */
  interrupted(folds: number): void
  done(summary: FoldsSummary): void
  /** The run ends with an error, which somebody else reports. */
  failed(): void
}

/** Mean and deviation of each measure over the folds. */
export function summarize(
  results: readonly FoldResult[],
  metrics: readonly ManifestMetric[],
  seconds: number,
): FoldsSummary {
  const mean: Record<string, number> = {}
  const deviation: Record<string, number> = {}
  for (const { name } of scalarMeasures(metrics)) {
    const values = results.map(({ test }) => test[name] as number)
    const middle = values.reduce((sum, value) => sum + value, 0) / values.length
    const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0)
    mean[name] = middle
    deviation[name] = Math.sqrt(squares / (values.length - 1))
  }
  return { mean, deviation, seconds }
}
