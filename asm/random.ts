// Random numbers from counters: element e of random site s at step t under seed k is a pure function of (k, s, t, e), so the
// same seed gives the same bits whatever the vector width, the order of evaluation or a recomputation.
// Threefry-2x32 with 20 rounds: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
import { cosTurn24, log } from './vector'

/** Uniform in [0, 1): (x₀ >>> 8)·2⁻²⁴ for the four elements numbered in `element` (i32x4). */
export function uniform4(seed: i32, step: i32, site: i32, element: v128): v128 {
  return threefry4(seed, step, site, element, false)
}

/** Standard normal by Box and Muller: √(−2·ln(((x₀ >>> 8) + 1)·2⁻²⁴))·cos(2π·(x₁ >>> 8)·2⁻²⁴). */
export function normal4(seed: i32, step: i32, site: i32, element: v128): v128 {
  return threefry4(seed, step, site, element, true)
}

@inline
function threefry4(seed: i32, step: i32, site: i32, element: v128, normal: bool): v128 {
  const key0 = i32x4.splat(seed)
  const key1 = i32x4.splat(site)
  const key2 = i32x4.splat(0x1bd11bda ^ seed ^ site)
  // Words x and y are the counter plus the key; after each four rounds the next pair of key words and the group's number are added.
  let x = i32x4.add(element, key0)
  let y = i32x4.add(i32x4.splat(step), key1)

  x = i32x4.add(x, y); y = v128.xor(rotate(y, 13), x)
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 15), x)
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 26), x)
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 6), x)
  x = i32x4.add(x, key1); y = i32x4.add(y, i32x4.add(key2, i32x4.splat(1)))

  x = i32x4.add(x, y); y = v128.xor(rotate(y, 17), x)
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 29), x)
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 16), x)
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 24), x)
  x = i32x4.add(x, key2); y = i32x4.add(y, i32x4.add(key0, i32x4.splat(2)))

  x = i32x4.add(x, y); y = v128.xor(rotate(y, 13), x)
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 15), x)
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 26), x)
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 6), x)
  x = i32x4.add(x, key0); y = i32x4.add(y, i32x4.add(key1, i32x4.splat(3)))

  x = i32x4.add(x, y); y = v128.xor(rotate(y, 17), x)
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 29), x)
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 16), x)
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 24), x)
  x = i32x4.add(x, key1); y = i32x4.add(y, i32x4.add(key2, i32x4.splat(4)))

  x = i32x4.add(x, y); y = v128.xor(rotate(y, 13), x)
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 15), x)
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 26), x)
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 6), x)
  x = i32x4.add(x, key2); y = i32x4.add(y, i32x4.add(key0, i32x4.splat(5)))

  const first = i32x4.shr_u(x, 8)
  if (!normal) return f32x4.mul(f32x4.convert_i32x4_s(first), f32x4.splat(5.9604644775390625e-8))
  const positive = f32x4.mul(f32x4.convert_i32x4_s(i32x4.add(first, i32x4.splat(1))), f32x4.splat(5.9604644775390625e-8))
  const radius = f32x4.sqrt(f32x4.mul(log(positive), f32x4.splat(-2.0)))
  return f32x4.mul(radius, cosTurn24(i32x4.shr_u(y, 8)))
}

@inline
function rotate(v: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(v, bits), i32x4.shr_u(v, 32 - bits))
}
