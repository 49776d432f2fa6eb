// Products so small that preparing the tiles of a large one would take as long as they do: tiles of four rows read B where it lies. Every element
// of C is one sum over ascending k, as in the other tiles, so the bits are the same.
import { blockDepth, blockRows, copyBlock, packPanel } from './matmul'
import { madd } from './vector'

/** Whether `smallProduct` is the faster way, and has room enough in the scratch of a product: few columns, or few rows where columns of B are neighbours. */
@inline
export function isSmall(m: i32, n: i32, bColumn: i32): bool {
  return n <= 4 ? m <= blockRows : m <= 4 && bColumn == 1
}

@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2
}

/** `matmul` for what `isSmall`. Only columns of B that are not neighbours, or fewer than a tile has, are packed. */
export function smallProduct(
  c: usize, a: usize, b: usize, m: i32, n: i32, k: i32,
  aRow: i32, aColumn: i32, bRow: i32, bColumn: i32, cRow: i32, accumulate: bool, scratch: usize,
): void {
  for (let p = 0; p < k; p += blockDepth) {
    const depth = min(k - p, blockDepth)
    const adds = accumulate || p > 0
    let width = 0
    for (let j = 0; j < n; j += width) {
      width = n - j > 4 ? 8 : 4
      const columns = min(width, n - j)
      const target = c + bytes(j)
      const whole = columns == width
      const result = whole ? target : scratch
      const resultRow = bytes(whole ? cRow : width)
      let panel = b + bytes(p * bRow + j * bColumn)
      let panelRow = bytes(bRow)
      if (!whole || bColumn != 1) {
        const packed = scratch + bytes(width * m)
        packPanel(packed, panel, bRow, bColumn, depth, columns, width)
        panel = packed
        panelRow = bytes(width)
      }
      if (!whole && adds) copyBlock(scratch, resultRow, target, bytes(cRow), m, columns)
      const rows = a + bytes(p * aColumn)
      if (width == 8) fourBy8(result, resultRow, rows, bytes(aRow), bytes(aColumn), panel, panelRow, depth, m, adds)
      else fourBy4(result, resultRow, rows, bytes(aRow), bytes(aColumn), panel, panelRow, depth, m, adds)
      if (!whole) copyBlock(target, bytes(cRow), scratch, resultRow, m, columns)
    }
  }
}

/**
 * Tiles of four rows and eight columns of C = or += A·B, one below the other, for `rows` rows; where fewer than four are left the last is computed
 * again. Strides are bytes.
 */
function fourBy8(
  c: usize, cRow: usize, a: usize, aRow: usize, aStep: usize, b: usize, bRow: usize, depth: i32, rows: i32, accumulate: bool,
): void {
  for (; rows > 0; rows -= 4) {
    const second = rows > 1, third = rows > 2, fourth = rows > 3
    const c1 = second ? c + cRow : c, c2 = third ? c1 + cRow : c1, c3 = fourth ? c2 + cRow : c2
    let a0 = a, a1 = second ? a + aRow : a, a2 = third ? a1 + aRow : a1, a3 = fourth ? a2 + aRow : a2
    let s00 = f32x4.splat(0), s01 = f32x4.splat(0), s10 = f32x4.splat(0), s11 = f32x4.splat(0)
    let s20 = f32x4.splat(0), s21 = f32x4.splat(0), s30 = f32x4.splat(0), s31 = f32x4.splat(0)
    if (accumulate) {
      s00 = v128.load(c), s01 = v128.load(c, 16), s10 = v128.load(c1), s11 = v128.load(c1, 16)
      s20 = v128.load(c2), s21 = v128.load(c2, 16), s30 = v128.load(c3), s31 = v128.load(c3, 16)
    }
    let row = b
    for (let p = 0; p < depth; p++) {
      const b0 = v128.load(row), b1 = v128.load(row, 16)
      let x = v128.load_splat<f32>(a0)
      s00 = madd(x, b0, s00), s01 = madd(x, b1, s01)
      x = v128.load_splat<f32>(a1)
      s10 = madd(x, b0, s10), s11 = madd(x, b1, s11)
      x = v128.load_splat<f32>(a2)
      s20 = madd(x, b0, s20), s21 = madd(x, b1, s21)
      x = v128.load_splat<f32>(a3)
      s30 = madd(x, b0, s30), s31 = madd(x, b1, s31)
      a0 += aStep, a1 += aStep, a2 += aStep, a3 += aStep
      row += bRow
    }
    v128.store(c, s00), v128.store(c, s01, 16), v128.store(c1, s10), v128.store(c1, s11, 16)
    v128.store(c2, s20), v128.store(c2, s21, 16), v128.store(c3, s30), v128.store(c3, s31, 16)
    a = a + 4 * aRow
    c = c3 + cRow
  }
}

/** fourBy8 with four columns. */
function fourBy4(
  c: usize, cRow: usize, a: usize, aRow: usize, aStep: usize, b: usize, bRow: usize, depth: i32, rows: i32, accumulate: bool,
): void {
  for (; rows > 0; rows -= 4) {
    const second = rows > 1, third = rows > 2, fourth = rows > 3
    const c1 = second ? c + cRow : c, c2 = third ? c1 + cRow : c1, c3 = fourth ? c2 + cRow : c2
    let a0 = a, a1 = second ? a + aRow : a, a2 = third ? a1 + aRow : a1, a3 = fourth ? a2 + aRow : a2
    let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0)
    if (accumulate) s0 = v128.load(c), s1 = v128.load(c1), s2 = v128.load(c2), s3 = v128.load(c3)
    let row = b
    for (let p = 0; p < depth; p++) {
      const y = v128.load(row)
      s0 = madd(v128.load_splat<f32>(a0), y, s0), s1 = madd(v128.load_splat<f32>(a1), y, s1)
      s2 = madd(v128.load_splat<f32>(a2), y, s2), s3 = madd(v128.load_splat<f32>(a3), y, s3)
      a0 += aStep, a1 += aStep, a2 += aStep, a3 += aStep
      row += bRow
    }
    v128.store(c, s0), v128.store(c1, s1), v128.store(c2, s2), v128.store(c3, s3)
    a = a + 4 * aRow
    c = c3 + cRow
  }
}
