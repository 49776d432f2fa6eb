import { describe, expect, test } from 'vitest'
import { createFiniteCheck } from '../../runtime/finite.ts'

describe.each([
  ['memory of one thread', {}],
  ['shared memory', { maximum: 4, shared: true }],
])('%s', (_, options) => {
  const memory = new WebAssembly.Memory({ initial: 2, ...options })
  const floats = new Float32Array(memory.buffer)
  const allFinite = createFiniteCheck(memory, floats, 'shared' in options)

  test('every place is looked at, and none beside', () => {
    for (const count of [0, 1, 3, 4, 7, 130])
      for (const strange of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        floats.fill(strange, 0, 300)
        floats.fill(-3e38, 20, 20 + count)
        expect(allFinite(20, count)).toBe(true)
        for (let at = 20; at < 20 + count; at++) {
          floats[at] = strange
          expect(allFinite(20, count), `${strange} at ${at} of ${count}`).toBe(false)
          floats[at] = 1e-45
        }
      }
  })
})
