/**
 * Static memory: offsets for buffers with known lifetimes, reused by liveness. No order of placing them is best for all
 * models, so several are tried and the tightest result is kept.
 */

/** Padding behind each buffer, so that a full vector pair may be read at its end. */
const PADDING = 32
const ALIGNMENT = 64
/** No other order is tried once a result is within this factor of the least possible. */
const TIGHT = 1.01
/** Beyond this many buffers only the order of their beginnings is tried: the others take time with the square. */
const MOST_BUFFERS = 8192

export interface Lifetime {
  readonly bytes: number
  /** First and last step that uses it. */
  readonly first: number
  readonly last: number
}

export interface ArenaPlan {
  readonly offsets: readonly number[]
  readonly bytes: number
  /** The most bytes alive at one step, padding included: no plan takes less. */
  readonly liveBytes: number
}

/** The room a buffer takes, padding and alignment included. */
export function paddedBytes(bytes: number): number {
  return Math.ceil((bytes + PADDING) / ALIGNMENT) * ALIGNMENT
}

/** Offsets such that buffers alive at the same step never overlap. */
export function planArena(lifetimes: readonly Lifetime[]): ArenaPlan {
  const liveBytes = mostAlive(lifetimes)
  let best = { ...inOrderOfUse(lifetimes), liveBytes }
  if (lifetimes.length > MOST_BUFFERS) return best
  const length = ({ first, last }: Lifetime): number => last - first + 1
  const orders: ((a: Lifetime, b: Lifetime) => number)[] = [
    (a, b) => b.bytes - a.bytes || length(b) - length(a),
    (a, b) => b.bytes * length(b) - a.bytes * length(a),
    (a, b) => length(b) - length(a) || b.bytes - a.bytes,
  ]
  for (const order of orders) {
    if (best.bytes <= TIGHT * liveBytes) break
    const plan = firstFit(lifetimes, order, best.bytes)
    if (plan) best = { ...plan, liveBytes }
  }
  return best
}

/** The maximum over all steps of the bytes of buffers alive at them. */
function mostAlive(lifetimes: readonly Lifetime[]): number {
  const changes = lifetimes.flatMap(({ bytes, first, last }) => [
    { at: first, bytes: paddedBytes(bytes) },
    { at: last + 1, bytes: -paddedBytes(bytes) },
  ])
  changes.sort((a, b) => a.at - b.at || a.bytes - b.bytes)
  let alive = 0
  let most = 0
  for (const { bytes } of changes) {
    alive += bytes
    most = Math.max(most, alive)
  }
  return most
}

/** One by one in the order given, each at the lowest place free for its whole life; undefined if it takes no less than `most`. */
function firstFit(
  lifetimes: readonly Lifetime[],
  order: (a: Lifetime, b: Lifetime) => number,
  most: number,
): Pick<ArenaPlan, 'offsets' | 'bytes'> | undefined {
  const sorted = lifetimes.map((_, at) => at).sort((a, b) => order(lifetimes[a]!, lifetimes[b]!) || a - b)
  const offsets = lifetimes.map(() => 0)
  // Those placed, by offset: flat, since most of the time goes into passing over them.
  const starts = new Float64Array(lifetimes.length)
  const ends = new Float64Array(lifetimes.length)
  const firsts = new Int32Array(lifetimes.length)
  const lasts = new Int32Array(lifetimes.length)
  let placed = 0
  let top = 0
  for (const at of sorted) {
    const { first, last, bytes: wanted } = lifetimes[at]!
    const bytes = paddedBytes(wanted)
    let start = 0
    for (let other = 0; other < placed; other++) {
      if (starts[other]! >= start + bytes) break
      if (firsts[other]! <= last && first <= lasts[other]! && ends[other]! > start) start = ends[other]!
    }
    offsets[at] = start
    top = Math.max(top, start + bytes)
    if (top >= most) return undefined
    const into = placesUpTo(starts, placed, start)
    for (const list of [starts, ends, firsts, lasts]) list.copyWithin(into + 1, into, placed)
    starts[into] = start
    ends[into] = start + bytes
    firsts[into] = first
    lasts[into] = last
    placed++
  }
  return { offsets, bytes: top }
}

/** How many of the first `count` numbers, which ascend, are at most `value`. */
function placesUpTo(ascending: Float64Array, count: number, value: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (ascending[middle]! <= value) low = middle + 1
    else high = middle
  }
  return low
}

/** From the first step to the last, each in the free hole that fits it best. */
function inOrderOfUse(lifetimes: readonly Lifetime[]): Pick<ArenaPlan, 'offsets' | 'bytes'> {
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
