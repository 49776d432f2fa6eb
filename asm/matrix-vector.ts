// Products of a vector and a matrix. They read each element of the matrix once, so what counts is how many loads and sums are under way at a time.
import { WIDE } from './build'
import { loadPartial, madd, storePartial } from './vector'

/** One row times a matrix with contiguous rows: four rows of B at a time are added into C, in the order of k. */
export function rowTimesMatrix(c: usize, a: usize, aStep: usize, b: usize, bRow: usize, n: i32, k: i32, accumulate: bool): void {
  if (!accumulate) memory.fill(c, 0, <usize>n << 2)
  let p = 0
  for (; p + 4 <= k; p += 4) {
    const x0 = v128.load_splat<f32>(a), x1 = v128.load_splat<f32>(a + aStep)
    const x2 = v128.load_splat<f32>(a + 2 * aStep), x3 = v128.load_splat<f32>(a + 3 * aStep)
    const b1 = b + bRow, b2 = b1 + bRow, b3 = b2 + bRow
    let at: usize = 0
    let j = n
    if (WIDE) {
      let own = c, r0 = b, r1 = b1, r2 = b2, r3 = b3
      for (; j >= 8; j -= 8) {
        let s = v128.load(own), t = v128.load(own, 16)
        s = madd(x0, v128.load(r0), s), t = madd(x0, v128.load(r0, 16), t)
        s = madd(x1, v128.load(r1), s), t = madd(x1, v128.load(r1, 16), t)
        s = madd(x2, v128.load(r2), s), t = madd(x2, v128.load(r2, 16), t)
        s = madd(x3, v128.load(r3), s), t = madd(x3, v128.load(r3, 16), t)
        v128.store(own, s), v128.store(own, t, 16)
        own += 32, r0 += 32, r1 += 32, r2 += 32, r3 += 32
      }
      at = own - c
    }
    for (; j >= 4; j -= 4, at += 16) {
      let s = madd(x0, v128.load(b + at), v128.load(c + at))
      s = madd(x1, v128.load(b1 + at), s)
      s = madd(x2, v128.load(b2 + at), s)
      v128.store(c + at, madd(x3, v128.load(b3 + at), s))
    }
    if (j) {
      let s = madd(x0, loadPartial(b + at, j), loadPartial(c + at, j))
      s = madd(x1, loadPartial(b1 + at, j), s)
      s = madd(x2, loadPartial(b2 + at, j), s)
      storePartial(c + at, madd(x3, loadPartial(b3 + at, j), s), j)
    }
    a += 4 * aStep
    b = b3 + bRow
  }
  for (; p < k; p++) {
    const x = v128.load_splat<f32>(a)
    let at: usize = 0
    let j = n
    for (; j >= 4; j -= 4, at += 16) v128.store(c + at, madd(x, v128.load(b + at), v128.load(c + at)))
    if (j) storePartial(c + at, madd(x, loadPartial(b + at, j), loadPartial(c + at, j)), j)
    a += aStep
    b += bRow
  }
}

/**
 * out[i] = or += vector · row i, for `count` rows of B or A with contiguous elements, four at a time; results are `outStep` bytes
 * apart. Each sum is eight partial sums over p mod 8, what is left after whole vectors in the last four of them.
 */
export function vectorTimesRows(
  out: usize, outStep: usize, vector: usize, rows: usize, rowStep: usize, count: i32, k: i32, accumulate: bool,
): void {
  for (let left = count; left > 0; left -= 4) {
    let v = vector
    let r0 = rows
    let r1 = left > 1 ? r0 + rowStep : r0
    let r2 = left > 2 ? r1 + rowStep : r1
    let r3 = left > 3 ? r2 + rowStep : r2
    rows = r3 + rowStep
    let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0)
    let t0 = f32x4.splat(0), t1 = f32x4.splat(0), t2 = f32x4.splat(0), t3 = f32x4.splat(0)
    let p = k
    while (p >= 4) {
      const x = v128.load(v)
      s0 = madd(x, v128.load(r0), s0)
      s1 = madd(x, v128.load(r1), s1)
      s2 = madd(x, v128.load(r2), s2)
      s3 = madd(x, v128.load(r3), s3)
      // A way out between the halves: V8 moves all loads of a block to its front, and eight at once do not fit the registers beside eight sums.
      if (p < 8) {
        v += 16, r0 += 16, r1 += 16, r2 += 16, r3 += 16
        p -= 4
        break
      }
      const y = v128.load(v, 16)
      t0 = madd(y, v128.load(r0, 16), t0)
      t1 = madd(y, v128.load(r1, 16), t1)
      t2 = madd(y, v128.load(r2, 16), t2)
      t3 = madd(y, v128.load(r3, 16), t3)
      v += 32, r0 += 32, r1 += 32, r2 += 32, r3 += 32
      p -= 8
    }
    if (p) {
      const x = loadPartial(v, p)
      t0 = madd(x, loadPartial(r0, p), t0)
      t1 = madd(x, loadPartial(r1, p), t1)
      t2 = madd(x, loadPartial(r2, p), t2)
      t3 = madd(x, loadPartial(r3, p), t3)
    }
    const sums = sumsOf(f32x4.add(s0, t0), f32x4.add(s1, t1), f32x4.add(s2, t2), f32x4.add(s3, t3))
    if (outStep == 4 && left > 3) v128.store(out, accumulate ? f32x4.add(v128.load(out), sums) : sums)
    else {
      put(out, f32x4.extract_lane(sums, 0), accumulate)
      if (left > 1) put(out + outStep, f32x4.extract_lane(sums, 1), accumulate)
      if (left > 2) put(out + 2 * outStep, f32x4.extract_lane(sums, 2), accumulate)
      if (left > 3) put(out + 3 * outStep, f32x4.extract_lane(sums, 3), accumulate)
    }
    out += 4 * outStep
  }
}

/** The sums of four vectors, each as sum4 has it. */
@inline
function sumsOf(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7))
  const cd = f32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7))
  return f32x4.add(v128.shuffle<i64>(ab, cd, 0, 2), v128.shuffle<i64>(ab, cd, 1, 3))
}

@inline
function put(out: usize, value: f32, accumulate: bool): void {
  store<f32>(out, accumulate ? load<f32>(out) + value : value)
}
