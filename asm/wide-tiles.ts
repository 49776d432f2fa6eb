// Tiles of a matrix product in the wide build, where V8's revectoriser makes one 256-bit vector of two neighbours. Twelve accumulators, two vectors of
// B and a row element fill fifteen of the sixteen registers of x64; eight accumulators just hide the four cycles each sum waits for itself. Four steps
// of k an iteration, with a way out between them: relaxed-tiles.ts.
import { madd } from './vector'

/**
 * Six rows and sixteen columns of C = or += rows of A times a packed panel of B, `left` ≥ 1 deep. With `unit` the elements of a row of A lie side by
 * side, else `aStep` bytes apart; with `beside` the rows themselves lie side by side. Where neither is so, an iteration takes one step.
 */
@inline
function tile6by16(
  unit: bool, beside: bool, c: usize, cRow: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize, aStep: usize, panel: usize, left: i32,
  accumulate: bool,
): void {
  const c1 = c + cRow, c2 = c1 + cRow, c3 = c2 + cRow, c4 = c3 + cRow, c5 = c4 + cRow
  let s00 = f32x4.splat(0), s01 = f32x4.splat(0), s02 = f32x4.splat(0), s03 = f32x4.splat(0)
  let s10 = f32x4.splat(0), s11 = f32x4.splat(0), s12 = f32x4.splat(0), s13 = f32x4.splat(0)
  let s20 = f32x4.splat(0), s21 = f32x4.splat(0), s22 = f32x4.splat(0), s23 = f32x4.splat(0)
  let s30 = f32x4.splat(0), s31 = f32x4.splat(0), s32 = f32x4.splat(0), s33 = f32x4.splat(0)
  let s40 = f32x4.splat(0), s41 = f32x4.splat(0), s42 = f32x4.splat(0), s43 = f32x4.splat(0)
  let s50 = f32x4.splat(0), s51 = f32x4.splat(0), s52 = f32x4.splat(0), s53 = f32x4.splat(0)
  if (accumulate) {
    s00 = v128.load(c), s01 = v128.load(c, 16), s02 = v128.load(c, 32), s03 = v128.load(c, 48)
    s10 = v128.load(c1), s11 = v128.load(c1, 16), s12 = v128.load(c1, 32), s13 = v128.load(c1, 48)
    s20 = v128.load(c2), s21 = v128.load(c2, 16), s22 = v128.load(c2, 32), s23 = v128.load(c2, 48)
    s30 = v128.load(c3), s31 = v128.load(c3, 16), s32 = v128.load(c3, 32), s33 = v128.load(c3, 48)
    s40 = v128.load(c4), s41 = v128.load(c4, 16), s42 = v128.load(c4, 32), s43 = v128.load(c4, 48)
    s50 = v128.load(c5), s51 = v128.load(c5, 16), s52 = v128.load(c5, 32), s53 = v128.load(c5, 48)
  }
  while (true) {
    let b0 = v128.load(panel), b1 = v128.load(panel, 16), b2 = v128.load(panel, 32), b3 = v128.load(panel, 48)
    let x = v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02), s03 = madd(x, b3, s03)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12), s13 = madd(x, b3, s13)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22), s23 = madd(x, b3, s23)
    x = beside ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a3)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31), s32 = madd(x, b2, s32), s33 = madd(x, b3, s33)
    x = beside ? v128.load_splat<f32>(a0, 16) : v128.load_splat<f32>(a4)
    s40 = madd(x, b0, s40), s41 = madd(x, b1, s41), s42 = madd(x, b2, s42), s43 = madd(x, b3, s43)
    x = beside ? v128.load_splat<f32>(a0, 20) : v128.load_splat<f32>(a5)
    s50 = madd(x, b0, s50), s51 = madd(x, b1, s51), s52 = madd(x, b2, s52), s53 = madd(x, b3, s53)
    if (!unit && !beside) {
      a0 += aStep, a1 += aStep, a2 += aStep, a3 += aStep, a4 += aStep, a5 += aStep, panel += 64, left--
      if (left == 0) break
      continue
    }
    if (left == 1) break
    if (beside) a0 += aStep
    b0 = v128.load(panel, 64), b1 = v128.load(panel, 80), b2 = v128.load(panel, 96), b3 = v128.load(panel, 112)
    x = unit ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02), s03 = madd(x, b3, s03)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1, 4)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12), s13 = madd(x, b3, s13)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2, 4)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22), s23 = madd(x, b3, s23)
    x = beside ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a3, 4)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31), s32 = madd(x, b2, s32), s33 = madd(x, b3, s33)
    x = beside ? v128.load_splat<f32>(a0, 16) : v128.load_splat<f32>(a4, 4)
    s40 = madd(x, b0, s40), s41 = madd(x, b1, s41), s42 = madd(x, b2, s42), s43 = madd(x, b3, s43)
    x = beside ? v128.load_splat<f32>(a0, 20) : v128.load_splat<f32>(a5, 4)
    s50 = madd(x, b0, s50), s51 = madd(x, b1, s51), s52 = madd(x, b2, s52), s53 = madd(x, b3, s53)
    if (left == 2) break
    if (beside) a0 += aStep
    b0 = v128.load(panel, 128), b1 = v128.load(panel, 144), b2 = v128.load(panel, 160), b3 = v128.load(panel, 176)
    x = unit ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02), s03 = madd(x, b3, s03)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1, 8)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12), s13 = madd(x, b3, s13)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2, 8)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22), s23 = madd(x, b3, s23)
    x = beside ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a3, 8)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31), s32 = madd(x, b2, s32), s33 = madd(x, b3, s33)
    x = beside ? v128.load_splat<f32>(a0, 16) : v128.load_splat<f32>(a4, 8)
    s40 = madd(x, b0, s40), s41 = madd(x, b1, s41), s42 = madd(x, b2, s42), s43 = madd(x, b3, s43)
    x = beside ? v128.load_splat<f32>(a0, 20) : v128.load_splat<f32>(a5, 8)
    s50 = madd(x, b0, s50), s51 = madd(x, b1, s51), s52 = madd(x, b2, s52), s53 = madd(x, b3, s53)
    if (left == 3) break
    if (beside) a0 += aStep
    b0 = v128.load(panel, 192), b1 = v128.load(panel, 208), b2 = v128.load(panel, 224), b3 = v128.load(panel, 240)
    x = unit ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02), s03 = madd(x, b3, s03)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1, 12)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12), s13 = madd(x, b3, s13)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2, 12)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22), s23 = madd(x, b3, s23)
    x = beside ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a3, 12)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31), s32 = madd(x, b2, s32), s33 = madd(x, b3, s33)
    x = beside ? v128.load_splat<f32>(a0, 16) : v128.load_splat<f32>(a4, 12)
    s40 = madd(x, b0, s40), s41 = madd(x, b1, s41), s42 = madd(x, b2, s42), s43 = madd(x, b3, s43)
    x = beside ? v128.load_splat<f32>(a0, 20) : v128.load_splat<f32>(a5, 12)
    s50 = madd(x, b0, s50), s51 = madd(x, b1, s51), s52 = madd(x, b2, s52), s53 = madd(x, b3, s53)
    left -= 4
    if (left <= 0) break
    if (unit) a0 += 16, a1 += 16, a2 += 16, a3 += 16, a4 += 16, a5 += 16
    else a0 += aStep
    panel += 256
  }
  v128.store(c, s00), v128.store(c, s01, 16), v128.store(c, s02, 32), v128.store(c, s03, 48)
  v128.store(c1, s10), v128.store(c1, s11, 16), v128.store(c1, s12, 32), v128.store(c1, s13, 48)
  v128.store(c2, s20), v128.store(c2, s21, 16), v128.store(c2, s22, 32), v128.store(c2, s23, 48)
  v128.store(c3, s30), v128.store(c3, s31, 16), v128.store(c3, s32, 32), v128.store(c3, s33, 48)
  v128.store(c4, s40), v128.store(c4, s41, 16), v128.store(c4, s42, 32), v128.store(c4, s43, 48)
  v128.store(c5, s50), v128.store(c5, s51, 16), v128.store(c5, s52, 32), v128.store(c5, s53, 48)
}

/**
 * `count` tiles one below the other, each of six rows and sixteen columns. Rows of A are `aRow` apart, its tiles `aTile`, and all step by `aStep`;
 * rows after `last` are that one again. Strides are bytes.
 */
export function tiles6by16(
  c: usize, cRow: usize, a: usize, aRow: usize, aTile: usize, aStep: usize, b: usize, depth: i32, count: i32, last: i32, accumulate: bool,
): void {
  const r1 = <usize>min(1, last) * aRow, r2 = <usize>min(2, last) * aRow, r3 = <usize>min(3, last) * aRow
  const r4 = <usize>min(4, last) * aRow, r5 = <usize>min(5, last) * aRow
  if (aStep == 4) {
    for (; count > 0; count--, c += 6 * cRow, a += aTile) tile6by16(true, false, c, cRow, a, a + r1, a + r2, a + r3, a + r4, a + r5, 4, b, depth, accumulate)
  } else if (aRow == 4 && last == 5) {
    for (; count > 0; count--, c += 6 * cRow, a += aTile) tile6by16(false, true, c, cRow, a, a + r1, a + r2, a + r3, a + r4, a + r5, aStep, b, depth, accumulate)
  } else {
    for (; count > 0; count--, c += 6 * cRow, a += aTile) tile6by16(false, false, c, cRow, a, a + r1, a + r2, a + r3, a + r4, a + r5, aStep, b, depth, accumulate)
  }
}

/** tile6by16 with four rows. */
@inline
function tile4by16(
  unit: bool, beside: bool, c: usize, cRow: usize, a0: usize, a1: usize, a2: usize, a3: usize, aStep: usize, panel: usize, left: i32,
  accumulate: bool,
): void {
  const c1 = c + cRow, c2 = c1 + cRow, c3 = c2 + cRow
  let s00 = f32x4.splat(0), s01 = f32x4.splat(0), s02 = f32x4.splat(0), s03 = f32x4.splat(0)
  let s10 = f32x4.splat(0), s11 = f32x4.splat(0), s12 = f32x4.splat(0), s13 = f32x4.splat(0)
  let s20 = f32x4.splat(0), s21 = f32x4.splat(0), s22 = f32x4.splat(0), s23 = f32x4.splat(0)
  let s30 = f32x4.splat(0), s31 = f32x4.splat(0), s32 = f32x4.splat(0), s33 = f32x4.splat(0)
  if (accumulate) {
    s00 = v128.load(c), s01 = v128.load(c, 16), s02 = v128.load(c, 32), s03 = v128.load(c, 48)
    s10 = v128.load(c1), s11 = v128.load(c1, 16), s12 = v128.load(c1, 32), s13 = v128.load(c1, 48)
    s20 = v128.load(c2), s21 = v128.load(c2, 16), s22 = v128.load(c2, 32), s23 = v128.load(c2, 48)
    s30 = v128.load(c3), s31 = v128.load(c3, 16), s32 = v128.load(c3, 32), s33 = v128.load(c3, 48)
  }
  while (true) {
    let b0 = v128.load(panel), b1 = v128.load(panel, 16), b2 = v128.load(panel, 32), b3 = v128.load(panel, 48)
    let x = v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02), s03 = madd(x, b3, s03)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12), s13 = madd(x, b3, s13)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22), s23 = madd(x, b3, s23)
    x = beside ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a3)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31), s32 = madd(x, b2, s32), s33 = madd(x, b3, s33)
    if (!unit && !beside) {
      a0 += aStep, a1 += aStep, a2 += aStep, a3 += aStep, panel += 64, left--
      if (left == 0) break
      continue
    }
    if (left == 1) break
    if (beside) a0 += aStep
    b0 = v128.load(panel, 64), b1 = v128.load(panel, 80), b2 = v128.load(panel, 96), b3 = v128.load(panel, 112)
    x = unit ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02), s03 = madd(x, b3, s03)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1, 4)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12), s13 = madd(x, b3, s13)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2, 4)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22), s23 = madd(x, b3, s23)
    x = beside ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a3, 4)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31), s32 = madd(x, b2, s32), s33 = madd(x, b3, s33)
    if (left == 2) break
    if (beside) a0 += aStep
    b0 = v128.load(panel, 128), b1 = v128.load(panel, 144), b2 = v128.load(panel, 160), b3 = v128.load(panel, 176)
    x = unit ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02), s03 = madd(x, b3, s03)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1, 8)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12), s13 = madd(x, b3, s13)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2, 8)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22), s23 = madd(x, b3, s23)
    x = beside ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a3, 8)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31), s32 = madd(x, b2, s32), s33 = madd(x, b3, s33)
    if (left == 3) break
    if (beside) a0 += aStep
    b0 = v128.load(panel, 192), b1 = v128.load(panel, 208), b2 = v128.load(panel, 224), b3 = v128.load(panel, 240)
    x = unit ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02), s03 = madd(x, b3, s03)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1, 12)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12), s13 = madd(x, b3, s13)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2, 12)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22), s23 = madd(x, b3, s23)
    x = beside ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a3, 12)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31), s32 = madd(x, b2, s32), s33 = madd(x, b3, s33)
    left -= 4
    if (left <= 0) break
    if (unit) a0 += 16, a1 += 16, a2 += 16, a3 += 16
    else a0 += aStep
    panel += 256
  }
  v128.store(c, s00), v128.store(c, s01, 16), v128.store(c, s02, 32), v128.store(c, s03, 48)
  v128.store(c1, s10), v128.store(c1, s11, 16), v128.store(c1, s12, 32), v128.store(c1, s13, 48)
  v128.store(c2, s20), v128.store(c2, s21, 16), v128.store(c2, s22, 32), v128.store(c2, s23, 48)
  v128.store(c3, s30), v128.store(c3, s31, 16), v128.store(c3, s32, 32), v128.store(c3, s33, 48)
}

/** tiles6by16 with four rows. */
export function tiles4by16(
  c: usize, cRow: usize, a: usize, aRow: usize, aTile: usize, aStep: usize, b: usize, depth: i32, count: i32, last: i32, accumulate: bool,
): void {
  const r1 = <usize>min(1, last) * aRow, r2 = <usize>min(2, last) * aRow, r3 = <usize>min(3, last) * aRow
  if (aStep == 4) {
    for (; count > 0; count--, c += 4 * cRow, a += aTile) tile4by16(true, false, c, cRow, a, a + r1, a + r2, a + r3, 4, b, depth, accumulate)
  } else if (aRow == 4 && last == 3) {
    for (; count > 0; count--, c += 4 * cRow, a += aTile) tile4by16(false, true, c, cRow, a, a + r1, a + r2, a + r3, aStep, b, depth, accumulate)
  } else {
    for (; count > 0; count--, c += 4 * cRow, a += aTile) tile4by16(false, false, c, cRow, a, a + r1, a + r2, a + r3, aStep, b, depth, accumulate)
  }
}

/** tiles6by16 with eight columns. */
export function tiles6by8(
  c: usize, cRow: usize, a: usize, aRow: usize, aTile: usize, aStep: usize, b: usize, depth: i32, count: i32, last: i32, accumulate: bool,
): void {
  const r1 = <usize>min(1, last) * aRow, r2 = <usize>min(2, last) * aRow, r3 = <usize>min(3, last) * aRow
  const r4 = <usize>min(4, last) * aRow, r5 = <usize>min(5, last) * aRow
  for (; count > 0; count--) {
    const c1 = c + cRow, c2 = c1 + cRow, c3 = c2 + cRow, c4 = c3 + cRow, c5 = c4 + cRow
    let a0 = a, a1 = a + r1, a2 = a + r2, a3 = a + r3, a4 = a + r4, a5 = a + r5
    let s00 = f32x4.splat(0), s01 = f32x4.splat(0)
    let s10 = f32x4.splat(0), s11 = f32x4.splat(0)
    let s20 = f32x4.splat(0), s21 = f32x4.splat(0)
    let s30 = f32x4.splat(0), s31 = f32x4.splat(0)
    let s40 = f32x4.splat(0), s41 = f32x4.splat(0)
    let s50 = f32x4.splat(0), s51 = f32x4.splat(0)
    if (accumulate) {
      s00 = v128.load(c), s01 = v128.load(c, 16)
      s10 = v128.load(c1), s11 = v128.load(c1, 16)
      s20 = v128.load(c2), s21 = v128.load(c2, 16)
      s30 = v128.load(c3), s31 = v128.load(c3, 16)
      s40 = v128.load(c4), s41 = v128.load(c4, 16)
      s50 = v128.load(c5), s51 = v128.load(c5, 16)
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
      x = v128.load_splat<f32>(a4)
      s40 = madd(x, b0, s40), s41 = madd(x, b1, s41)
      x = v128.load_splat<f32>(a5)
      s50 = madd(x, b0, s50), s51 = madd(x, b1, s51)
      a0 += aStep, a1 += aStep, a2 += aStep, a3 += aStep, a4 += aStep, a5 += aStep
      panel += 32
    }
    v128.store(c, s00), v128.store(c, s01, 16)
    v128.store(c1, s10), v128.store(c1, s11, 16)
    v128.store(c2, s20), v128.store(c2, s21, 16)
    v128.store(c3, s30), v128.store(c3, s31, 16)
    v128.store(c4, s40), v128.store(c4, s41, 16)
    v128.store(c5, s50), v128.store(c5, s51, 16)
    c += 6 * cRow
    a += aTile
  }
}

/** tiles6by16 with four rows and eight columns. */
export function tiles4by8(
  c: usize, cRow: usize, a: usize, aRow: usize, aTile: usize, aStep: usize, b: usize, depth: i32, count: i32, last: i32, accumulate: bool,
): void {
  const r1 = <usize>min(1, last) * aRow, r2 = <usize>min(2, last) * aRow, r3 = <usize>min(3, last) * aRow
  for (; count > 0; count--) {
    const c1 = c + cRow, c2 = c1 + cRow, c3 = c2 + cRow
    let a0 = a, a1 = a + r1, a2 = a + r2, a3 = a + r3
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
    c += 4 * cRow
    a += aTile
  }
}
