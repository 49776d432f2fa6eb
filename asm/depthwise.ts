// Convolutions of one channel with one filter: too thin for a matrix product. Sixteen neighbouring results, or three filter elements, at a
// time, so that what is loaded once serves several sums and no sum waits for the one before. The step between neighbours is a constant in
// each copy of the loops.
import { neighbours } from './planes'
import { loadPartial, madd, storePartial, sum4 } from './vector'

/** The first one to three of them; the other lanes are zero. */
@inline
function partialNeighbours(source: usize, step: i32, count: i32): v128 {
  if (step == 4) return loadPartial(source, count)
  let v = v128.load_zero<i32>(source)
  if (count > 1) v = v128.load_lane<i32>(source + step, v, 1)
  return count > 2 ? v128.load_lane<i32>(source + 2 * step, v, 2) : v
}

/** y[s] = Σ over filter elements k of planes[s, k]·w[k], for `rowCount` rows of `rowLength` results, `step` bytes apart in the plane. */
export function depthwise(
  y: usize, planes: usize, w: usize, taps: usize, tapCount: i32, rows: usize, rowCount: i32, rowLength: i32, step: i32,
): void {
  const end = taps + (<usize>tapCount << 2)
  if (step == 4) resultRows(y, planes, w, taps, end, rows, rowCount, rowLength, 4)
  else if (step == 8) resultRows(y, planes, w, taps, end, rows, rowCount, rowLength, 8)
  else resultRows(y, planes, w, taps, end, rows, rowCount, rowLength, step)
}

@inline
function resultRows(
  y: usize, planes: usize, w: usize, taps: usize, end: usize, rows: usize, rowCount: i32, rowLength: i32, step: i32,
): void {
  for (let r = 0; r < rowCount; r++, y += <usize>rowLength << 2) {
    const row = planes + load<i32>(rows + (<usize>r << 2))
    // The last vectors of a row overlap those before.
    for (let j = 0; j < rowLength;) {
      const left = rowLength - j
      if (rowLength >= 16 && left > 8) {
        if (left < 16) j = rowLength - 16
        sixteenResults(y + (<usize>j << 2), row + j * step, w, taps, end, step)
        j += 16
      } else if (rowLength >= 8 && left > 4) {
        if (left < 8) j = rowLength - 8
        eightResults(y + (<usize>j << 2), row + j * step, w, taps, end, step)
        j += 8
      } else {
        if (left < 4 && rowLength >= 4) j = rowLength - 4
        fourResults(y + (<usize>j << 2), row + j * step, w, taps, end, step, rowLength - j)
        j += 4
      }
    }
  }
}

@inline
function sixteenResults(y: usize, source: usize, w: usize, taps: usize, end: usize, step: i32): void {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0
  for (; taps < end; taps += 4, w += 4) {
    const at = source + load<i32>(taps)
    const k = v128.load_splat<f32>(w)
    s0 = madd(k, neighbours(at, step), s0)
    s1 = madd(k, neighbours(at + 4 * step, step), s1)
    s2 = madd(k, neighbours(at + 8 * step, step), s2)
    s3 = madd(k, neighbours(at + 12 * step, step), s3)
  }
  v128.store(y, s0), v128.store(y, s1, 16), v128.store(y, s2, 32), v128.store(y, s3, 48)
}

@inline
function eightResults(y: usize, source: usize, w: usize, taps: usize, end: usize, step: i32): void {
  let s0 = f32x4.splat(0), s1 = s0
  for (; taps < end; taps += 4, w += 4) {
    const at = source + load<i32>(taps)
    const k = v128.load_splat<f32>(w)
    s0 = madd(k, neighbours(at, step), s0)
    s1 = madd(k, neighbours(at + 4 * step, step), s1)
  }
  v128.store(y, s0), v128.store(y, s1, 16)
}

/** Fewer than four where there is no more in the row. */
@inline
function fourResults(y: usize, source: usize, w: usize, taps: usize, end: usize, step: i32, count: i32): void {
  let sum = f32x4.splat(0)
  for (; taps < end; taps += 4, w += 4) sum = madd(v128.load_splat<f32>(w), neighbours(source + load<i32>(taps), step), sum)
  storePartial(y, sum, count)
}

/** y[t] = or += Σ over positions k of planes[t, k]·w[k], where positions are `rowCount` rows of `rowLength`, `step` bytes apart in the plane. */
export function depthwiseLarge(
  y: usize, planes: usize, w: usize, offsets: usize, count: i32, rows: usize, rowCount: i32, rowLength: i32, step: i32, accumulate: bool,
): void {
  for (let t = 0; t < count; t += 3) {
    const left = min(count - t, 3)
    const at = offsets + (<usize>t << 2)
    const x0 = planes + load<i32>(at)
    const x1 = planes + load<i32>(at + (<usize>min(left - 1, 1) << 2)), x2 = planes + load<i32>(at + (<usize>(left - 1) << 2))
    const target = y + (<usize>t << 2)
    if (step == 4) threeSums(target, x0, x1, x2, w, rows, rowCount, rowLength, 4, left, accumulate)
    else if (step == 8) threeSums(target, x0, x1, x2, w, rows, rowCount, rowLength, 8, left, accumulate)
    else threeSums(target, x0, x1, x2, w, rows, rowCount, rowLength, step, left, accumulate)
  }
}

/** The first `count` of three sums, each in two halves. */
@inline
function threeSums(
  y: usize, x0: usize, x1: usize, x2: usize, w: usize, rows: usize, rowCount: i32, rowLength: i32, step: i32, count: i32, accumulate: bool,
): void {
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, b0 = a0, b1 = a0, b2 = a0
  for (let r = 0; r < rowCount; r++) {
    let at: usize = load<i32>(rows + (<usize>r << 2))
    let left = rowLength
    for (; left >= 8; left -= 8, w += 32, at += 8 * step) {
      const v0 = v128.load(w), v1 = v128.load(w, 16)
      const next = at + 4 * step
      a0 = madd(v0, neighbours(x0 + at, step), a0), b0 = madd(v1, neighbours(x0 + next, step), b0)
      a1 = madd(v0, neighbours(x1 + at, step), a1), b1 = madd(v1, neighbours(x1 + next, step), b1)
      a2 = madd(v0, neighbours(x2 + at, step), a2), b2 = madd(v1, neighbours(x2 + next, step), b2)
    }
    if (left >= 4) {
      const v = v128.load(w)
      a0 = madd(v, neighbours(x0 + at, step), a0)
      a1 = madd(v, neighbours(x1 + at, step), a1)
      a2 = madd(v, neighbours(x2 + at, step), a2)
      left -= 4, w += 16, at += 4 * step
    }
    if (left > 0) {
      const v = loadPartial(w, left)
      a0 = madd(v, partialNeighbours(x0 + at, step, left), a0)
      a1 = madd(v, partialNeighbours(x1 + at, step, left), a1)
      a2 = madd(v, partialNeighbours(x2 + at, step, left), a2)
      w += <usize>left << 2
    }
  }
  addSum(y, f32x4.add(a0, b0), accumulate)
  if (count > 1) addSum(y + 4, f32x4.add(a1, b1), accumulate)
  if (count > 2) addSum(y + 8, f32x4.add(a2, b2), accumulate)
}

@inline
function addSum(at: usize, sum: v128, accumulate: bool): void {
  store<f32>(at, accumulate ? load<f32>(at) + sum4(sum) : sum4(sum))
}
