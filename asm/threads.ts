// Threads: every thread runs the same entry over one shared memory and takes its own share of each call, then they meet at a
// barrier. Which elements a thread computes never changes how one is computed, so the bits are those of a single thread.
// The host gives each thread an instance of the module; one calls the entries, the others `work`, which returns when told to.
import { CONTROL, PRIVATE, PRIVATE_BYTES } from './build'
import { matmul } from './matmul'
import { tileRows, widestPanel } from './tiles'

// The control block, words that are written often on cache lines of their own.
const THREADS: usize = CONTROL
/** The entry to run, and the sizes of its dimensions. */
const ENTRY: usize = CONTROL + 4
const FAILED: usize = CONTROL + 8
/** Seconds a thread waits for the others before it takes them for dead. */
const PATIENCE: usize = CONTROL + 12
const SIZES: usize = CONTROL + 16
/** Counts the entries begun; each thread waits for its next value. */
const BEGUN: usize = CONTROL + 128
const ARRIVED: usize = CONTROL + 192
/** Counts barriers passed. */
const PASSED: usize = CONTROL + 256
const SLEEPERS: usize = CONTROL + 320
/** For each thread which parts of its share of the call now running are taken: 256 times the call's number, and how many. */
const TAKEN: usize = CONTROL + 384
const LINE: usize = 64

/** Looks at a word before sleeping: about a tenth of a millisecond, what it can cost to sleep and be woken. */
const spins = 1 << 17

/** This thread; 0 is the one that calls the entries. */
export let thread: i32 = 0
/** Threads that share the entry now running. */
export let active: i32 = 1

/** Of a call of which each thread has so many; one that is alone does a call in one. */
@inline
function total(parts: i32): i32 {
  return active == 1 ? 1 : active * parts
}

/** The shared calls behind this thread: as many as behind all others, since none gets ahead of a barrier. */
let call: i32 = 0
let taken: bool = false

/**
 * The next part of a call this thread is to do, one of its own share or else of one that is behind; −1 when all parts are taken. So
 * a thread whose core is slow, or was late to come, does not keep the others waiting for more than one part.
 */
function nextPart(parts: i32): i32 {
  if (active == 1) {
    taken = !taken
    return taken ? 0 : -1
  }
  const none = call << 8
  for (let i = 0; i < active; i++) {
    const other = thread + i < active ? thread + i : thread + i - active
    const word = TAKEN + <usize>other * LINE
    let found = atomic.load<i32>(word)
    while (true) {
      const first = found - none < 0 ? none : found
      if (first - none >= parts) break
      const before = atomic.cmpxchg<i32>(word, found, first + 1)
      if (before == found) return other * parts + first - none
      found = before
    }
  }
  call++
  return -1
}

/** Of the extent that is shared, the part this thread has claimed. */
export let partStart: i32 = 0
export let partEnd: i32 = 0

/**
 * Claims a part of an extent that all threads share in multiples of `unit`, `parts` for each; false when all are taken. The last part takes
 * what is over.
 */
export function claim(extent: i32, unit: i32, parts: i32): bool {
  const units = (extent + unit - 1) / unit
  const count = total(parts)
  while (true) {
    const part = nextPart(parts)
    if (part < 0) return false
    partStart = units * part / count * unit
    partEnd = min(extent, units * (part + 1) / count * unit)
    if (partStart < partEnd) return true
  }
}

/** This thread's copy of scratch memory. */
@inline
export function own(scratch: usize): usize {
  return thread == 0 ? scratch : PRIVATE + <usize>(thread - 1) * PRIVATE_BYTES
}

export function setSize(index: i32, value: i32): void {
  store<i32>(SIZES + (<usize>index << 2), value)
}

export function size(index: i32): i32 {
  return load<i32>(SIZES + (<usize>index << 2))
}

/** Starts an entry on all threads if that is worth it, else on this one alone. */
export function begin(entry: i32, worth: bool): void {
  active = worth ? load<i32>(THREADS) : 1
  if (active == 1) return
  store<i32>(ENTRY, entry)
  atomic.add<i32>(BEGUN, 1)
  wake(BEGUN)
}

/** Waits as thread `id` for the next entry; −1 is the end. */
export function next(id: i32): i32 {
  thread = id
  // Every thread takes part in every entry that is begun, so it has seen as many as it has been through.
  sleepUntil(BEGUN, seen, false)
  seen++
  active = load<i32>(THREADS)
  return load<i32>(ENTRY)
}

let seen: i32 = 0

/** Returns when all threads have come here. */
export function barrier(): void {
  if (active == 1) return
  const passed = atomic.load<i32>(PASSED)
  if (atomic.add<i32>(ARRIVED, 1) == active - 1) {
    atomic.store<i32>(ARRIVED, 0)
    atomic.store<i32>(PASSED, passed + 1)
    wake(PASSED)
  } else sleepUntil(PASSED, passed, true)
}

@inline
function wake(address: usize): void {
  if (atomic.load<i32>(SLEEPERS) != 0) atomic.notify(address)
}

/** Looks for a while, then sleeps until the word has another value. A thread that failed, or took too long, is a trap. */
function sleepUntil(address: usize, value: i32, impatient: bool): void {
  for (let i = 0; i < spins; i++) {
    if (atomic.load<i32>(address) != value) return
  }
  atomic.add<i32>(SLEEPERS, 1)
  let left = load<i32>(PATIENCE)
  while (atomic.load<i32>(address) == value) {
    if (load<i32>(FAILED) != 0) unreachable()
    if (atomic.wait<i32>(address, value, 1_000_000_000) == AtomicWaitResult.TIMED_OUT && impatient && --left <= 0) {
      atomic.store<i32>(FAILED, 1)
      unreachable()
    }
  }
  atomic.sub<i32>(SLEEPERS, 1)
}

@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2
}

/**
 * This thread's parts of matmul: columns, or where they are few or packed already, rows. A part has the whole product's way of
 * summing, and never a single row or column where the whole has more. Each thread has `most` parts or fewer, and claims them; 0: it
 * does one, its own, however far the others are.
 */
export function matmulShare(
  c: usize, a: usize, b: usize, m: i32, n: i32, k: i32,
  aRow: i32, aColumn: i32, bRow: i32, bColumn: i32, cRow: i32, accumulate: bool, most: i32, scratch: usize, panels: usize = 0,
): void {
  const columnUnit = m == 1 ? 16 : widestPanel
  const rowUnit = n == 1 ? 4 : tileRows
  const byColumns = !panels && n >= 2 * columnUnit * active
  if (!byColumns && m < 2 * rowUnit * active) {
    if (thread == 0) matmul(c, a, b, m, n, k, aRow, aColumn, bRow, bColumn, cRow, accumulate, scratch, panels)
    return
  }
  const unit = byColumns ? columnUnit : rowUnit
  const extent = byColumns ? n : m
  const units = extent / unit
  const parts = most == 0 ? 1 : min(most, units / active)
  const count = total(parts)
  for (let part = most == 0 ? thread : nextPart(parts); part >= 0; part = most == 0 ? -1 : nextPart(parts)) {
    const from = units * part / count * unit
    const size = (part + 1 < count ? units * (part + 1) / count * unit : extent) - from
    if (byColumns)
      matmul(c + bytes(from), a, b + bytes(from * bColumn), m, size, k, aRow, aColumn, bRow, bColumn, cRow, accumulate, own(scratch))
    else
      matmul(
        c + bytes(from * cRow), a + bytes(from * aRow), b, size, n, k,
        aRow, aColumn, bRow, bColumn, cRow, accumulate, own(scratch), panels,
      )
  }
}
