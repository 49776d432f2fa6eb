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

/** Looks at a word before sleeping: some tens of microseconds, longer than waking a sleeper takes. */
const spins = 1 << 15

/** This thread; 0 is the one that calls the entries. */
export let thread: i32 = 0
/** Threads that share the entry now running. */
export let active: i32 = 1

/** Where part `part` of an extent begins when all threads share it in multiples of `unit`; the last part takes what is over. */
@inline
export function share(extent: i32, unit: i32, part: i32): i32 {
  return min(extent, ((extent + unit - 1) / unit * part / active) * unit)
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
 * This thread's share of matmul: columns, or where they are few or packed already, rows. A share has the whole product's way of
 * summing, and never a single row or column where the whole has more.
 */
export function matmulShare(
  c: usize, a: usize, b: usize, m: i32, n: i32, k: i32,
  aRow: i32, aColumn: i32, bRow: i32, bColumn: i32, cRow: i32, accumulate: bool, scratch: usize, panels: usize = 0,
): void {
  const columnUnit = m == 1 ? 16 : widestPanel
  const rowUnit = n == 1 ? 4 : tileRows
  let i0 = 0, i1 = m, j0 = 0, j1 = n
  if (!panels && n >= 2 * columnUnit * active) {
    j0 = n / columnUnit * thread / active * columnUnit
    if (thread + 1 < active) j1 = n / columnUnit * (thread + 1) / active * columnUnit
  } else if (m >= 2 * rowUnit * active) {
    i0 = m / rowUnit * thread / active * rowUnit
    if (thread + 1 < active) i1 = m / rowUnit * (thread + 1) / active * rowUnit
  } else if (thread > 0) return
  matmul(
    c + bytes(i0 * cRow + j0), a + bytes(i0 * aRow), b + bytes(j0 * bColumn), i1 - i0, j1 - j0, k,
    aRow, aColumn, bRow, bColumn, cRow, accumulate, own(scratch), panels,
  )
}
