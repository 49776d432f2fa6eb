/** Softmax and normalisations: how often their kernels go over a row, and what NaN and infinities become in them. */
import { setFlagsFromString } from 'node:v8'
import { describe, expect, it, test } from 'vitest'
import { everyCall } from '../../compiler/5-fuse/program.ts'
import { compile } from '../../compiler/index.ts'
import { load } from '../../runtime/index.ts'

// Node 20 has relaxed SIMD behind a flag.
setFlagsFromString('--experimental-wasm-relaxed-simd')

/** For each kernel of the entry how many loops it has over a row. */
async function passes(source: string, entry: string): Promise<number[]> {
  const { program, diagnostics } = await compile(source, { file: 'test.nn', stopAfter: 'fuse' })
  expect(diagnostics).toEqual([])
  const { calls } = program!.entries.find(({ name }) => name === entry)!
  return everyCall(calls).flatMap((call) =>
    call.kind === 'kernel' ? program!.kernels[call.kernel]!.stages.filter(({ inner }) => inner.length > 0).length : [],
  )
}

const slopesOf = (call: string) => `
infer slopes(x: f32[32, 64], g: f32[32, 64]) -> f32[32, 64] {
  let y = ${call}
  return gradient(sum(y * g), x)
}`

describe('the backward pass goes over each row twice', () => {
  // Forward: the largest, the exponentials with their sum. Backward: the sum of y·dy, the slopes.
  test.each([
    ['softmax', 'softmax(x)', 4],
    ['standardized', 'standardized(x)', 4],
    ['with_unit_mean_square', 'with_unit_mean_square(x)', 3],
  ])('of %s', async (_, call, most) => {
    const found = await passes(slopesOf(call), 'slopes')
    expect(found.reduce((total, count) => total + count, 0)).toBe(most)
  })
})

describe.each(['plain', 'relaxed'] as const)('NaN and infinities, %s build', (build) => {
  it('show in the largest and smallest wherever they are, and pass through bounds', async () => {
    const { modules } = await compile(
      `infer extremes(n: f32[4, 21], d: f32[4, 21]) -> (high: f32[4], low: f32[4], relu: f32[4, 21], capped: f32[4, 21]) {
  let x = n / d
  return (max(x, axis = 1), min(x, axis = 1), max(x, 0.0), min(2.0, x))
}`,
      { file: 'test.nn', builds: [build] },
    )
    const model = await load(modules![build]!)
    for (let at = 0; at < 21; at++) {
      const n = Float32Array.from({ length: 84 }, (_, i) => ((i * 37) % 23) - 11)
      const d = new Float32Array(84).fill(1)
      // 0 / 0, 1 / 0 and −1 / 0
      for (const row of [0, 1, 2]) [n[21 * row + at], d[21 * row + at]] = [[0, 1, -1][row]!, 0]
      const x = n.map((value, i) => value / d[i]!)
      const { high, low, relu, capped } = model.predict('extremes', { n, d }) as unknown as Record<
        string,
        { data: Float32Array }
      >
      for (let row = 0; row < 4; row++) {
        const own = [...x.subarray(21 * row, 21 * row + 21)]
        expect(high!.data[row]).toBe(Math.max(...own))
        expect(low!.data[row]).toBe(Math.min(...own))
      }
      x.forEach((value, i) => {
        expect(relu!.data[i]! + 0).toBe(Math.max(value, 0))
        expect(capped!.data[i]).toBe(Math.min(value, 2))
      })
    }
  })
})
