// Tiles of C = or += A·B held in registers: 3 rows × 12 or 8 columns, and in the wide build 4 rows × 16 or 8 columns, which come in pairs of
// adjacent vectors so that V8's revectoriser makes one 256-bit vector of each. Every element is one sum over ascending k
// whatever the tile, so the wide build has the bits of the relaxed one. Shapes were measured: bench/kernels/README.md.
import { RELAXED, WIDE } from './build'
import { madd } from './vector'

/** Rows of a tile. */
export const tileRows = WIDE ? 4 : 3
/** The most columns a panel has. */
export const widestPanel = WIDE ? 16 : 12

/**
 * Columns of the next panel: panels of 12 and, so that any multiple of four from 8 on divides exactly, up to two of 8. In the wide build panels
 * of 16, and one of 8 where no more is left.
 */
@inline
export function panelWidth(remaining: i32): i32 {
  if (WIDE) return remaining > 8 ? 16 : 8
  return remaining > 16 || (remaining > 8 && remaining <= 12) ? 12 : 8
}

@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2
}

/**
 * Three rows and 12 columns of C = or += three rows of A times a packed panel of B, `depth` deep. The second and third row of A lie
 * `aRow` and `aRow2` behind the first and all step by `aStep`; strides are bytes. Nine accumulators, three vectors of B, one
 * broadcast and one product just fit the sixteen registers of x64.
 */
@inline
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

// A function of its own for the plain build: inside another loop V8 runs out of registers and halves the speed.
function tile12Alone(
  c: usize, cRow: usize, a: usize, aRow: usize, aRow2: usize, aStep: usize, b: usize, depth: i32, accumulate: bool,
): void {
  tile12(c, cRow, a, aRow, aRow2, aStep, b, depth, accumulate)
}

/** `tiles` tiles one below the other. */
function tiles12(
  c: usize, cRow: usize, a: usize, aRow: usize, aRow2: usize, aStep: usize, b: usize, depth: i32, tiles: i32, accumulate: bool,
): void {
  for (; tiles > 0; tiles--) {
    if (RELAXED) tile12(c, cRow, a, aRow, aRow2, aStep, b, depth, accumulate)
    else tile12Alone(c, cRow, a, aRow, aRow2, aStep, b, depth, accumulate)
    c += <usize>tileRows * cRow
    a += <usize>tileRows * aRow
  }
}

/** tile12 with 8 columns. */
@inline
function tile8(
  c: usize, cRow: usize, a: usize, aRow: usize, aRow2: usize, aStep: usize, b: usize, depth: i32, accumulate: bool,
): void {
  const c1 = c + cRow, c2 = c1 + cRow
  let a0 = a, a1 = a + aRow, a2 = a + aRow2
  let s00 = f32x4.splat(0), s01 = f32x4.splat(0)
  let s10 = f32x4.splat(0), s11 = f32x4.splat(0)
  let s20 = f32x4.splat(0), s21 = f32x4.splat(0)
  if (accumulate) {
    s00 = v128.load(c), s01 = v128.load(c, 16)
    s10 = v128.load(c1), s11 = v128.load(c1, 16)
    s20 = v128.load(c2), s21 = v128.load(c2, 16)
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
    a0 += aStep, a1 += aStep, a2 += aStep
    panel += 32
  }
  v128.store(c, s00), v128.store(c, s01, 16)
  v128.store(c1, s10), v128.store(c1, s11, 16)
  v128.store(c2, s20), v128.store(c2, s21, 16)
}

// A function of its own for the plain build: inside another loop V8 runs out of registers and halves the speed.
function tile8Alone(
  c: usize, cRow: usize, a: usize, aRow: usize, aRow2: usize, aStep: usize, b: usize, depth: i32, accumulate: bool,
): void {
  tile8(c, cRow, a, aRow, aRow2, aStep, b, depth, accumulate)
}

/** `tiles` tiles one below the other. */
function tiles8(
  c: usize, cRow: usize, a: usize, aRow: usize, aRow2: usize, aStep: usize, b: usize, depth: i32, tiles: i32, accumulate: bool,
): void {
  for (; tiles > 0; tiles--) {
    if (RELAXED) tile8(c, cRow, a, aRow, aRow2, aStep, b, depth, accumulate)
    else tile8Alone(c, cRow, a, aRow, aRow2, aStep, b, depth, accumulate)
    c += <usize>tileRows * cRow
    a += <usize>tileRows * aRow
  }
}

/**
 * `tiles` tiles one below the other, each of four rows and 16 columns. Revectorised, eight accumulators, two vectors of B and one broadcast fit the
 * sixteen registers.
 */
function tiles4by16(
  c: usize, cRow: usize, a: usize, aRow: usize, aRow2: usize, aRow3: usize, aStep: usize, b: usize, depth: i32, tiles: i32, accumulate: bool,
): void {
  for (; tiles > 0; tiles--) {
    const c1 = c + cRow, c2 = c1 + cRow, c3 = c2 + cRow
    let a0 = a, a1 = a + aRow, a2 = a + aRow2, a3 = a + aRow3
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
    let panel = b
    for (let p = 0; p < depth; p++) {
      const b0 = v128.load(panel), b1 = v128.load(panel, 16), b2 = v128.load(panel, 32), b3 = v128.load(panel, 48)
      let x = v128.load_splat<f32>(a0)
      s00 = madd(x, b0, s00), s01 = madd(x, b1, s01), s02 = madd(x, b2, s02), s03 = madd(x, b3, s03)
      x = v128.load_splat<f32>(a1)
      s10 = madd(x, b0, s10), s11 = madd(x, b1, s11), s12 = madd(x, b2, s12), s13 = madd(x, b3, s13)
      x = v128.load_splat<f32>(a2)
      s20 = madd(x, b0, s20), s21 = madd(x, b1, s21), s22 = madd(x, b2, s22), s23 = madd(x, b3, s23)
      x = v128.load_splat<f32>(a3)
      s30 = madd(x, b0, s30), s31 = madd(x, b1, s31), s32 = madd(x, b2, s32), s33 = madd(x, b3, s33)
      a0 += aStep, a1 += aStep, a2 += aStep, a3 += aStep
      panel += 64
    }
    v128.store(c, s00), v128.store(c, s01, 16), v128.store(c, s02, 32), v128.store(c, s03, 48)
    v128.store(c1, s10), v128.store(c1, s11, 16), v128.store(c1, s12, 32), v128.store(c1, s13, 48)
    v128.store(c2, s20), v128.store(c2, s21, 16), v128.store(c2, s22, 32), v128.store(c2, s23, 48)
    v128.store(c3, s30), v128.store(c3, s31, 16), v128.store(c3, s32, 32), v128.store(c3, s33, 48)
    c += 4 * cRow
    a += 4 * aRow
  }
}

/** tiles4by16 with 8 columns. */
function tiles4by8(
  c: usize, cRow: usize, a: usize, aRow: usize, aRow2: usize, aRow3: usize, aStep: usize, b: usize, depth: i32, tiles: i32, accumulate: bool,
): void {
  for (; tiles > 0; tiles--) {
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
    c += 4 * cRow
    a += 4 * aRow
  }
}

/**
 * `count` tiles one below the other. Rows of A are `aRow` apart; where fewer than a tile's are left, `rest` of them are there and the last
 * stands in for those that are missing, else `rest` is 0.
 */
export function tiles(
  c: usize, cRow: usize, a: usize, aRow: usize, aStep: usize, b: usize, depth: i32, count: i32, width: i32, accumulate: bool, rest: i32 = 0,
): void {
  const last = rest == 0 ? tileRows - 1 : rest - 1
  const aRow1 = min(1, last) * aRow, aRow2 = min(2, last) * aRow
  if (WIDE) {
    const aRow3 = <usize>last * aRow
    if (width == 16) tiles4by16(c, cRow, a, aRow1, aRow2, aRow3, aStep, b, depth, count, accumulate)
    else tiles4by8(c, cRow, a, aRow1, aRow2, aRow3, aStep, b, depth, count, accumulate)
  } else if (width == 12) tiles12(c, cRow, a, aRow1, aRow2, aStep, b, depth, count, accumulate)
  else tiles8(c, cRow, a, aRow1, aRow2, aStep, b, depth, count, accumulate)
}
