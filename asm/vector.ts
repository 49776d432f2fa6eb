// Vector mathematics on v128 as four f32 lanes. Straight-line code: no lane falls back to scalar arithmetic, and every
// special value (±0, ±inf, NaN, subnormals) takes the same path as the rest.
// Errors are in ulp (units in the last place of the f32 result), measured over the whole range by test/kernels/vector.test.ts.
import { RELAXED } from './build'

const LOG2_E: f32 = 1.44269504088896341
const SIGN: i32 = 0x80000000
const MAGNITUDE: i32 = 0x7fffffff

@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  // a·b + c: one rounding in the relaxed build (on hardware with a fused instruction), two in the plain one.
  if (RELAXED) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

@inline
export function nmadd(a: v128, b: v128, c: v128): v128 {
  // c − a·b
  if (RELAXED) return f32x4.relaxed_nmadd(a, b, c)
  return f32x4.sub(c, f32x4.mul(a, b))
}

/** `yes` in the lanes where `mask` is all ones, `no` where it is all zeros. */
@inline
export function choose(yes: v128, no: v128, mask: v128): v128 {
  // One instruction on x64 in the relaxed build, three otherwise.
  if (RELAXED) return i32x4.relaxed_laneselect(yes, no, mask)
  return v128.bitselect(yes, no, mask)
}

/**
 * e^x, at most 1.2 ulp (1.0 with fused multiply-add); results below 2⁻¹²⁶ underflow gradually (to within half a subnormal
 * step more).
 *
 * x = n·ln 2 + r with |r| ≤ ln 2 / 2, ln 2 in two parts of which the first times n is exact; e^r by the polynomial of
 * `expFraction`. 2ⁿ is split in two, so that n from −150 to 128 needs no special case.
 */
@inline
export function exp(x: v128): v128 {
  // pmin and pmax are one instruction each on x64, min and max nine; with x first they keep its NaN.
  const clamped = f32x4.pmax(f32x4.pmin(x, f32x4.splat(89.0)), f32x4.splat(-104.0))
  // The lowest bits of 1.5·2²³ + 254 + n are n and the exponent's bias, twice.
  const turned = madd(clamped, f32x4.splat(LOG2_E), f32x4.splat(12583166.0))
  const value = expFraction(clamped, f32x4.sub(turned, f32x4.splat(12583166.0)))
  const first = i32x4.shl(i32x4.shr_s(turned, 1), 23)
  const second = i32x4.sub(i32x4.shl(turned, 23), first)
  return f32x4.mul(f32x4.mul(value, first), second)
}

/** e^r for r = x − n·ln 2: 1 + r + r²·P(r), P of degree 4 the minimax polynomial of the relative error (3·10⁻⁹, computed here). */
@inline
function expFraction(x: v128, n: v128): v128 {
  let r = nmadd(n, f32x4.splat(0.693359375), x)
  r = nmadd(n, f32x4.splat(-2.12194440e-4), r)
  let p = madd(f32x4.splat(0.0013814539), r, f32x4.splat(0.008368745))
  p = madd(p, r, f32x4.splat(0.041668389))
  p = madd(p, r, f32x4.splat(0.16666521))
  p = madd(p, r, f32x4.splat(0.49999994))
  p = madd(p, r, f32x4.splat(1.0))
  return madd(p, r, f32x4.splat(1.0))
}

/**
 * Natural logarithm, at most 1.2 ulp; log(±0) = −inf, log(negative) = NaN.
 *
 * x = 2ᵉ·m with √½ ≤ m < √2, f = m − 1; log(1 + f) = f − f²/2 + f³·P(f), P of degree 7 the minimax polynomial of the relative error
 * (6·10⁻⁹, computed here). Subnormal x is first multiplied by 2²³.
 */
@inline
export function log(x: v128): v128 {
  const subnormal = f32x4.lt(x, f32x4.splat(1.1754943508222875e-38))
  const scaled = choose(f32x4.mul(x, f32x4.splat(8388608.0)), x, subnormal)
  // 0x3f3504f3 are the bits of √½: subtracting them moves the cut between exponents from 1 to √½.
  const shifted = i32x4.sub(scaled, i32x4.splat(0x3f3504f3))
  const exponent = i32x4.add(i32x4.shr_s(shifted, 23), v128.and(subnormal, i32x4.splat(-23)))
  const mantissa = i32x4.add(v128.and(shifted, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3))
  const f = f32x4.sub(mantissa, f32x4.splat(1.0))
  const e = f32x4.convert_i32x4_s(exponent)
  const square = f32x4.mul(f, f)
  let p = madd(f32x4.splat(-0.07634485512971878), f, f32x4.splat(0.12761962413787842))
  p = madd(p, f, f32x4.splat(-0.1316036432981491))
  p = madd(p, f, f32x4.splat(0.1420171856880188))
  p = madd(p, f, f32x4.splat(-0.1662333607673645))
  p = madd(p, f, f32x4.splat(0.20001228153705597))
  p = madd(p, f, f32x4.splat(-0.250008225440979))
  p = madd(p, f, f32x4.splat(0.3333333134651184))
  let tail = f32x4.mul(f32x4.mul(p, f), square)
  tail = madd(e, f32x4.splat(-2.12194440e-4), tail)
  tail = nmadd(f32x4.splat(0.5), square, tail)
  let result = madd(e, f32x4.splat(0.693359375), f32x4.add(f, tail))
  // +inf and NaN are their own logarithms; zero and negative numbers come last.
  result = choose(result, x, f32x4.lt(x, f32x4.splat(f32.POSITIVE_INFINITY)))
  result = choose(f32x4.splat(f32.NaN), result, f32x4.lt(x, f32x4.splat(0.0)))
  return choose(f32x4.splat(f32.NEGATIVE_INFINITY), result, f32x4.eq(x, f32x4.splat(0.0)))
}

/**
 * tanh x, at most 2.8 ulp; ±0 and subnormals keep their value.
 *
 * With e = e^(−2|x|) it is (1 − e) / (1 + e) for |x| < 0.55, beyond 1 − 2e / (1 + e), which is right to 0.6 ulp where tanh nears 1 and
 * 1 − tanh² feels every digit; both with x's sign. 1 − e keeps all its digits: −2|x| = n·ln 2 + 2r, and
 * 1 − e = (1 − 2ⁿ) − 2ⁿ·(e^2r − 1), the last factor 2r + r²·P(r), P of degree 4 the minimax polynomial of the relative error
 * (1.3·10⁻⁸, computed here).
 */
@inline
export function tanh(x: v128): v128 {
  // From |x| = 9.01 on the result rounds to ±1.
  const negative = f32x4.pmax(v128.or(x, i32x4.splat(SIGN)), f32x4.splat(-10.0))
  // The lowest bits of 1.5·2²³ + 127 + n make 2ⁿ.
  const turned = madd(negative, f32x4.splat(2.8853900817779268), f32x4.splat(12583039.0))
  const n = f32x4.sub(turned, f32x4.splat(12583039.0))
  // One part of ln 2 / 2 is enough: what r misses grows with −n, what it weighs shrinks with 2ⁿ.
  const r = nmadd(n, f32x4.splat(0.34657359027997265), negative)
  let p = madd(f32x4.splat(0.08884810656309128), r, f32x4.splat(0.2677295207977295))
  p = madd(p, r, f32x4.splat(0.6666752099990845))
  p = madd(p, r, f32x4.splat(1.3333234786987305))
  p = madd(p, r, f32x4.splat(1.9999998807907104))
  p = madd(p, r, f32x4.splat(2.0))
  const scale = i32x4.shl(turned, 23)
  const grown = f32x4.mul(p, r)
  const rest = nmadd(scale, grown, f32x4.sub(f32x4.splat(1.0), scale))
  const e = madd(scale, grown, scale)
  const large = f32x4.lt(negative, f32x4.splat(-0.55))
  const numerator = choose(f32x4.mul(e, f32x4.splat(-2.0)), rest, large)
  const fraction = f32x4.div(numerator, f32x4.add(e, f32x4.splat(1.0)))
  return withSignOf(x, f32x4.add(fraction, v128.and(large, f32x4.splat(1.0))))
}

/** A value without a sign bit with the sign of `x`. */
@inline
function withSignOf(x: v128, magnitude: v128): v128 {
  return v128.or(magnitude, v128.and(x, i32x4.splat(SIGN)))
}

@inline
function withSign(magnitude: v128, sign: v128): v128 {
  return v128.bitselect(magnitude, sign, i32x4.splat(MAGNITUDE))
}

/**
 * 1 / (1 + e^−x), at most 2.5 ulp, subnormal results included.
 *
 * As 2⁻²⁵ / (2⁻²⁵ + 2⁻²⁵·e^−x), so that e^−x may be as large as 2¹⁵¹.
 */
@inline
export function sigmoid(x: v128): v128 {
  // From x = 17.4 on the result rounds to 1.
  const clamped = f32x4.pmax(f32x4.pmin(x, f32x4.splat(40.0)), f32x4.splat(-104.0))
  // With −n for n: the lowest bits of 1.5·2²³ + 102 − n make 2^(−n − 25).
  const turned = nmadd(clamped, f32x4.splat(LOG2_E), f32x4.splat(12583014.0))
  const n = f32x4.sub(f32x4.splat(12583014.0), turned)
  let r = nmadd(n, f32x4.splat(0.693359375), clamped)
  r = nmadd(n, f32x4.splat(-2.12194440e-4), r)
  // expFraction's polynomial of −r
  let p = nmadd(f32x4.splat(0.0013814539), r, f32x4.splat(0.008368745))
  p = nmadd(p, r, f32x4.splat(0.041668389))
  p = nmadd(p, r, f32x4.splat(0.16666521))
  p = nmadd(p, r, f32x4.splat(0.49999994))
  p = nmadd(p, r, f32x4.splat(1.0))
  p = nmadd(p, r, f32x4.splat(1.0))
  const unit = f32x4.splat(2.9802322387695312e-8)
  return f32x4.div(unit, madd(p, i32x4.shl(turned, 23), unit))
}

/**
 * The error function, at most 3.6 ulp.
 *
 * 1 − e^−y with x's sign, y = |x|·Q(|x|), Q of degree 7 the minimax polynomial of erf's relative error (3.5·10⁻⁸, computed here);
 * 1 − e^−y keeps its digits as in `tanh`. From |x| = 3.92 on erf rounds to ±1.
 */
@inline
export function erf(x: v128): v128 {
  const magnitude = f32x4.pmin(v128.and(x, i32x4.splat(MAGNITUDE)), f32x4.splat(3.95))
  let q = madd(f32x4.splat(4.0707971493247896e-5), magnitude, f32x4.splat(-0.0003810010093729943))
  q = madd(q, magnitude, f32x4.splat(0.0012517477152869105))
  q = madd(q, magnitude, f32x4.splat(0.00020571451750583947))
  q = madd(q, magnitude, f32x4.splat(-0.019321715459227562))
  q = madd(q, magnitude, f32x4.splat(0.10281441360712051))
  q = madd(q, magnitude, f32x4.splat(0.6366164684295654))
  q = madd(q, magnitude, f32x4.splat(1.128379225730896))
  const y = f32x4.mul(q, magnitude)
  const turned = nmadd(y, f32x4.splat(LOG2_E), f32x4.splat(12583039.0))
  const n = f32x4.sub(f32x4.splat(12583039.0), turned)
  const r = nmadd(n, f32x4.splat(0.69314718055994531), y)
  // (1 − e^−r) / r
  let p = madd(f32x4.splat(-0.0013882516650483012), r, f32x4.splat(0.008366547524929047))
  p = madd(p, r, f32x4.splat(-0.04166720062494278))
  p = madd(p, r, f32x4.splat(0.1666654348373413))
  p = madd(p, r, f32x4.splat(-0.4999999701976776))
  p = madd(p, r, f32x4.splat(1.0))
  const scale = i32x4.shl(turned, 23)
  return withSignOf(x, madd(scale, f32x4.mul(p, r), f32x4.sub(f32x4.splat(1.0), scale)))
}

/**
 * Sine, at most 1.7 ulp for |x| ≤ 10⁶; beyond, only |result| ≤ 1 is promised. sin(±inf) = NaN.
 *
 * x = n·π/2 + r with |r| ≤ π/4, in f64; polynomials in r² from Cephes sinf and cosf; n mod 4 picks and signs them.
 */
export function sin(x: v128): v128 {
  return circular(x, 0)
}

/** Cosine, at most 1.7 ulp for |x| ≤ 10⁶; see sin. */
export function cos(x: v128): v128 {
  return circular(x, 1)
}

@inline
function circular(x: v128, quarterTurns: i32): v128 {
  const low = f64x2.promote_low_f32x4(x)
  const high = f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 2, 3))
  const lowTurns = f64x2.nearest(f64x2.mul(low, f64x2.splat(0.63661977236758134308)))
  const highTurns = f64x2.nearest(f64x2.mul(high, f64x2.splat(0.63661977236758134308)))
  const turns = pair(i32x4.trunc_sat_f64x2_s_zero(lowTurns), i32x4.trunc_sat_f64x2_s_zero(highTurns))
  const r = pair(
    f32x4.demote_f64x2_zero(withoutQuarterTurns(low, lowTurns)),
    f32x4.demote_f64x2_zero(withoutQuarterTurns(high, highTurns)),
  )
  // Where nothing is taken away x stays itself, and −0 keeps its sign.
  const reduced = v128.bitselect(x, r, i32x4.eq(turns, i32x4.splat(0)))
  return quadrant(reduced, i32x4.add(turns, i32x4.splat(quarterTurns)))
}

@inline
function withoutQuarterTurns(x: v128, turns: v128): v128 {
  // π/2 in two parts (fdlibm): the first has 33 bits, so its product with turns < 2²⁰ is exact.
  const first = f64x2.sub(x, f64x2.mul(turns, f64x2.splat(1.57079632673412561417)))
  return f64x2.sub(first, f64x2.mul(turns, f64x2.splat(6.07710050650619224932e-11)))
}

@inline
function pair(low: v128, high: v128): v128 {
  return v128.shuffle<i64>(low, high, 0, 2)
}

@inline
function quadrant(reduced: v128, turns: v128): v128 {
  // sin(reduced + turns·π/2) for |reduced| ≤ π/4. Clamping only matters where the reduction ran out of digits.
  const limit = f32x4.splat(0.7853982)
  const r = f32x4.pmax(f32x4.pmin(reduced, limit), f32x4.neg(limit))
  const square = f32x4.mul(r, r)
  let s = madd(f32x4.splat(-1.9515295891e-4), square, f32x4.splat(8.3321608736e-3))
  s = madd(s, square, f32x4.splat(-1.6666654611e-1))
  const sine = withSign(madd(f32x4.mul(s, square), r, r), r)
  let c = madd(f32x4.splat(2.443315711809948e-5), square, f32x4.splat(-1.388731625493765e-3))
  c = madd(c, square, f32x4.splat(4.166664568298827e-2))
  const cosine = madd(f32x4.mul(c, square), square, nmadd(f32x4.splat(0.5), square, f32x4.splat(1.0)))
  const odd = i32x4.ne(v128.and(turns, i32x4.splat(1)), i32x4.splat(0))
  const flip = i32x4.shl(v128.and(turns, i32x4.splat(2)), 30)
  return v128.xor(v128.bitselect(cosine, sine, odd), flip)
}

/** cos(2π·k·2⁻²⁴) for integer 0 ≤ k < 2²⁴: the reduction is exact in integers. At most 2 ulp. */
export function cosTurn24(k: v128): v128 {
  const quarters = i32x4.shr_s(i32x4.add(k, i32x4.splat(1 << 21)), 22)
  const rest = f32x4.convert_i32x4_s(i32x4.sub(k, i32x4.shl(quarters, 22)))
  // 2π·2⁻²⁴
  const r = f32x4.mul(rest, f32x4.splat(3.7450703e-7))
  return quadrant(r, i32x4.add(quarters, i32x4.splat(1)))
}

/**
 * a^b, at most 1 ulp, with C's special cases: a^0 = 1 and 1^b = 1 even for NaN; a negative a has a value only for integer b, signed by its
 * parity; zeros and infinities follow IEEE 754.
 *
 * 2^(b·log₂|a|) in f64: log₂ by the atanh series, 2^f by the Taylor series, both far below f32's precision.
 */
export function pow(a: v128, b: v128): v128 {
  const magnitude = f32x4.abs(a)
  const low = powPositive(f64x2.promote_low_f32x4(magnitude), f64x2.promote_low_f32x4(b))
  const high = powPositive(
    f64x2.promote_low_f32x4(v128.shuffle<i32>(magnitude, magnitude, 2, 3, 2, 3)),
    f64x2.promote_low_f32x4(v128.shuffle<i32>(b, b, 2, 3, 2, 3)),
  )
  const positive = pair(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high))
  const one = f32x4.splat(1.0)
  const half = f32x4.mul(b, f32x4.splat(0.5))
  const integer = f32x4.eq(b, f32x4.trunc(b))
  const odd = v128.andnot(integer, f32x4.eq(half, f32x4.trunc(half)))
  let result = v128.xor(positive, v128.and(v128.and(odd, a), i32x4.splat(0x80000000)))
  const negativeFinite = v128.and(f32x4.lt(a, f32x4.splat(0.0)), f32x4.gt(a, f32x4.splat(f32.NEGATIVE_INFINITY)))
  result = v128.bitselect(f32x4.splat(f32.NaN), result, v128.andnot(negativeFinite, integer))
  // (−1)^±inf = 1, like 1^b and a^0.
  const unitToInfinity = v128.and(f32x4.eq(magnitude, one), f32x4.eq(f32x4.abs(b), f32x4.splat(f32.POSITIVE_INFINITY)))
  const isOne = v128.or(v128.or(f32x4.eq(a, one), f32x4.eq(b, f32x4.splat(0.0))), unitToInfinity)
  return v128.bitselect(one, result, isOne)
}

@inline
function powPositive(a: v128, b: v128): v128 {
  // a = 2ᵉ·m, √½ ≤ m < √2; 0x3fe6a09e667f3bcd are the bits of √½ in f64
  const cut = i64x2.splat(0x3fe6a09e667f3bcd)
  const shifted = i64x2.sub(a, cut)
  const m = i64x2.add(v128.and(shifted, i64x2.splat(0x000fffffffffffff)), cut)
  // The exponent as f64: |e| < 2³¹, so its low words convert.
  const exponent = i64x2.shr_s(shifted, 52)
  const e = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(exponent, exponent, 0, 2, 0, 2))
  // log m = 2·atanh s, s = (m − 1) / (m + 1), |s| < 0.172
  const s = f64x2.div(f64x2.sub(m, f64x2.splat(1.0)), f64x2.add(m, f64x2.splat(1.0)))
  const z = f64x2.mul(s, s)
  let p = f64x2.add(f64x2.mul(z, f64x2.splat(1.0 / 13.0)), f64x2.splat(1.0 / 11.0))
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(1.0 / 9.0))
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(1.0 / 7.0))
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(1.0 / 5.0))
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(1.0 / 3.0))
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(1.0))
  // 2 / ln 2
  let logarithm = f64x2.add(f64x2.mul(f64x2.mul(p, s), f64x2.splat(2.8853900817779268147)), e)
  logarithm = v128.bitselect(logarithm, a, f64x2.lt(a, f64x2.splat(f64.POSITIVE_INFINITY)))
  logarithm = v128.bitselect(f64x2.splat(f64.NEGATIVE_INFINITY), logarithm, f64x2.eq(a, f64x2.splat(0.0)))
  // Beyond ±200 f32 has long overflowed or underflowed.
  const y = f64x2.max(f64x2.min(f64x2.mul(b, logarithm), f64x2.splat(200.0)), f64x2.splat(-200.0))
  const n = f64x2.nearest(y)
  // t = (y − n)·ln 2, |t| ≤ 0.347
  const t = f64x2.mul(f64x2.sub(y, n), f64x2.splat(0.69314718055994530942))
  let q = f64x2.add(f64x2.mul(t, f64x2.splat(1.0 / 40320.0)), f64x2.splat(1.0 / 5040.0))
  q = f64x2.add(f64x2.mul(q, t), f64x2.splat(1.0 / 720.0))
  q = f64x2.add(f64x2.mul(q, t), f64x2.splat(1.0 / 120.0))
  q = f64x2.add(f64x2.mul(q, t), f64x2.splat(1.0 / 24.0))
  q = f64x2.add(f64x2.mul(q, t), f64x2.splat(1.0 / 6.0))
  q = f64x2.add(f64x2.mul(q, t), f64x2.splat(0.5))
  q = f64x2.add(f64x2.mul(q, t), f64x2.splat(1.0))
  q = f64x2.add(f64x2.mul(q, t), f64x2.splat(1.0))
  // n + 1023 lands in the low bits of 2⁵² + 1023 + n, from where it moves into the exponent.
  return f64x2.mul(q, i64x2.shl(f64x2.add(n, f64x2.splat(4503599627371519.0)), 52))
}

/** −1, 0 or 1; ±0 and NaN stay themselves. */
@inline
export function sign(x: v128): v128 {
  const zero = f32x4.splat(0.0)
  const nonzero = v128.or(f32x4.lt(x, zero), f32x4.gt(x, zero))
  return v128.bitselect(withSign(f32x4.splat(1.0), x), x, nonzero)
}

/** 1 / √x, two correctly rounded operations (at most 1.5 ulp together). */
@inline
export function rsqrt(x: v128): v128 {
  return f32x4.div(f32x4.splat(1.0), f32x4.sqrt(x))
}

/** 1 / x, correctly rounded. */
@inline
export function reciprocal(x: v128): v128 {
  return f32x4.div(f32x4.splat(1.0), x)
}

/** (lane 0 + lane 2) + (lane 1 + lane 3). */
@inline
export function sum4(v: v128): f32 {
  const folded = f32x4.add(v, v128.shuffle<i32>(v, v, 2, 3, 2, 3))
  return f32x4.extract_lane(folded, 0) + f32x4.extract_lane(folded, 1)
}

/** (lane 0 · lane 2) · (lane 1 · lane 3). */
@inline
export function prod4(v: v128): f32 {
  const folded = f32x4.mul(v, v128.shuffle<i32>(v, v, 2, 3, 2, 3))
  return f32x4.extract_lane(folded, 0) * f32x4.extract_lane(folded, 1)
}

/** NaN if any lane is. */
@inline
export function max4(v: v128): f32 {
  const folded = f32x4.max(v, v128.shuffle<i32>(v, v, 2, 3, 2, 3))
  return f32x4.extract_lane(f32x4.max(folded, v128.shuffle<i32>(folded, folded, 1, 0, 1, 0)), 0)
}

/** NaN if any lane is. */
@inline
export function min4(v: v128): f32 {
  const folded = f32x4.min(v, v128.shuffle<i32>(v, v, 2, 3, 2, 3))
  return f32x4.extract_lane(f32x4.min(folded, v128.shuffle<i32>(folded, folded, 1, 0, 1, 0)), 0)
}

/** Sum of four i32 lanes, modulo 2³². */
@inline
export function sum4i(v: v128): i32 {
  const folded = i32x4.add(v, v128.shuffle<i32>(v, v, 2, 3, 2, 3))
  return i32x4.extract_lane(folded, 0) + i32x4.extract_lane(folded, 1)
}

@inline
export function max4i(v: v128): i32 {
  const folded = i32x4.max_s(v, v128.shuffle<i32>(v, v, 2, 3, 2, 3))
  return max(i32x4.extract_lane(folded, 0), i32x4.extract_lane(folded, 1))
}

@inline
export function min4i(v: v128): i32 {
  const folded = i32x4.min_s(v, v128.shuffle<i32>(v, v, 2, 3, 2, 3))
  return min(i32x4.extract_lane(folded, 0), i32x4.extract_lane(folded, 1))
}

/** Stores the first `count` lanes, 0 ≤ count ≤ 4, and touches nothing behind them. */
export function storePartial(pointer: usize, v: v128, count: i32): void {
  if (count >= 4) {
    v128.store(pointer, v)
  } else {
    let lanes = v
    let target = pointer
    if (count & 2) {
      v128.store_lane<i64>(target, lanes, 0)
      lanes = v128.shuffle<i32>(lanes, lanes, 2, 3, 2, 3)
      target += 8
    }
    if (count & 1) v128.store_lane<i32>(target, lanes, 0)
  }
}

/** The first `count` words, 0 ≤ count < 4, and zeros behind them; reads nothing else. */
export function loadPartial(pointer: usize, count: i32): v128 {
  let v = i32x4.splat(0)
  if (count & 1) v = v128.load_zero<i32>(pointer + (<usize>(count & 2) << 2))
  if (count & 2) v = v128.shuffle<i64>(v128.load_zero<i64>(pointer), v, 0, 2)
  return v
}

/** Four words `strideBytes` apart. */
@inline
export function loadStrided4(pointer: usize, strideBytes: usize): v128 {
  let v = v128.load_zero<i32>(pointer)
  v = v128.load_lane<i32>(pointer + strideBytes, v, 1)
  v = v128.load_lane<i32>(pointer + 2 * strideBytes, v, 2)
  return v128.load_lane<i32>(pointer + 3 * strideBytes, v, 3)
}

/** All bits set in the first `count` lanes, none in the others. */
@inline
export function laneMask(count: i32): v128 {
  return i32x4.lt_s(laneIndices(), i32x4.splat(count))
}

/** 0, 1, 2, 3 as i32. */
@inline
export function laneIndices(): v128 {
  return i32x4(0, 1, 2, 3)
}

/** Stores the first `count` lanes (4 or more: all) `strideBytes` apart. */
export function storeStrided4(pointer: usize, strideBytes: usize, v: v128, count: i32): void {
  v128.store_lane<i32>(pointer, v, 0)
  if (count > 1) v128.store_lane<i32>(pointer + strideBytes, v, 1)
  if (count > 2) v128.store_lane<i32>(pointer + 2 * strideBytes, v, 2)
  if (count > 3) v128.store_lane<i32>(pointer + 3 * strideBytes, v, 3)
}
