// Four planes side by side: element e of each in one vector. Positions may then lie any distance apart, and no transform of them needs to
// exchange lanes.

@inline
function bytes(elements: i32): usize {
  return <usize>elements << 2
}

/** The first element at a position e·d − a ≥ `begin`. */
@inline
export function firstInside(a: i32, d: i32, begin: i32): i32 {
  return a + begin > 0 ? (a + begin + d - 1) / d : 0
}

/** The last element at a position e·d − a < `end`, or −1. */
@inline
export function lastInside(a: i32, d: i32, end: i32): i32 {
  return end + a > 0 ? (end + a - 1) / d : -1
}

/** `count` elements of each of four arrays, `step` bytes from one vector to the next. */
@inline
export function interleaveRow(target: usize, step: usize, x0: usize, x1: usize, x2: usize, x3: usize, count: i32): void {
  for (let left = count; left > 0; ) {
    if (count >= 4) {
      // The last four may have been among those before.
      const back = max(0, 4 - left)
      x0 -= bytes(back), x1 -= bytes(back), x2 -= bytes(back), x3 -= bytes(back)
      target -= <usize>back * step
      const v0 = v128.load(x0), v1 = v128.load(x1), v2 = v128.load(x2), v3 = v128.load(x3)
      const low01 = v128.shuffle<i32>(v0, v1, 0, 4, 1, 5), high01 = v128.shuffle<i32>(v0, v1, 2, 6, 3, 7)
      const low23 = v128.shuffle<i32>(v2, v3, 0, 4, 1, 5), high23 = v128.shuffle<i32>(v2, v3, 2, 6, 3, 7)
      v128.store(target, v128.shuffle<i64>(low01, low23, 0, 2))
      target += step
      v128.store(target, v128.shuffle<i64>(low01, low23, 1, 3))
      target += step
      v128.store(target, v128.shuffle<i64>(high01, high23, 0, 2))
      target += step
      v128.store(target, v128.shuffle<i64>(high01, high23, 1, 3))
      target += step
      x0 += 16, x1 += 16, x2 += 16, x3 += 16
      left -= 4
    } else {
      let v = v128.load_zero<i32>(x0)
      v = v128.load_lane<i32>(x1, v, 1)
      v = v128.load_lane<i32>(x2, v, 2)
      v128.store(target, v128.load_lane<i32>(x3, v, 3))
      target += step
      x0 += 4, x1 += 4, x2 += 4, x3 += 4
      left--
    }
  }
}

export function interleave(target: usize, x0: usize, x1: usize, x2: usize, x3: usize, count: i32): void {
  interleaveRow(target, 16, x0, x1, x2, x3, count)
}

/** The other way round. */
export function separate(y0: usize, y1: usize, y2: usize, y3: usize, source: usize, count: i32): void {
  let left = count
  for (; left >= 4; left -= 4, source += 64) {
    const v0 = v128.load(source), v1 = v128.load(source, 16), v2 = v128.load(source, 32), v3 = v128.load(source, 48)
    const low01 = v128.shuffle<i32>(v0, v1, 0, 4, 1, 5), high01 = v128.shuffle<i32>(v0, v1, 2, 6, 3, 7)
    const low23 = v128.shuffle<i32>(v2, v3, 0, 4, 1, 5), high23 = v128.shuffle<i32>(v2, v3, 2, 6, 3, 7)
    v128.store(y0, v128.shuffle<i64>(low01, low23, 0, 2)), v128.store(y1, v128.shuffle<i64>(low01, low23, 1, 3))
    v128.store(y2, v128.shuffle<i64>(high01, high23, 0, 2)), v128.store(y3, v128.shuffle<i64>(high01, high23, 1, 3))
    y0 += 16, y1 += 16, y2 += 16, y3 += 16
  }
  for (; left > 0; left--, source += 16) {
    const v = v128.load(source)
    v128.store_lane<i32>(y0, v, 0), v128.store_lane<i32>(y1, v, 1), v128.store_lane<i32>(y2, v, 2), v128.store_lane<i32>(y3, v, 3)
    y0 += 4, y1 += 4, y2 += 4, y3 += 4
  }
}

/**
 * Four images of n0·n1·n2 elements side by side in planes of p0·p1·p2, element e of each axis at position e·d − a; those outside are left out, as
 * are positions of the middle axis before `begin` or from `end` on. Everything else in the planes keeps the zeros it has.
 */
export function interleavePlanes(
  plane: usize, x0: usize, x1: usize, x2: usize, x3: usize, n0: i32, n1: i32, n2: i32, p0: i32, p1: i32, p2: i32,
  a0: i32, a1: i32, a2: i32, d0: i32, d1: i32, d2: i32, begin: i32, end: i32,
): void {
  const first = firstInside(a2, d2, 0)
  const length = min(n2, lastInside(a2, d2, p2) + 1) - first
  if (length <= 0) return
  const to0 = min(n0, lastInside(a0, d0, p0) + 1), to1 = min(n1, lastInside(a1, d1, end) + 1)
  for (let i = firstInside(a0, d0, 0); i < to0; i++) {
    for (let j = firstInside(a1, d1, begin); j < to1; j++) {
      const target = plane + (<usize>(((i * d0 - a0) * p1 + j * d1 - a1) * p2 + first * d2 - a2) << 4)
      const from = bytes((i * n1 + j) * n2 + first)
      interleaveRow(target, <usize>d2 << 4, x0 + from, x1 + from, x2 + from, x3 + from, length)
    }
  }
}
