import { beforeAll, describe, expect, it } from 'vitest'
import { compileKernels, type KernelModule } from './library.ts'

const source = `
import { gatherRows, scatterAddRows } from './indexed'
export function gather(out: usize, table: usize, indices: usize, count: i32, rowElements: i32): void {
  gatherRows(out, table, indices, count, rowElements)
}
export function scatter(out: usize, updates: usize, indices: usize, count: i32, rowElements: i32, tableRows: i32): void {
  scatterAddRows(out, updates, indices, count, rowElements, tableRows)
}
`

describe('rows by index', () => {
  let module: KernelModule
  let floats: Float32Array
  let integers: Int32Array
  beforeAll(async () => {
    module = await compileKernels(source, 'plain', 65536)
    floats = new Float32Array(module.memory.buffer)
    integers = new Int32Array(module.memory.buffer)
  })
  const rows = 6
  const picked = [5, 0, 2, 2, 5, 2, 1]
  const indices = 1000
  const out = 2000

  it.each([0, 1, 3, 4, 5, 8, 11, 17])('gathers rows of %i', (width) => {
    const table = Array.from({ length: rows * width }, (_, i) => i * 1.5 + 0.25)
    floats.fill(-1)
    floats.set(table, 0)
    integers.set(picked, indices)
    module.call('gather', out * 4, 0, indices * 4, picked.length, width)
    const wanted = picked.flatMap((row) => table.slice(row * width, (row + 1) * width))
    expect([...floats.subarray(out, out + wanted.length + 1)]).toEqual([...wanted, -1])
  })
  it.each([0, 1, 3, 4, 5, 8, 11, 17])('adds rows of %i', (width) => {
    const updates = Array.from({ length: picked.length * width }, (_, i) => i + 0.5)
    floats.fill(-1)
    floats.set(updates, 0)
    integers.set(picked, indices)
    module.call('scatter', out * 4, 0, indices * 4, picked.length, width, rows)
    const wanted = new Array<number>(rows * width).fill(0)
    picked.forEach((row, i) => {
      for (let j = 0; j < width; j++) wanted[row * width + j]! += updates[i * width + j]!
    })
    expect([...floats.subarray(out, out + wanted.length + 1)]).toEqual([...wanted, -1])
  })
  it('adds in the order of the updates', () => {
    floats.set([1e8, 1, -1e8], 0)
    integers.set([0, 0, 0], indices)
    module.call('scatter', out * 4, 0, indices * 4, 3, 1, 1)
    expect(floats[out]).toBe(0)
  })
  it('accepts no rows at all', () => {
    floats.fill(-1)
    module.call('scatter', out * 4, 0, indices * 4, 0, 3, 2)
    expect([...floats.subarray(out, out + 7)]).toEqual([0, 0, 0, 0, 0, 0, -1])
  })
})
