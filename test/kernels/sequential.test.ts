import { beforeAll, describe, expect, it } from 'vitest'
import { compileKernels, type KernelModule } from './library.ts'

const source = `
import { argsort, cumulativeSum } from './sequential'
export function order(out: usize, x: usize, scratch: usize, rows: i32, length: i32, count: i32, descending: bool, float: bool): void {
  argsort(out, x, scratch, rows, length, count, descending, float)
}
export function sums(out: usize, x: usize, rows: i32, length: i32, reverse: bool): void {
  cumulativeSum(out, x, rows, length, reverse)
}
`
const LONGEST = 100_000

/** Floats of every size and sign, with ties, both zeros, infinities and NaN among them. */
function mixture(count: number): Float32Array {
  let state = 12345
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state
  }
  const bits = Int32Array.from({ length: count }, (_, at) => {
    const kind = at % 7
    if (kind === 0) return next() & 0x3 ? (next() & 3) << 23 : 0x80000000 | 0
    return kind === 1 ? [0x7fc00000, 0xffc00001 | 0, 0x7f800000, 0xff800000 | 0, 0][next() & 3]! : next()
  })
  return new Float32Array(bits.buffer)
}

function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a === b ? 0 : a < b ? -1 : 1
}

describe('order along rows', () => {
  let module: KernelModule
  let floats: Float32Array
  let integers: Int32Array
  const x = 1024
  const out = x + LONGEST
  const scratch = 4 * (out + LONGEST)
  beforeAll(async () => {
    module = await compileKernels(source, 'plain', scratch + 16 * LONGEST + 8192)
    floats = new Float32Array(module.memory.buffer)
    integers = new Int32Array(module.memory.buffer)
  })

  const order = (values: Float32Array | Int32Array, rows: number, count: number, descending: boolean): number[] => {
    const float = values instanceof Float32Array
    ;(float ? floats : integers).set(values, x)
    const sizes = [rows, values.length / rows, count, Number(descending), Number(float)]
    module.call('order', 4 * out, 4 * x, scratch, ...sizes)
    return [...integers.subarray(out, out + rows * count)]
  }
  const expected = (values: ArrayLike<number>, rows: number, count: number, descending: boolean): number[] => {
    const length = values.length / rows
    return Array.from({ length: rows }, (_, row) => Array.from(values).slice(row * length, (row + 1) * length)).flatMap(
      (row) =>
        row
          .map((_, at) => at)
          .sort((a, b) => (descending ? compare(row[b]!, row[a]!) : compare(row[a]!, row[b]!)))
          .slice(0, count),
    )
  }

  it.each([1, 2, 7, 48, 49, 255, 256, 1000])('sorts rows of %i, NaN last, equal ones in their order', (length) => {
    for (const rows of [1, 3])
      for (const descending of [false, true])
        for (const count of [length, 1, Math.ceil(length / 5), Math.min(length, 32), Math.min(length, 33)]) {
          const values = mixture(rows * length)
          expect(order(values, rows, count, descending)).toEqual(expected(values, rows, count, descending))
        }
  })

  it('sorts whole numbers', () => {
    const values = new Int32Array(mixture(600).buffer)
    for (const descending of [false, true])
      expect(order(values, 2, 300, descending)).toEqual(expected(values, 2, 300, descending))
  })

  it('takes rows without elements', () => {
    expect(order(new Float32Array(0), 1, 0, false)).toEqual([])
  })

  it('sorts 100,000 elements in a time that grows with their number', () => {
    const values = mixture(LONGEST)
    const times = [0, 1, 2].map(() => {
      const start = performance.now()
      order(values, 1, LONGEST, true)
      return performance.now() - start
    })
    console.log(`argsort of 100,000: ${Math.min(...times).toFixed(1)} ms`)
    expect(order(values, 1, LONGEST, true)).toEqual(expected(values, 1, LONGEST, true))
    // All pairs would be 10¹⁰ comparisons.
    expect(Math.min(...times)).toBeLessThan(500)
  })

  it('adds up from either end', () => {
    floats.set([1, 2, 3, 10, 20, 30], x)
    module.call('sums', 4 * out, 4 * x, 2, 3, 0)
    expect([...floats.subarray(out, out + 6)]).toEqual([1, 3, 6, 10, 30, 60])
    module.call('sums', 4 * out, 4 * x, 2, 3, 1)
    expect([...floats.subarray(out, out + 6)]).toEqual([6, 5, 3, 60, 50, 30])
  })

  it('adds 100,000 terms without losing digits', () => {
    floats.fill(0.1, x, x + LONGEST)
    module.call('sums', 4 * out, 4 * x, 1, LONGEST, 0)
    expect(floats[out + LONGEST - 1]).toBe(Math.fround(Math.fround(0.1) * LONGEST))
  })
})
