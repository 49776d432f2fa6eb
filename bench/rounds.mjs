// Contestants in turn, round after round: other work on a machine slows all alike, so ratios are taken within a round.

/**
 * Starts every contestant (`{ name, start }`), one after the other, then gives each a turn in every round. One that fails is left
 * out from then on, with its error.
 * @returns for each contestant `{ contestant, ready, rounds, error }`; a round it has missed is undefined
 */
export async function takeRounds(contestants, { rounds, milliseconds, progress = () => {} }) {
  const results = []
  try {
    for (const { name, start } of contestants) {
      progress(`${name} gets ready`)
      const result = { contestant: name, rounds: [] }
      results.push(result)
      try {
        result.session = await start()
        result.ready = result.session.ready
      } catch (error) {
        result.error = messageOf(error)
      }
    }
    for (let round = 0; round < rounds; round++) {
      // There and back, so that none always follows the same other.
      const order = round % 2 === 0 ? results : results.toReversed()
      for (const result of order) {
        if (result.error !== undefined) continue
        progress(`round ${round + 1} of ${rounds}: ${result.contestant}`)
        try {
          result.rounds[round] = await result.session.turn(milliseconds)
        } catch (error) {
          result.error = messageOf(error)
        }
      }
    }
  } finally {
    await Promise.all(results.map(({ session }) => session?.close()))
  }
  return results.map(({ session, ...result }) => result)
}

function messageOf(error) {
  return error instanceof Error ? error.message : String(error)
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The median over the rounds of how many times as long `other` takes as `own`. */
export function ratioOf(other, own, measure = 'median') {
  const ratios = other.rounds.flatMap((turn, round) =>
    turn && own.rounds[round] ? [turn[measure] / own.rounds[round][measure]] : [],
  )
  return ratios.length > 0 ? median(ratios) : undefined
}

/** Milliseconds a step over all rounds. */
export function timesOf({ rounds }) {
  const turns = rounds.filter((turn) => turn !== undefined)
  if (turns.length === 0) return undefined
  return { median: median(turns.map((turn) => turn.median)), minimum: Math.min(...turns.map((turn) => turn.minimum)) }
}
