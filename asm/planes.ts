// Planes: the channels of one image spread out in scratch memory as a convolution reads them, with zeros around and between the
// elements, so that every element a filter meets is there at a fixed offset. Panels for the matrix product are packed from them.
import { WIDE } from './build'
import { transpose4 } from './matmul'
import { widestPanel } from './tiles'
import { loadStrided4 } from './vector'

@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2
}

/** How far positions lie below the first one along an axis of `count` steps. */
@inline
export function below(count: i32, step: i32): i32 {
  return max(0, (1 - count) * step)
}

/** Positions along one axis from the first to the last that results and filter elements reach together. */
@inline
export function span(results: i32, stride: i32, taps: i32, dilation: i32): i32 {
  return (results - 1) * abs(stride) + (taps - 1) * abs(dilation) + 1
}

/**
 * Copies `count` planes of n0·n1·n2 elements into planes of p0·p1·p2, element e of each axis to position e·d − a; those
 * outside are left out. Everything else in the planes keeps the zeros it has.
 */
export function fillPlanes(
  planes: usize, source: usize, count: i32, sourcePlane: i32, n0: i32, n1: i32, n2: i32, p0: i32, p1: i32, p2: i32,
  a0: i32, a1: i32, a2: i32, d0: i32, d1: i32, d2: i32,
): void {
  const first = firstInside(a2, d2)
  const length = min(n2, lastInside(a2, d2, p2) + 1) - first
  if (length <= 0) return
  for (let c = 0; c < count; c++) {
    for (let i = firstInside(a0, d0); i < n0; i++) {
      const t0 = i * d0 - a0
      if (t0 >= p0) break
      for (let j = firstInside(a1, d1); j < n1; j++) {
        const t1 = j * d1 - a1
        if (t1 >= p1) break
        const target = planes + bytes((t0 * p1 + t1) * p2 + first * d2 - a2)
        const from = source + bytes((i * n1 + j) * n2 + first)
        if (d2 == 1) copyWords(target, from, length)
        else for (let e = 0; e < length; e++) store<f32>(target + bytes(e * d2), load<f32>(from + bytes(e)))
      }
    }
    planes += bytes(p0 * p1 * p2)
    source += bytes(sourcePlane)
  }
}

/** The first element at a position e·d − a ≥ 0. */
@inline
function firstInside(a: i32, d: i32): i32 {
  return a > 0 ? (a + d - 1) / d : 0
}

/** The last element at a position e·d − a < size, or −1. */
@inline
function lastInside(a: i32, d: i32, size: i32): i32 {
  return size + a > 0 ? (size + a - 1) / d : -1
}

/**
 * For each of `count` planes of p0·p1·p2 words and each index of n0·n1·n2 the byte offset of the position that many steps on; the
 * lowest position is 0. `shift` words are added.
 */
export function writeOffsets(
  table: usize, count: i32, plane: i32, n0: i32, n1: i32, n2: i32, t0: i32, t1: i32, t2: i32, p1: i32, p2: i32, shift: i32,
): void {
  const b0 = below(n0, t0), b1 = below(n1, t1), b2 = below(n2, t2) + shift
  for (let c = 0; c < count; c++) {
    for (let i = 0; i < n0; i++) {
      for (let j = 0; j < n1; j++) {
        const row = c * plane + ((i * t0 + b0) * p1 + j * t1 + b1) * p2 + b2
        for (let k = 0; k < n2; k++) {
          store<i32>(table, (row + k * t2) << 2)
          table += 4
        }
      }
    }
  }
}

/**
 * Packs `depth` rows of `columns` results, `width` words apart: row p holds what filter element p meets. Results first, first + 1, …
 * run through rows of `rowLength`, `step` bytes from one to the next.
 */
export function packResults(
  panel: usize, width: i32, planes: usize, taps: usize, depth: i32, rows: usize, rowLength: i32, step: i32, first: i32, columns: i32,
): void {
  let row = first / rowLength
  let column = first - row * rowLength
  for (let done = 0; done < columns;) {
    const length = min(rowLength - column, columns - done)
    const base = planes + load<i32>(rows + bytes(row)) + column * step
    packSegment(panel + bytes(done), bytes(width), base, taps, depth, length, step)
    done += length
    row++
    column = 0
  }
}

/** Rows of up to sixteen neighbours, the last vector overlapping the one before where the length is no multiple of four. */
function packSegment(target: usize, targetStep: usize, base: usize, taps: usize, depth: i32, length: i32, step: i32): void {
  const end = taps + bytes(depth)
  if (length < 4) {
    for (; taps < end; taps += 4) {
      const source = base + load<i32>(taps)
      for (let j = 0; j < length; j++) store<f32>(target + bytes(j), load<f32>(source + j * step))
      target += targetStep
    }
  } else if (step == 4 && length == 12) {
    for (; taps < end; taps += 4) {
      const source = base + load<i32>(taps)
      v128.store(target, v128.load(source)), v128.store(target, v128.load(source, 16), 16)
      v128.store(target, v128.load(source, 32), 32)
      target += targetStep
    }
  } else if (WIDE && step == 4 && length == 16) {
    for (; taps < end; taps += 4) {
      const source = base + load<i32>(taps)
      const v0 = v128.load(source), v1 = v128.load(source, 16), v2 = v128.load(source, 32), v3 = v128.load(source, 48)
      v128.store(target, v0), v128.store(target, v1, 16), v128.store(target, v2, 32), v128.store(target, v3, 48)
      target += targetStep
    }
  } else if (step == 4) packVectors(target, targetStep, base, taps, end, length, 4)
  else if (step == 8) packVectors(target, targetStep, base, taps, end, length, 8)
  else packVectors(target, targetStep, base, taps, end, length, step)
}

/** As many vectors a row as the widest panel has; those that a length does not need repeat others. */
@inline
function packVectors(target: usize, targetStep: usize, base: usize, taps: usize, end: usize, length: i32, step: i32): void {
  const second = length > 8 ? 4 : 0, third = length > 12 ? 8 : second, last = length - 4
  for (; taps < end; taps += 4) {
    const source = base + load<i32>(taps)
    v128.store(target, neighbours(source, step))
    v128.store(target + bytes(second), neighbours(source + second * step, step))
    if (widestPanel > 12) v128.store(target + bytes(third), neighbours(source + third * step, step))
    v128.store(target + bytes(last), neighbours(source + last * step, step))
    target += targetStep
  }
}

/** Four words `step` bytes apart; where the step is a constant, so is the way. */
@inline
export function neighbours(source: usize, step: i32): v128 {
  return step == 4 ? v128.load(source) : step == 8 ? even4(source) : loadStrided4(source, step)
}

/** Every other of the next seven words. */
@inline
export function even4(source: usize): v128 {
  return v128.shuffle<i32>(v128.load(source), v128.load(source, 12), 0, 2, 5, 7)
}

/**
 * Packs `depth` rows of `columns` filter elements, `width` words apart: row p holds what position first + p meets. Positions run through
 * rows of `rowLength`, `step` bytes from one to the next. Columns past the last repeat it.
 */
export function packTaps(
  panel: usize, width: i32, planes: usize, taps: usize, columns: i32, rows: usize, rowLength: i32, step: i32, first: i32, depth: i32,
): void {
  const targetStep = bytes(width)
  let row = first / rowLength
  let column = first - row * rowLength
  for (let done = 0; done < depth;) {
    const length = min(rowLength - column, depth - done)
    const base = planes + load<i32>(rows + bytes(row)) + column * step
    for (let j = 0; j < width; j += 4) {
      const last = columns - 1
      const b0 = base + load<i32>(taps + bytes(min(j, last)))
      const b1 = base + load<i32>(taps + bytes(min(j + 1, last)))
      const b2 = base + load<i32>(taps + bytes(min(j + 2, last)))
      const b3 = base + load<i32>(taps + bytes(min(j + 3, last)))
      if (step == 4) transpose4(panel + bytes(j), targetStep, b0, b1, b2, b3, length)
      else interleave4(panel + bytes(j), targetStep, b0, b1, b2, b3, length, step)
    }
    panel += <usize>length * targetStep
    done += length
    row++
    column = 0
  }
}

/** transpose4 for elements `step` bytes apart. */
function interleave4(target: usize, targetStep: usize, b0: usize, b1: usize, b2: usize, b3: usize, depth: i32, step: i32): void {
  for (let p = 0; p < depth; p++) {
    let v = v128.load_zero<i32>(b0)
    v = v128.load_lane<i32>(b1, v, 1)
    v = v128.load_lane<i32>(b2, v, 2)
    v128.store(target, v128.load_lane<i32>(b3, v, 3))
    b0 += step, b1 += step, b2 += step, b3 += step
    target += targetStep
  }
}

/** Copies words, the last vector overlapping the one before. */
export function copyWords(target: usize, source: usize, count: i32): void {
  if (count < 4) {
    for (let j = 0; j < count; j++) store<f32>(target + bytes(j), load<f32>(source + bytes(j)))
    return
  }
  const last = bytes(count - 4)
  for (let at: usize = 0; at < last; at += 16) v128.store(target + at, v128.load(source + at))
  v128.store(target + last, v128.load(source + last))
}
