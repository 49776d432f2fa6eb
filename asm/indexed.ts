// Rows picked and added by index. A row is `rowElements` 32-bit words; offsets are byte addresses.

/** out[i] = table[indices[i]] for i in 0..count; every index lies inside the table. */
export function gatherRows(out: usize, table: usize, indices: usize, count: i32, rowElements: i32): void {
  const rowBytes = <usize>rowElements << 2
  for (let i = 0; i < count; i++) {
    const source = table + <usize>load<i32>(indices + (<usize>i << 2)) * rowBytes
    const target = out + <usize>i * rowBytes
    let at: usize = 0
    for (; at + 16 <= rowBytes; at += 16) v128.store(target + at, v128.load(source + at))
    for (; at < rowBytes; at += 4) store<i32>(target + at, load<i32>(source + at))
  }
}

/**
 * out[r] = Σ updates[i] over all i with indices[i] = r, for the `tableRows` rows of `out` (f32). The terms are added in
 * the order of i, so the result is the same on every run.
 */
export function scatterAddRows(
  out: usize, updates: usize, indices: usize, count: i32, rowElements: i32, tableRows: i32,
): void {
  const rowBytes = <usize>rowElements << 2
  memory.fill(out, 0, <usize>tableRows * rowBytes)
  for (let i = 0; i < count; i++) {
    const source = updates + <usize>i * rowBytes
    const target = out + <usize>load<i32>(indices + (<usize>i << 2)) * rowBytes
    let at: usize = 0
    for (; at + 16 <= rowBytes; at += 16) {
      v128.store(target + at, f32x4.add(v128.load(target + at), v128.load(source + at)))
    }
    for (; at < rowBytes; at += 4) store<f32>(target + at, load<f32>(target + at) + load<f32>(source + at))
  }
}

/** As scatterAddRows, for i32: sums modulo 2³². */
export function scatterAddRowsInteger(
  out: usize, updates: usize, indices: usize, count: i32, rowElements: i32, tableRows: i32,
): void {
  const rowBytes = <usize>rowElements << 2
  memory.fill(out, 0, <usize>tableRows * rowBytes)
  for (let i = 0; i < count; i++) {
    const source = updates + <usize>i * rowBytes
    const target = out + <usize>load<i32>(indices + (<usize>i << 2)) * rowBytes
    let at: usize = 0
    for (; at + 16 <= rowBytes; at += 16) {
      v128.store(target + at, i32x4.add(v128.load(target + at), v128.load(source + at)))
    }
    for (; at < rowBytes; at += 4) store<i32>(target + at, load<i32>(target + at) + load<i32>(source + at))
  }
}
