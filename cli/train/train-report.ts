import type { DoneEvent, EpochEvent, StepEvent } from '../../runtime/api.ts'
import type { ManifestMetric, SimdBuild } from '../../runtime/manifest.ts'
import type { Categories } from '../metric-table.ts'
import type { LoadedFile } from '../pretrained.ts'

/** What is known before the first step. */
export interface TrainFacts {
  readonly file: string
  readonly train: string
  readonly parameters: number
  /** What `load` blocks brought. */
  readonly pretrained?: readonly LoadedFile[]
  readonly build: SimdBuild
  readonly threads: number
  readonly compileMilliseconds: number
  readonly fromCache: boolean
  readonly rows: Readonly<Partial<Record<'train' | 'valid' | 'test', number>>>
  readonly batch: number
  /** The first epoch and the last. */
  readonly startEpoch: number
  readonly epochs: number
  readonly seed: number
  readonly metrics: readonly ManifestMetric[]
  readonly categories: Categories
}

/** How the run ended and what it left. */
export interface TrainResult {
  readonly done: DoneEvent
  /** As shown to the user. */
  readonly weights: string
  readonly weightsBytes: number
  readonly history: string
  /** The picture, if one was asked for. */
  readonly curve?: string
}

/** Tells a training run: to a person at a terminal, to a log, or to a machine. */
export interface TrainReport {
  /** What is being prepared, before the start. */
  preparing(what: string): void
  start(facts: TrainFacts): void
  step(event: StepEvent): void
  epoch(event: EpochEvent): void
  interrupted(): void
  done(result: TrainResult): void
  /** The run ends with an error, which somebody else reports. */
  failed(): void
}
