// The transforms of Winograd's minimal filtering (Lavin and Gray 2016), for 4×4 results of a 3×3 filter at a time and, with filter and
// results in each other's place, for the 3×3 gradient that 4×4 cotangents at a time contribute to. Both evaluate polynomials at the same
// six points along each axis: 0, ±a, ±b and infinity. a = 3/4 and b = 3/2 have exact powers and round half as coarsely as the usual 1
// and 2. Four channels or filters lie side by side in a vector.
import { WIDE } from './build'
import { larger } from './pooling'
import { madd, nmadd } from './vector'

/** Products of a tile: six points along each axis. */
export const points = 36
/** Results, or cotangents, of a tile along an axis. */
export const tile = 4
/** Inputs of a tile along an axis. */
export const reach = 6
/** Channels side by side at a position: one vector, in the wide build two. */
export const together = WIDE ? 8 : 4
export const position: usize = WIDE ? 32 : 16
/** Bytes of constants and of a tile between its two axes. */
export const workBytes: usize = 64 + 36 * position

/**
 * The constants are read from memory: V8 makes a constant vector afresh at each use, but keeps one that it has loaded.
 * a, b, a², b², a²b², a² + b², a³, b³, and the factors of points 0, ±a, ±b.
 */
export function writeConstants(work: usize): void {
  store<f32>(work, 0.75), store<f32>(work, 1.5, 4)
  store<f32>(work, 0.5625, 8), store<f32>(work, 2.25, 12)
  store<f32>(work, 1.265625, 16), store<f32>(work, 2.8125, 20)
  store<f32>(work, 0.421875, 24), store<f32>(work, 3.375, 28)
  store<f32>(work, 64.0 / 81.0, 32), store<f32>(work, -128.0 / 243.0, 36), store<f32>(work, 32.0 / 243.0, 40)
}

/** The input 6×6 at `source`, its rows `row` bytes apart, at the 36 points, `step` bytes apart from `target` on. */
export function evaluateInput(target: usize, step: usize, source: usize, row: usize, work: usize): void {
  const a = v128.load_splat<f32>(work), b = v128.load_splat<f32>(work, 4)
  const a2 = v128.load_splat<f32>(work, 8), b2 = v128.load_splat<f32>(work, 12)
  const both = v128.load_splat<f32>(work, 16), sum = v128.load_splat<f32>(work, 20)
  const between = work + 64
  for (let at = between; at < between + 576; at += 96) {
    const d1 = v128.load(source, 16), d3 = v128.load(source, 48), d2 = v128.load(source, 32), d4 = v128.load(source, 64)
    v128.store(at, madd(both, v128.load(source), nmadd(sum, d2, d4)))
    const oddA = f32x4.mul(a, nmadd(b2, d1, d3)), evenA = nmadd(b2, d2, d4)
    v128.store(at, f32x4.add(evenA, oddA), 16), v128.store(at, f32x4.sub(evenA, oddA), 32)
    const oddB = f32x4.mul(b, nmadd(a2, d1, d3)), evenB = nmadd(a2, d2, d4)
    v128.store(at, f32x4.add(evenB, oddB), 48), v128.store(at, f32x4.sub(evenB, oddB), 64)
    v128.store(at, madd(both, d1, nmadd(sum, d3, v128.load(source, 80))), 80)
    source += row
  }
  const rows = step * 6
  for (let at = between; at < between + 96; at += 16) {
    const d1 = v128.load(at, 96), d3 = v128.load(at, 288), d2 = v128.load(at, 192), d4 = v128.load(at, 384)
    let to = target
    v128.store(to, madd(both, v128.load(at), nmadd(sum, d2, d4)))
    const oddA = f32x4.mul(a, nmadd(b2, d1, d3)), evenA = nmadd(b2, d2, d4)
    to += rows
    v128.store(to, f32x4.add(evenA, oddA))
    to += rows
    v128.store(to, f32x4.sub(evenA, oddA))
    const oddB = f32x4.mul(b, nmadd(a2, d1, d3)), evenB = nmadd(a2, d2, d4)
    to += rows
    v128.store(to, f32x4.add(evenB, oddB))
    to += rows
    v128.store(to, f32x4.sub(evenB, oddB))
    to += rows
    v128.store(to, madd(both, d1, nmadd(sum, d3, v128.load(at, 480))))
    target += step
  }
}

/** The filter 3×3 at `source`, three vectors a row, at the points. */
export function evaluateFilter(target: usize, step: usize, source: usize, work: usize): void {
  const a = v128.load_splat<f32>(work), b = v128.load_splat<f32>(work, 4)
  const a2 = v128.load_splat<f32>(work, 8), b2 = v128.load_splat<f32>(work, 12)
  const zero = v128.load_splat<f32>(work, 32), atA = v128.load_splat<f32>(work, 36), atB = v128.load_splat<f32>(work, 40)
  const between = work + 64
  for (let at = between; at < between + 288; at += 96) {
    const g0 = v128.load(source), g1 = v128.load(source, 16), g2 = v128.load(source, 32)
    v128.store(at, f32x4.mul(zero, g0))
    const evenA = madd(a2, g2, g0), oddA = f32x4.mul(a, g1)
    v128.store(at, f32x4.mul(atA, f32x4.add(evenA, oddA)), 16), v128.store(at, f32x4.mul(atA, f32x4.sub(evenA, oddA)), 32)
    const evenB = madd(b2, g2, g0), oddB = f32x4.mul(b, g1)
    v128.store(at, f32x4.mul(atB, f32x4.add(evenB, oddB)), 48), v128.store(at, f32x4.mul(atB, f32x4.sub(evenB, oddB)), 64)
    v128.store(at, g2, 80)
    source += 48
  }
  const rows = step * 6
  for (let at = between; at < between + 96; at += 16) {
    const g0 = v128.load(at), g1 = v128.load(at, 96), g2 = v128.load(at, 192)
    let to = target
    v128.store(to, f32x4.mul(zero, g0))
    const evenA = madd(a2, g2, g0), oddA = f32x4.mul(a, g1)
    to += rows
    v128.store(to, f32x4.mul(atA, f32x4.add(evenA, oddA)))
    to += rows
    v128.store(to, f32x4.mul(atA, f32x4.sub(evenA, oddA)))
    const evenB = madd(b2, g2, g0), oddB = f32x4.mul(b, g1)
    to += rows
    v128.store(to, f32x4.mul(atB, f32x4.add(evenB, oddB)))
    to += rows
    v128.store(to, f32x4.mul(atB, f32x4.sub(evenB, oddB)))
    to += rows
    v128.store(to, g2)
    target += step
  }
}

/** The cotangents 4×4 at `source`, their rows `row` bytes apart, at the points. */
export function evaluateCotangents(target: usize, step: usize, source: usize, row: usize, work: usize): void {
  const a = v128.load_splat<f32>(work), b = v128.load_splat<f32>(work, 4)
  const a2 = v128.load_splat<f32>(work, 8), b2 = v128.load_splat<f32>(work, 12)
  const zero = v128.load_splat<f32>(work, 32), atA = v128.load_splat<f32>(work, 36), atB = v128.load_splat<f32>(work, 40)
  const between = work + 64
  for (let at = between; at < between + 384; at += 96) {
    const g0 = v128.load(source), g1 = v128.load(source, 16), g2 = v128.load(source, 32), g3 = v128.load(source, 48)
    v128.store(at, f32x4.mul(zero, g0))
    const evenA = madd(a2, g2, g0), oddA = f32x4.mul(a, madd(a2, g3, g1))
    v128.store(at, f32x4.mul(atA, f32x4.add(evenA, oddA)), 16), v128.store(at, f32x4.mul(atA, f32x4.sub(evenA, oddA)), 32)
    const evenB = madd(b2, g2, g0), oddB = f32x4.mul(b, madd(b2, g3, g1))
    v128.store(at, f32x4.mul(atB, f32x4.add(evenB, oddB)), 48), v128.store(at, f32x4.mul(atB, f32x4.sub(evenB, oddB)), 64)
    v128.store(at, g3, 80)
    source += row
  }
  const rows = step * 6
  for (let at = between; at < between + 96; at += 16) {
    const g0 = v128.load(at), g1 = v128.load(at, 96), g2 = v128.load(at, 192), g3 = v128.load(at, 288)
    let to = target
    v128.store(to, f32x4.mul(zero, g0))
    const evenA = madd(a2, g2, g0), oddA = f32x4.mul(a, madd(a2, g3, g1))
    to += rows
    v128.store(to, f32x4.mul(atA, f32x4.add(evenA, oddA)))
    to += rows
    v128.store(to, f32x4.mul(atA, f32x4.sub(evenA, oddA)))
    const evenB = madd(b2, g2, g0), oddB = f32x4.mul(b, madd(b2, g3, g1))
    to += rows
    v128.store(to, f32x4.mul(atB, f32x4.add(evenB, oddB)))
    to += rows
    v128.store(to, f32x4.mul(atB, f32x4.sub(evenB, oddB)))
    to += rows
    v128.store(to, g3)
    target += step
  }
}

/**
 * The 4×4 results of four filters from their products at the points, `step` bytes apart from `source` on. Of them `rows` × `columns` are
 * kept, of `filters` filters; rows of results are `row` and filters `plane` bytes apart.
 */
export function interpolateResults(
  target: usize, row: usize, plane: usize, rows: i32, columns: i32, filters: i32, source: usize, step: usize, work: usize,
): void {
  interpolateFour(source, step, work)
  interpolateRows(target, row, plane, rows, columns, filters, work + 64, work)
}

/** The first half of interpolateResults: columns, into the work space. */
export function interpolateFour(source: usize, step: usize, work: usize): void {
  const a = v128.load_splat<f32>(work), b = v128.load_splat<f32>(work, 4)
  const a2 = v128.load_splat<f32>(work, 8), b2 = v128.load_splat<f32>(work, 12)
  const a3 = v128.load_splat<f32>(work, 24), b3 = v128.load_splat<f32>(work, 28)
  const between = work + 64
  const next = step * 6
  for (let at = between; at < between + 96; at += 16) {
    let from = source + next
    const p1 = v128.load(from)
    from += next
    const p2 = v128.load(from)
    from += next
    const evenA = f32x4.add(p1, p2), oddA = f32x4.sub(p1, p2)
    const p3 = v128.load(from)
    from += next
    const p4 = v128.load(from)
    from += next
    const evenB = f32x4.add(p3, p4), oddB = f32x4.sub(p3, p4)
    v128.store(at, f32x4.add(v128.load(source), f32x4.add(evenA, evenB)))
    v128.store(at, madd(a, oddA, f32x4.mul(b, oddB)), 96)
    v128.store(at, madd(a2, evenA, f32x4.mul(b2, evenB)), 192)
    v128.store(at, madd(a3, oddA, madd(b3, oddB, v128.load(from))), 288)
    source += step
  }
}

/**
 * The second half of interpolateResults, for what the first has left from `between` on, the vectors of a row `position` bytes apart.
 */
@inline
export function interpolateRows(
  target: usize, row: usize, plane: usize, rows: i32, columns: i32, filters: i32, between: usize, work: usize,
): void {
  // Whole tiles of four filters need not ask what to keep of each row.
  if (columns == tile && filters == 4) writeRows(true, target, row, plane, rows, columns, filters, between, work)
  else writeRows(false, target, row, plane, rows, columns, filters, between, work)
}

@inline
function writeRows(
  whole: bool, target: usize, row: usize, plane: usize, rows: i32, columns: i32, filters: i32, between: usize, work: usize,
): void {
  const a = v128.load_splat<f32>(work), b = v128.load_splat<f32>(work, 4)
  const a2 = v128.load_splat<f32>(work, 8), b2 = v128.load_splat<f32>(work, 12)
  const a3 = v128.load_splat<f32>(work, 24), b3 = v128.load_splat<f32>(work, 28)
  for (let at = between; rows > 0; rows--, at += 6 * position) {
    const p1 = v128.load(at, position), p2 = v128.load(at, 2 * position), p3 = v128.load(at, 3 * position), p4 = v128.load(at, 4 * position)
    const evenA = f32x4.add(p1, p2), oddA = f32x4.sub(p1, p2), evenB = f32x4.add(p3, p4), oddB = f32x4.sub(p3, p4)
    const r0 = f32x4.add(v128.load(at), f32x4.add(evenA, evenB))
    const r1 = madd(a, oddA, f32x4.mul(b, oddB))
    const r2 = madd(a2, evenA, f32x4.mul(b2, evenB))
    const r3 = madd(a3, oddA, madd(b3, oddB, v128.load(at, 5 * position)))
    const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5), high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7)
    const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5), high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7)
    const y0 = v128.shuffle<i64>(low01, low23, 0, 2), y1 = v128.shuffle<i64>(low01, low23, 1, 3)
    const y2 = v128.shuffle<i64>(high01, high23, 0, 2), y3 = v128.shuffle<i64>(high01, high23, 1, 3)
    const to1 = target + plane, to2 = to1 + plane, to3 = to2 + plane
    if (whole) v128.store(target, y0), v128.store(to1, y1), v128.store(to2, y2), v128.store(to3, y3)
    else {
      putColumns(target, y0, columns)
      if (filters > 1) putColumns(to1, y1, columns)
      if (filters > 2) putColumns(to2, y2, columns)
      if (filters > 3) putColumns(to3, y3, columns)
    }
    target += row
  }
}

/**
 * interpolateRows where of every square of two by two results only the largest is written: `rows` × `columns`, at most two each, of each filter.
 */
export function writeLargest(
  target: usize, row: usize, plane: usize, rows: i32, columns: i32, filters: i32, between: usize, work: usize,
): void {
  if (rows == 0) return
  const a = v128.load_splat<f32>(work), b = v128.load_splat<f32>(work, 4)
  const a2 = v128.load_splat<f32>(work, 8), b2 = v128.load_splat<f32>(work, 12)
  const a3 = v128.load_splat<f32>(work, 24), b3 = v128.load_splat<f32>(work, 28)
  // Of each row the larger of the first two and of the last two results, in place of what they are made of.
  for (let at = between; at < between + 24 * position; at += 6 * position) {
    const p1 = v128.load(at, position), p2 = v128.load(at, 2 * position), p3 = v128.load(at, 3 * position), p4 = v128.load(at, 4 * position)
    const evenA = f32x4.add(p1, p2), oddA = f32x4.sub(p1, p2), evenB = f32x4.add(p3, p4), oddB = f32x4.sub(p3, p4)
    const r0 = f32x4.add(v128.load(at), f32x4.add(evenA, evenB))
    const r1 = madd(a, oddA, f32x4.mul(b, oddB))
    const r2 = madd(a2, evenA, f32x4.mul(b2, evenB))
    const r3 = madd(a3, oddA, madd(b3, oddB, v128.load(at, 5 * position)))
    v128.store(at, larger(r0, r1)), v128.store(at, larger(r2, r3), position)
  }
  const y0 = larger(v128.load(between), v128.load(between, 6 * position))
  const y1 = larger(v128.load(between, position), v128.load(between, 7 * position))
  const y2 = larger(v128.load(between, 12 * position), v128.load(between, 18 * position))
  const y3 = larger(v128.load(between, 13 * position), v128.load(between, 19 * position))
  const low01 = v128.shuffle<i32>(y0, y1, 0, 4, 1, 5), high01 = v128.shuffle<i32>(y0, y1, 2, 6, 3, 7)
  const low23 = v128.shuffle<i32>(y2, y3, 0, 4, 1, 5), high23 = v128.shuffle<i32>(y2, y3, 2, 6, 3, 7)
  // Each filter's two rows of two.
  putSquare(target, row, v128.shuffle<i64>(low01, low23, 0, 2), rows, columns)
  if (filters > 1) putSquare(target + plane, row, v128.shuffle<i64>(low01, low23, 1, 3), rows, columns)
  if (filters > 2) putSquare(target + 2 * plane, row, v128.shuffle<i64>(high01, high23, 0, 2), rows, columns)
  if (filters > 3) putSquare(target + 3 * plane, row, v128.shuffle<i64>(high01, high23, 1, 3), rows, columns)
}

@inline
function putSquare(target: usize, row: usize, v: v128, rows: i32, columns: i32): void {
  if (columns > 1) {
    v128.store_lane<i64>(target, v, 0)
    if (rows > 1) v128.store_lane<i64>(target + row, v, 1)
  } else {
    v128.store_lane<i32>(target, v, 0)
    if (rows > 1) v128.store_lane<i32>(target + row, v, 2)
  }
}

@inline
function putColumns(target: usize, v: v128, columns: i32): void {
  if (columns >= 4) v128.store(target, v)
  else {
    if (columns & 2) v128.store_lane<i64>(target, v, 0)
    if (columns == 3) v128.store_lane<i32>(target, v, 2, 8)
    else if (columns == 1) v128.store_lane<i32>(target, v, 0)
  }
}

/**
 * The 3×3 gradients of four filters from their sums at the points, `step` bytes apart from `source` on: three vectors a row, from
 * `target` on.
 */
export function interpolateFilter(target: usize, source: usize, step: usize, work: usize): void {
  const a = v128.load_splat<f32>(work), b = v128.load_splat<f32>(work, 4)
  const a2 = v128.load_splat<f32>(work, 8), b2 = v128.load_splat<f32>(work, 12)
  const between = work + 64
  const next = step * 6
  for (let at = between; at < between + 96; at += 16) {
    let from = source + next
    const p1 = v128.load(from)
    from += next
    const p2 = v128.load(from)
    from += next
    const evenA = f32x4.add(p1, p2), oddA = f32x4.sub(p1, p2)
    const p3 = v128.load(from)
    from += next
    const p4 = v128.load(from)
    from += next
    const evenB = f32x4.add(p3, p4), oddB = f32x4.sub(p3, p4)
    v128.store(at, f32x4.add(v128.load(source), f32x4.add(evenA, evenB)))
    v128.store(at, madd(a, oddA, f32x4.mul(b, oddB)), 96)
    v128.store(at, madd(a2, evenA, madd(b2, evenB, v128.load(from))), 192)
    source += step
  }
  for (let at = between; at < between + 288; at += 96) {
    const p1 = v128.load(at, 16), p2 = v128.load(at, 32), p3 = v128.load(at, 48), p4 = v128.load(at, 64)
    const evenA = f32x4.add(p1, p2), oddA = f32x4.sub(p1, p2), evenB = f32x4.add(p3, p4), oddB = f32x4.sub(p3, p4)
    v128.store(target, f32x4.add(v128.load(at), f32x4.add(evenA, evenB)))
    v128.store(target, madd(a, oddA, f32x4.mul(b, oddB)), 16)
    v128.store(target, madd(a2, evenA, madd(b2, evenB, v128.load(at, 80))), 32)
    target += 48
  }
}
