import { mix } from './mix.ts'

/** How a token is chosen from its logits. */
export interface Sampling {
  /** 0 takes the most likely token; smaller values favour likely ones. */
  readonly temperature: number
  /** Only so many of the likeliest tokens; 0 for all. */
  readonly topK: number
  /** Only the likeliest tokens that together have this probability; 1 for all. */
  readonly topP: number
  readonly seed: number
}

/**
 * The token of one position: softmax(logits / temperature), cut to the `topK` likeliest and then to the fewest whose
 * probabilities reach `topP` (Holtzman et al. 2020), drawn with a number that depends on the seed and the position only.
 * Of equal logits the smaller id comes first; `allowed` says which ids may be chosen at all.
 */
export function sampleToken(
  logits: ArrayLike<number>,
  { temperature, topK, topP, seed }: Sampling,
  position: number,
  allowed: (id: number) => boolean,
): number {
  const ids = Array.from({ length: logits.length }, (_, id) => id).filter(allowed)
  const byLogit = (a: number, b: number): number => logits[b]! - logits[a]! || a - b
  if (temperature === 0) return ids.reduce((best, id) => (byLogit(best, id) > 0 ? id : best), ids[0]!)
  const cut = topK > 0 || topP < 1
  const ranked = cut ? ids.sort(byLogit) : ids
  const kept = topK > 0 ? ranked.slice(0, topK) : ranked
  const largest = kept.reduce((most, id) => Math.max(most, logits[id]!), Number.NEGATIVE_INFINITY)
  const weights = kept.map((id) => Math.exp((logits[id]! - largest) / temperature))
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  let total = 0
  let count = 0
  while (count < kept.length && (count === 0 || total < topP * all)) total += weights[count++]!
  // `mix` leaves 0 as it is, so that the first draw of seed 0 would always be the lowest.
  const word = (mix(seed) + position) >>> 0 || 0x9e3779b9
  let left = (mix(word) / 2 ** 32) * total
  for (let at = 0; at < count - 1; at++) {
    left -= weights[at]!
    if (left < 0) return kept[at]!
  }
  return kept[count - 1]!
}
