// Along rows of `length` words: the order of their elements, and running sums. Addresses are in bytes.

/** Up to here rows are sorted by insertion, beyond it by radix. */
const shortRow = 48
/** Up to here the first few are kept in order while a row is read. */
const fewElements = 32

/**
 * out[r, i] = the position of the element that comes i-th in row r of x, for i in 0..count; of equal elements the first comes first.
 * NaN is larger than every number, −0 equals 0. `scratch` holds argsortScratchBytes(length) bytes, 16-byte aligned.
 */
export function argsort(
  out: usize, x: usize, scratch: usize, rows: i32, length: i32, count: i32, descending: bool, float: bool,
): void {
  const rowBytes = <usize>length << 2
  const flip: u32 = descending ? 0xffffffff : 0
  const select = count <= fewElements && count < length
  for (let r = 0; r < rows; r++) {
    let ordered = scratch
    if (select) selectEntries(scratch, x, length, count, flip, float)
    else {
      for (let i = 0; i < length; i++) store<u64>(scratch + (<usize>i << 3), entry(x, i, flip, float))
      if (length <= shortRow) insertionSort(scratch, length)
      else ordered = radixSort(scratch, scratch + (<usize>length << 3), scratch + (<usize>length << 4), length)
    }
    for (let i = 0; i < count; i++) store<i32>(out + (<usize>i << 2), <i32>load<u64>(ordered + (<usize>i << 3)))
    x += rowBytes
    out += <usize>count << 2
  }
}

/** An element's place in the order as a number without sign, above its position: distinct, and ordered as the elements are. */
@inline
function entry(x: usize, position: i32, flip: u32, float: bool): u64 {
  let bits = load<u32>(x + (<usize>position << 2))
  if (float) {
    const size = bits & 0x7fffffff
    if (size == 0) bits = 0
    else if (size > 0x7f800000) bits = 0x7fc00000
    bits ^= <u32>(<i32>bits >> 31) | 0x80000000
  } else bits ^= 0x80000000
  return (<u64>(bits ^ flip) << 32) | <u64>position
}

/** The first `count` entries of a row, in order. */
function selectEntries(kept: usize, x: usize, length: i32, count: i32, flip: u32, float: bool): void {
  if (count == 0) return
  const end = kept + (<usize>count << 3)
  for (let i = 0; i < count; i++) store<u64>(kept + (<usize>i << 3), entry(x, i, flip, float))
  insertionSort(kept, count)
  for (let i = count; i < length; i++) {
    const next = entry(x, i, flip, float)
    if (next > load<u64>(end - 8)) continue
    insert(kept, end - 8, next)
  }
}

function insertionSort(entries: usize, count: i32): void {
  const end = entries + (<usize>count << 3)
  for (let at = entries + 8; at < end; at += 8) insert(entries, at, load<u64>(at))
}

/** Moves larger entries one place up from below `at` and puts `value` where they end. */
@inline
function insert(entries: usize, at: usize, value: u64): void {
  while (at > entries && load<u64>(at - 8) > value) {
    store<u64>(at, load<u64>(at - 8))
    at -= 8
  }
  store<u64>(at, value)
}

/** By the four bytes of the key, the lowest first, each time stably; says which of the two buffers has the result. */
function radixSort(entries: usize, other: usize, counts: usize, length: i32): usize {
  const end = <usize>length << 3
  memory.fill(counts, 0, 4096)
  for (let at: usize = 0; at < end; at += 8) {
    const key = load<u32>(entries + at, 4)
    for (let digit: u32 = 0; digit < 4; digit++) {
      const place = counts + (<usize>digit << 10) + (<usize>((key >> (digit << 3)) & 255) << 2)
      store<i32>(place, load<i32>(place) + 1)
    }
  }
  for (let digit: u32 = 0; digit < 4; digit++) {
    const table = counts + (<usize>digit << 10)
    const shift = digit << 3
    // A byte that all keys share orders nothing.
    const first = (load<u32>(entries, 4) >> shift) & 255
    if (load<i32>(table + (<usize>first << 2)) == length) continue
    let start = 0
    for (let value: usize = 0; value < 1024; value += 4) {
      const own = load<i32>(table + value)
      store<i32>(table + value, start)
      start += own
    }
    for (let at: usize = 0; at < end; at += 8) {
      const own = load<u64>(entries + at)
      const place = table + (<usize>((<u32>(own >> 32) >> shift) & 255) << 2)
      const target = load<i32>(place)
      store<i32>(place, target + 1)
      store<u64>(other + (<usize>target << 3), own)
    }
    const last = entries
    entries = other
    other = last
  }
  return entries
}

/** out[r, i] = the sum of x[r, 0..i], or with `reverse` of x[r, i..]. The sum is kept in f64. */
export function cumulativeSum(out: usize, x: usize, rows: i32, length: i32, reverse: bool): void {
  const step: isize = reverse ? -4 : 4
  for (let r = 0; r < rows; r++) {
    let at: isize = (r * length + (reverse ? length - 1 : 0)) << 2
    let total: f64 = 0
    for (let i = 0; i < length; i++) {
      total += <f64>load<f32>(x + at)
      store<f32>(out + at, <f32>total)
      at += step
    }
  }
}

/** As cumulativeSum, for i32: sums modulo 2³². */
export function cumulativeSumInteger(out: usize, x: usize, rows: i32, length: i32, reverse: bool): void {
  const step: isize = reverse ? -4 : 4
  for (let r = 0; r < rows; r++) {
    let at: isize = (r * length + (reverse ? length - 1 : 0)) << 2
    let total = 0
    for (let i = 0; i < length; i++) {
      total += load<i32>(x + at)
      store<i32>(out + at, total)
      at += step
    }
  }
}
