import { beforeAll, describe, expect, it } from 'vitest'
import { builds, compileKernels, type KernelModule } from './library.ts'

const unary = ['exp', 'log', 'tanh', 'sigmoid', 'erf', 'sin', 'cos', 'sign', 'rsqrt', 'reciprocal'] as const
const capacity = 1 << 20
/** 1 takes every input there is, an hour for all functions: `NNC_STRIDE=1 npx vitest run test/kernels/vector.test.ts -t patterns`. */
const STRIDE = Number(process.env.NNC_STRIDE ?? 4093)

const source = `
import { ${unary.join(', ')}, pow, madd, nmadd, sum4, max4, min4, prod4, sum4i, max4i, min4i, storePartial, loadStrided4,
  laneMask, laneIndices } from './vector'
${unary
  .map(
    (name) => `export function map_${name}(out: usize, x: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) v128.store(out + (<usize>i << 2), ${name}(v128.load(x + (<usize>i << 2))))
}`,
  )
  .join('\n')}
export function map_pow(out: usize, a: usize, b: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const at = <usize>i << 2
    v128.store(out + at, pow(v128.load(a + at), v128.load(b + at)))
  }
}
export function multiply_add(out: usize, a: usize, b: usize, c: usize): void {
  v128.store(out, madd(v128.load(a), v128.load(b), v128.load(c)))
  v128.store(out + 16, nmadd(v128.load(a), v128.load(b), v128.load(c)))
}
export function fold_sum(x: usize): f32 { return sum4(v128.load(x)) }
export function fold_max(x: usize): f32 { return max4(v128.load(x)) }
export function fold_min(x: usize): f32 { return min4(v128.load(x)) }
export function fold_prod(x: usize): f32 { return prod4(v128.load(x)) }
export function fold_sum_i(x: usize): i32 { return sum4i(v128.load(x)) }
export function fold_max_i(x: usize): i32 { return max4i(v128.load(x)) }
export function fold_min_i(x: usize): i32 { return min4i(v128.load(x)) }
export function store_partial(out: usize, x: usize, count: i32): void { storePartial(out, v128.load(x), count) }
export function load_strided(out: usize, x: usize, stride: usize): void { v128.store(out, loadStrided4(x, stride)) }
export function lane_mask(out: usize, count: i32): void { v128.store(out, laneMask(count)) }
export function lane_indices(out: usize): void { v128.store(out, laneIndices()) }
`

const words = new DataView(new ArrayBuffer(4))
/** A float's place in the order of all floats: neighbours differ by one. */
function rank(value: number): number {
  words.setFloat32(0, value)
  const bits = words.getInt32(0)
  return bits >= 0 ? bits : -(bits & 0x7fffffff)
}
function fromBits(bits: number): number {
  words.setUint32(0, bits)
  return words.getFloat32(0)
}
/** Distance in units of the last place of the exact result rounded to f32. */
function ulps(actual: number, exact: number): number {
  const rounded = Math.fround(exact)
  if (Number.isNaN(rounded) || Number.isNaN(actual)) return Number.isNaN(rounded) && Number.isNaN(actual) ? 0 : Infinity
  if (Object.is(actual, rounded) || actual === rounded) return 0
  if (!Number.isFinite(rounded) || !Number.isFinite(actual)) return Math.abs(rank(actual) - rank(rounded))
  const step = Math.max(2 ** -149, 2 ** (Math.floor(Math.log2(Math.abs(exact))) - 23))
  return Math.abs(actual - exact) / step
}

/** Every sign and exponent of f32 with pseudo-random and extreme fractions, and every special value. */
function wholeRange(perExponent: number): Float32Array {
  const values: number[] = [0, -0, Infinity, -Infinity, NaN]
  let state = 12345
  for (const sign of [0, 0x80000000]) {
    for (let exponent = 0; exponent < 255; exponent++) {
      const base = (sign | (exponent << 23)) >>> 0
      values.push(fromBits(base), fromBits(base + 1), fromBits(base + 0x7fffff))
      for (let i = 0; i < perExponent; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        values.push(fromBits(base + (state >>> 9)))
      }
    }
  }
  while (values.length % 4) values.push(1)
  return Float32Array.from(values)
}
function evenly(low: number, high: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1))
}

/** erf in float64: Maclaurin series for small x, continued fraction of erfc beyond (Abramowitz and Stegun 7.1.6, 7.1.14). */
function erf64(x: number): number {
  const z = Math.abs(x)
  if (Number.isNaN(z)) return NaN
  if (z > 6) return Math.sign(x)
  if (z < 2.5) {
    let term = z
    let sum = z
    for (let n = 0; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (2 * z * z) / (2 * n + 3)
      sum += term
    }
    return (x < 0 ? -1 : 1) * ((2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum)
  }
  let fraction = z
  for (let n = 60; n >= 1; n--) fraction = z + n / 2 / fraction
  return Math.sign(x) * (1 - Math.exp(-z * z) / Math.sqrt(Math.PI) / fraction)
}

const exact: Readonly<Record<(typeof unary)[number], (x: number) => number>> = {
  exp: Math.exp,
  log: Math.log,
  tanh: Math.tanh,
  sigmoid: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  erf: erf64,
  sin: Math.sin,
  cos: Math.cos,
  sign: Math.sign,
  rsqrt: (x) => 1 / Math.sqrt(x),
  reciprocal: (x) => 1 / x,
}
const bound: Readonly<Record<(typeof unary)[number], number>> = {
  exp: 1.2,
  log: 1.2,
  tanh: 2.8,
  sigmoid: 2.5,
  erf: 3.6,
  sin: 1.7,
  cos: 1.7,
  sign: 0,
  rsqrt: 1.5,
  reciprocal: 0.5,
}
const dense: Readonly<Partial<Record<(typeof unary)[number], readonly [number, number]>>> = {
  exp: [-105, 90],
  log: [0.5, 2],
  tanh: [-10, 10],
  sigmoid: [-105, 30],
  erf: [-4.2, 4.2],
  sin: [-100, 100],
  cos: [-100, 100],
}

interface Worst {
  readonly ulp: number
  readonly at: number
  readonly got: number
  readonly wanted: number
}
const none: Worst = { ulp: 0, at: 0, got: 0, wanted: 0 }

describe.each(builds)('vector functions, %s build', (build) => {
  let module: KernelModule
  let floats: Float32Array
  let integers: Int32Array
  beforeAll(async () => {
    module = await compileKernels(source, build, capacity * 16)
    floats = new Float32Array(module.memory.buffer)
    integers = new Int32Array(module.memory.buffer)
  })
  /** Inputs at 0, results at capacity words. */
  function map(name: string, x: Float32Array): Float32Array {
    floats.set(x, 0)
    module.call(`map_${name}`, capacity * 4, 0, x.length)
    return floats.slice(capacity, capacity + x.length)
  }
  function worst(name: (typeof unary)[number], x: Float32Array, found: Worst = none): Worst {
    const results = map(name, x)
    const reference = exact[name]
    for (let i = 0; i < x.length; i++) {
      const wanted = reference(x[i]!)
      // A unit of the last place is at least 2⁻²⁴ of the value, so most need no exact count.
      if (Math.abs(results[i]! - wanted) <= found.ulp * Math.abs(wanted) * 2 ** -24) continue
      const ulp = ulps(results[i]!, wanted)
      if (ulp > found.ulp) found = { ulp, at: x[i]!, got: results[i]!, wanted }
    }
    return found
  }

  /** Of every `STRIDE`-th bit pattern. */
  function worstOfAll(name: (typeof unary)[number]): Worst {
    const patterns = new Uint32Array(capacity)
    const x = new Float32Array(patterns.buffer)
    let found = none
    for (let start = 0; start < 2 ** 32; start += STRIDE * capacity) {
      for (let i = 0; i < capacity; i++) patterns[i] = Math.min(start + i * STRIDE, 2 ** 32 - 1)
      if (name === 'sin' || name === 'cos') for (let i = 0; i < capacity; i++) if (Math.abs(x[i]!) > 1e6) x[i] = 1
      found = worst(name, x, found)
    }
    return found
  }

  it.each(unary)('%s stays within its bound over the whole range', (name) => {
    let x = wholeRange(200)
    if (name === 'sin' || name === 'cos')
      x = x.filter((value) => !(Math.abs(value) > 1e6 && Math.abs(value) < Infinity))
    x = x.subarray(0, x.length & ~3)
    const found = worst(name, x)
    expect(found.ulp, `at ${found.at}: ${found.got} instead of ${found.wanted}`).toBeLessThanOrEqual(bound[name])
  })
  it.each(Object.keys(dense) as (keyof typeof dense)[])('%s stays within its bound where it bends', (name) => {
    const found = worst(name, evenly(...dense[name]!, 400_000))
    expect(found.ulp, `at ${found.at}: ${found.got} instead of ${found.wanted}`).toBeLessThanOrEqual(bound[name])
  })
  it.each(unary)('%s stays within its bound for inputs of all bit patterns, NaN of every kind among them', (name) => {
    const found = worstOfAll(name)
    expect(found.ulp, `at ${found.at}: ${found.got} instead of ${found.wanted}`).toBeLessThanOrEqual(bound[name])
  })
  it('stays in [-1, 1] where sine has run out of digits', () => {
    const x = wholeRange(20).filter((value) => Math.abs(value) > 1e6 && Math.abs(value) < Infinity)
    for (const name of ['sin', 'cos']) {
      for (const value of map(name, x.subarray(0, x.length & ~3))) expect(Math.abs(value)).toBeLessThanOrEqual(1)
    }
  })
  it('keeps the sign of zero', () => {
    const zeros = Float32Array.of(-0, 0, -0, 0)
    for (const name of ['tanh', 'erf', 'sin', 'sign']) expect([...map(name, zeros)], name).toEqual([-0, 0, -0, 0])
  })

  describe('pow', () => {
    function raise(a: Float32Array, b: Float32Array): Float32Array {
      floats.set(a, 0)
      floats.set(b, capacity)
      module.call('map_pow', capacity * 8, 0, capacity * 4, a.length)
      return floats.slice(2 * capacity, 2 * capacity + a.length)
    }
    /** C's pow: JavaScript's, except that 1^anything and (−1)^±inf are 1. */
    const power = (a: number, b: number) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b)
    it('agrees with C on every pair of special values', () => {
      const values = [0, 0.5, 1, 2, 3, 1 / 3, 2.5, 1e-45, 1e-39, 1e30, 3e38, 16777215, 16777216, 2147483648, Infinity]
        .flatMap((value) => [value, -value])
        .concat(NaN)
      const pairs = values.flatMap((a) => values.map((b) => [Math.fround(a), Math.fround(b)] as const))
      while (pairs.length % 4) pairs.push([1, 1])
      const results = raise(
        Float32Array.from(pairs, ([a]) => a),
        Float32Array.from(pairs, ([, b]) => b),
      )
      pairs.forEach(([a, b], i) => {
        const wanted = Math.fround(power(a, b))
        expect(ulps(results[i]!, power(a, b)), `${a} ** ${b}: ${results[i]} instead of ${wanted}`).toBeLessThanOrEqual(
          1,
        )
        if (wanted === 0) expect(results[i], `${a} ** ${b}`).toBe(wanted)
      })
    })
    it('is within 1 ulp over the whole range', () => {
      const a = wholeRange(400)
      let state = 99
      const b = a.map((value) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        // Exponents that keep most results finite, every fourth one an integer.
        const limit = Math.min(1000, 88 / Math.max(1e-3, Math.abs(Math.log(Math.abs(value)) || 1)))
        const exponent = ((state / 2 ** 32) * 2 - 1) * 1.2 * limit
        return state & 3 ? exponent : Math.round(exponent)
      })
      const results = raise(a, b)
      const wrong: string[] = []
      a.forEach((value, i) => {
        if (!(ulps(results[i]!, power(value, b[i]!)) <= 1)) wrong.push(`${value} ** ${b[i]}: ${results[i]}`)
      })
      expect(wrong).toEqual([])
    })
  })

  it('multiplies and adds', () => {
    floats.set([1, 2, 3, 4, 5, 6, 7, 8, 0.5, -1, 2, Infinity], 0)
    module.call('multiply_add', 64, 0, 16, 32)
    expect([...floats.subarray(16, 24)]).toEqual([5.5, 11, 23, Infinity, -4.5, -13, -19, Infinity])
  })
  it('folds lanes in a fixed order', () => {
    floats.set([1e8, 1, -1e8, 2], 0)
    expect(module.call('fold_sum', 0)).toBe(3)
    floats.set([3, -2, 0.5, 7], 0)
    expect(['fold_sum', 'fold_max', 'fold_min', 'fold_prod'].map((name) => module.call(name, 0))).toEqual([
      8.5, 7, -2, -21,
    ])
    for (let lane = 0; lane < 4; lane++) {
      floats.set([1, 2, 3, 4], 0)
      floats[lane] = NaN
      for (const name of ['fold_sum', 'fold_max', 'fold_min', 'fold_prod']) expect(module.call(name, 0), name).toBeNaN()
    }
    integers.set([5, -9, 2147483647, 4], 0)
    expect(['fold_sum_i', 'fold_max_i', 'fold_min_i'].map((name) => module.call(name, 0))).toEqual([
      (5 - 9 + 2147483647 + 4) | 0,
      2147483647,
      -9,
    ])
  })
  it('stores part of a vector', () => {
    for (let count = 0; count <= 4; count++) {
      floats.set([1, 2, 3, 4, 9, 9, 9, 9, 9], 0)
      module.call('store_partial', 16, 0, count)
      expect([...floats.subarray(4, 9)]).toEqual([...[1, 2, 3, 4].slice(0, count), ...Array(5 - count).fill(9)])
    }
  })
  it('loads strided words', () => {
    integers.set(
      Array.from({ length: 32 }, (_, i) => i),
      0,
    )
    module.call('load_strided', 256, 4, 28)
    expect([...integers.subarray(64, 68)]).toEqual([1, 8, 15, 22])
  })
  it('masks lanes', () => {
    for (let count = -1; count <= 5; count++) {
      module.call('lane_mask', 0, count)
      expect([...integers.subarray(0, 4)]).toEqual([0, 1, 2, 3].map((lane) => (lane < count ? -1 : 0)))
    }
    module.call('lane_indices', 0)
    expect([...integers.subarray(0, 4)]).toEqual([0, 1, 2, 3])
  })
})
