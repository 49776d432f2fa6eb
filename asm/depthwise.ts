// Convolutions of one channel with one filter: too thin for a matrix product. Four or eight neighbouring results at a time.
import { even4 } from './planes'
import { loadPartial, loadStrided4, madd, storePartial, sum4 } from './vector'

@inline
function neighbours(source: usize, step: i32): v128 {
  return step == 4 ? v128.load(source) : step == 8 ? even4(source) : loadStrided4(source, step)
}

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
  const tapEnd = taps + (<usize>tapCount << 2)
  for (let r = 0; r < rowCount; r++) {
    let base = planes + load<i32>(rows + (<usize>r << 2))
    let left = rowLength
    for (; left >= 8; left -= 8) {
      let weight = w
      let s0 = f32x4.splat(0), s1 = f32x4.splat(0)
      for (let tap = taps; tap < tapEnd; tap += 4) {
        const source = base + load<i32>(tap)
        const k = v128.load_splat<f32>(weight)
        s0 = madd(k, neighbours(source, step), s0)
        s1 = madd(k, neighbours(source + 4 * step, step), s1)
        weight += 4
      }
      v128.store(y, s0), v128.store(y, s1, 16)
      y += 32
      base += 8 * step
    }
    for (; left > 0; left -= 4) {
      let weight = w
      let sum = f32x4.splat(0)
      for (let tap = taps; tap < tapEnd; tap += 4) {
        sum = madd(v128.load_splat<f32>(weight), neighbours(base + load<i32>(tap), step), sum)
        weight += 4
      }
      storePartial(y, sum, left)
      y += <usize>min(left, 4) << 2
      base += 4 * step
    }
  }
}

/** y[t] = or += Σ over positions k of planes[t, k]·w[k], where positions are `rowCount` rows of `rowLength`, `step` bytes apart in the plane. */
export function depthwiseLarge(
  y: usize, planes: usize, w: usize, offsets: usize, count: i32, rows: usize, rowCount: i32, rowLength: i32, step: i32, accumulate: bool,
): void {
  for (let t = 0; t < count; t++) {
    const first = planes + load<i32>(offsets + (<usize>t << 2))
    let weight = w
    let sum = f32x4.splat(0)
    for (let r = 0; r < rowCount; r++) {
      let source = first + load<i32>(rows + (<usize>r << 2))
      let left = rowLength
      for (; left >= 4; left -= 4) {
        sum = madd(v128.load(weight), neighbours(source, step), sum)
        weight += 16
        source += 4 * step
      }
      if (left > 0) {
        sum = madd(loadPartial(weight, left), partialNeighbours(source, step, left), sum)
        weight += <usize>left << 2
      }
    }
    const at = y + (<usize>t << 2)
    store<f32>(at, accumulate ? load<f32>(at) + sum4(sum) : sum4(sum))
  }
}
