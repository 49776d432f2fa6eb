// Tiles of a matrix product in the relaxed build. Four steps of k an iteration: fewer instructions beside the multiply-adds, which matters most where
// another thread shares the core. V8 of Node 20 loads all that a stretch of code without branches needs before it computes, and runs out of
// registers with more than one step; a way out of the loop between steps, which any depth needs, keeps them apart.
import { madd } from './vector'

/**
 * Three rows and 12 columns of C = or += three rows of A times a packed panel of B, `left` ≥ 1 deep. With `unit` the elements of a row of A lie side
 * by side, else `aStep` bytes apart; with `beside` the rows themselves lie side by side. Where neither is so, an iteration takes one step.
 * Nine accumulators, three vectors of B and three row elements fill fifteen of the sixteen registers of x64; V8 keeps one.
 */
@inline
function tile12(
  unit: bool, beside: bool, c: usize, cRow: usize, a0: usize, a1: usize, a2: usize, aStep: usize, panel: usize, left: i32,
  accumulate: bool,
): void {
  const c1 = c + cRow, c2 = c1 + cRow
  let s00 = f32x4.splat(0), s01 = f32x4.splat(0), s02 = f32x4.splat(0)
  let s10 = f32x4.splat(0), s11 = f32x4.splat(0), s12 = f32x4.splat(0)
  let s20 = f32x4.splat(0), s21 = f32x4.splat(0), s22 = f32x4.splat(0)
  if (accumulate) {
    s00 = v128.load(c), s01 = v128.load(c, 16), s02 = v128.load(c, 32)
    s10 = v128.load(c1), s11 = v128.load(c1, 16), s12 = v128.load(c1, 32)
    s20 = v128.load(c2), s21 = v128.load(c2, 16), s22 = v128.load(c2, 32)
  }
  while (true) {
    let b0 = v128.load(panel), b1 = v128.load(panel, 16), b2 = v128.load(panel, 32)
    let x = v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22)
    if (!unit && !beside) {
      a0 += aStep, a1 += aStep, a2 += aStep, panel += 48, left--
      if (left == 0) break
      continue
    }
    if (left == 1) break
    if (beside) a0 += aStep
    b0 = v128.load(panel, 48), b1 = v128.load(panel, 64), b2 = v128.load(panel, 80)
    x = unit ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1, 4)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2, 4)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22)
    if (left == 2) break
    if (beside) a0 += aStep
    b0 = v128.load(panel, 96), b1 = v128.load(panel, 112), b2 = v128.load(panel, 128)
    x = unit ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1, 8)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2, 8)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22)
    if (left == 3) break
    if (beside) a0 += aStep
    b0 = v128.load(panel, 144), b1 = v128.load(panel, 160), b2 = v128.load(panel, 176)
    x = unit ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1, 12)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2, 12)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22)
    left -= 4
    if (left <= 0) break
    if (unit) a0 += 16, a1 += 16, a2 += 16
    else a0 += aStep
    panel += 192
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
  if (aStep == 4) {
    for (; count > 0; count--, c += 3 * cRow, a += aTile) tile12(true, false, c, cRow, a, a + r1, a + r2, 4, b, depth, accumulate)
  } else if (aRow == 4 && last == 2) {
    for (; count > 0; count--, c += 3 * cRow, a += aTile) tile12(false, true, c, cRow, a, a + r1, a + r2, aStep, b, depth, accumulate)
  } else {
    for (; count > 0; count--, c += 3 * cRow, a += aTile) tile12(false, false, c, cRow, a, a + r1, a + r2, aStep, b, depth, accumulate)
  }
}

/** tile12 with four rows and 8 columns. */
@inline
function tile8(
  unit: bool, beside: bool, c: usize, cRow: usize, a0: usize, a1: usize, a2: usize, a3: usize, aStep: usize, panel: usize, left: i32,
  accumulate: bool,
): void {
  const c1 = c + cRow, c2 = c1 + cRow, c3 = c2 + cRow
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
  while (true) {
    let b0 = v128.load(panel), b1 = v128.load(panel, 16)
    let x = v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21)
    x = beside ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a3)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31)
    if (!unit && !beside) {
      a0 += aStep, a1 += aStep, a2 += aStep, a3 += aStep, panel += 32, left--
      if (left == 0) break
      continue
    }
    if (left == 1) break
    if (beside) a0 += aStep
    b0 = v128.load(panel, 32), b1 = v128.load(panel, 48)
    x = unit ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1, 4)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2, 4)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21)
    x = beside ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a3, 4)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31)
    if (left == 2) break
    if (beside) a0 += aStep
    b0 = v128.load(panel, 64), b1 = v128.load(panel, 80)
    x = unit ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1, 8)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2, 8)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21)
    x = beside ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a3, 8)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31)
    if (left == 3) break
    if (beside) a0 += aStep
    b0 = v128.load(panel, 96), b1 = v128.load(panel, 112)
    x = unit ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01)
    x = beside ? v128.load_splat<f32>(a0, 4) : v128.load_splat<f32>(a1, 12)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11)
    x = beside ? v128.load_splat<f32>(a0, 8) : v128.load_splat<f32>(a2, 12)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21)
    x = beside ? v128.load_splat<f32>(a0, 12) : v128.load_splat<f32>(a3, 12)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31)
    left -= 4
    if (left <= 0) break
    if (unit) a0 += 16, a1 += 16, a2 += 16, a3 += 16
    else a0 += aStep
    panel += 128
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
  if (aStep == 4) {
    for (; count > 0; count--, c += 4 * cRow, a += aTile) tile8(true, false, c, cRow, a, a + r1, a + r2, a + r3, 4, b, depth, accumulate)
  } else if (aRow == 4 && last == 3) {
    for (; count > 0; count--, c += 4 * cRow, a += aTile) tile8(false, true, c, cRow, a, a + r1, a + r2, a + r3, aStep, b, depth, accumulate)
  } else {
    for (; count > 0; count--, c += 4 * cRow, a += aTile) tile8(false, false, c, cRow, a, a + r1, a + r2, a + r3, aStep, b, depth, accumulate)
  }
}
