import type { Metrics } from '../../runtime/api.ts'
import type { ManifestMetric } from '../../runtime/manifest.ts'
import type { Assignments } from '../options.ts'
import { scalarMeasures } from '../train/measure-columns.ts'

/** What trials are compared by. */
export interface Objective {
  /** The validation rows, or those each fold is tested on. */
  readonly of: 'valid' | 'folds'
  /** `loss`, or a metric that is one number. */
  readonly metric: string
  readonly better: 'lower' | 'higher'
}

/** One setting of a sweep, trained. A number that is not finite is null. */
export interface Trial {
  readonly values: Assignments
  /**
   * `left`: ended early, since it lay behind most others. `diverged`: its loss was no longer a number. `failed`: the file
   * does not compile with these values.
   */
  readonly outcome: 'finished' | 'left' | 'diverged' | 'failed'
  /** What the objective came to; null but for trials that finished. */
  readonly value: number | null
  /** The loss and the metrics that are one number, when the trial ended. */
  readonly measures: Readonly<Record<string, number | null>>
  /** Epochs run, and the one whose parameters count. */
  readonly epochs: number
  readonly epoch: number
  /** The objective after each epoch; empty with folds. */
  readonly course: readonly (number | null)[]
  readonly seconds: number
  /** Why it failed. */
  readonly message?: string
}

/** So many trials have to be finished before one is left early. */
const LEFT_AFTER = 5
/** No trial is left in the first fifth of its epochs, or before so many, where a large learning rate or a warm-up may mislead. */
const GRACE = { share: 1 / 5, epochs: 2 }

/**
 * Whether a trial lies behind the median of those that finished, each by its best value up to the same epoch (the
 * median stopping rule: Golovin and others, "Google Vizier", 2017).
 */
export function liesBehind(
  course: Trial['course'],
  epochs: number,
  others: readonly Trial[],
  { better }: Objective,
): boolean {
  const finished = others.filter(({ outcome }) => outcome === 'finished')
  if (finished.length < LEFT_AFTER || course.length < Math.max(GRACE.epochs, epochs * GRACE.share)) return false
  const own = bestOf(course, better)
  const theirs = finished.map((trial) => bestOf(trial.course.slice(0, course.length), better))
  // Of an even number the worse middle one, so that a trial at the median goes on.
  const middle = theirs.sort((a, b) => (isBetter(a, b, better) ? -1 : 1))[theirs.length >> 1]!
  return isBetter(middle, own, better)
}

/** The trial with the best value, the first of equals. */
export function bestTrial(trials: readonly Trial[], { better }: Objective): Trial | undefined {
  const finished = trials.filter(({ value }) => value !== null)
  return finished.reduce<Trial | undefined>(
    (best, trial) => (best && !isBetter(trial.value!, best.value!, better) ? best : trial),
    undefined,
  )
}

function bestOf(course: Trial['course'], better: Objective['better']): number {
  const none = better === 'lower' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  return course.reduce<number>((best, value) => (value !== null && isBetter(value, best, better) ? value : best), none)
}

function isBetter(one: number, other: number, better: Objective['better']): boolean {
  return better === 'lower' ? one < other : one > other
}

/** The loss and the metrics that are one number, as a record keeps them. */
export function plainMeasures(metrics: readonly ManifestMetric[], values: Metrics): Trial['measures'] {
  return Object.fromEntries(scalarMeasures(metrics).map(({ name }) => [name, finite(values[name] as number)]))
}

/** Seven significant digits tell f32 values apart; JSON has no NaN. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(7)) : null
}
