import { describe, expect, it } from 'vitest'
import { hoistConstants } from '../../compiler/6-emit/hoist-constants.ts'
import { wasmSections } from '../../compiler/6-emit/wasm-sections.ts'
import { builds, compileKernels } from '../kernels/library.ts'

const source = `
/** Constants in nested loops, of all kinds: one word, four words, all bits alike, twice the same; and one outside. */
export function constants(out: usize, count: i32): void {
  const outside = f32x4.splat(9.5)
  for (let i = 0; i < count; i++) {
    let v = f32x4.splat(1.5)
    for (let j = 0; j < 3; j++) v = f32x4.add(v, f32x4.mul(f32x4.splat(2.25), f32x4(1.0, 2.0, 3.0, 4.0)))
    v = f32x4.add(v, f32x4.mul(f32x4.splat(2.25), f32x4.splat(<f32>i)))
    v = v128.xor(v, v128.and(i32x4.splat(-1), f32x4.splat(0.0)))
    v128.store(out + (<usize>i << 4), f32x4.add(v, outside))
  }
}
/** Every kind of control and of immediate around a constant. */
export function instructions(out: usize, choice: i32): i32 {
  let sum: i32 = 0
  for (let i: i32 = 0; i < 4; i++) {
    switch (i + choice) {
      case 0: sum += 1; break
      case 1: sum += 200; break
      case 2: sum += 30000; break
      default: sum -= 7
    }
    if (i == 3) continue
    v128.store_lane<i32>(out + 64, f32x4.splat(3.5), 2)
    v128.store(out, v128.shuffle<i32>(v128.load32_splat(out + 64), f32x4.splat(-8.0), 0, 5, 1, 7))
    store<i64>(out + 32, 0x123456789abcdef0)
    store<f64>(out + 40, 0.1 + load<f32>(out))
    sum += <i32>load<f32>(out + 4) + select<i32>(1, 2, i < 2) + i32x4.extract_lane(i32x4.trunc_sat_f32x4_s(v128.load(out)), 3)
  }
  return sum
}
`

/** What the second function returns and stores, in JavaScript. */
function instructionsSum(choice: number): number {
  let sum = 0
  for (let i = 0; i < 4; i++) {
    sum += [1, 200, 30000][i + choice] ?? -7
    if (i < 3) sum += -8 + (i < 2 ? 1 : 2) - 8
  }
  return sum
}

describe.each(builds)('constants of loops, %s build', (build) => {
  it('are read from the table', async () => {
    const module = await compileKernels(source, build, 1024)
    const floats = new Float32Array(module.memory.buffer)
    module.call('constants', 0, 3)
    const expected = [0, 1, 2].flatMap((i) => [1, 2, 3, 4].map((lane) => 1.5 + 3 * 2.25 * lane + 2.25 * i + 9.5))
    expect([...floats.subarray(0, 12)]).toEqual(expected)
    for (const choice of [0, 1, 2]) expect(module.call('instructions', 0, choice)).toBe(instructionsSum(choice))
    const table = [...floats.subarray(256, 280)]
    expect(table).toContain(3.5)
    expect(table.filter((value) => value !== 0).length).toBeLessThan(12)
  })
})

describe('hoistConstants', () => {
  it('leaves a module without loops as it is', () => {
    const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    expect(hoistConstants(empty, { offset: 0, bytes: 64 })).toBe(empty)
  })
  it('leaves in its loop what the table has no room for', async () => {
    const none = await compileKernels(source, 'plain', 1024, 0)
    expect(none.module && wasmSections(none.module).some(({ id }) => id === 11)).toBe(false)
    expect(none.call('instructions', 0, 1)).toBe(instructionsSum(1))
    const one = await compileKernels(source, 'plain', 1024, 4)
    expect(one.call('instructions', 0, 1)).toBe(instructionsSum(1))
    const floats = new Float32Array(one.memory.buffer)
    expect(floats[256]).not.toBe(0)
    expect(floats[257]).toBe(0)
  })
})
