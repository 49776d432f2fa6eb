/** Whether an entry runs faster alone or on all threads, found out by trying: both give the same bits. */
export interface ThreadTrial {
  /** Whether the next run is to be on all threads. */
  together(): boolean
  /** Whether that run is to be timed: of short ones not all are, since looking at the clock twice takes a tenth of a microsecond. */
  timed(): boolean
  /** How long it took. */
  took(milliseconds: number): void
}

/** Runs and milliseconds over which a way's time is averaged; fewer do not show what other work on a core costs. */
const WINDOW_RUNS = 8
const WINDOW = 30
/** After so many runs, or a window, the other way may have lost. The first of several may have to wake the other threads and is not counted then. */
const FEWEST_RUNS = 4
/** A try ends at once when it has lost so many runs, and milliseconds: another process has the core. */
const LOST_RUNS = 3
const LOST = 1
/** Share of the time that trying the slower way may cost. */
const LOSS = 0.005
/**
 * Pauses between two tries, in runs; the longest is a second at least. The first after a change is the shortest, and each may be four times as
 * long as the one before: the earliest times are those of code the engine has not optimised yet.
 */
const SHORTEST_PAUSE = 16
const LONGEST_PAUSE = 256
const SECOND = 1000
/** Of runs that take fewer milliseconds one in so many is timed. */
const SHORT = 0.05
const ONE_IN = 8

/**
 * The faster of both ways, and from time to time a try of the other: what is faster changes with whatever else the machine does. Other threads
 * help where their cores are free, and hinder where they have to be woken or their core is taken.
 */
export function createThreadTrial(): ThreadTrial {
  /** Mean times of one thread and of all; of a way that was never tried 0, so that it is. */
  const times: [number, number] = [0, 0]
  const begun: [boolean, boolean] = [false, false]
  let best: 0 | 1 = 1
  let trying = false
  let runs = 0
  let spent = 0
  let first = 0
  /** Milliseconds until the next try. */
  let pause = 0
  let turn = 0
  /** Tries since the better way changed. */
  let confirmed = 0

  const other = (): 0 | 1 => (best === 1 ? 0 : 1)
  const isShort = (): boolean => !trying && times[best] > 0 && times[best] < SHORT
  const start = (): void => {
    runs = 0
    spent = 0
  }
  const settle = (way: 0 | 1, lost: number): void => {
    confirmed = way === best ? confirmed + 1 : 0
    best = way
    trying = false
    const shortest = SHORTEST_PAUSE * times[way]
    const longest = Math.min(Math.max(LONGEST_PAUSE * times[way], SECOND), shortest * 4 ** confirmed)
    pause = Math.min(Math.max(lost / LOSS, shortest), longest)
    start()
  }
  /** A run of the way that is tried. */
  const judge = (): void => {
    const mean = runs > 1 ? (spent - first) / (runs - 1) : spent
    const lost = spent - runs * times[best]
    const hopeless = lost > Math.max(LOST_RUNS * times[best], LOST)
    const over = spent >= WINDOW
    if (!hopeless && !over && (runs < FEWEST_RUNS || mean < times[best])) return
    times[other()] = mean
    if (mean < times[best] && lost < 0) settle(other(), FEWEST_RUNS * (times[best] - mean))
    else settle(best, lost)
  }
  return {
    together: () => (trying ? other() : best) === 1,
    timed: () => !isShort() || turn++ % ONE_IN === 0,
    took(milliseconds) {
      const way = trying ? other() : best
      // The first run of each way also pays for what the engine compiles.
      if (!begun[way]) {
        begun[way] = true
        return
      }
      if (!trying) pause -= isShort() ? ONE_IN * milliseconds : milliseconds
      if (runs === 0) first = milliseconds
      runs++
      spent += milliseconds
      if (trying) {
        judge()
        return
      }
      if (runs >= WINDOW_RUNS && (spent >= WINDOW || times[best] === 0)) {
        times[best] = spent / runs
        // Slower than the other way was: perhaps the machine as a whole, perhaps not.
        if (times[best] > times[other()]) pause = 0
        start()
      }
      if (pause > 0 || times[best] === 0) return
      trying = true
      start()
    },
  }
}
