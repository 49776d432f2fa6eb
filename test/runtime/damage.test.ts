import { beforeAll, expect, test } from 'vitest'
import { load, ModelError } from '../../runtime/index.ts'
import { buildToy, toyData } from './toy-module.ts'

let wasm: Uint8Array<ArrayBuffer>
beforeAll(async () => {
  wasm = await buildToy()
}, 60_000)

/** Copies of `bytes`, cut short or with one to three bits turned round; the same on every run. */
function* damage(bytes: Uint8Array<ArrayBuffer>, count: number): Generator<Uint8Array<ArrayBuffer>> {
  let state = 12345
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  for (let trial = 0; trial < count; trial++) {
    if (trial % 4 === 0) yield bytes.slice(0, random(bytes.length))
    else {
      const copy = bytes.slice()
      const places = new Set(Array.from({ length: 1 + random(3) }, () => random(bytes.length * 8)))
      for (const place of places) copy[place >> 3]! ^= 1 << (place & 7)
      yield copy
    }
  }
}

test('a damaged module is never run', async () => {
  const codes = new Set<string>()
  for (const bytes of damage(wasm, 2000)) {
    const error: unknown = await load(bytes).catch((reason: unknown) => reason)
    if (!(error instanceof ModelError)) throw new Error(`no ModelError, but ${error}`)
    codes.add(error.code)
  }
  expect([...codes].sort()).toEqual(['damaged-module', 'not-wasm'])
})

test('a damaged checkpoint never changes the model', async () => {
  const model = await load(wasm)
  model.step('fit', toyData(8))
  const file = model.save()
  for (let step = 0; step < 3; step++) model.step('fit', toyData(8))
  const before = model.save()
  const codes = new Set<string>()
  for (const bytes of damage(file, 4000)) {
    try {
      model.restore(bytes)
      throw new Error('a damaged file was accepted')
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      codes.add(error.code)
    }
  }
  expect(model.save()).toEqual(before)
  expect([...codes].sort()).toEqual(['damaged-checkpoint'])
})
