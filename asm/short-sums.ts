// Convolutions whose sums are short, as those of few channels are: rows of results straight from the planes (planes.ts), which are read where they
// lie, shifted by each filter element. Packing them as operands of a product would cost more than it saves. Four filters and eight
// results at a time, in the wide build sixteen; every result is one sum in the order of the product's. Where of every square of two by two results
// only the largest is wanted, two filters and two rows take the place of four filters.
import { WIDE } from './build'
import { larger } from './pooling'
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
 * offsets[p] on, both in bytes. `packed` has room for four filters. `pools`: only the largest of each square of two by two results is written.
 */
export function shortSums(
  target: usize, targetRow: i32, w: usize, wFilter: i32, filters: i32, depth: i32, planes: usize, offsets: usize, rows: usize, rowCount: i32,
  rowLength: i32, packed: usize, pools: bool,
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
    if (pools) {
      const length = rowLength & ~1
      for (let r = 0, to = y; r + 2 <= rowCount; r += 2, to += bytes(length >> 1)) {
        const above = planes + <usize>load<u32>(rows + bytes(r)), under = planes + <usize>load<u32>(rows + bytes(r + 1))
        largestOfTwo(to, y1, above, under, length, packed, offsets, depth)
        if (last > 1) largestOfTwo(to + y2, y3 - y2, above, under, length, packed + 8, offsets, depth)
      }
      continue
    }
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

/** The largest results of a row of squares of two filters, whose elements lie sixteen bytes apart; the last squares overlap those before. */
@inline
function largestOfTwo(y: usize, y1: usize, above: usize, under: usize, length: i32, w: usize, offsets: usize, depth: i32): void {
  if (WIDE && length >= 16) squaresOfSixteen(y, y1, above, under, length, w, offsets, depth)
  else squaresOfEight(y, y1, above, under, length, w, offsets, depth)
}

/** The largest of each square of two rows. */
@inline
function squares(above0: v128, above1: v128, under0: v128, under1: v128): v128 {
  const v0 = larger(above0, under0), v1 = larger(above1, under1)
  return larger(v128.shuffle<i32>(v0, v1, 0, 2, 4, 6), v128.shuffle<i32>(v0, v1, 1, 3, 5, 7))
}

function squaresOfEight(y: usize, y1: usize, above: usize, under: usize, length: i32, w: usize, offsets: usize, depth: i32): void {
  const end = offsets + bytes(depth)
  for (let k = 0; k < length; k += 8) {
    if (k + 8 > length) k = length - 8
    let a00 = f32x4.splat(0), a01 = f32x4.splat(0), a10 = f32x4.splat(0), a11 = f32x4.splat(0)
    let u00 = f32x4.splat(0), u01 = f32x4.splat(0), u10 = f32x4.splat(0), u11 = f32x4.splat(0)
    const first = above + bytes(k), second = under + bytes(k)
    let filter = w
    for (let at = offsets; at < end; at += 4, filter += 16) {
      const offset = <usize>load<u32>(at)
      const fromAbove = first + offset, fromUnder = second + offset
      const f = v128.load_splat<f32>(filter), g = v128.load_splat<f32>(filter, 4)
      let x0 = v128.load(fromAbove), x1 = v128.load(fromAbove, 16)
      a00 = madd(f, x0, a00), a01 = madd(f, x1, a01), a10 = madd(g, x0, a10), a11 = madd(g, x1, a11)
      x0 = v128.load(fromUnder), x1 = v128.load(fromUnder, 16)
      u00 = madd(f, x0, u00), u01 = madd(f, x1, u01), u10 = madd(g, x0, u10), u11 = madd(g, x1, u11)
    }
    const to = y + bytes(k >> 1)
    v128.store(to, squares(a00, a01, u00, u01)), v128.store(to + y1, squares(a10, a11, u10, u11))
  }
}

/** squaresOfEight with sixteen. */
function squaresOfSixteen(y: usize, y1: usize, above: usize, under: usize, length: i32, w: usize, offsets: usize, depth: i32): void {
  const end = offsets + bytes(depth)
  for (let k = 0; k < length; k += 16) {
    if (k + 16 > length) k = length - 16
    let a00 = f32x4.splat(0), a01 = f32x4.splat(0), a02 = f32x4.splat(0), a03 = f32x4.splat(0)
    let a10 = f32x4.splat(0), a11 = f32x4.splat(0), a12 = f32x4.splat(0), a13 = f32x4.splat(0)
    let u00 = f32x4.splat(0), u01 = f32x4.splat(0), u02 = f32x4.splat(0), u03 = f32x4.splat(0)
    let u10 = f32x4.splat(0), u11 = f32x4.splat(0), u12 = f32x4.splat(0), u13 = f32x4.splat(0)
    const first = above + bytes(k), second = under + bytes(k)
    let filter = w
    for (let at = offsets; at < end; at += 4, filter += 16) {
      const offset = <usize>load<u32>(at)
      const fromAbove = first + offset, fromUnder = second + offset
      const f = v128.load_splat<f32>(filter), g = v128.load_splat<f32>(filter, 4)
      let x0 = v128.load(fromAbove), x1 = v128.load(fromAbove, 16), x2 = v128.load(fromAbove, 32), x3 = v128.load(fromAbove, 48)
      a00 = madd(f, x0, a00), a01 = madd(f, x1, a01), a02 = madd(f, x2, a02), a03 = madd(f, x3, a03)
      a10 = madd(g, x0, a10), a11 = madd(g, x1, a11), a12 = madd(g, x2, a12), a13 = madd(g, x3, a13)
      x0 = v128.load(fromUnder), x1 = v128.load(fromUnder, 16), x2 = v128.load(fromUnder, 32), x3 = v128.load(fromUnder, 48)
      u00 = madd(f, x0, u00), u01 = madd(f, x1, u01), u02 = madd(f, x2, u02), u03 = madd(f, x3, u03)
      u10 = madd(g, x0, u10), u11 = madd(g, x1, u11), u12 = madd(g, x2, u12), u13 = madd(g, x3, u13)
    }
    const to = y + bytes(k >> 1), to1 = to + y1
    v128.store(to, squares(a00, a01, u00, u01)), v128.store(to, squares(a02, a03, u02, u03), 16)
    v128.store(to1, squares(a10, a11, u10, u11)), v128.store(to1, squares(a12, a13, u12, u13), 16)
  }
}
