import { beforeAll, describe, expect, test } from 'vitest'
import { artifactFiles } from '../../cli/artifact/artifact.ts'
import { compile } from '../../compiler/index.ts'
import { connectWorker, load, type Model, ModelError, serveModel } from '../../runtime/index.ts'
import { type StoredTensor, writeSafetensors } from '../../runtime/safetensors.ts'
// @ts-expect-error: a plain script without types
import { bundleRuntime } from '../../scripts/bundle-runtime.mjs'

const source = `
model Net(x: f32[Batch, 3]) -> f32[Batch, 2] {
  param scale: f32 = 1.0
  param window: f32[2, 2, 3, 4] = zeros
  state seen: i32[2] = zeros
  state ready: bool[2] = zeros
  when training {
    update seen = seen + 1
    update ready = seen > 1
  }
  return (x |> fc: Linear(2) |> head: Linear(2)) * scale * sum(window)
}
train fit(x: f32[Batch, 3], y: f32[Batch, 2]) {
  loss mean_squared_error(Net(x), y)
  optimizer adam(lr = 0.1)
}
load Net from "base.safetensors" {
  map "layers.{i}.kernel" -> "{i}.w" transpose
  map "layers.{i}.bias" -> "{i}.b"
  map "conv" -> "window" transpose [3, 2, 0, 1]
  map "gain" -> "scale" reshape
  missing "head.b"
  unused "classifier.**"
}
`
let wasm: Uint8Array
beforeAll(async () => {
  const { modules, diagnostics } = await compile(source, { file: 'net.nn', builds: ['plain'] })
  expect(diagnostics).toEqual([])
  wasm = modules!.plain!
}, 120_000)

function tensor(dtype: string, shape: readonly number[], data: ArrayBufferView): StoredTensor {
  return { dtype, shape, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) }
}

/** 0, 1, 2, … in the shape, as F32. */
function counting(shape: readonly number[], first = 0): StoredTensor {
  const count = shape.reduce((product, size) => product * size, 1)
  return tensor(
    'F32',
    shape,
    Float32Array.from({ length: count }, (_, at) => first + at),
  )
}

const fitting: Readonly<Record<string, StoredTensor>> = {
  'layers.fc.kernel': counting([3, 2], 1),
  'layers.fc.bias': tensor('F64', [2], Float64Array.of(0.1, -2)),
  // 1, −2, 0.5, the smallest subnormal, in binary16
  'layers.head.kernel': tensor('F16', [2, 2], Uint16Array.of(0x3c00, 0xc000, 0x3800, 0x0001)),
  conv: counting([3, 4, 2, 2]),
  gain: tensor('BF16', [1], Uint16Array.of(0x4049)),
  seen: tensor('I64', [2], BigInt64Array.of(7n, -(2n ** 31n))),
  ready: tensor('BOOL', [2], Uint8Array.of(0, 1)),
  'classifier.out.weight': counting([5]),
}

function file(
  changes: Readonly<Record<string, StoredTensor | undefined>> = {},
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const tensors = Object.entries({ ...fitting, ...changes }).flatMap(([name, value]) =>
    value ? [[name, value] as const] : [],
  )
  return writeSafetensors({ tensors: new Map(tensors), metadata })
}

const values = (model: Model, name: string): number[] => [...model.variables.get(name)].map(Number)

test('tensors arrive under their names here, converted, transposed and reshaped', async () => {
  const model = await load(wasm)
  const before = values(model, 'head.b')
  const optimizer = values(model, 'fit/fc.w/m')
  model.loadPretrained(file())
  expect(values(model, 'fc.w')).toEqual([1, 3, 5, 2, 4, 6])
  expect(values(model, 'fc.b')).toEqual([Math.fround(0.1), -2])
  expect(values(model, 'head.w')).toEqual([1, 0.5, -2, 2 ** -24])
  expect(values(model, 'scale')).toEqual([3.140625])
  expect(values(model, 'seen')).toEqual([7, -(2 ** 31)])
  expect(values(model, 'ready')).toEqual([0, 1])
  expect(values(model, 'head.b')).toEqual(before)
  expect(values(model, 'fit/fc.w/m')).toEqual(optimizer)
  // window[o, c, i, j] = conv[i, j, c, o], as convolutions of TensorFlow are turned round
  const window = values(model, 'window')
  const expected: number[] = []
  for (const [a, b] of [0, 1].flatMap((o) => [0, 1].map((c) => [o, c] as const)))
    for (let i = 0; i < 3; i++) for (let j = 0; j < 4; j++) expected.push(((i * 4 + j) * 2 + b) * 2 + a)
  expect(window).toEqual(expected)
})

test('bytes at any place in memory, of one file by itself or by its name', async () => {
  const bytes = file()
  const shifted = new Uint8Array(bytes.length + 1)
  shifted.set(bytes, 1)
  const model = await load(wasm)
  model.loadPretrained({ 'base.safetensors': shifted.subarray(1) })
  expect(values(model, 'fc.w')).toEqual([1, 3, 5, 2, 4, 6])
  model.init()
  expect(values(model, 'fc.w')).not.toEqual([1, 3, 5, 2, 4, 6])
})

test('a checkpoint of nnc is read without its optimizer, and refused if damaged', async () => {
  const { modules } = await compile(
    'model Net(x: f32[Batch, 3]) -> f32[Batch, 2] {\n  return x |> fc: Linear(2)\n}\n' +
      'train fit(x: f32[Batch, 3], y: f32[Batch, 2]) {\n  loss mean_squared_error(Net(x), y)\n  optimizer adam(lr = 0.1)\n}\n' +
      'load Net from "earlier.safetensors"',
    { file: 'again.nn', builds: ['plain'] },
  )
  const first = await load(modules!.plain!)
  first.step('fit', { x: [[1, 2, 3]], y: [[1, 0]] })
  const saved = first.save()
  const second = await load(modules!.plain!)
  second.loadPretrained(saved)
  expect(values(second, 'fc.w')).toEqual(values(first, 'fc.w'))
  expect(values(second, 'fit/fc.w/m')).toEqual([0, 0, 0, 0, 0, 0])
  expect(second.steps).toBe(0)
  saved[saved.length - 1]! ^= 1
  expect(() => second.loadPretrained(saved)).toThrow('its checksum does not match')
})

test('two models from two files, of which none is written if one does not fit', async () => {
  const { modules } = await compile(
    'model Up(x: f32[Batch, 1]) -> f32[Batch, 2] {\n  return x |> fc: Linear(2, bias = false)\n}\n' +
      'model Down(x: f32[Batch, 2]) -> f32[Batch, 1] {\n  return x |> fc: Linear(1, bias = false)\n}\n' +
      'load Up from "up.safetensors"\nload Down from "down.safetensors" {\n  map "w" -> "fc.w"\n}',
    { file: 'two.nn', builds: ['plain'] },
  )
  const model = await load(modules!.plain!)
  expect(model.manifest.pretrained!.map(({ name, file }) => [name, file])).toEqual([
    ['Up', 'up.safetensors'],
    ['Down', 'down.safetensors'],
  ])
  const only = (name: string, stored: StoredTensor) =>
    writeSafetensors({ tensors: new Map([[name, stored]]), metadata: {} })
  const up = only('fc.w', counting([2, 1], 5))
  const before = values(model, 'Up.fc.w')
  expect(() => model.loadPretrained(up)).toThrow('nothing was given for "up.safetensors"')
  expect(() => model.loadPretrained({ 'up.safetensors': up, 'down.safetensors': only('w', counting([2, 1])) })).toThrow(
    '`Down.fc.w` is f32[1, 2], but the tensor `w` is F32[2, 1]',
  )
  expect(values(model, 'Up.fc.w')).toEqual(before)
  model.loadPretrained({ 'up.safetensors': up, 'down.safetensors': only('w', counting([1, 2], 7)) })
  expect([values(model, 'Up.fc.w'), values(model, 'Down.fc.w')]).toEqual([
    [5, 6],
    [7, 8],
  ])
})

test('in a worker, and in an artifact, which has the runtime inside', async () => {
  const { port1, port2 } = new MessageChannel()
  serveModel(() => load(wasm), port1)
  const remote = await connectWorker(port2)
  await remote.loadPretrained(file())
  expect([...(await remote.variables.get('fc.w'))]).toEqual([1, 3, 5, 2, 4, 6])
  remote.close()
  port1.close()

  const modules = { plain: wasm }
  const files = artifactFiles({
    manifest: (await load(wasm)).manifest,
    modules,
    runtime: bundleRuntime(),
    inline: true,
  })
  const { create } = await import(`data:text/javascript;base64,${Buffer.from(files.get('net.js')!).toString('base64')}`)
  const model: Model = await create()
  model.loadPretrained(file())
  expect(values(model, 'fc.w')).toEqual([1, 3, 5, 2, 4, 6])
})

describe('files that do not fit leave the model as it was:', () => {
  const cases: readonly (readonly [string, Uint8Array<ArrayBuffer>])[] = [
    ['a missing tensor', file({ seen: undefined, 'layers.fc.bias': undefined })],
    ['a shape, transposed', file({ 'layers.fc.kernel': counting([2, 3]) })],
    ['a shape of another rank', file({ 'layers.fc.bias': counting([2, 1]), conv: counting([3, 4, 4]) })],
    ['a reshape with other elements', file({ gain: counting([2]) })],
    ['a kind', file({ ready: counting([2]), seen: tensor('U8', [2], Uint8Array.of(1, 2)) })],
    ['an i64 beyond i32', file({ seen: tensor('I64', [2], BigInt64Array.of(1n, 2n ** 31n)) })],
    [
      'an f64 beyond f32',
      file({ 'layers.fc.bias': tensor('F64', [2], Float64Array.of(Number.POSITIVE_INFINITY, 1e39)) }),
    ],
    ['tensors nobody takes', file({ wte: counting([2]), wpe: counting([3]) })],
    ['an idle unused', file({ 'classifier.out.weight': undefined })],
  ]

  test('every message', async () => {
    const model = await load(wasm)
    const before = model.save()
    const messages = cases.map(([name, bytes]) => {
      try {
        model.loadPretrained(bytes)
      } catch (error) {
        if (error instanceof ModelError) return `${name}: ${error.code}: ${error.message}`
        throw error
      }
      return `${name}: nothing was refused`
    })
    expect(messages).toMatchInlineSnapshot(`
      [
        "a missing tensor: pretrained-mismatch: base.safetensors does not fit \`Net\`: there is no tensor \`seen\`; there is no tensor \`layers.fc.bias\` for \`fc.b\`",
        "a shape, transposed: pretrained-mismatch: base.safetensors does not fit \`Net\`: \`fc.w\` is f32[2, 3], but the tensor \`layers.fc.kernel\` is F32[2, 3], transposed [3, 2]",
        "a shape of another rank: pretrained-mismatch: base.safetensors does not fit \`Net\`: \`window\` is f32[2, 2, 3, 4], but the tensor \`conv\` is F32[3, 4, 4]; \`fc.b\` is f32[2], but the tensor \`layers.fc.bias\` is F32[2, 1]",
        "a reshape with other elements: pretrained-mismatch: base.safetensors does not fit \`Net\`: \`scale\` is f32, but the tensor \`gain\` is F32[2]",
        "a kind: pretrained-mismatch: base.safetensors does not fit \`Net\`: \`seen\` is i32[2], but the tensor \`seen\` is U8[2]; it can be made of I32, I64; \`ready\` is bool[2], but the tensor \`ready\` is F32[2]; it can be made of BOOL",
        "an i64 beyond i32: pretrained-mismatch: base.safetensors does not fit \`Net\`: \`seen\` is i32[2], but the tensor \`seen\` is I64[2] and has the element 2147483648, which i32 cannot hold",
        "an f64 beyond f32: pretrained-mismatch: base.safetensors does not fit \`Net\`: \`fc.b\` is f32[2], but the tensor \`layers.fc.bias\` is F64[2] and has the element 1e+39, which f32 cannot hold",
        "tensors nobody takes: pretrained-mismatch: base.safetensors does not fit \`Net\`: nothing in \`Net\` takes \`wpe\`, \`wte\`",
        "an idle unused: pretrained-mismatch: base.safetensors does not fit \`Net\`: \`unused "classifier.**"\` matches no tensor that is left over",
      ]
    `)
    expect(model.save()).toEqual(before)
  })

  test('what is no file at all', async () => {
    const model = await load(wasm)
    expect(() => model.loadPretrained({ 'bse.safetensors': file() })).toThrow(
      'nothing was given for "base.safetensors" instead of its bytes',
    )
    expect(() => model.loadPretrained(file().subarray(0, 100))).toThrow('cut short')
    const { modules } = await compile('model Net(x: f32[B, 2]) -> f32[B, 2] {\n  return x |> fc: Linear(2)\n}', {
      file: 'bare.nn',
      builds: ['plain'],
    })
    expect((await load(modules!.plain!)).manifest).not.toHaveProperty('pretrained')
    const bare = await load(modules!.plain!)
    expect(() => bare.loadPretrained(file())).toThrow('the model has no `load` block')
  })
})
