// Pooling in f32: the largest element of each window, and the gradient's way back to it. Four neighbouring results at a time; windows
// that reach outside the input are cut off. Extents and strides come per spatial axis; the input is dense.
import { even4 } from './planes'

@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2
}

/** The first of the window's elements at or after 0: element k lies at start + k·dilation. */
@inline
function firstInside(start: i32, dilation: i32): i32 {
  return start < 0 ? (dilation - 1 - start) / dilation : 0
}

/** One past the last of them before `size`. */
@inline
function endInside(start: i32, dilation: i32, window: i32, size: i32): i32 {
  return start >= size ? 0 : min(window, (size - 1 - start) / dilation + 1)
}

/** The larger of each pair, NaN where either is: three instructions on x64 instead of the nine of f32x4.max. Which of two zeros is left open. */
@inline
export function larger(a: v128, b: v128): v128 {
  return v128.or(f32x4.pmax(a, b), f32x4.ne(b, b))
}

/** Squares of two by two, side by side. */
@inline
function isPairs(y0: i32, x0: i32, w0: i32, w1: i32, w2: i32, s1: i32, s2: i32, low: i32, d1: i32, d2: i32): bool {
  return y0 == 1 && x0 == 1 && w0 == 1 && w1 == 2 && w2 == 2 && s1 == 2 && s2 == 2 && low == 0 && d1 == 1 && d2 == 1
}

/** One row of their largest elements; the last four overlap those before. */
function largestOfPairs(y: usize, x: usize, row: usize, length: i32): void {
  for (let k = 0; k < length; k += 4) {
    if (k + 4 > length) k = length - 4
    const above = x + bytes(2 * k), under = above + row
    const v0 = larger(v128.load(above), v128.load(under)), v1 = larger(v128.load(above, 16), v128.load(under, 16))
    v128.store(y + bytes(k), larger(v128.shuffle<i32>(v0, v1, 0, 2, 4, 6), v128.shuffle<i32>(v0, v1, 1, 3, 5, 7)))
  }
}

/** y[n, s] = max over k of x[n, s·stride + k·dilation − low]. */
export function poolMax(
  y: usize, x: usize, count: i32, y0: i32, y1: i32, y2: i32, x0: i32, x1: i32, x2: i32, w0: i32, w1: i32, w2: i32,
  s0: i32, s1: i32, s2: i32, l0: i32, l1: i32, l2: i32, d0: i32, d1: i32, d2: i32,
): void {
  if (isPairs(y0, x0, w0, w1, w2, s1, s2, l0 | l1 | l2, d1, d2) && y2 >= 4 && 2 * y1 <= x1 && 2 * y2 <= x2) {
    for (let n = 0; n < count; n++) {
      for (let j = 0; j < y1; j++, y += bytes(y2)) largestOfPairs(y, x + bytes(2 * j * x2), bytes(x2), y2)
      x += bytes(x1 * x2)
    }
    return
  }
  // Results whose windows lie inside along the last axis.
  const from = min(y2, (l2 + s2 - 1) / s2)
  const reach = x2 - 1 + l2 - (w2 - 1) * d2
  const to = reach < 0 ? 0 : min(y2, reach / s2 + 1)
  for (let n = 0; n < count; n++) {
    for (let i = 0; i < y0; i++) {
      const b0 = i * s0 - l0
      const first0 = firstInside(b0, d0), end0 = endInside(b0, d0, w0, x0)
      for (let j = 0; j < y1; j++) {
        const b1 = j * s1 - l1
        const first1 = firstInside(b1, d1), end1 = endInside(b1, d1, w1, x1)
        let k = 0
        while (k < y2) {
          // Whole vectors inside; the last one overlaps the one before.
          if (k >= from && to - from >= 4 && k < to) {
            if (k + 4 > to) k = to - 4
            let best = f32x4.splat(-Infinity)
            for (let p = first0; p < end0; p++) {
              for (let q = first1; q < end1; q++) {
                const row = x + bytes(((b0 + p * d0) * x1 + b1 + q * d1) * x2 + k * s2 - l2)
                for (let r = 0; r < w2; r++) best = larger(best, neighbours(row + bytes(r * d2), s2))
              }
            }
            v128.store(y + bytes(k), best)
            k += 4
            continue
          }
          let best: f32 = -Infinity
          const b2 = k * s2 - l2
          for (let p = first0; p < end0; p++) {
            for (let q = first1; q < end1; q++) {
              const row = x + bytes(((b0 + p * d0) * x1 + b1 + q * d1) * x2 + b2)
              for (let r = firstInside(b2, d2), end = endInside(b2, d2, w2, x2); r < end; r++) {
                best = max(best, load<f32>(row + bytes(r * d2)))
              }
            }
          }
          store<f32>(y + bytes(k), best)
          k++
        }
        y += bytes(y2)
      }
    }
    x += bytes(x0 * x1 * x2)
  }
}

@inline
function neighbours(source: usize, stride: i32): v128 {
  if (stride == 1) return v128.load(source)
  if (stride == 2) return even4(source)
  let v = v128.load_zero<i32>(source)
  v = v128.load_lane<i32>(source + bytes(stride), v, 1)
  v = v128.load_lane<i32>(source + bytes(2 * stride), v, 2)
  return v128.load_lane<i32>(source + bytes(3 * stride), v, 3)
}

/** dx[n, …] = Σ over the windows whose largest element, y[n, s], it equals of g[n, s] divided by the number of such elements. */
export function poolMaxGradient(
  dx: usize, x: usize, y: usize, g: usize, count: i32, y0: i32, y1: i32, y2: i32, x0: i32, x1: i32, x2: i32, w0: i32, w1: i32, w2: i32,
  s0: i32, s1: i32, s2: i32, l0: i32, l1: i32, l2: i32, d0: i32, d1: i32, d2: i32,
): void {
  if (isPairs(y0, x0, w0, w1, w2, s1, s2, l0 | l1 | l2, d1, d2) && y2 >= 4 && 2 * y1 <= x1 && 2 * y2 <= x2) {
    if (2 * y1 < x1 || 2 * y2 < x2) memory.fill(dx, 0, bytes(count * x1 * x2))
    for (let n = 0; n < count; n++) {
      for (let j = 0; j < y1; j++) {
        spreadPairs(dx + bytes(2 * j * x2), x + bytes(2 * j * x2), bytes(x2), y, g, y2)
        y += bytes(y2)
        g += bytes(y2)
      }
      dx += bytes(x1 * x2)
      x += bytes(x1 * x2)
    }
    return
  }
  const plane = x0 * x1 * x2
  memory.fill(dx, 0, bytes(count * plane))
  for (let n = 0; n < count; n++) {
    for (let i = 0; i < y0; i++) {
      const b0 = i * s0 - l0
      const first0 = firstInside(b0, d0), end0 = endInside(b0, d0, w0, x0)
      for (let j = 0; j < y1; j++) {
        const b1 = j * s1 - l1
        const first1 = firstInside(b1, d1), end1 = endInside(b1, d1, w1, x1)
        for (let k = 0; k < y2; k++) {
          const b2 = k * s2 - l2
          const first2 = firstInside(b2, d2), end2 = endInside(b2, d2, w2, x2)
          const best = load<f32>(y)
          let chosen = 0
          for (let p = first0; p < end0; p++) {
            for (let q = first1; q < end1; q++) {
              const row = x + bytes(((b0 + p * d0) * x1 + b1 + q * d1) * x2 + b2)
              for (let r = first2; r < end2; r++) chosen += i32(load<f32>(row + bytes(r * d2)) == best)
            }
          }
          if (chosen > 0) {
            const share = load<f32>(g) / <f32>chosen
            for (let p = first0; p < end0; p++) {
              for (let q = first1; q < end1; q++) {
                const at = bytes(((b0 + p * d0) * x1 + b1 + q * d1) * x2 + b2)
                for (let r = first2; r < end2; r++) {
                  const element = at + bytes(r * d2)
                  if (load<f32>(x + element) == best) store<f32>(dx + element, load<f32>(dx + element) + share)
                }
              }
            }
          }
          y += 4
          g += 4
        }
      }
    }
    x += bytes(plane)
    dx += bytes(plane)
  }
}

/** Two rows of squares of two by two, four squares at a time; the last four overlap those before. */
function spreadPairs(dx: usize, x: usize, row: usize, y: usize, g: usize, length: i32): void {
  for (let k = 0; k < length; k += 4) {
    if (k + 4 > length) k = length - 4
    const at = bytes(2 * k)
    const best = v128.load(y + bytes(k))
    const low = v128.shuffle<i32>(best, best, 0, 0, 1, 1), high = v128.shuffle<i32>(best, best, 2, 2, 3, 3)
    const above = x + at, under = above + row
    const m00 = f32x4.eq(v128.load(above), low), m01 = f32x4.eq(v128.load(above, 16), high)
    const m10 = f32x4.eq(v128.load(under), low), m11 = f32x4.eq(v128.load(under, 16), high)
    // Masks are −1, so their sums are minus the number of elements chosen.
    const c0 = i32x4.add(m00, m10), c1 = i32x4.add(m01, m11)
    const chosen = i32x4.add(v128.shuffle<i32>(c0, c1, 0, 2, 4, 6), v128.shuffle<i32>(c0, c1, 1, 3, 5, 7))
    const share = f32x4.div(v128.load(g + bytes(k)), f32x4.convert_i32x4_s(i32x4.neg(chosen)))
    const left = v128.shuffle<i32>(share, share, 0, 0, 1, 1), right = v128.shuffle<i32>(share, share, 2, 2, 3, 3)
    const target = dx + at
    v128.store(target, v128.and(m00, left)), v128.store(target, v128.and(m01, right), 16)
    v128.store(target + row, v128.and(m10, left)), v128.store(target + row, v128.and(m11, right), 16)
  }
}
