// Tiles of a matrix product in the relaxed build. Four steps of k an iteration: fewer instructions beside the multiply-adds, which matters most where
// another thread shares the core. V8 of Node 20 loads all that a stretch of code without branches needs before it computes, and runs out of
// registers with more than one step; a way out of the loop between steps, which any depth needs, keeps them apart.
import { fourth, second, third } from './tiles'
import { madd } from './vector'

/**
 * Three rows and 12 columns of C = or += three rows of A times a packed panel of B, `left` ≥ 1 deep. With `unit` the elements of a row of A lie side
 * by side, else `aStep` bytes apart. Nine accumulators, three vectors of B and three row elements fill fifteen of the sixteen registers of x64; V8
 * keeps one.
 */
@inline
function tile12(
  unit: bool, c: usize, cRow: usize, a0: usize, a1: usize, a2: usize, aStep: usize,
  panel: usize, left: i32, accumulate: bool,
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
    x = v128.load_splat<f32>(a1)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12)
    x = v128.load_splat<f32>(a2)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22)
    if (!unit) a0 += aStep, a1 += aStep, a2 += aStep
    if (left == 1) break
    b0 = v128.load(panel, 48), b1 = v128.load(panel, 64), b2 = v128.load(panel, 80)
    x = second(unit, a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02)
    x = second(unit, a1)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12)
    x = second(unit, a2)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22)
    if (!unit) a0 += aStep, a1 += aStep, a2 += aStep
    if (left == 2) break
    b0 = v128.load(panel, 96), b1 = v128.load(panel, 112), b2 = v128.load(panel, 128)
    x = third(unit, a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02)
    x = third(unit, a1)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12)
    x = third(unit, a2)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22)
    if (!unit) a0 += aStep, a1 += aStep, a2 += aStep
    if (left == 3) break
    b0 = v128.load(panel, 144), b1 = v128.load(panel, 160), b2 = v128.load(panel, 176)
    x = fourth(unit, a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02)
    x = fourth(unit, a1)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12)
    x = fourth(unit, a2)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22)
    if (!unit) a0 += aStep, a1 += aStep, a2 += aStep
    left -= 4
    if (left <= 0) break
    if (unit) a0 += 16, a1 += 16, a2 += 16
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
    for (; count > 0; count--, c += 3 * cRow, a += aTile) tile12(true, c, cRow, a, a + r1, a + r2, 4, b, depth, accumulate)
  } else {
    for (; count > 0; count--, c += 3 * cRow, a += aTile) tile12(false, c, cRow, a, a + r1, a + r2, aStep, b, depth, accumulate)
  }
}

/** tile12 with four rows and 8 columns. */
@inline
function tile8(
  unit: bool, c: usize, cRow: usize, a0: usize, a1: usize, a2: usize, a3: usize, aStep: usize,
  panel: usize, left: i32, accumulate: bool,
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
    x = v128.load_splat<f32>(a1)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11)
    x = v128.load_splat<f32>(a2)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21)
    x = v128.load_splat<f32>(a3)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31)
    if (!unit) a0 += aStep, a1 += aStep, a2 += aStep, a3 += aStep
    if (left == 1) break
    b0 = v128.load(panel, 32), b1 = v128.load(panel, 48)
    x = second(unit, a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01)
    x = second(unit, a1)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11)
    x = second(unit, a2)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21)
    x = second(unit, a3)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31)
    if (!unit) a0 += aStep, a1 += aStep, a2 += aStep, a3 += aStep
    if (left == 2) break
    b0 = v128.load(panel, 64), b1 = v128.load(panel, 80)
    x = third(unit, a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01)
    x = third(unit, a1)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11)
    x = third(unit, a2)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21)
    x = third(unit, a3)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31)
    if (!unit) a0 += aStep, a1 += aStep, a2 += aStep, a3 += aStep
    if (left == 3) break
    b0 = v128.load(panel, 96), b1 = v128.load(panel, 112)
    x = fourth(unit, a0)
    s00 = madd(x, b0, s00), s01 = madd(x, b1, s01)
    x = fourth(unit, a1)
    s10 = madd(x, b0, s10), s11 = madd(x, b1, s11)
    x = fourth(unit, a2)
    s20 = madd(x, b0, s20), s21 = madd(x, b1, s21)
    x = fourth(unit, a3)
    s30 = madd(x, b0, s30), s31 = madd(x, b1, s31)
    if (!unit) a0 += aStep, a1 += aStep, a2 += aStep, a3 += aStep
    left -= 4
    if (left <= 0) break
    if (unit) a0 += 16, a1 += 16, a2 += 16, a3 += 16
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
    for (; count > 0; count--, c += 4 * cRow, a += aTile) tile8(true, c, cRow, a, a + r1, a + r2, a + r3, 4, b, depth, accumulate)
  } else {
    for (; count > 0; count--, c += 4 * cRow, a += aTile) tile8(false, c, cRow, a, a + r1, a + r2, a + r3, aStep, b, depth, accumulate)
  }
}
