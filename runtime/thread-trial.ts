/** Whether an entry runs faster alone or on all threads, found out by trying: both give the same bits. */
export interface ThreadTrial {
  /** Whether the next run is to be on all threads. */
  together(): boolean
  /** How long the run that was just asked about took. */
  took(milliseconds: number): void
}

/** Runs of each way before they are compared. */
const FIRST_RUNS = 2
/** Between trials of the slower way: at first, and at most, the slower it is. */
const SHORTEST_PAUSE = 16
const LONGEST_PAUSE = 256
/** How much the latest run counts in a way's time. */
const WEIGHT = 0.3

/**
 * The faster of both ways, with a run of the other from time to time: what is faster changes with whatever else the machine does. Other
 * threads help a long entry and hinder where their core is taken.
 */
export function createThreadTrial(): ThreadTrial {
  const times: [number, number] = [0, 0]
  const runs: [number, number] = [0, 0]
  let pause = SHORTEST_PAUSE
  let since = 0
  let way: 0 | 1 = 1
  return {
    together() {
      if (runs[1] < FIRST_RUNS) way = 1
      else if (runs[0] < FIRST_RUNS) way = 0
      else {
        const better = times[1] <= times[0] ? 1 : 0
        since++
        way = since > pause ? ((1 - better) as 0 | 1) : better
        if (since > pause) since = 0
      }
      return way === 1
    },
    took(milliseconds) {
      // The first run of each way also pays for what the engine compiles.
      times[way] = runs[way] < FIRST_RUNS ? milliseconds : times[way] + WEIGHT * (milliseconds - times[way])
      runs[way]++
      if (since !== 0 || runs[0] < FIRST_RUNS || runs[1] <= FIRST_RUNS) return
      const slower = Math.max(...times) / Math.max(Math.min(...times), 1e-3)
      pause = slower > 1.2 ? Math.min(2 * pause, LONGEST_PAUSE) : SHORTEST_PAUSE
    },
  }
}
