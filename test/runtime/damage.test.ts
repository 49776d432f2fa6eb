import { beforeAll, expect, test } from 'vitest'
import { load, type Manifest, ModelError } from '../../runtime/index.ts'
import { readSafetensors, writeSafetensors } from '../../runtime/safetensors.ts'
import { sealModule } from '../../runtime/seal.ts'
import { compileToy, toyData, toyManifest } from './toy-module.ts'

let bare: Uint8Array<ArrayBuffer>
let wasm: Uint8Array<ArrayBuffer>
beforeAll(async () => {
  bare = await compileToy()
  wasm = sealModule(bare, toyManifest)
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
  // A hit in the name of the section makes it another's module.
  expect([...codes].filter((code) => code !== 'foreign-module').sort()).toEqual(['damaged-module', 'not-wasm'])
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

test('a manifest changed at one place, with a checksum that fits, never leads to a raw exception', async () => {
  const text = JSON.stringify(toyManifest)
  // Every value and every key in turn, replaced by something else.
  const places = [...text.matchAll(/"[^"]*"|-?\d+(\.\d+)?/g)]
  const others = ['null', '-1', '1e99', '0.5', '"x"', '"Batch"', '[]', '{}', '""', '4096']
  let used = 0
  for (const [index, place] of places.entries()) {
    const other = others[index % others.length]!
    const changed = text.slice(0, place.index) + other + text.slice(place.index + place[0].length)
    let manifest: Manifest
    try {
      manifest = JSON.parse(changed)
    } catch {
      continue
    }
    try {
      const model = await load(sealModule(bare, manifest))
      used++
      model.save()
      const { x, label } = toyData(4)
      for (const train of model.manifest.trains) model.step(train.name, { x, label })
      model.predictAll('classify', { x })
    } catch (error) {
      if (!(error instanceof ModelError)) throw new Error(`${place[0]} → ${other}: ${error}`, { cause: error })
    }
  }
  expect(used).toBeGreaterThan(10)
})

test("another tool's checkpoint, damaged, is taken whole or not at all", async () => {
  const model = await load(wasm)
  const file = writeSafetensors({ tensors: readSafetensors(model.save()).tensors, metadata: {} })
  const before = model.save()
  let taken = 0
  for (const bytes of damage(file, 1500)) {
    try {
      model.restore(bytes, { optimizer: false, strict: false })
      taken++
      model.restore(file, { optimizer: false })
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
    }
    expect(model.save()).toEqual(before)
  }
  expect(taken).toBeGreaterThan(30)
})
