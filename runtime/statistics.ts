/** Statistics that need all values of an epoch at once, in float64. Ties are handled as scikit-learn and SciPy do. */
import type { EpochStatistic } from './manifest.ts'

type Column = ArrayLike<number>

const statistics: Readonly<Record<EpochStatistic, (columns: readonly Column[]) => number>> = {
  area_under_roc: ([score, target, weight]) => areaUnderRoc(score!, target!, weight),
  average_precision: ([score, target, weight]) => averagePrecision(score!, target!, weight),
  rank_correlation: ([x, y]) => rankCorrelation(x!, y!),
  median: ([x]) => median(x!),
}

export function isStatistic(name: unknown): name is EpochStatistic {
  return typeof name === 'string' && Object.hasOwn(statistics, name)
}

/**
 * NaN where the statistic has no value, as the area under a curve without a negative example, and where a value that counts is NaN: a model
 * that has diverged ranks nothing.
 */
export function computeStatistic(statistic: EpochStatistic, columns: readonly Column[]): number {
  const [first, second, weight] = columns
  for (const values of [first, second])
    for (let at = 0; at < (values?.length ?? 0); at++)
      if (Number.isNaN(values![at]) && weight?.[at] !== 0) return Number.NaN
  return statistics[statistic](columns)
}

/** Positions by falling value; NaN last. */
function descending(values: Column): Uint32Array {
  const keys = Float64Array.from(values, (value) => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value))
  return Uint32Array.from(keys, (_, at) => at).sort((a, b) => keys[b]! - keys[a]! || a - b)
}

/** Calls `see` with the weights of positive and negative examples at each distinct score, from the highest down. */
function eachThreshold(
  score: Column,
  target: Column,
  weight: Column | undefined,
  see: (positive: number, negative: number) => void,
): void {
  const order = descending(score)
  let positive = 0
  let negative = 0
  for (let n = 0; n < order.length; n++) {
    const at = order[n]!
    const share = weight ? weight[at]! : 1
    if (target[at]! > 0.5) positive += share
    else negative += share
    if (n + 1 < order.length && score[order[n + 1]!] === score[at]) continue
    see(positive, negative)
    positive = 0
    negative = 0
  }
}

/** The probability that a positive example scores above a negative one, ties counting half: trapezoids under the curve. */
function areaUnderRoc(score: Column, target: Column, weight?: Column): number {
  let area = 0
  let above = 0
  let negatives = 0
  eachThreshold(score, target, weight, (positive, negative) => {
    area += negative * (above + positive / 2)
    above += positive
    negatives += negative
  })
  return area / (above * negatives)
}

/** Σ (Rₙ − Rₙ₋₁)·Pₙ over the thresholds, without interpolation. */
function averagePrecision(score: Column, target: Column, weight?: Column): number {
  let sum = 0
  let hits = 0
  let claimed = 0
  eachThreshold(score, target, weight, (positive, negative) => {
    hits += positive
    claimed += positive + negative
    if (positive > 0) sum += (positive * hits) / claimed
  })
  return sum / hits
}

/** Spearman's ρ: the correlation of the ranks, equal values sharing the mean of theirs. */
function rankCorrelation(x: Column, y: Column): number {
  const [a, b] = [ranks(x), ranks(y)]
  const mean = (a.length + 1) / 2
  let [both, first, second] = [0, 0, 0]
  for (let n = 0; n < a.length; n++) {
    const [dx, dy] = [a[n]! - mean, b[n]! - mean]
    both += dx * dy
    first += dx * dx
    second += dy * dy
  }
  return both / Math.sqrt(first * second)
}

function ranks(values: Column): Float64Array {
  const order = descending(values)
  const result = new Float64Array(order.length)
  for (let from = 0; from < order.length; ) {
    let to = from + 1
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++
    for (let n = from; n < to; n++) result[order[n]!] = (from + to + 1) / 2
    from = to
  }
  return result
}

/** The middle value, or the mean of the middle two. */
function median(values: Column): number {
  const sorted = Float64Array.from(values).sort()
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}
