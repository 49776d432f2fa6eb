/** A stretch of a sequence that is `times` copies of its first `period` elements. */
export interface Repetition {
  readonly first: number
  readonly period: number
  readonly times: number
}

/** How many later occurrences of its first element a repetition's period is looked for among. */
const OCCURRENCES = 64

/**
 * Repetitions that do not overlap, in order, those first chosen that leave out most. `worth` judges one by what it
 * leaves out. Time grows with the length of the sequence times its logarithm.
 */
export function findRepetitions(
  sequence: readonly number[],
  worth: (repetition: Repetition) => boolean,
): readonly Repetition[] {
  const found: Repetition[] = []
  const following = nextOccurrences(sequence)
  /** Period → where the stretch found for it ends. */
  const ends = new Map<number, number>()
  for (let first = 0; first < sequence.length; first++) {
    let best: Repetition | undefined
    let other = following[first]!
    for (let tried = 0; tried < OCCURRENCES && other >= 0; tried++, other = following[other]!) {
      const period = other - first
      let end = Math.max(first, ends.get(period) ?? 0)
      while (end + period < sequence.length && sequence[end] === sequence[end + period]) end++
      ends.set(period, end)
      const repetition = { first, period, times: Math.floor((end - first) / period) + 1 }
      if (worth(repetition) && (!best || leftOut(repetition) > leftOut(best))) best = repetition
    }
    if (best) found.push(best)
  }
  return withoutOverlap(found, sequence.length, worth)
}

function leftOut({ period, times }: Repetition): number {
  return period * (times - 1)
}

/** For each element the place of the next equal one, −1 if there is none. */
function nextOccurrences(sequence: readonly number[]): Int32Array {
  const following = new Int32Array(sequence.length).fill(-1)
  const last = new Map<number, number>()
  for (let at = sequence.length - 1; at >= 0; at--) {
    following[at] = last.get(sequence[at]!) ?? -1
    last.set(sequence[at]!, at)
  }
  return following
}

function withoutOverlap(
  found: readonly Repetition[],
  length: number,
  worth: (repetition: Repetition) => boolean,
): Repetition[] {
  const byValue = [...found].sort((a, b) => leftOut(b) - leftOut(a) || a.first - b.first)
  const taken = new Uint8Array(length)
  const chosen: Repetition[] = []
  for (const { first, period, times } of byValue) {
    if (taken[first]) continue
    let end = first
    while (end < first + period * times && !taken[end]) end++
    const free = { first, period, times: Math.floor((end - first) / period) }
    if (free.times < 2 || !worth(free)) continue
    taken.fill(1, first, first + period * free.times)
    chosen.push(free)
  }
  return chosen.sort((a, b) => a.first - b.first)
}
