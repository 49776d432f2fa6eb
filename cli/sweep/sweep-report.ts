import type { Metrics, StepEvent } from '../../runtime/api.ts'
import type { Assignments } from '../options.ts'
import type { TrainFacts } from '../train/train-report.ts'
import type { Space } from './space.ts'
import type { Objective, Trial } from './trial.ts'

/** What is known before the first trial. */
export interface SweepStart extends Omit<TrainFacts, 'startEpoch'> {
  readonly space: Space
  readonly objective: Objective
  /** How many trials there will be, those of an earlier run included. */
  readonly trials: number
  readonly folds?: number
}

/** A trial that has ended. */
export interface TrialResult extends Trial {
  /** From 1. */
  readonly trial: number
  /** Whether it is the best so far. */
  readonly best: boolean
}

/** What a sweep found. */
export interface SweepResult {
  readonly best: TrialResult
  readonly seconds: number
  /** Of the best trial's parameters; absent where the data has no such part, and with folds. */
  readonly test?: Metrics
  /** As shown to the user; no weights are kept with folds. */
  readonly weights?: string
  readonly record: string
  /** Commands that train with the best values, and that use the parameters kept. */
  readonly next: readonly string[]
}

/** Tells a sweep: to a person at a terminal, to a log, or to a machine. */
export interface SweepReport {
  /** What is being prepared. */
  preparing(what: string): void
  start(facts: SweepStart): void
  step(trial: number, values: Assignments, event: StepEvent, fold?: number): void
  trial(result: TrialResult): void
  /** After so many trials. */
  interrupted(trials: number): void
  done(result: SweepResult): void
  /** The sweep ends with an error, which somebody else reports. */
  failed(): void
}
