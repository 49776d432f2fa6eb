import type { Candidate } from './candidate.ts'

/** What is faster by less counts as equally fast: so much measurements differ by themselves. */
const NOISE = 1.03

/** A candidate and how many times as fast as the usual way it is, the mean over the entries it was measured on. */
export interface Standing {
  readonly candidate: Candidate
  readonly ratio: number
}

/**
 * Of the candidates, of which the first is the usual one, the fastest; among equally fast ones the usual one, else the
 * one with fewer threads. `times`: of each entry, each candidate's; the geometric mean gives every entry the same weight.
 */
export function choose(candidates: readonly Candidate[], times: readonly (readonly number[])[]): Standing {
  const standings = candidates.map((candidate, at): Standing => {
    const logs = times.map((own) => Math.log(own[0]! / own[at]!))
    return { candidate, ratio: Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length) }
  })
  const best = Math.max(...standings.map(({ ratio }) => ratio))
  const equal = standings.filter(({ ratio }) => ratio * NOISE >= best)
  if (equal.includes(standings[0]!)) return standings[0]!
  const fewest = Math.min(...equal.map(({ candidate }) => candidate.threads))
  return equal
    .filter(({ candidate }) => candidate.threads === fewest)
    .reduce((first, other) => (other.ratio > first.ratio ? other : first))
}
