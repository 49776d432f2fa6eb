import { beforeAll, describe, expect, it } from 'vitest'
import { matmulScratchBytes, narrowTile, packedPanelsBytes } from '../../compiler/5-fuse/product-scratch.ts'
import { builds, compileKernels, type KernelModule } from './library.ts'

const source = `
import { matmul, packPanels } from './matmul'
export function product(c: usize, a: usize, b: usize, m: i32, n: i32, k: i32, aRow: i32, aColumn: i32, bRow: i32, bColumn: i32,
  accumulate: bool, scratch: usize): void {
  matmul(c, a, b, m, n, k, aRow, aColumn, bRow, bColumn, n, accumulate, scratch)
}
export function pack(panels: usize, b: usize, n: i32, k: i32, bRow: i32, bColumn: i32): void {
  packPanels(panels, b, n, k, bRow, bColumn)
}
export function packed(c: usize, a: usize, b: usize, m: i32, n: i32, k: i32, aRow: i32, aColumn: i32, bRow: i32, bColumn: i32,
  accumulate: bool, scratch: usize, panels: usize): void {
  matmul(c, a, b, m, n, k, aRow, aColumn, bRow, bColumn, n, accumulate, scratch, panels)
}
`

describe.each(builds)('products with a matrix packed before, %s build', (build) => {
  let module: KernelModule
  let floats: Float32Array
  beforeAll(async () => {
    module = await compileKernels(source, build, 32 << 20)
    floats = new Float32Array(module.memory.buffer)
  })

  /** Two products with one packing have the bits of two without; nothing is written behind the panels. */
  function check(m: number, n: number, k: number, aTransposed: boolean, bTransposed: boolean): void {
    const align = (words: number) => Math.ceil(words / 16) * 16 + 16
    const a = 16
    const b = a + align(m * k)
    const c = b + align(k * n)
    const panels = c + align(m * n)
    const panelWords = packedPanelsBytes(n, k) / 4
    const scratch = panels + align(panelWords)
    const end = scratch + align(matmulScratchBytes(m, n, k, narrowTile) / 4)
    expect(end).toBeLessThan(floats.length)
    floats.fill(12345.5, 0, end)
    let state = m * 31 + n * 7 + k
    for (let at = a; at < panels - 16; at++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      floats[at] = state / 2 ** 31 - 1
    }
    const strides = [...(aTransposed ? [1, m] : [k, 1]), ...(bTransposed ? [1, k] : [n, 1])]
    const start = floats.slice(c, c + m * n)
    const run = (name: string, accumulate: boolean, ...more: number[]): void => {
      module.call(name, c * 4, a * 4, b * 4, m, n, k, ...strides, Number(accumulate), scratch * 4, ...more)
    }
    run('product', false)
    run('product', true)
    const expected = floats.slice(c, c + m * n)
    floats.set(start, c)
    module.call('pack', panels * 4, b * 4, n, k, ...strides.slice(2))
    run('packed', false, panels * 4)
    run('packed', true, panels * 4)
    const title = `${m} × ${k} × ${n}, A ${aTransposed}, B ${bTransposed}`
    expect(floats.slice(c, c + m * n), title).toEqual(expected)
    expect(floats[panels + panelWords], title).toBe(12345.5)
  }

  it('any size and layout', () => {
    for (const m of [1, 2, 16, 259])
      for (const n of [1, 7, 8, 13, 29, 70])
        for (const k of [1, 16, 395])
          for (const [aTransposed, bTransposed] of [
            [false, false],
            [false, true],
            [true, false],
            [true, true],
          ] as const)
            check(m, n, k, aTransposed, bTransposed)
  })
})
