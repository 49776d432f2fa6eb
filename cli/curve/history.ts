/** What a training run went through, as kept beside its parameters in `<name>.history.json`. */
export interface TrainHistory {
  readonly format: typeof HISTORY_FORMAT
  readonly file: string
  readonly train: string
  readonly parameters: number
  readonly build: string
  readonly batch: number
  readonly seed: number
  /** Rows of each part of the data. */
  readonly rows: Readonly<Record<string, number>>
  /** Metrics that are one number, and those of them read as percentages. */
  readonly metrics: readonly string[]
  readonly percent: readonly string[]
  /** The training loss within the epochs: epochs passed, and the mean since the point before. */
  readonly steps: readonly (readonly [number, number | null])[]
  readonly epochs: readonly HistoryEpoch[]
  /** How the run ended; absent while it goes on. */
  readonly result?: HistoryResult
}

/** A number that is not finite is null. */
export type Measures = Readonly<Record<string, number | null>>

export interface HistoryEpoch {
  readonly epoch: number
  readonly train: Measures
  readonly valid?: Measures
  readonly seconds: number
  readonly best: boolean
}

export interface HistoryResult {
  readonly reason: string
  readonly epochs: number
  readonly bestEpoch: number
  readonly restored: boolean
  readonly seconds: number
  readonly test?: Measures
}

export const HISTORY_FORMAT = 'nnc.history.1'

/** A line for each epoch, so that two histories can be compared as text. */
export function historyText(history: TrainHistory): string {
  const { steps, epochs, ...facts } = history
  const head = JSON.stringify(facts).slice(0, -1)
  const lines = epochs.map((epoch) => `  ${JSON.stringify(epoch)}`)
  return `${head},\n"steps":${JSON.stringify(steps)},\n"epochs":[\n${lines.join(',\n')}\n]}\n`
}
