// The gradient to a convolution's filter from cotangents that come through a max pooling: only the largest element of each window has one, so
// sums run over these few positions instead of all. Those of one plane are listed, each with its cotangent, and every one of them adds what the
// filter met there, which lies side by side: positions of a row one after the other, all channels at each. The sums of a filter are pairs of
// vectors, six at a time in registers. A filter's sums are added in an order that depends on its own images and windows alone, so that threads may share
// the filters.
import { interleaveRow } from './interleave'
import { copyWords, span } from './planes'
import { madd } from './vector'

@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2
}

@inline
function aligned(pointer: usize): usize {
  return (pointer + 63) & ~63
}

/** A position's offset among the spread-out planes, and its cotangent. */
const entryBytes: usize = 8
/** Two vectors. */
const pairBytes: usize = 32

/**
 * y[g, o, c, t] = Σ over n and s of x[n, g, c, s·f + t − l]·dx[n, g, o, s], where dx is the gradient to `input` of a max pooling with the results
 * `largest` and their cotangents `cotangents`. Planes of n, g and o, k1×k2 large and dense, are counted from `first` on. The pooling: r1×r2 results of
 * windows v1×v2 with stride p1, p2, low q1, q2 and dilation d1, d2.
 */
export function pooledGradient(
  y: usize, x: usize, input: usize, largest: usize, cotangents: usize, scratch: usize, images: i32, groups: i32, filters: i32, channels: i32,
  yGroup: i32, yFilter: i32, yChannel: i32, xImage: i32, xGroup: i32, xChannel: i32,
  first: i32, planeImage: i32, planeGroup: i32, planeFilter: i32,
  t1: i32, t2: i32, x1: i32, x2: i32, k1: i32, k2: i32, l1: i32, l2: i32, f1: i32, f2: i32,
  r1: i32, r2: i32, v1: i32, v2: i32, p1: i32, p2: i32, q1: i32, q2: i32, d1: i32, d2: i32,
): void {
  const depth = channels == 1 ? 1 : (channels + 3) & ~3
  const down = span(t1, 1, k1, f1), across = span(t2, 1, k2, f2)
  const row = bytes(across * depth)
  const pairs = (t2 * depth + 7) >> 3
  const allPairs = t1 * pairs
  const sumBytes = <usize>((allPairs + 5) / 6) * 6 * pairBytes
  const list = aligned(scratch)
  const table = aligned(list + <usize>(r1 * r2 * v1 * v2 + 4) * entryBytes)
  const places = aligned(table + COLUMNS + <usize>((r2 + 3) >> 2) * 16)
  const sums = aligned(places + bytes(allPairs + 5))
  const planes = sums + <usize>filters * sumBytes
  writePlaces(places, pairs, t1, row)
  memory.fill(planes, 0, <usize>down * row + 64)
  const unit1 = <i32>row * f1, unit2 = <i32>bytes(depth) * f2
  const squares = v1 == 2 && v2 == 2 && p1 == 2 && p2 == 2 && (q1 | q2) == 0 && (d1 & d2) == 1 && r2 >= 4 && 2 * r1 <= k1 && 2 * r2 <= k2
  if (squares) writeColumns(table, r2, unit1, unit2)
  const single = t1 <= 3 && t2 * depth <= 4
  for (let g = 0; g < groups; g++) {
    memory.fill(sums, 0, <usize>filters * sumBytes)
    for (let n = 0; n < images; n++) {
      spreadChannels(planes, row, down, across, depth, x + bytes(n * xImage + g * xGroup), channels, xChannel, x1, x2, l1, l2)
      for (let o = 0; o < filters; o++) {
        const plane = first + n * planeImage + g * planeGroup + o * planeFilter
        const values = input + bytes(plane * k1 * k2)
        const results = largest + bytes(plane * r1 * r2), shares = cotangents + bytes(plane * r1 * r2)
        let end = list
        if (squares) end = listSquares(list, values, k1, k2, results, shares, r1, r2, unit1, unit2, table)
        else {
          for (let i = 0, at: usize = 0; i < r1; i++) {
            for (let j = 0; j < r2; j++, at += 4) {
              end = listWindow(end, values, k1, k2, results + at, shares + at, v1, v2, i * p1 - q1, j * p2 - q2, d1, d2, unit1, unit2)
            }
          }
        }
        addProducts(sums + <usize>o * sumBytes, planes, places, allPairs, single, list, end)
      }
    }
    for (let o = 0; o < filters; o++) {
      for (let c = 0; c < channels; c++) {
        let to = y + bytes(g * yGroup + o * yFilter + c * yChannel)
        for (let i = 0; i < t1; i++) {
          const from = sums + <usize>o * sumBytes + <usize>(i * pairs) * pairBytes + bytes(c)
          for (let j = 0; j < t2; j++, to += 4) store<f32>(to, load<f32>(from + bytes(j * depth)))
        }
      }
    }
  }
}

/** An image's channels side by side at every position; the last stands in for those that fill no vector. Element e of an axis lies at e + l. */
function spreadChannels(
  planes: usize, row: usize, down: i32, across: i32, depth: i32, x: usize, channels: i32, xChannel: i32, x1: i32, x2: i32, l1: i32, l2: i32,
): void {
  const skipped = max(0, -l2)
  const length = min(x2, across - l2) - skipped
  if (length <= 0) return
  for (let i = max(0, -l1); i < min(x1, down - l1); i++) {
    const target = planes + <usize>(i + l1) * row + bytes((skipped + l2) * depth)
    const source = x + bytes(i * x2 + skipped)
    if (channels == 1) copyWords(target, source, length)
    else {
      for (let c = 0; c < channels; c += 4) {
        const last = channels - 1
        interleaveRow(
          target + bytes(c), bytes(depth), source + bytes(c * xChannel), source + bytes(min(c + 1, last) * xChannel),
          source + bytes(min(c + 2, last) * xChannel), source + bytes(min(c + 3, last) * xChannel), length,
        )
      }
    }
  }
}

/** Tables of vectors: what a step right, one down and both add to an offset, then the offsets of every four squares of a row. */
const DOWN: usize = 16
const BOTH: usize = 32
const COLUMNS: usize = 48

function writeColumns(table: usize, r2: i32, unit1: i32, unit2: i32): void {
  v128.store(table, i32x4.splat(unit2)), v128.store(table, i32x4.splat(unit1), DOWN)
  v128.store(table, i32x4.splat(unit1 + unit2), BOTH)
  for (let k = 0; k < r2; k += 4, table += 16) {
    v128.store(table, i32x4.mul(i32x4.splat(2 * unit2), i32x4.add(i32x4(0, 1, 2, 3), i32x4.splat(min(k, r2 - 4)))), COLUMNS)
  }
}

/**
 * Lists the largest elements of squares of two by two whose cotangents are not zero, four squares at a time. Steps down and right are `unit1` and
 * `unit2` bytes.
 */
function listSquares(
  list: usize, x: usize, k1: i32, k2: i32, y: usize, g: usize, r1: i32, r2: i32, unit1: i32, unit2: i32, table: usize,
): usize {
  const row = bytes(k2)
  let above = x
  for (let i = 0; i < r1; i++, above += 2 * row) {
    const down = i32x4.splat(2 * i * unit1)
    let columns = table
    for (let k = 0; k < r2; k += 4, columns += 16) {
      // The last four may have been among those before.
      let fresh = 15
      if (k + 4 > r2) {
        fresh = 15 << (k + 4 - r2)
        k = r2 - 4
      }
      const a = above + bytes(2 * k), b = a + row
      const best = v128.load(y + bytes(k)), cotangent = v128.load(g + bytes(k))
      const a0 = v128.load(a), a1 = v128.load(a, 16), b0 = v128.load(b), b1 = v128.load(b, 16)
      const m00 = f32x4.eq(v128.shuffle<i32>(a0, a1, 0, 2, 4, 6), best), m01 = f32x4.eq(v128.shuffle<i32>(a0, a1, 1, 3, 5, 7), best)
      const m10 = f32x4.eq(v128.shuffle<i32>(b0, b1, 0, 2, 4, 6), best), m11 = f32x4.eq(v128.shuffle<i32>(b0, b1, 1, 3, 5, 7), best)
      const present = i32x4.bitmask(f32x4.ne(cotangent, f32x4.splat(0))) & fresh
      // Masks are −1, so their sum is minus the number of elements chosen.
      const chosen = i32x4.add(i32x4.add(m00, m01), i32x4.add(m10, m11))
      const first = i32x4.add(v128.load(columns, COLUMNS), down)
      if (i32x4.all_true(i32x4.eq(chosen, i32x4.splat(-1)))) {
        const right = v128.and(m01, v128.load(table)), under = v128.and(m10, v128.load(table, DOWN)), both = v128.and(m11, v128.load(table, BOTH))
        list = listFour(list, i32x4.add(first, v128.or(v128.or(right, under), both)), cotangent, present)
      } else if (present != 0) {
        // Elements that are equal share their square's cotangent.
        const share = f32x4.div(cotangent, f32x4.convert_i32x4_s(i32x4.neg(chosen)))
        list = listFour(list, first, share, i32x4.bitmask(m00) & present)
        list = listFour(list, i32x4.add(first, v128.load(table)), share, i32x4.bitmask(m01) & present)
        list = listFour(list, i32x4.add(first, v128.load(table, DOWN)), share, i32x4.bitmask(m10) & present)
        list = listFour(list, i32x4.add(first, v128.load(table, BOTH)), share, i32x4.bitmask(m11) & present)
      }
    }
    y += bytes(r2)
    g += bytes(r2)
  }
  return list
}

/** Lists those of four elements whose bit is set. */
@inline
function listFour(list: usize, offsets: v128, cotangents: v128, present: i32): usize {
  const low = v128.shuffle<i32>(offsets, cotangents, 0, 4, 1, 5), high = v128.shuffle<i32>(offsets, cotangents, 2, 6, 3, 7)
  v128.store_lane<i64>(list, low, 0)
  list += (present & 1) << 3
  v128.store_lane<i64>(list, low, 1)
  list += (present & 2) << 2
  v128.store_lane<i64>(list, high, 0)
  list += (present & 4) << 1
  v128.store_lane<i64>(list, high, 1)
  return list + (present & 8)
}

/** Lists the elements of a window, from row `top` and column `left` on, that equal its largest: they share its cotangent. */
function listWindow(
  list: usize, x: usize, k1: i32, k2: i32, y: usize, g: usize, v1: i32, v2: i32, top: i32, left: i32, d1: i32, d2: i32, unit1: i32, unit2: i32,
): usize {
  const cotangent = load<f32>(g), best = load<f32>(y)
  if (cotangent == 0) return list
  const begin = list
  for (let a = 0, i = top; a < v1; a++, i += d1) {
    if (i < 0 || i >= k1) continue
    for (let b = 0, j = left; b < v2; b++, j += d2) {
      if (j < 0 || j >= k2 || load<f32>(x + bytes(i * k2 + j)) != best) continue
      store<i32>(list, i * unit1 + j * unit2)
      list += entryBytes
    }
  }
  const share = cotangent / <f32>(<i32>(list - begin) >> 3)
  for (let at = begin; at < list; at += entryBytes) store<f32>(at, share, 4)
  return list
}

/** Where what each pair of sums meets lies behind what the first one meets: `pairs` in each of `down` rows. In the end the last stands in for those missing. */
function writePlaces(places: usize, pairs: i32, down: i32, row: usize): void {
  let place: usize = 0
  for (let i = 0; i < down; i++) {
    for (let j = 0; j < pairs; j++, places += 4) {
      place = <usize>i * row + <usize>j * pairBytes
      store<i32>(places, place)
    }
  }
  for (let j = 0; j < 5; j++, places += 4) store<i32>(places, place)
}

/** Adds the products of what lies at the listed positions to all sums of a filter. `single`: of up to three pairs only the first vector counts. */
function addProducts(sums: usize, planes: usize, places: usize, pairs: i32, single: bool, list: usize, end: usize): void {
  if (single) {
    addThree(sums, planes, places, list, end)
    return
  }
  for (; pairs > 0; pairs -= 6, sums += 6 * pairBytes, places += 24) addSix(sums, planes, places, list, end)
}

function addThree(sums: usize, planes: usize, places: usize, list: usize, end: usize): void {
  const p1 = planes + <usize>load<u32>(places, 4), p2 = planes + <usize>load<u32>(places, 8)
  let s0 = v128.load(sums), s1 = v128.load(sums, 32), s2 = v128.load(sums, 64)
  for (; list < end; list += entryBytes) {
    const at = <usize>load<u32>(list)
    const g = v128.load_splat<f32>(list, 4)
    s0 = madd(v128.load(planes + at), g, s0), s1 = madd(v128.load(p1 + at), g, s1), s2 = madd(v128.load(p2 + at), g, s2)
  }
  v128.store(sums, s0), v128.store(sums, s1, 32), v128.store(sums, s2, 64)
}

function addSix(sums: usize, planes: usize, places: usize, list: usize, end: usize): void {
  const p0 = planes + <usize>load<u32>(places), p1 = planes + <usize>load<u32>(places, 4), p2 = planes + <usize>load<u32>(places, 8)
  const p3 = planes + <usize>load<u32>(places, 12), p4 = planes + <usize>load<u32>(places, 16), p5 = planes + <usize>load<u32>(places, 20)
  let s00 = v128.load(sums), s01 = v128.load(sums, 16), s10 = v128.load(sums, 32), s11 = v128.load(sums, 48)
  let s20 = v128.load(sums, 64), s21 = v128.load(sums, 80), s30 = v128.load(sums, 96), s31 = v128.load(sums, 112)
  let s40 = v128.load(sums, 128), s41 = v128.load(sums, 144), s50 = v128.load(sums, 160), s51 = v128.load(sums, 176)
  for (; list < end; list += entryBytes) {
    const at = <usize>load<u32>(list)
    const g = v128.load_splat<f32>(list, 4)
    const x0 = p0 + at
    const l0 = v128.load(x0), h0 = v128.load(x0, 16)
    s00 = madd(l0, g, s00), s01 = madd(h0, g, s01)
    const x1 = p1 + at
    const l1 = v128.load(x1), h1 = v128.load(x1, 16)
    s10 = madd(l1, g, s10), s11 = madd(h1, g, s11)
    const x2 = p2 + at
    const l2 = v128.load(x2), h2 = v128.load(x2, 16)
    s20 = madd(l2, g, s20), s21 = madd(h2, g, s21)
    const x3 = p3 + at
    const l3 = v128.load(x3), h3 = v128.load(x3, 16)
    s30 = madd(l3, g, s30), s31 = madd(h3, g, s31)
    const x4 = p4 + at
    const l4 = v128.load(x4), h4 = v128.load(x4, 16)
    s40 = madd(l4, g, s40), s41 = madd(h4, g, s41)
    const x5 = p5 + at
    const l5 = v128.load(x5), h5 = v128.load(x5, 16)
    s50 = madd(l5, g, s50), s51 = madd(h5, g, s51)
  }
  v128.store(sums, s00), v128.store(sums, s01, 16), v128.store(sums, s10, 32), v128.store(sums, s11, 48)
  v128.store(sums, s20, 64), v128.store(sums, s21, 80), v128.store(sums, s30, 96), v128.store(sums, s31, 112)
  v128.store(sums, s40, 128), v128.store(sums, s41, 144), v128.store(sums, s50, 160), v128.store(sums, s51, 176)
}
