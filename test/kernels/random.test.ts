import { beforeAll, describe, expect, it } from 'vitest'
import { builds, compileKernels, type KernelModule } from './library.ts'

const source = `
import { normal4, uniform4 } from './random'
import { laneIndices } from './vector'
export function uniform(out: usize, seed: i32, step: i32, site: i32, first: i32, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    v128.store(out + (<usize>i << 2), uniform4(seed, step, site, i32x4.add(i32x4.splat(first + i), laneIndices())))
  }
}
export function normal(out: usize, seed: i32, step: i32, site: i32, first: i32, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    v128.store(out + (<usize>i << 2), normal4(seed, step, site, i32x4.add(i32x4.splat(first + i), laneIndices())))
  }
}
`

/** Threefry-2x32-20 (Salmon and others, 2011), one counter at a time. */
function threefry(seed: number, site: number, element: number, step: number): readonly [number, number] {
  const rotations = [13, 15, 26, 6, 17, 29, 16, 24]
  const key = [seed, site, 0x1bd11bda ^ seed ^ site]
  let x = (element + seed) | 0
  let y = (step + site) | 0
  for (let round = 0; round < 20; round++) {
    const bits = rotations[round % 8]!
    x = (x + y) | 0
    y = ((y << bits) | (y >>> (32 - bits))) ^ x
    if (round % 4 === 3) {
      const group = (round + 1) / 4
      x = (x + key[group % 3]!) | 0
      y = (y + key[(group + 1) % 3]! + group) | 0
    }
  }
  return [x >>> 0, y >>> 0]
}

describe('threefry', () => {
  it("gives the paper's known answers", () => {
    // Random123's kat_vectors: threefry2x32 20, counter and key all zeros, all ones, and digits of π.
    expect(threefry(0, 0, 0, 0)).toEqual([0x6b200159, 0x99ba4efe])
    expect(threefry(-1, -1, -1, -1)).toEqual([0x1cb996fc, 0xbb002be7])
    expect(threefry(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)).toEqual([0xc4923a9c, 0x483df7a0])
  })
})

describe.each(builds)('random numbers, %s build', (build) => {
  let module: KernelModule
  let floats: Float32Array
  beforeAll(async () => {
    module = await compileKernels(source, build, 1 << 20)
    floats = new Float32Array(module.memory.buffer)
  })
  const streams = [
    [0, 0, 0, 0],
    [1, 0, 3, 0],
    [-5, 7, 2, 1000003],
    [2147483647, -2147483648, 40, 4294960000],
  ] as const

  it.each(streams)(
    'uniform: the bits of the definition, seed %i step %i site %i from %i',
    (seed, step, site, first) => {
      module.call('uniform', 0, seed, step, site, first, 4096)
      const wanted = Float32Array.from(
        { length: 4096 },
        (_, i) => (threefry(seed, site, (first + i) | 0, step)[0] >>> 8) * 2 ** -24,
      )
      expect(floats.slice(0, 4096)).toEqual(wanted)
    },
  )
  it.each(streams)(
    'normal: Box and Muller of the same words, seed %i step %i site %i from %i',
    (seed, step, site, first) => {
      module.call('normal', 0, seed, step, site, first, 4096)
      let worst = 0
      for (let i = 0; i < 4096; i++) {
        const [x, y] = threefry(seed, site, (first + i) | 0, step)
        const radius = Math.sqrt(-2 * Math.log(((x >>> 8) + 1) * 2 ** -24))
        const wanted = radius * Math.cos(2 * Math.PI * (y >>> 8) * 2 ** -24)
        worst = Math.max(worst, Math.abs(floats[i]! - wanted))
      }
      expect(worst).toBeLessThan(1e-6)
    },
  )
  it('has the moments of its distributions', () => {
    const count = 1 << 17
    const moment = (power: number) => floats.subarray(0, count).reduce((sum, x) => sum + x ** power, 0) / count
    module.call('uniform', 0, 3, 1, 4, 0, count)
    expect(moment(1)).toBeCloseTo(1 / 2, 2)
    expect(moment(2)).toBeCloseTo(1 / 3, 2)
    module.call('normal', 0, 3, 1, 4, 0, count)
    expect(Math.abs(moment(1))).toBeLessThan(0.01)
    expect(moment(2)).toBeCloseTo(1, 1)
    expect(moment(4)).toBeCloseTo(3, 0)
  })
})
