// Tiles of a matrix product in the plain build. Where a product and a sum are two instructions, V8 has no register left for a second step of k, or
// for the loop over tiles: each tile is a function of its own.
import { madd } from './vector'

/**
 * Three rows and 12 columns of C = or += three rows of A times a packed panel of B, `depth` deep. The second and third row of A lie `aRow` and
 * `aRow2` behind the first and all step by `aStep`; strides are bytes. Nine accumulators, three vectors of B, one broadcast and one product just
 * fit the sixteen registers of x64.
 */
function tile12(
  c: usize, cRow: usize, a: usize, aRow: usize, aRow2: usize, aStep: usize, b: usize, depth: i32, accumulate: bool,
): void {
  const c1 = c + cRow, c2 = c1 + cRow
  let a0 = a, a1 = a + aRow, a2 = a + aRow2
  let s00 = f32x4.splat(0), s01 = f32x4.splat(0), s02 = f32x4.splat(0)
  let s10 = f32x4.splat(0), s11 = f32x4.splat(0), s12 = f32x4.splat(0)
  let s20 = f32x4.splat(0), s21 = f32x4.splat(0), s22 = f32x4.splat(0)
  if (accumulate) {
    s00 = v128.load(c), s01 = v128.load(c, 16), s02 = v128.load(c, 32)
    s10 = v128.load(c1), s11 = v128.load(c1, 16), s12 = v128.load(c1, 32)
    s20 = v128.load(c2), s21 = v128.load(c2, 16), s22 = v128.load(c2, 32)
  }
  let panel = b
  for (let p = 0; p < depth; p++) {
    const b0 = v128.load(panel), b1 = v128.load(panel, 16), b2 = v128.load(panel, 32)
    let x = v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02)
    x = v128.load_splat<f32>(a1)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12)
    x = v128.load_splat<f32>(a2)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22)
    a0 += aStep, a1 += aStep, a2 += aStep
    panel += 48
  }
  v128.store(c, s00), v128.store(c, s01, 16), v128.store(c, s02, 32)
  v128.store(c1, s10), v128.store(c1, s11, 16), v128.store(c1, s12, 32)
  v128.store(c2, s20), v128.store(c2, s21, 16), v128.store(c2, s22, 32)
}

/** `count` tiles one below the other; rows of A are `aRow` apart, its tiles `aTile`; rows after `last` are that one again. */
export function tiles3by12(
  c: usize, cRow: usize, a: usize, aRow: usize, aTile: usize, aStep: usize, b: usize, depth: i32, count: i32, last: i32, accumulate: bool,
): void {
  const r1 = <usize>min(1, last) * aRow, r2 = <usize>min(2, last) * aRow
  for (; count > 0; count--, c += 3 * cRow, a += aTile) tile12(c, cRow, a, r1, r2, aStep, b, depth, accumulate)
}

/** tile12 with four rows and 8 columns. */
function tile8(
  c: usize, cRow: usize, a: usize, aRow: usize, aRow2: usize, aRow3: usize, aStep: usize, b: usize, depth: i32, accumulate: bool,
): void {
  const c1 = c + cRow, c2 = c1 + cRow, c3 = c2 + cRow
  let a0 = a, a1 = a + aRow, a2 = a + aRow2, a3 = a + aRow3
  let s00 = f32x4.splat(0), s01 = f32x4.splat(0)
  let s10 = f32x4.splat(0), s11 = f32x4.splat(0)
  let s20 = f32x4.splat(0), s21 = f32x4.splat(0)
  let s30 = f32x4.splat(0), s31 = f32x4.splat(0)
  if (accumulate) {
    s00 = v128.load(c), s01 = v128.load(c, 16)
    s10 = v128.load(c1), s11 = v128.load(c1, 16)
    s20 = v128.load(c2), s21 = v128.load(c2, 16)
    s30 = v128.load(c3), s31 = v128.load(c3, 16)
  }
  let panel = b
  for (let p = 0; p < depth; p++) {
    const b0 = v128.load(panel), b1 = v128.load(panel, 16)
    let x = v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01)
    x = v128.load_splat<f32>(a1)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11)
    x = v128.load_splat<f32>(a2)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21)
    x = v128.load_splat<f32>(a3)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31)
    a0 += aStep, a1 += aStep, a2 += aStep, a3 += aStep
    panel += 32
  }
  v128.store(c, s00), v128.store(c, s01, 16)
  v128.store(c1, s10), v128.store(c1, s11, 16)
  v128.store(c2, s20), v128.store(c2, s21, 16)
  v128.store(c3, s30), v128.store(c3, s31, 16)
}

/** tiles3by12 with four rows and 8 columns. */
export function tiles4by8(
  c: usize, cRow: usize, a: usize, aRow: usize, aTile: usize, aStep: usize, b: usize, depth: i32, count: i32, last: i32, accumulate: bool,
): void {
  const r1 = <usize>min(1, last) * aRow, r2 = <usize>min(2, last) * aRow, r3 = <usize>min(3, last) * aRow
  for (; count > 0; count--, c += 4 * cRow, a += aTile) tile8(c, cRow, a, r1, r2, r3, aStep, b, depth, accumulate)
}
