// Convolutions whose sums are short, as those of few channels are: rows of results straight from the planes (planes.ts), which are read where they
// lie, shifted by each filter element. Packing them as operands of a product would cost more than it saves. Four filters and eight
// results at a time, in the wide build sixteen; every result is one sum in the order of the product's.
import { WIDE } from './build'
import { madd } from './vector'

/** The longest sums that are faster so. */
export const longestSum = 128
/** The shortest rows. */
export const shortestRow = 8

@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2
}

/**
 * Every one of `rowCount` rows of `rowLength` results of all filters. Row r begins at word rows[r] of the planes, filter element p lies
 * offsets[p] on, both in bytes. `packed` has room for four filters.
 */
export function shortSums(
  target: usize, targetRow: i32, w: usize, wFilter: i32, filters: i32, depth: i32, planes: usize, offsets: usize, rows: usize, rowCount: i32,
  rowLength: i32, packed: usize,
): void {
  for (let o = 0; o < filters; o += 4) {
    // The last filter stands in for those that are missing, and is written again.
    const last = filters - o - 1
    const f1 = min(1, last), f2 = min(2, last), f3 = min(3, last)
    let from = w + bytes(o * wFilter)
    const w1 = bytes(f1 * wFilter), w2 = bytes(f2 * wFilter), w3 = bytes(f3 * wFilter)
    for (let p = 0, to = packed; p < depth; p++, from += 4, to += 16) {
      store<f32>(to, load<f32>(from)), store<f32>(to, load<f32>(from + w1), 4)
      store<f32>(to, load<f32>(from + w2), 8), store<f32>(to, load<f32>(from + w3), 12)
    }
    const y = target + bytes(o * targetRow)
    const y1 = bytes(f1 * targetRow), y2 = bytes(f2 * targetRow), y3 = bytes(f3 * targetRow)
    for (let r = 0; r < rowCount; r++) {
      const row = planes + <usize>load<u32>(rows + bytes(r))
      const to = y + bytes(r * rowLength)
      if (WIDE && rowLength >= 16) sixteen(to, y1, y2, y3, row, rowLength, packed, offsets, depth)
      else eight(to, y1, y2, y3, row, rowLength, packed, offsets, depth)
    }
  }
}

/** A row of four filters' results, eight at a time; the last eight overlap those before. */
function eight(y: usize, y1: usize, y2: usize, y3: usize, row: usize, length: i32, w: usize, offsets: usize, depth: i32): void {
  const end = offsets + bytes(depth)
  for (let k = 0; k < length; k += 8) {
    if (k + 8 > length) k = length - 8
    let s00 = f32x4.splat(0), s01 = f32x4.splat(0), s10 = f32x4.splat(0), s11 = f32x4.splat(0)
    let s20 = f32x4.splat(0), s21 = f32x4.splat(0), s30 = f32x4.splat(0), s31 = f32x4.splat(0)
    const first = row + bytes(k)
    let filter = w
    for (let at = offsets; at < end; at += 4, filter += 16) {
      const from = first + <usize>load<u32>(at)
      const x0 = v128.load(from), x1 = v128.load(from, 16)
      let f = v128.load_splat<f32>(filter)
      s00 = madd(f, x0, s00), s01 = madd(f, x1, s01)
      f = v128.load_splat<f32>(filter, 4)
      s10 = madd(f, x0, s10), s11 = madd(f, x1, s11)
      f = v128.load_splat<f32>(filter, 8)
      s20 = madd(f, x0, s20), s21 = madd(f, x1, s21)
      f = v128.load_splat<f32>(filter, 12)
      s30 = madd(f, x0, s30), s31 = madd(f, x1, s31)
    }
    const to = y + bytes(k), to1 = to + y1, to2 = to + y2, to3 = to + y3
    v128.store(to, s00), v128.store(to, s01, 16), v128.store(to1, s10), v128.store(to1, s11, 16)
    v128.store(to2, s20), v128.store(to2, s21, 16), v128.store(to3, s30), v128.store(to3, s31, 16)
  }
}

/** eight with sixteen. */
function sixteen(y: usize, y1: usize, y2: usize, y3: usize, row: usize, length: i32, w: usize, offsets: usize, depth: i32): void {
  const end = offsets + bytes(depth)
  for (let k = 0; k < length; k += 16) {
    if (k + 16 > length) k = length - 16
    let s00 = f32x4.splat(0), s01 = f32x4.splat(0), s02 = f32x4.splat(0), s03 = f32x4.splat(0)
    let s10 = f32x4.splat(0), s11 = f32x4.splat(0), s12 = f32x4.splat(0), s13 = f32x4.splat(0)
    let s20 = f32x4.splat(0), s21 = f32x4.splat(0), s22 = f32x4.splat(0), s23 = f32x4.splat(0)
    let s30 = f32x4.splat(0), s31 = f32x4.splat(0), s32 = f32x4.splat(0), s33 = f32x4.splat(0)
    const first = row + bytes(k)
    let filter = w
    for (let at = offsets; at < end; at += 4, filter += 16) {
      const from = first + <usize>load<u32>(at)
      const x0 = v128.load(from), x1 = v128.load(from, 16), x2 = v128.load(from, 32), x3 = v128.load(from, 48)
      let f = v128.load_splat<f32>(filter)
      s00 = madd(f, x0, s00), s01 = madd(f, x1, s01), s02 = madd(f, x2, s02), s03 = madd(f, x3, s03)
      f = v128.load_splat<f32>(filter, 4)
      s10 = madd(f, x0, s10), s11 = madd(f, x1, s11), s12 = madd(f, x2, s12), s13 = madd(f, x3, s13)
      f = v128.load_splat<f32>(filter, 8)
      s20 = madd(f, x0, s20), s21 = madd(f, x1, s21), s22 = madd(f, x2, s22), s23 = madd(f, x3, s23)
      f = v128.load_splat<f32>(filter, 12)
      s30 = madd(f, x0, s30), s31 = madd(f, x1, s31), s32 = madd(f, x2, s32), s33 = madd(f, x3, s33)
    }
    const to = y + bytes(k), to1 = to + y1, to2 = to + y2, to3 = to + y3
    v128.store(to, s00), v128.store(to, s01, 16), v128.store(to, s02, 32), v128.store(to, s03, 48)
    v128.store(to1, s10), v128.store(to1, s11, 16), v128.store(to1, s12, 32), v128.store(to1, s13, 48)
    v128.store(to2, s20), v128.store(to2, s21, 16), v128.store(to2, s22, 32), v128.store(to2, s23, 48)
    v128.store(to3, s30), v128.store(to3, s31, 16), v128.store(to3, s32, 32), v128.store(to3, s33, 48)
  }
}
