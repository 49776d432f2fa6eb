// Convolutions of one channel with one filter, too thin for a matrix product: four planes at a time side by side in vectors (interleave.ts),
// of different channels or images. Arguments are those of convolution.ts without channels and filters.
import { interleave, interleavePlanes, separate } from './interleave'
import { madd } from './vector'

@inline
function aligned(pointer: usize): usize {
  return (pointer + 63) & ~63
}

@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2
}

/** Results behind the last row that may be written with it. */
const beyond = 2

/** The next lower whole number of a / b, b positive. */
@inline
function floorDivided(a: i32, b: i32): i32 {
  return a >= 0 ? a / b : -((b - 1 - a) / b)
}

/** The lowest position that a result and a filter element reach together, d to one element of the input. */
@inline
function lowest(results: i32, stride: i32, taps: i32, step: i32, low: i32, d: i32): i32 {
  return floorDivided(min(0, (results - 1) * stride) + min(0, (taps - 1) * step) - low, d)
}

@inline
function highest(results: i32, stride: i32, taps: i32, step: i32, low: i32, d: i32): i32 {
  return floorDivided(max(0, (results - 1) * stride) + max(0, (taps - 1) * step) - low, d)
}

/**
 * y[n, g, s] = Σ over k of x[n, g, …]·w[g, k]. Where the input is dilated and results step by one, those that are a dilation apart meet
 * the same few filter elements, each of which has a list of its own; `scratch` holds depthwiseScratchBytes.
 */
export function depthwise(
  y: usize, x: usize, w: usize, scratch: usize, batch: i32, groups: i32,
  yBatch: i32, yGroup: i32, xBatch: i32, xGroup: i32, wGroup: i32,
  y0: i32, y1: i32, y2: i32, x0: i32, x1: i32, x2: i32, w0: i32, w1: i32, w2: i32, s0: i32, s1: i32, s2: i32,
  l0: i32, l1: i32, l2: i32, i0: i32, i1: i32, i2: i32, f0: i32, f1: i32, f2: i32,
): void {
  // Phases and the dilation that is left, for each axis.
  const r0 = s0 == 1 ? i0 : 1, r1 = s1 == 1 ? i1 : 1, r2 = s2 == 1 ? i2 : 1
  const d0 = i0 / r0, d1 = i1 / r1, d2 = i2 / r2
  const a0 = lowest(y0, s0, w0, f0, l0, r0), a1 = lowest(y1, s1, w1, f1, l1, r1), a2 = lowest(y2, s2, w2, f2, l2, r2)
  const p0 = highest(y0, s0, w0, f0, l0, r0) - a0 + 1
  const p1 = highest(y1, s1, w1, f1, l1, r1) - a1 + 1
  const p2 = highest(y2, s2, w2, f2, l2, r2) - a2 + 1
  const results = y0 * y1 * y2, taps = w0 * w1 * w2
  if (results == 0) return

  const plane = aligned(scratch)
  const sums = plane + (<usize>(p0 * p1 * p2) << 4)
  const weights = sums + (<usize>(results + beyond) << 4)
  const lists = weights + (<usize>taps << 4)
  memory.fill(plane, 0, <usize>(p0 * p1 * p2) << 4)
  writeLists(lists, w0, w1, w2, f0, f1, f2, l0 + a0 * r0, l1 + a1 * r1, l2 + a2 * r2, r0, r1, r2, p1, p2)

  // Filter elements that meet neighbours, three by three.
  const threes = w2 % 3 == 0 && r2 == 1 && s2 == 1 && abs(f2) == 1
  // Steps from one result of a phase to the next.
  const t0 = r0 == 1 ? s0 : 1, t1 = r1 == 1 ? s1 : 1, t2 = r2 == 1 ? s2 : 1
  const count = batch * groups
  for (let first = 0; first < count; first += 4) {
    const last = count - 1
    const at1 = min(first + 1, last), at2 = min(first + 2, last), at3 = min(first + 3, last)
    interleavePlanes(
      plane, x + place(first, groups, xBatch, xGroup), x + place(at1, groups, xBatch, xGroup), x + place(at2, groups, xBatch, xGroup),
      x + place(at3, groups, xBatch, xGroup), x0, x1, x2, p0, p1, p2, a0, a1, a2, d0, d1, d2, 0, p1,
    )
    interleave(
      weights, w + place(first, groups, 0, wGroup), w + place(at1, groups, 0, wGroup), w + place(at2, groups, 0, wGroup),
      w + place(at3, groups, 0, wGroup), taps,
    )
    let list = lists
    for (let q0 = 0; q0 < r0; q0++) {
      for (let q1 = 0; q1 < r1; q1++) {
        for (let q2 = 0; q2 < r2; q2++) {
          const end = list + 4 + (<usize>load<i32>(list) << 3)
          if (q2 < y2) {
            for (let i = q0, from0 = 0; i < y0; i += r0, from0 += t0) {
              for (let j = q1, from1 = 0; j < y1; j += r1, from1 += t1) {
                resultRow(
                  sums + (<usize>((i * y1 + j) * y2 + q2) << 4), <usize>r2 << 4, plane + (<usize>((from0 * p1 + from1) * p2) << 4), <usize>t2 << 4,
                  (y2 - q2 + r2 - 1) / r2, list + 4, end, weights, threes ? f2 : 0,
                )
              }
            }
          }
          list = end
        }
      }
    }
    separate(
      y + place(first, groups, yBatch, yGroup), y + place(at1, groups, yBatch, yGroup), y + place(at2, groups, yBatch, yGroup),
      y + place(at3, groups, yBatch, yGroup), sums, results,
    )
  }
}

/** Where plane `at` of all images begins. */
@inline
function place(at: i32, groups: i32, image: i32, group: i32): usize {
  const n = at / groups
  return bytes(n * image + (at - n * groups) * group)
}

/**
 * For each phase how many filter elements its results meet, and for each the offset in the plane of what the first result meets and that of
 * its weight. At position 0 of the plane lies what is `low` behind result 0 and filter element 0.
 */
function writeLists(
  list: usize, w0: i32, w1: i32, w2: i32, f0: i32, f1: i32, f2: i32, low0: i32, low1: i32, low2: i32, r0: i32, r1: i32, r2: i32, p1: i32, p2: i32,
): void {
  for (let q0 = 0; q0 < r0; q0++) {
    for (let q1 = 0; q1 < r1; q1++) {
      for (let q2 = 0; q2 < r2; q2++) {
        let at = list + 4
        for (let k0 = 0; k0 < w0; k0++) {
          const e0 = q0 + k0 * f0 - low0
          if (e0 % r0 != 0) continue
          for (let k1 = 0; k1 < w1; k1++) {
            const e1 = q1 + k1 * f1 - low1
            if (e1 % r1 != 0) continue
            for (let k2 = 0; k2 < w2; k2++) {
              const e2 = q2 + k2 * f2 - low2
              if (e2 % r2 != 0) continue
              store<i32>(at, ((e0 / r0 * p1 + e1 / r1) * p2 + e2 / r2) << 4)
              store<i32>(at, ((k0 * w1 + k1) * w2 + k2) << 4, 4)
              at += 8
            }
          }
        }
        store<i32>(list, <i32>(at - list - 4) >> 3)
        list = at
      }
    }
  }
}

/**
 * `count` results, `targetStep` bytes apart; what they meet is `step` apart. The last block overlaps the one before; a short row of neighbours goes
 * over its end, where the next row is written afterwards. `direction` is 1 or −1 where
 * always three filter elements meet neighbours, in this direction.
 */
function resultRow(
  target: usize, targetStep: usize, source: usize, step: usize, count: i32, list: usize, end: usize, weights: usize, direction: i32,
): void {
  const size = count >= 8 || (count > 5 && targetStep == 16) ? 8 : count >= 4 ? 4 : 1
  for (let j = 0; j < count; j += size) {
    const at = max(0, min(j, count - size))
    const to = target + <usize>at * targetStep, from = source + <usize>at * step
    if (size == 8) {
      if (direction != 0) eightOfThree(to, from, list, end, weights, direction)
      else if (step == 16) eightNeighbours(to, targetStep, from, list, end, weights)
      else eightResults(to, targetStep, from, step, list, end, weights)
    } else if (size == 4) fourResults(to, targetStep, from, step, list, end, weights)
    else {
      let s = f32x4.splat(0)
      for (let tap = list; tap < end; tap += 8) s = madd(v128.load(weights + load<i32>(tap, 4)), v128.load(from + load<i32>(tap)), s)
      v128.store(to, s)
    }
  }
}

@inline
function storeEight(
  to: usize, step: usize, s0: v128, s1: v128, s2: v128, s3: v128, s4: v128, s5: v128, s6: v128, s7: v128,
): void {
  v128.store(to, s0)
  to += step
  v128.store(to, s1)
  to += step
  v128.store(to, s2)
  to += step
  v128.store(to, s3)
  to += step
  v128.store(to, s4)
  to += step
  v128.store(to, s5)
  to += step
  v128.store(to, s6)
  to += step
  v128.store(to, s7)
}

/** Eight neighbouring results; an element of the input is loaded once for the three that it has a part in. */
function eightOfThree(to: usize, from: usize, list: usize, end: usize, weights: usize, direction: i32): void {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0
  for (; list < end; list += 24) {
    const own = weights + load<i32>(list, 4)
    let at = from + load<i32>(list), a = v128.load(own), c = v128.load(own, 32)
    const b = v128.load(own, 16)
    if (direction < 0) {
      at = from + load<i32>(list, 16)
      a = c
      c = v128.load(own)
    }
    s0 = madd(a, v128.load(at), s0)
    let x = v128.load(at, 16)
    s0 = madd(b, x, s0), s1 = madd(a, x, s1)
    x = v128.load(at, 32)
    s0 = madd(c, x, s0), s1 = madd(b, x, s1), s2 = madd(a, x, s2)
    x = v128.load(at, 48)
    s1 = madd(c, x, s1), s2 = madd(b, x, s2), s3 = madd(a, x, s3)
    x = v128.load(at, 64)
    s2 = madd(c, x, s2), s3 = madd(b, x, s3), s4 = madd(a, x, s4)
    x = v128.load(at, 80)
    s3 = madd(c, x, s3), s4 = madd(b, x, s4), s5 = madd(a, x, s5)
    x = v128.load(at, 96)
    s4 = madd(c, x, s4), s5 = madd(b, x, s5), s6 = madd(a, x, s6)
    x = v128.load(at, 112)
    s5 = madd(c, x, s5), s6 = madd(b, x, s6), s7 = madd(a, x, s7)
    x = v128.load(at, 128)
    s6 = madd(c, x, s6), s7 = madd(b, x, s7)
    s7 = madd(c, v128.load(at, 144), s7)
  }
  storeEight(to, 16, s0, s1, s2, s3, s4, s5, s6, s7)
}

function eightNeighbours(to: usize, toStep: usize, from: usize, list: usize, end: usize, weights: usize): void {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0
  for (; list < end; list += 8) {
    const at = from + load<i32>(list)
    const k = v128.load(weights + load<i32>(list, 4))
    s0 = madd(k, v128.load(at), s0), s1 = madd(k, v128.load(at, 16), s1)
    s2 = madd(k, v128.load(at, 32), s2), s3 = madd(k, v128.load(at, 48), s3)
    s4 = madd(k, v128.load(at, 64), s4), s5 = madd(k, v128.load(at, 80), s5)
    s6 = madd(k, v128.load(at, 96), s6), s7 = madd(k, v128.load(at, 112), s7)
  }
  storeEight(to, toStep, s0, s1, s2, s3, s4, s5, s6, s7)
}

function eightResults(to: usize, toStep: usize, from: usize, step: usize, list: usize, end: usize, weights: usize): void {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0
  for (; list < end; list += 8) {
    let at = from + load<i32>(list)
    const k = v128.load(weights + load<i32>(list, 4))
    s0 = madd(k, v128.load(at), s0)
    at += step
    s1 = madd(k, v128.load(at), s1)
    at += step
    s2 = madd(k, v128.load(at), s2)
    at += step
    s3 = madd(k, v128.load(at), s3)
    at += step
    s4 = madd(k, v128.load(at), s4)
    at += step
    s5 = madd(k, v128.load(at), s5)
    at += step
    s6 = madd(k, v128.load(at), s6)
    at += step
    s7 = madd(k, v128.load(at), s7)
  }
  storeEight(to, toStep, s0, s1, s2, s3, s4, s5, s6, s7)
}

function fourResults(to: usize, toStep: usize, from: usize, step: usize, list: usize, end: usize, weights: usize): void {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0
  const step2 = step + step, step3 = step2 + step
  for (; list < end; list += 8) {
    const at = from + load<i32>(list)
    const k = v128.load(weights + load<i32>(list, 4))
    s0 = madd(k, v128.load(at), s0), s1 = madd(k, v128.load(at + step), s1)
    s2 = madd(k, v128.load(at + step2), s2), s3 = madd(k, v128.load(at + step3), s3)
  }
  v128.store(to, s0), v128.store(to + toStep, s1)
  v128.store(to + toStep + toStep, s2), v128.store(to + toStep + toStep + toStep, s3)
}

/** y[g, s] = Σ over c and k of x[g, c, …]·w[g, c, k], for a filter larger than the result. */
export function depthwiseLarge(
  y: usize, x: usize, w: usize, scratch: usize, groups: i32, channels: i32, yGroup: i32, xGroup: i32, xChannel: i32, wGroup: i32, wChannel: i32,
  y0: i32, y1: i32, y2: i32, x0: i32, x1: i32, x2: i32, w0: i32, w1: i32, w2: i32, s0: i32, s1: i32, s2: i32,
  l0: i32, l1: i32, l2: i32, i0: i32, i1: i32, i2: i32, f0: i32, f1: i32, f2: i32,
): void {
  const a0 = lowest(y0, s0, w0, f0, l0, 1), a1 = lowest(y1, s1, w1, f1, l1, 1), a2 = lowest(y2, s2, w2, f2, l2, 1)
  const p0 = highest(y0, s0, w0, f0, l0, 1) - a0 + 1
  const p1 = highest(y1, s1, w1, f1, l1, 1) - a1 + 1
  const p2 = highest(y2, s2, w2, f2, l2, 1) - a2 + 1
  const results = y0 * y1 * y2, taps = w0 * w1 * w2
  if (results == 0) return

  const plane = aligned(scratch)
  const weights = plane + (<usize>(p0 * p1 * p2) << 4)
  const sums = weights + (<usize>taps << 4)
  const offsets = sums + (<usize>(results + 8) << 4)
  memory.fill(plane, 0, <usize>(p0 * p1 * p2) << 4)
  let at = offsets
  for (let i = 0; i < y0; i++) {
    for (let j = 0; j < y1; j++) {
      for (let k = 0; k < y2; k++, at += 4) {
        store<i32>(at, (((i * s0 - l0 - a0) * p1 + j * s1 - l1 - a1) * p2 + k * s2 - l2 - a2) << 4)
      }
    }
  }
  // The last one again for those that fill a block.
  for (let i = 0; i < 8; i++, at += 4) store<i32>(at, load<i32>(at - 4))

  // Results that meet neighbours, three by three.
  const threes = y2 % 3 == 0 && s2 == 1
  const step = <usize>f2 << 4, turn = <usize>(f1 * p2 - w2 * f2) << 4
  for (let first = 0; first < groups; first += 4) {
    const last = groups - 1
    const g1 = min(first + 1, last), g2 = min(first + 2, last), g3 = min(first + 3, last)
    memory.fill(sums, 0, <usize>(results + 8) << 4)
    for (let c = 0; c < channels; c++) {
      const input = x + bytes(c * xChannel), own = w + bytes(c * wChannel)
      interleavePlanes(
        plane, input + bytes(first * xGroup), input + bytes(g1 * xGroup), input + bytes(g2 * xGroup), input + bytes(g3 * xGroup),
        x0, x1, x2, p0, p1, p2, a0, a1, a2, i0, i1, i2, 0, p1,
      )
      interleave(weights, own + bytes(first * wGroup), own + bytes(g1 * wGroup), own + bytes(g2 * wGroup), own + bytes(g3 * wGroup), taps)
      for (let k = 0; k < w0; k++) {
        const from = plane + (<usize>(k * f0 * p1 * p2) << 4), meets = weights + (<usize>(k * w1 * w2) << 4)
        for (let t = 0; t < results;) {
          const sum = sums + (<usize>t << 4), offset = offsets + bytes(t)
          const left = results - t
          if (threes && left >= 9) threeByThreeSums(sum, offset, from, meets, w1, w2, step, turn)
          else if (left > 6) nineSums(sum, offset, from, meets, w1, w2, step, turn)
          else threeSums(sum, offset, from, meets, w1, w2, step, turn)
          t += left > 6 ? 9 : 3
        }
      }
    }
    separate(y + bytes(first * yGroup), y + bytes(g1 * yGroup), y + bytes(g2 * yGroup), y + bytes(g3 * yGroup), sums, results)
  }
}

/**
 * Nine sums over w1 rows of w2 positions, which are `step` bytes apart in the plane and `turn` more from one row to the next. A single loop: nested
 * ones make V8 spill the sums.
 */
function nineSums(
  sums: usize, offsets: usize, plane: usize, weights: usize, w1: i32, w2: i32, step: usize, turn: usize,
): void {
  let s0 = v128.load(sums), s1 = v128.load(sums, 16), s2 = v128.load(sums, 32), s3 = v128.load(sums, 48), s4 = v128.load(sums, 64)
  let s5 = v128.load(sums, 80), s6 = v128.load(sums, 96), s7 = v128.load(sums, 112), s8 = v128.load(sums, 128)
  const x0 = plane + load<i32>(offsets), x1 = plane + load<i32>(offsets, 4), x2 = plane + load<i32>(offsets, 8)
  const x3 = plane + load<i32>(offsets, 12), x4 = plane + load<i32>(offsets, 16), x5 = plane + load<i32>(offsets, 20)
  const x6 = plane + load<i32>(offsets, 24), x7 = plane + load<i32>(offsets, 28), x8 = plane + load<i32>(offsets, 32)
  let left = w2
  let at: usize = 0
  for (const end = weights + (<usize>(w1 * w2) << 4); weights < end; weights += 16) {
    const v = v128.load(weights)
    s0 = madd(v, v128.load(x0 + at), s0), s1 = madd(v, v128.load(x1 + at), s1), s2 = madd(v, v128.load(x2 + at), s2)
    s3 = madd(v, v128.load(x3 + at), s3), s4 = madd(v, v128.load(x4 + at), s4), s5 = madd(v, v128.load(x5 + at), s5)
    s6 = madd(v, v128.load(x6 + at), s6), s7 = madd(v, v128.load(x7 + at), s7), s8 = madd(v, v128.load(x8 + at), s8)
    left--
    at += left == 0 ? step + turn : step
    left = left == 0 ? w2 : left
  }
  v128.store(sums, s0), v128.store(sums, s1, 16), v128.store(sums, s2, 32), v128.store(sums, s3, 48), v128.store(sums, s4, 64)
  v128.store(sums, s5, 80), v128.store(sums, s6, 96), v128.store(sums, s7, 112), v128.store(sums, s8, 128)
}

/** nineSums where always three meet neighbours. */
function threeByThreeSums(
  sums: usize, offsets: usize, plane: usize, weights: usize, w1: i32, w2: i32, step: usize, turn: usize,
): void {
  let s0 = v128.load(sums), s1 = v128.load(sums, 16), s2 = v128.load(sums, 32), s3 = v128.load(sums, 48), s4 = v128.load(sums, 64)
  let s5 = v128.load(sums, 80), s6 = v128.load(sums, 96), s7 = v128.load(sums, 112), s8 = v128.load(sums, 128)
  let x0 = plane + load<i32>(offsets), x1 = plane + load<i32>(offsets, 12), x2 = plane + load<i32>(offsets, 24)
  let left = w2
  for (const end = weights + (<usize>(w1 * w2) << 4); weights < end; weights += 16) {
    const v = v128.load(weights)
    s0 = madd(v, v128.load(x0), s0), s1 = madd(v, v128.load(x0, 16), s1), s2 = madd(v, v128.load(x0, 32), s2)
    s3 = madd(v, v128.load(x1), s3), s4 = madd(v, v128.load(x1, 16), s4), s5 = madd(v, v128.load(x1, 32), s5)
    s6 = madd(v, v128.load(x2), s6), s7 = madd(v, v128.load(x2, 16), s7), s8 = madd(v, v128.load(x2, 32), s8)
    left--
    const move = left == 0 ? step + turn : step
    left = left == 0 ? w2 : left
    x0 += move, x1 += move, x2 += move
  }
  v128.store(sums, s0), v128.store(sums, s1, 16), v128.store(sums, s2, 32), v128.store(sums, s3, 48), v128.store(sums, s4, 64)
  v128.store(sums, s5, 80), v128.store(sums, s6, 96), v128.store(sums, s7, 112), v128.store(sums, s8, 128)
}

/** nineSums for three. */
function threeSums(
  sums: usize, offsets: usize, plane: usize, weights: usize, w1: i32, w2: i32, step: usize, turn: usize,
): void {
  let s0 = v128.load(sums), s1 = v128.load(sums, 16), s2 = v128.load(sums, 32)
  let x0 = plane + load<i32>(offsets), x1 = plane + load<i32>(offsets, 4), x2 = plane + load<i32>(offsets, 8)
  let left = w2
  for (const end = weights + (<usize>(w1 * w2) << 4); weights < end; weights += 16) {
    const v = v128.load(weights)
    s0 = madd(v, v128.load(x0), s0), s1 = madd(v, v128.load(x1), s1), s2 = madd(v, v128.load(x2), s2)
    left--
    const move = left == 0 ? step + turn : step
    left = left == 0 ? w2 : left
    x0 += move, x1 += move, x2 += move
  }
  v128.store(sums, s0), v128.store(sums, s1, 16), v128.store(sums, s2, 32)
}
