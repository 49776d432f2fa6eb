import { beforeAll, describe, expect, test } from 'vitest'
import { type Input, load, type Model, ModelError, type ModelErrorCode } from '../../runtime/index.ts'
import type { Manifest } from '../../runtime/manifest.ts'
import { sealModule } from '../../runtime/seal.ts'
import { compileToy, toyData, toyManifest } from './toy-module.ts'

let bare: Uint8Array<ArrayBuffer>
let wasm: Uint8Array<ArrayBuffer>
beforeAll(async () => {
  bare = await compileToy()
  wasm = sealModule(bare, toyManifest)
}, 60_000)

const seen = new Set<string>()

/** `code: message` of what `action` throws, which must be a ModelError. */
async function refusal(action: () => unknown): Promise<string> {
  try {
    await action()
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    seen.add(error.code)
    return `${error.code}: ${error.message}`
  }
  return 'nothing was refused'
}

async function refusals(actions: readonly (() => unknown)[]): Promise<string[]> {
  const messages: string[] = []
  for (const action of actions) messages.push(await refusal(action))
  return messages
}

/** A manifest section with this text, without the checksum. */
function withManifest(change: (manifest: Record<string, never>) => unknown): Uint8Array<ArrayBuffer> {
  const manifest = structuredClone(toyManifest) as unknown as Record<string, never>
  return sealModule(bare, (change(manifest) ?? manifest) as Manifest)
}

describe('loading refuses, in plain words,', () => {
  test('what is no module, or a damaged one', async () => {
    const swapped = wasm.slice()
    swapped[swapped.length - 200]! ^= 1
    const unsealed = wasm.slice(0, wasm.length - 16)
    const badCode = sealModule(bare.slice(0, bare.length - 1), toyManifest)
    const messages = await refusals([
      () => load(new Uint8Array(0)),
      () => load(new TextEncoder().encode('<!doctype html>')),
      () => load(undefined as never),
      () => load(new Response('gone', { status: 404 })),
      () => load(wasm.slice(0, 1000)),
      () => load(wasm.slice(0, wasm.length - 3)),
      () => load(swapped),
      () => load(Uint8Array.from([...unsealed, 0])),
      () => load(badCode),
      () => load(bare),
    ])
    expect(messages).toMatchInlineSnapshot(`
      [
        "not-wasm: this is no WebAssembly module: it is empty, a module begins with 00 61 73 6d; check the path or address it was read from",
        "not-wasm: this is no WebAssembly module: it begins with the bytes 3c 21 64 6f, a module begins with 00 61 73 6d; check the path or address it was read from",
        "not-wasm: load takes the bytes of a module (Uint8Array, ArrayBuffer or Response), or { plain, relaxed } of those",
        "not-wasm: the module could not be fetched: the server answered 404",
        "damaged-module: the module is damaged: a section should end at byte 2560, the file has 1000; build or download it again",
        "damaged-module: the module is damaged: a section should end at byte 11238, the file has 11235; build or download it again",
        "damaged-module: the module is damaged: its checksum does not match, so it was changed after it was compiled; build or download it again",
        "damaged-module: the module is damaged: it ends, or is not as it should be, at byte 11223; build or download it again",
        "damaged-module: the module is damaged: a section should end at byte 11240, the file has 11237; build or download it again",
        "foreign-module: this WebAssembly module was not made by nnc: it has no \`nnc\` section; give the .wasm that \`nnc build\` wrote",
      ]
    `)
  })

  test('a manifest it cannot follow', async () => {
    const set = (path: string, value: unknown) => () =>
      load(
        withManifest((manifest) => {
          const keys = path.split('.')
          const last = keys.pop()!
          let place: Record<string, never> = manifest
          for (const key of keys) place = place[key]!
          ;(place as Record<string, unknown>)[last] = value
          return manifest
        }),
      )
    const messages = await refusals([
      set('version', 4),
      set('format', 'onnx'),
      () => load(sealModule(bare, null as never)),
      set('entries', {}),
      set('entries.1.inputs.0.shape.0', ['^', 1, 2]),
      set('entries.1.inputs.0.offset', 2),
      set('entries.1.inputs.0.offset', 65520),
      set('variables.0.offset', -4),
      set('seedOffset', 65536),
      set('trains.0.step', 'train'),
      set('entries.1.export', 'missing'),
      set('entries.1.dims', ['Batch', 'Time']),
    ])
    expect(messages).toMatchInlineSnapshot(`
      [
        "newer-module: the module has manifest version 4 (made by nnc 0.1.0), this runtime reads versions 2 and 3; use the runtime that belongs to that compiler, or build the model with this one",
        "bad-manifest: the module's manifest does not say format nnc; it was not made by this version of nnc, or is damaged: build the model again",
        "bad-manifest: the module's manifest does not say format nnc; it was not made by this version of nnc, or is damaged: build the model again",
        "bad-manifest: the module's manifest has no list at entries; it was not made by this version of nnc, or is damaged: build the model again",
        "bad-manifest: the module's manifest has a wrong value at entries[1].inputs[0].shape[0]; it was not made by this version of nnc, or is damaged: build the model again",
        "bad-manifest: the module's manifest has a wrong value at entries[1].inputs[0].offset; it was not made by this version of nnc, or is damaged: build the model again",
        "bad-manifest: the module's manifest places x outside the module's 65536 bytes of memory; it was not made by this version of nnc, or is damaged: build the model again",
        "bad-manifest: the module's manifest has a wrong value at variables[0].offset; it was not made by this version of nnc, or is damaged: build the model again",
        "bad-manifest: the module's manifest places the seed outside the module's 65536 bytes of memory; it was not made by this version of nnc, or is damaged: build the model again",
        "bad-manifest: the module's manifest lacks the entry train; it was not made by this version of nnc, or is damaged: build the model again",
        "bad-manifest: the module's manifest lists the function missing, which the module does not export; it was not made by this version of nnc, or is damaged: build the model again",
        "bad-manifest: the module's manifest has no way to know Time in the entry fit.step; it was not made by this version of nnc, or is damaged: build the model again",
      ]
    `)
  })

  test('a build that is not there or cannot run', async () => {
    const relaxed = withManifest((manifest) => ({ ...(manifest as object), build: 'relaxed' }))
    // A type section with a reserved form: no engine knows it, whichever its features.
    const future = sealModule(Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 2, 1, 0x11]), toyManifest)
    const messages = await refusals([
      () => load(wasm, { build: 'relaxed' }),
      () => load({ plain: wasm }, { build: 'relaxed' }),
      () => load({ plain: wasm }, { build: 'fast' as never }),
      () => load(wasm, { thread: 2 } as never),
      () => load(relaxed, { build: 'plain' }),
      () => load(future),
    ])
    expect(messages).toMatchInlineSnapshot(`
      [
        "build-unavailable: the relaxed build was asked for, but the module given is the plain build",
        "build-unavailable: the relaxed build was asked for, but only the plain one is given",
        "bad-option: build is "fast"; it can be 'plain', 'relaxed' or 'wide'",
        "bad-option: there is no option of load \`thread\`; did you mean \`threads\`? (known: build, threads)",
        "build-unavailable: the plain build was asked for, but the module given is the relaxed build",
        "damaged-module: the module is damaged: WebAssembly rejects its code; build or download it again",
      ]
    `)
  })

  test('an engine without the instructions', async () => {
    const relaxedManifest = { ...toyManifest, build: 'relaxed' } as const
    const invalid = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 2, 1, 0x11])
    const { validate } = WebAssembly
    WebAssembly.validate = () => false
    try {
      const messages = await refusals([
        () => load(sealModule(invalid, toyManifest)),
        () => load(sealModule(invalid, relaxedManifest)),
      ])
      expect(messages).toMatchInlineSnapshot(`
        [
          "unsupported-engine: this engine has no WebAssembly SIMD, which the module needs; use Node 20, Chrome 91, Firefox 89, Safari 16.4 or later",
          "unsupported-engine: this engine has no relaxed SIMD, which the module needs; load the plain build instead, or both as { plain, relaxed } so that the right one is taken",
        ]
      `)
    } finally {
      WebAssembly.validate = validate
    }
  })
})

describe('feeding refuses, naming the input, the expectation and what came,', () => {
  async function check(feed: (model: Model) => readonly (() => unknown)[]): Promise<string[]> {
    const model = await load(wasm)
    const before = model.save()
    const messages = await refusals(feed(model))
    expect(model.save()).toEqual(before)
    return messages
  }
  const { x, label } = toyData(4)
  const step = (model: Model, inputs: Record<string, unknown>) => () =>
    model.step('fit', inputs as Record<string, Input>)

  test('names', async () => {
    const messages = await check((model) => [
      () => model.step('fitt', { x, label }),
      () => model.predict('Classify', { x }),
      () => model.predict('quaternion', { x }),
      () => model.parameters.get('w.b'),
      () => model.parameters.get('count'),
      () => model.variables.set('fit/w/n', 1),
      () => model.hyper.get('learning_rate'),
      step(model, { x, labels: label }),
      step(model, { x }),
      step(model, { x, label: null }),
      () => model.step('fit', undefined as never),
    ])
    expect(messages).toMatchInlineSnapshot(`
      [
        "unknown-name: there is no train block \`fitt\`; did you mean \`fit\`? (known: fit)",
        "unknown-name: there is no infer block or model \`Classify\`; did you mean \`classify\`? (known: classify, pair)",
        "unknown-name: there is no infer block or model \`quaternion\` (known: classify, pair)",
        "unknown-name: there is no parameter \`w.b\`; did you mean \`w\`? (known: w, b)",
        "unknown-name: there is no parameter \`count\` (known: w, b)",
        "unknown-name: there is no variable \`fit/w/n\`; did you mean \`fit/w/m\`? (known: w, b, count, seen, fit/w/m)",
        "unknown-name: there is no hyper \`learning_rate\` (known: lr)",
        "unknown-input: there is no input \`labels\`; did you mean \`label\`? (known: x, label)",
        "missing-input: input \`label\`, i32[Batch], is missing; \`fit.step\` takes \`x\`, \`label\`",
        "missing-input: input \`label\`, i32[Batch], is missing; \`fit.step\` takes \`x\`, \`label\`",
        "missing-input: \`fit.step\` takes an object with the inputs \`x\`, \`label\`",
      ]
    `)
  })

  test('shapes', async () => {
    const messages = await check((model) => [
      step(model, { x: x.subarray(1), label }),
      step(model, { x: [[1, 2, 3]], label: [0] }),
      step(model, { x: [1, 2, 3, 4], label: 0 }),
      step(model, { x: { data: x, shape: [2, 2, 4] }, label }),
      step(model, { x: { data: x, shape: [3, 4] }, label }),
      step(model, { x: { data: x, shape: [4.5, 4] }, label }),
      step(model, { x: { data: x }, label }),
      step(model, {
        x: [
          [1, 2, 3, 4],
          [1, 2, 3],
        ],
        label,
      }),
      step(model, { x: [[1, 2, 3, 4], 5], label }),
      step(model, { x: [[1, 2, 3, [4]]], label }),
      step(model, { x, label: label.subarray(1) }),
      step(model, { x, label: [[0], [1], [2], [0]] }),
      step(model, { x: [], label: [] }),
      step(model, toyData(9)),
      () => model.parameters.set('b', [1, 2]),
      () =>
        model.parameters.set('w', [
          [1, 2, 3],
          [1, 2, 3],
          [1, 2, 3],
          [1, 2, 3],
        ]),
    ])
    expect(messages).toMatchInlineSnapshot(`
      [
        "wrong-shape: input \`x\` has 15 elements, expected f32[Batch, 4]: a multiple of 4",
        "wrong-shape: input \`x\` has shape [1, 3], expected f32[Batch, 4]: axis 1 is 3, must be 4",
        "wrong-shape: input \`label\` has shape [], expected i32[Batch]: it has 0 instead of 1 axes",
        "wrong-shape: input \`x\` has shape [2, 2, 4], expected f32[Batch, 4]: it has 3 instead of 2 axes",
        "wrong-shape: input \`x\` has 16 elements, but its shape [3, 4] needs 12",
        "wrong-shape: input \`x\` has no usable shape ([4.5,4]); give { data, shape } with a list of whole numbers, for f32[Batch, 4]",
        "wrong-shape: input \`x\` has no usable shape (undefined); give { data, shape } with a list of whole numbers, for f32[Batch, 4]",
        "wrong-shape: input \`x\` is ragged: at [1] there is a list of 3, elsewhere lists of 4",
        "wrong-shape: input \`x\` is ragged: at [1] there is 5, elsewhere lists of 4",
        "wrong-shape: input \`x\` is ragged: at [0, 3] there is a list of 1, elsewhere single values",
        "dimension-mismatch: input \`label\` has 3 elements, but input \`x\` makes Batch = 4, so i32[Batch] must be [4]",
        "wrong-shape: input \`label\` has shape [4, 1], expected i32[Batch]: it has 2 instead of 1 axes",
        "dimension-range: input \`x\` makes Batch = 0, but the module takes 1 to 8",
        "dimension-range: input \`x\` makes Batch = 9, but the module takes 1 to 8; feed smaller batches (fit, evaluateAll and predictAll do so by themselves), or raise the range and build again",
        "wrong-shape: parameter \`b\` was given 2 elements, expected f32[3]",
        "wrong-shape: parameter \`w\` was given shape [4, 3], expected f32[3, 4]",
      ]
    `)
  })

  test('sizes that depend on each other', async () => {
    const feed = (model: Model, inputs: Record<string, Input>) => () => model.predict('pair', inputs)
    const good = { a: [1, 2, 3, 4], b: [1, 2], twice: [1, 2, 3, 4], minus: [true, false] }
    const messages = await check((model) => [
      feed(model, { ...good, b: [1, 2, 3] }),
      feed(model, { ...good, twice: [1, 2, 3] }),
      feed(model, { ...good, twice: [1, 2], minus: [true] }),
      feed(model, { ...good, b: [1] }),
      feed(model, { ...good, minus: [0, 2] }),
      feed(model, { ...good, minus: ['yes', 'no'] as never }),
    ])
    expect(messages).toMatchInlineSnapshot(`
      [
        "dimension-mismatch: input \`a\` has 4 elements, but input \`b\` makes Time = 3, so f32[Batch, Time] must be [Batch, 3]",
        "dimension-mismatch: input \`twice\` has 3 elements, but input \`a\` makes Batch = 2, so f32[(Batch * 2)] must be [4]",
        "dimension-mismatch: input \`twice\` has 2 elements, but input \`a\` makes Batch = 2, so f32[(Batch * 2)] must be [4]",
        "dimension-range: input \`b\` makes Time = 1, but the module takes 2 to 4",
        "wrong-dtype: input \`minus\` at [1] is 2, expected bool[Batch]: true, false, 1 or 0",
        "wrong-dtype: input \`minus\` at [0] is the string "yes", expected bool[Batch]: true, false, 1 or 0",
      ]
    `)
    const model = await load(wasm)
    const flat = withManifest((manifest) => {
      const entries = manifest.entries as unknown as { inputs: unknown[] }[]
      entries[4]!.inputs = entries[4]!.inputs.slice(0, 1)
      return manifest
    })
    const undetermined = await refusal(async () => (await load(flat)).predict('pair', { a: [1, 2, 3, 4] }))
    expect(undetermined).toMatchInlineSnapshot(
      `"wrong-shape: input \`a\` is f32[Batch, Time], and its 4 elements do not say what Batch and Time are; give { data, shape } or nested arrays"`,
    )
    expect(model.predict('pair', good).sum!.shape).toEqual([2])
  })

  test('elements', async () => {
    const put = (index: number, value: number) => x.map((old, at) => (at === index ? value : old))
    const messages = await check((model) => [
      step(model, { x: put(6, Number.NaN), label }),
      step(model, { x: put(15, Number.NEGATIVE_INFINITY), label }),
      step(model, { x: Float64Array.from(x).fill(1e39, 2, 3), label }),
      step(model, { x: [1, 2, undefined, 4], label: [0] }),
      step(model, { x: [[1, 2, '3', 4]], label: [0] }),
      step(model, { x: [1, true, 0, 0], label: [0] }),
      step(model, { x: 'image.png', label }),
      step(model, { x: new BigInt64Array(16), label }),
      step(model, { x: new DataView(new ArrayBuffer(64)), label }),
      step(model, { x, label: Float32Array.from(label) }),
      step(model, { x, label: [0, 1, 2, 3] }),
      step(model, { x, label: [0, -1, 2, 0] }),
      step(model, { x, label: [0, 1.5, 2, 0] }),
      step(model, { x, label: [0, Number.NaN, 2, 0] }),
      () => model.variables.set('count', 2 ** 31),
      () => model.parameters.set('b', [1, Number.NaN, 3]),
    ])
    expect(messages).toMatchInlineSnapshot(`
      [
        "not-finite: input \`x\` at [1, 2] is NaN, expected f32[Batch, 4]: a finite number; remove or replace missing values first",
        "not-finite: input \`x\` at [3, 3] is -Infinity, expected f32[Batch, 4]: a finite number; remove or replace missing values first",
        "not-finite: input \`x\` at [0, 2] is 1e+39, expected f32[Batch, 4]: a finite number (largest 3.4e38); remove or replace missing values first",
        "wrong-dtype: input \`x\` at [0, 2] is nothing, expected f32[Batch, 4]: a number",
        "wrong-dtype: input \`x\` at [0, 2] is the string "3", expected f32[Batch, 4]: a number",
        "wrong-dtype: input \`x\` at [0, 1] is true, expected f32[Batch, 4]: a number",
        "wrong-dtype: input \`x\` is the string "image.png"; give f32[Batch, 4] as a typed array, an array of numbers, nested arrays, or { data, shape }",
        "wrong-dtype: input \`x\` is a BigInt64Array, expected f32[Batch, 4]: convert it to a Float32Array",
        "wrong-dtype: input \`x\` is a DataView; give f32[Batch, 4] as a typed array, an array of numbers, nested arrays, or { data, shape }",
        "wrong-dtype: input \`label\` is a Float32Array, expected i32[Batch]: convert it to an Int32Array",
        "label-range: input \`label\` at [3] is 3, expected i32[Batch] from 0 to 2",
        "label-range: input \`label\` at [1] is -1, expected i32[Batch] from 0 to 2",
        "not-an-integer: input \`label\` at [1] is 1.5, expected i32[Batch]: a whole number",
        "not-finite: input \`label\` at [1] is NaN, expected i32[Batch]: a finite number; remove or replace missing values first",
        "label-range: variable \`count\` is 2147483648, expected i32: a 32-bit integer",
        "not-finite: parameter \`b\` at [1] is NaN, expected f32[3]: a finite number; remove or replace missing values first",
      ]
    `)
  })

  test('settings', async () => {
    const data = toyData(21)
    const messages = await check((model) => [
      () => model.init(0.5),
      () => model.init(2 ** 32),
      () => model.hyper.set('lr', Number.NaN),
      () => model.hyper.set('lr', 5),
      () => model.save({ metadata: { epoch: 5 as never } }),
      () => model.save({ metadata: { 'nnc.model': 'other' } }),
      () => model.fit('fit', data, { batch: 0 }),
      () => model.fit('fit', data, { batch: 9 }),
      () => model.fit('fit', data, { epochs: 1.5 }),
      () => model.fit('fit', data, { epoch: 5 } as never),
      () => model.fit('fit', data, { startEpoch: 0 }),
      () => model.fit('fit', data, { seed: 'x' as never }),
      () => model.fit('fit', data, { progressEvery: -1 }),
      () => model.fit('fit', data, { shuffle: 1 as never }),
      () => model.fit('fit', data, { stop: { part: 'valid', metric: 'loss', epochs: 3 } }),
      () => model.fit('fit', data, { stop: { part: 'test' as never, metric: 'loss', epochs: 3 } }),
      () => model.fit('fit', data, { stop: { part: 'train', metric: 'acuracy', epochs: 3 } }),
      () => model.fit('fit', { ...data, label: [...data.label.subarray(1), 7] }),
      () => model.fit('fit', data, { valid: { x: data.x, label: data.label.subarray(1) } }),
      () => model.fit('fit', toyData(0)),
      () => model.evaluateAll('fit', data, { batch: 2.5 }),
      () => model.predictAll('pair', { a: data.x.subarray(0, 36), b: [1, 2, 3, 4], twice: x, minus: label }),
    ])
    expect(messages).toMatchInlineSnapshot(`
      [
        "bad-option: seed is 0.5; it must be a whole number of 32 bits",
        "bad-option: seed is 4294967296; it must be a whole number of 32 bits",
        "hyper-range: hyper \`lr\` cannot be NaN; it takes a finite number from 0.001 to 1",
        "hyper-range: hyper \`lr\` cannot be 5; it takes a finite number from 0.001 to 1",
        "bad-option: metadata epoch cannot be saved: only strings can be stored",
        "bad-option: metadata nnc.model cannot be saved: names that begin nnc. are taken",
        "bad-option: batch is 0; the module takes Batch from 1 to 8",
        "bad-option: batch is 9; the module takes Batch from 1 to 8",
        "bad-option: epochs is 1.5; it must be a whole number from 0",
        "bad-option: there is no fit option \`epoch\`; did you mean \`epochs\`? (known: valid, test, batch, epochs, startEpoch, seed, shuffle, signal, progressEvery, progressSteps, stop, restoreBest)",
        "bad-option: startEpoch is 0; it must be a whole number from 1",
        "bad-option: seed is x; it must be a whole number from -2147483648",
        "bad-option: progressEvery is -1; it must be a number from 0",
        "bad-option: shuffle is 1; it must be true or false",
        "bad-option: the stop rule watches valid.loss, but there is no validation data; give { valid } or switch the rule off with { stop: false }",
        "bad-option: there is no part \`test\` (known: train, valid)",
        "bad-option: there is no metric \`acuracy\`; did you mean \`accuracy\`? (known: loss, accuracy)",
        "label-range: input \`label\` at [20] is 7, expected i32[Batch] from 0 to 2",
        "dimension-mismatch: input \`label\` has 20 elements, but input \`x\` makes Batch = 21, so i32[Batch] must be [21]",
        "dimension-range: input \`x\` makes Batch = 0, but the module takes at least 1",
        "bad-option: batch is 2.5; the module takes Batch from 1 to 8",
        "dimension-mismatch: input \`twice\` has 16 elements, but input \`a\` makes Batch = 9, so f32[(Batch * 2)] must be [18]",
      ]
    `)
  })

  test('a last batch the module cannot take', async () => {
    const strict = withManifest((manifest) => {
      ;(manifest.dims as unknown as { minimum: number }[])[0]!.minimum = 2
      return manifest
    })
    const model = await load(strict)
    expect(await refusal(() => model.fit('fit', toyData(21)))).toMatchInlineSnapshot(
      `"bad-option: 21 rows in batches of 4 leave a last batch of 1, but the module takes Batch from 2; choose another batch size"`,
    )
  })
})

test('a trap says where, and that it is not the data', async () => {
  const model = await load(wasm)
  const inputs = { a: [1e9, 1], b: [1, 1], twice: [1, 1], minus: [0] }
  expect(await refusal(() => model.predict('pair', inputs))).toMatchInlineSnapshot(
    `"trap: the compiled code stopped in \`pair\`: unreachable; its values may be half-updated, so restore a checkpoint or call init; this is a fault of the module or of the compiler, not of the data"`,
  )
  model.init()
  expect(model.predict('classify', { x: [1, 2, 3, 4] }).class!.shape).toEqual([1])
})

test('every code but those of checkpoints, pretrained values, workers and threads and generation was seen here', () => {
  const here: Record<
    Exclude<
      ModelErrorCode,
      `${string}checkpoint${string}` | 'pretrained-mismatch' | 'worker-failed' | 'threads-failed' | 'not-a-step'
    >,
    true
  > = {
    'not-wasm': true,
    'damaged-module': true,
    'foreign-module': true,
    'newer-module': true,
    'bad-manifest': true,
    'unsupported-engine': true,
    'build-unavailable': true,
    'unknown-name': true,
    'missing-input': true,
    'unknown-input': true,
    'wrong-shape': true,
    'wrong-dtype': true,
    'dimension-mismatch': true,
    'dimension-range': true,
    'label-range': true,
    'not-an-integer': true,
    'not-finite': true,
    'bad-option': true,
    'hyper-range': true,
    trap: true,
  }
  expect([...seen].sort()).toEqual(Object.keys(here).sort())
})
