/** Products of the wide build: the bits of the relaxed build, and nothing written behind the scratch both share. */
import { beforeAll, expect, it } from 'vitest'
import { matmulScratchBytes, packedPanelsBytes, wideTile } from '../../compiler/5-fuse/product-scratch.ts'
import { compileKernels, type KernelModule } from './library.ts'

const source = `
import { matmul, packPanels } from './matmul'
export function product(c: usize, a: usize, b: usize, m: i32, n: i32, k: i32, aRow: i32, aColumn: i32, bRow: i32, bColumn: i32,
  accumulate: bool, scratch: usize): void {
  matmul(c, a, b, m, n, k, aRow, aColumn, bRow, bColumn, n, accumulate, scratch)
}
export function packed(c: usize, a: usize, b: usize, m: i32, n: i32, k: i32, aRow: i32, aColumn: i32, bRow: i32, bColumn: i32,
  accumulate: bool, scratch: usize, panels: usize): void {
  packPanels(panels, b, n, k, bRow, bColumn)
  matmul(c, a, b, m, n, k, aRow, aColumn, bRow, bColumn, n, accumulate, scratch, panels)
}
`
const memoryBytes = 16 << 20
const guard = 12345.5
let relaxed: KernelModule
let wide: KernelModule
beforeAll(async () => {
  relaxed = await compileKernels(source, 'relaxed', memoryBytes)
  wide = await compileKernels(source, 'wide', memoryBytes)
})

const heights = Array.from({ length: 20 }, (_, at) => at + 1)
const edges = [1, 3, 4, 8, 9, 12, 15, 16, 17, 24, 25, 33]
const sizes = [
  ...heights.flatMap((m) => edges.map((n) => [m, n, 11] as const)),
  ...([
    [265, 40, 50],
    [264, 70, 400],
    [270, 30, 393],
    [32, 256, 784],
    [66, 129, 800],
    [23, 260, 1030],
    [397, 331, 1030],
  ] as const),
]

it.each([
  [false, false],
  [false, true],
  [true, false],
  [true, true],
])('A transposed %s, B transposed %s', (aTransposed, bTransposed) => {
  for (const [m, n, k] of sizes) {
    const align = (words: number) => Math.ceil(words / 16) * 16 + 16
    const a = 16
    const b = a + align(m * k)
    const c = b + align(k * n)
    const panels = c + align(m * n)
    const scratch = panels + packedPanelsBytes(n, k) / 4 + 16
    const end = scratch + matmulScratchBytes(m, n, k, wideTile) / 4
    expect((end + 16) * 4).toBeLessThan(memoryBytes)
    const strides = [...(aTransposed ? [1, m] : [k, 1]), ...(bTransposed ? [1, k] : [n, 1])]
    const run = (module: KernelModule, name: string): Float32Array => {
      const floats = new Float32Array(module.memory.buffer)
      floats.fill(guard, 0, end + 16)
      for (let at = a; at < panels - 16; at++) floats[at] = Math.sin(at * 1.7)
      for (const accumulate of [1, 0, 1])
        module.call(name, c * 4, a * 4, b * 4, m, n, k, ...strides, accumulate, scratch * 4, panels * 4)
      const title = `${name} ${m} × ${k} × ${n}`
      expect(floats.slice(scratch - 16, scratch), title).toEqual(new Float32Array(16).fill(guard))
      expect(floats.slice(end, end + 16), title).toEqual(new Float32Array(16).fill(guard))
      return floats.slice(c, c + m * n)
    }
    const expected = run(relaxed, 'product')
    for (const name of ['product', 'packed']) {
      const found = run(wide, name)
      const different = found.findIndex((value, at) => value !== expected[at])
      expect(different, `${name} ${m} × ${k} × ${n}`).toBe(-1)
    }
  }
})
