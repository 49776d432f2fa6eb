/** Static memory: offsets for buffers with known lifetimes, reused by liveness, best fit first. */

/** Padding behind each buffer, so that a full vector pair may be read at its end. */
const PADDING = 32
const ALIGNMENT = 64

export interface Lifetime {
  readonly bytes: number
  /** First and last step that uses it. */
  readonly first: number
  readonly last: number
}

export interface ArenaPlan {
  readonly offsets: readonly number[]
  readonly bytes: number
}

/** The room a buffer takes, padding and alignment included. */
export function paddedBytes(bytes: number): number {
  return Math.ceil((bytes + PADDING) / ALIGNMENT) * ALIGNMENT
}

/** Offsets such that buffers alive at the same step never overlap. */
export function planArena(lifetimes: readonly Lifetime[]): ArenaPlan {
  const order = lifetimes.map((_, at) => at).sort((a, b) => byStart(lifetimes[a]!, lifetimes[b]!))
  const ending = [...order].sort((a, b) => lifetimes[a]!.last - lifetimes[b]!.last)
  const offsets = lifetimes.map(() => 0)
  const free: { start: number; end: number }[] = []
  let top = 0
  let ended = 0
  for (const at of order) {
    const { first, bytes } = lifetimes[at]!
    while (ended < ending.length && lifetimes[ending[ended]!]!.last < first) {
      const over = ending[ended++]!
      release(offsets[over]!, offsets[over]! + paddedBytes(lifetimes[over]!.bytes))
    }
    offsets[at] = take(paddedBytes(bytes))
  }
  return { offsets, bytes: top }

  function take(bytes: number): number {
    let best = -1
    for (let at = 0; at < free.length; at++) {
      const room = free[at]!.end - free[at]!.start
      if (room >= bytes && (best < 0 || room < free[best]!.end - free[best]!.start)) best = at
    }
    if (best < 0) {
      // Nothing fits: grow, starting in a hole at the very end if there is one.
      const last = free.at(-1)
      const start = last && last.end === top ? free.pop()!.start : top
      top = start + bytes
      return start
    }
    const hole = free[best]!
    const { start } = hole
    hole.start += bytes
    if (hole.start === hole.end) free.splice(best, 1)
    return start
  }

  function release(start: number, end: number): void {
    let at = free.findIndex((hole) => hole.start > start)
    if (at < 0) at = free.length
    const before = free[at - 1]
    const after = free[at]
    const joinsBefore = before !== undefined && before.end === start
    const joinsAfter = after !== undefined && after.start === end
    if (joinsBefore && joinsAfter) {
      before.end = after.end
      free.splice(at, 1)
    } else if (joinsBefore) before.end = end
    else if (joinsAfter) after.start = start
    else free.splice(at, 0, { start, end })
  }
}

function byStart(a: Lifetime, b: Lifetime): number {
  return a.first - b.first || b.bytes - a.bytes
}
