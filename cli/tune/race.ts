/** The fastest of several ways to do the same, timed in turns: other work on the machine then slows all of them alike. */

/** A slice of time a way gets in each round takes at least so many milliseconds: shorter ones drown in the clock's steps. */
const SHORTEST_SLICE = 1
const FEWEST_ROUNDS = 4
/** Share of the time spent on calls that are not measured, until the engine has optimised the code. */
const WARM_UP = 0.3

/** Milliseconds a call of each way at its fastest. `budget`: milliseconds for all of them together. */
export function race(ways: readonly ((turn: number) => void)[], budget: number): readonly number[] {
  const calls = ways.map((way) => warmUp(way, (WARM_UP * budget) / ways.length))
  const fastest = ways.map(() => Number.POSITIVE_INFINITY)
  const started = performance.now()
  for (let round = 0; round < FEWEST_ROUNDS || performance.now() - started < (1 - WARM_UP) * budget; round++) {
    for (let at = 0; at < ways.length; at++) {
      // Each round begins with another one, so that none always follows the same.
      const way = (at + round) % ways.length
      fastest[way] = Math.min(fastest[way]!, timed(ways[way]!, calls[way]!))
    }
  }
  return fastest
}

/** How many calls fill a slice, as the last ones went. */
function warmUp(way: (turn: number) => void, budget: number): number {
  const started = performance.now()
  let last = timed(way, 1)
  const calls = (): number => Math.max(1, Math.ceil(SHORTEST_SLICE / Math.max(last, 1e-4)))
  while (performance.now() - started < budget) last = timed(way, calls())
  return calls()
}

function timed(way: (turn: number) => void, calls: number): number {
  const start = performance.now()
  for (let turn = 0; turn < calls; turn++) way(turn)
  return (performance.now() - start) / calls
}
