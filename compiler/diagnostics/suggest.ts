/**
 * The candidate nearest to a misspelt name, for "did you mean …?": by restricted Damerau–Levenshtein distance
 * (Damerau 1964; one slip in three letters at most), ties in the order of the candidates.
 */
export function suggest(name: string, candidates: Iterable<string>): string | undefined {
  const allowed = Math.max(1, Math.floor(name.length / 3))
  let best: string | undefined
  let bestDistance = allowed + 1
  for (const candidate of candidates) {
    if (candidate === name || Math.abs(candidate.length - name.length) >= bestDistance) continue
    const slips = distance(name.toLowerCase(), candidate.toLowerCase())
    // One letter has nothing in common with another.
    if (slips >= Math.max(name.length, candidate.length)) continue
    if (slips < bestDistance) {
      best = candidate
      bestDistance = slips
    }
  }
  return best
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn one text into the other. */
function distance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, j) => j)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const cost = from[i - 1] === to[j - 1] ? 0 : 1
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost)
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        least = Math.min(least, beforeLast[j - 2]! + 1)
      }
      row.push(least)
    }
    beforeLast = last
    last = row
  }
  return last[to.length]!
}
