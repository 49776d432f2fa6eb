import { beforeAll, describe, expect, test } from 'vitest'
import { withChecksum } from '../../runtime/checkpoint.ts'
import { load, type Model, ModelError } from '../../runtime/index.ts'
import { readSafetensors, type SafetensorsFile, writeSafetensors } from '../../runtime/safetensors.ts'
import { buildToy, toyData } from './toy-module.ts'

let wasm: Uint8Array<ArrayBuffer>
beforeAll(async () => {
  wasm = await buildToy()
}, 60_000)

async function trained(): Promise<Model> {
  const model = await load(wasm)
  model.init(-3)
  model.hyper.set('lr', 0.25)
  for (let step = 0; step < 5; step++) model.step('fit', toyData(8))
  return model
}

/** What `action` throws, which must be a ModelError. */
function failure(action: () => unknown): { code: string; message: string } {
  try {
    action()
  } catch (error) {
    if (error instanceof ModelError) return { code: error.code, message: error.message }
    throw error
  }
  throw new Error('nothing was refused')
}

/** A file with other contents and a checksum that fits them. */
function altered(
  model: Model,
  change: (file: { tensors: Map<string, object>; metadata: object }) => void,
): Uint8Array<ArrayBuffer> {
  const { tensors, metadata } = readSafetensors(model.save())
  const file = { tensors: new Map(tensors), metadata: { ...metadata } }
  change(file)
  return withChecksum(file as SafetensorsFile)
}

describe('a checkpoint', () => {
  test('is a safetensors file in canonical order', async () => {
    const file = (await trained()).save({ metadata: { note: 'größer' } })
    const length = Number(new DataView(file.buffer).getBigUint64(0, true))
    expect(length % 8).toBe(0)
    const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)))
    expect(header.__metadata__).toMatchObject({ note: 'größer', 'nnc.model': 'toy', 'nnc.compiler': '0.1.0' })
    expect(JSON.parse(header.__metadata__['nnc.progress'])).toEqual({ seed: -3, steps: 5, hypers: { lr: 0.25 } })
    const { __metadata__, ...tensors } = header
    expect(tensors).toEqual({
      b: { dtype: 'F32', shape: [3], data_offsets: [0, 12] },
      count: { dtype: 'I32', shape: [], data_offsets: [12, 16] },
      'fit/w/m': { dtype: 'F32', shape: [3, 4], data_offsets: [16, 64] },
      w: { dtype: 'F32', shape: [3, 4], data_offsets: [64, 112] },
      seen: { dtype: 'BOOL', shape: [], data_offsets: [112, 113] },
    })
    expect(Object.keys(tensors)).toEqual(['b', 'count', 'fit/w/m', 'w', 'seen'])
    expect(file.length).toBe(8 + length + 113)
  })

  test('brings back every bit', async () => {
    const model = await trained()
    const other = await load(wasm)
    expect(other.restore(model.save({ metadata: { epoch: '5' } }))).toMatchObject({ epoch: '5' })
    expect(other.save()).toEqual(model.save())
    expect([other.seed, other.steps, other.hyper.get('lr')]).toEqual([-3, 5, 0.25])
    for (let step = 0; step < 3; step++) expect(other.step('fit', toyData(8))).toEqual(model.step('fit', toyData(8)))
  })

  test('is read from a view at any place of a buffer', async () => {
    const file = (await trained()).save()
    const padded = new Uint8Array(file.length + 3)
    padded.set(file, 3)
    const model = await load(wasm)
    model.restore(padded.subarray(3))
    model.restore(file.buffer)
    expect(model.save()).toEqual(file)
  })

  test('is left as it is, also in a buffer of Node, whose slices are no copies', async () => {
    const first = await trained()
    const file = Buffer.from(first.save())
    const before = Uint8Array.from(file)
    const second = await load(wasm)
    second.restore(file)
    expect(Uint8Array.from(file)).toEqual(before)
  })

  test('without the optimizer holds parameters and states, and leaves the rest of a model alone', async () => {
    const model = await trained()
    const file = model.save({ optimizer: false })
    expect([...readSafetensors(file).tensors.keys()]).not.toContain('fit/w/m')
    const other = await load(wasm)
    expect(failure(() => other.restore(file))).toMatchInlineSnapshot(`
      {
        "code": "checkpoint-mismatch",
        "message": "the checkpoint does not fit the model: it lacks \`fit/w/m\`; it holds no optimizer, so restore it with { optimizer: false }",
      }
    `)
    other.restore(file, { optimizer: false })
    expect(other.parameters.get('w')).toEqual(model.parameters.get('w'))
    expect(other.variables.get('fit/w/m')).toEqual(new Float32Array(12))
    expect([other.seed, other.steps]).toEqual([7, 0])
    other.restore(model.save(), { optimizer: false })
    expect(other.variables.get('fit/w/m')).toEqual(new Float32Array(12))
  })

  test('of another model or shape is refused and changes nothing', async () => {
    const model = await trained()
    const before = model.save()
    const refusals = [
      altered(model, ({ tensors }) => tensors.delete('w')),
      altered(model, ({ tensors }) => tensors.set('extra', tensors.get('b')!)),
      altered(model, ({ tensors }) => tensors.set('w', { ...tensors.get('w')!, shape: [4, 3] })),
      altered(model, ({ tensors }) => tensors.set('w', { ...tensors.get('w')!, dtype: 'I32' })),
      altered(model, ({ metadata }) => Object.assign(metadata, { 'nnc.progress': '{"seed":1.5,"steps":0}' })),
      altered(model, ({ metadata }) => Object.assign(metadata, { 'nnc.progress': 'null' })),
      writeSafetensors({ tensors: new Map(), metadata: {} }),
      writeSafetensors({
        tensors: new Map([['h.0.attn.weight', { dtype: 'F16', shape: [2], bytes: new Uint8Array(4) }]]),
        metadata: {},
      }),
    ].map((file) => failure(() => model.restore(file)))
    expect(refusals).toMatchInlineSnapshot(`
      [
        {
          "code": "checkpoint-mismatch",
          "message": "the checkpoint does not fit the model: it lacks \`w\`; restore with { strict: false } to take what fits",
        },
        {
          "code": "checkpoint-mismatch",
          "message": "the checkpoint does not fit the model: the model has no \`extra\`; restore with { strict: false } to take what fits",
        },
        {
          "code": "checkpoint-mismatch",
          "message": "the checkpoint does not fit the model: \`w\` is F32[4, 3] in the checkpoint and F32[3, 4] in the model",
        },
        {
          "code": "checkpoint-mismatch",
          "message": "the checkpoint does not fit the model: \`w\` is I32[3, 4] in the checkpoint and F32[3, 4] in the model",
        },
        {
          "code": "damaged-checkpoint",
          "message": "this file cannot be read as a checkpoint: the progress in its metadata can't be understood",
        },
        {
          "code": "damaged-checkpoint",
          "message": "this file cannot be read as a checkpoint: the progress in its metadata can't be understood",
        },
        {
          "code": "foreign-checkpoint",
          "message": "this checkpoint belongs to another model: it holds no tensors, none of which is a variable of \`toy\`",
        },
        {
          "code": "foreign-checkpoint",
          "message": "this checkpoint belongs to another model: it holds \`h.0.attn.weight\`, none of which is a variable of \`toy\`",
        },
      ]
    `)
    expect(model.save()).toEqual(before)
  })

  test('is taken as far as it fits when asked to', async () => {
    const model = await trained()
    const other = await load(wasm)
    const b = other.parameters.get('b')
    const part = altered(model, ({ tensors }) => {
      tensors.set('extra', tensors.get('b')!)
      tensors.delete('b')
    })
    other.restore(part, { strict: false })
    expect(other.parameters.get('w')).toEqual(model.parameters.get('w'))
    expect(other.parameters.get('b')).toEqual(b)
    const wrong = altered(model, ({ tensors }) => tensors.set('w', { ...tensors.get('w')!, shape: [12] }))
    expect(failure(() => other.restore(wrong, { strict: false })).code).toBe('checkpoint-mismatch')
  })
})

describe('the reader of safetensors', () => {
  /** A file with this header and so many bytes of data. */
  function file(header: string, bytes: number, length = header.length): Uint8Array {
    const text = new TextEncoder().encode(header)
    const whole = new Uint8Array(8 + text.length + bytes)
    new DataView(whole.buffer).setBigUint64(0, BigInt(length), true)
    whole.set(text, 8)
    return whole
  }
  const entry = (dtype: string, shape: unknown, offsets: unknown): string =>
    JSON.stringify({ dtype, shape, data_offsets: offsets })

  test('accepts what the format allows', () => {
    const read = readSafetensors(
      file(
        `{"b":${entry('F16', [2], [4, 8])},"__proto__":${entry('U8', [4], [0, 4])},"e":${entry('F32', [0], [4, 4])}}   `,
        8,
      ),
    )
    expect([...read.tensors.keys()]).toEqual(['b', '__proto__', 'e'])
    expect(read.tensors.get('b')!.bytes).toHaveLength(4)
    expect(readSafetensors(file('{}', 0)).tensors.size).toBe(0)
  })

  test('refuses everything irregular', () => {
    const files: Record<string, Uint8Array> = {
      'nothing at all': new Uint8Array(0),
      'a text': new TextEncoder().encode('#!/bin/sh\necho this is no checkpoint\n'),
      'a header larger than allowed': file('{}', 0, 100_000_001),
      'a header beyond 2^53': file('{}', 0, 2 ** 60),
      'a header beyond the file': file('{}', 0, 3),
      'no JSON': file('{"a":', 0),
      'a list': file('[]', 0),
      'a leading space': file(' {}', 0),
      'a byte-order mark': file('\u{feff}{}', 0, 5),
      'a name twice': file(`{"a":${entry('U8', [1], [0, 1])},"\\u0061":${entry('U8', [1], [0, 1])}}`, 1),
      'metadata of numbers': file('{"__metadata__":{"a":1}}', 0),
      'an unknown dtype': file(`{"a":${entry('F128', [1], [0, 16])}}`, 16),
      'a dtype of every object': file(`{"a":${entry('toString', [1], [0, 1])}}`, 1),
      'a dtype in a list': file('{"a":{"dtype":["U8"],"shape":[1],"data_offsets":[0,1]}}', 1),
      'a negative size': file(`{"a":${entry('U8', [-1], [0, 1])}}`, 1),
      'a fractional size': file(`{"a":${entry('U8', [0.5, 2], [0, 1])}}`, 1),
      'a product that overflows': file(`{"a":${entry('U8', [2 ** 40, 2 ** 40, 0], [0, 0])}}`, 0),
      'a shape larger than its place': file(`{"a":${entry('F32', [2], [0, 4])}}`, 4),
      'a place beyond the file': file(`{"a":${entry('F32', [2], [0, 8])}}`, 4),
      'a gap': file(`{"a":${entry('U8', [1], [1, 2])}}`, 2),
      'an overlap': file(`{"a":${entry('U8', [2], [0, 2])},"b":${entry('U8', [2], [1, 3])}}`, 3),
      'bytes left over': file(`{"a":${entry('U8', [1], [0, 1])}}`, 2),
      'a key too many': file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"note":1}}`, 1),
      'no description': file('{"a":null}', 0),
      'invalid UTF-8': file('{"a":1}', 0).map((byte, index) => (index === 10 ? 0xff : byte)),
    }
    const messages = Object.entries(files).map(([name, bytes]) => {
      const { code, message } = failure(() => readSafetensors(bytes))
      expect(code).toBe('damaged-checkpoint')
      return `${name}: ${message.replace('this file cannot be read as a checkpoint: ', '')}`
    })
    expect(messages).toMatchInlineSnapshot(`
      [
        "nothing at all: 0 bytes are too few for a safetensors file",
        "a text: its header would have 8299974037164990000 bytes, so this is no safetensors file, or its first bytes are wrong",
        "a header larger than allowed: its header would have 100000001 bytes, so this is no safetensors file, or its first bytes are wrong",
        "a header beyond 2^53: its header would have 1152921504606847000 bytes, so this is no safetensors file, or its first bytes are wrong",
        "a header beyond the file: it is cut short within the header (10 bytes in all)",
        "no JSON: its header is not JSON in UTF-8",
        "a list: its header is no JSON object",
        "a leading space: its header is no JSON object",
        "a byte-order mark: its header is not JSON in UTF-8",
        "a name twice: its header names "\\u0061" twice",
        "metadata of numbers: its metadata is not made of strings",
        "an unknown dtype: tensor a has the unknown dtype "F128"",
        "a dtype of every object: tensor a has the unknown dtype "toString"",
        "a dtype in a list: tensor a has the unknown dtype ["U8"]",
        "a negative size: tensor a has no proper shape",
        "a fractional size: tensor a has no proper shape",
        "a product that overflows: tensor a has more elements than can be counted",
        "a shape larger than its place: tensor a, F32[2], does not fit its place, bytes 0 to 4",
        "a place beyond the file: tensor a, F32[2], does not fit its place, bytes 0 to 8",
        "a gap: the bytes of tensor a begin at 1, not at 0",
        "an overlap: the bytes of tensor b begin at 1, not at 2",
        "bytes left over: its tensors take 1 bytes, but 2 follow the header; it may be cut short",
        "a key too many: tensor a is not described by dtype, shape and data_offsets alone",
        "no description: tensor a has the unknown dtype undefined",
        "invalid UTF-8: its header is not JSON in UTF-8",
      ]
    `)
  })
})
