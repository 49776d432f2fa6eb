import type { Manifest, ManifestSize, ManifestTensor } from '../../runtime/manifest.ts'
import { sealModule } from '../../runtime/seal.ts'

/**
 * A module written by hand in AssemblyScript that does what compiled ones do: softmax regression with momentum, noise
 * from (seed, step), states of each dtype, two run-time dimensions, and an entry that traps on demand.
 */
const source = `
const SEED: usize = 1024, STEP: usize = 1028, LR: usize = 1032, W: usize = 1040, B: usize = 1088
const COUNT: usize = 1104, SEEN: usize = 1108, M: usize = 1112

function noise(site: i32): f32 {
  let h = load<i32>(SEED) * 0x9e3779b1 + load<i32>(STEP) * 0x85ebca6b + site * 0xc2b2ae35
  h = (h ^ (h >>> 15)) * 0x2c1b3c6d
  h = (h ^ (h >>> 12)) * 0x297a2d39
  return f32((h ^ (h >>> 15)) >>> 8) / 16777216.0 - 0.5
}
export function init(): void {
  for (let i = 0; i < 12; i++) { store<f32>(W + 4 * i, noise(i)); store<f32>(M + 4 * i, 0) }
  for (let i = 0; i < 3; i++) store<f32>(B + 4 * i, 0)
  store<i32>(COUNT, 0); store<i32>(SEEN, 0)
}
function logits(x: usize, row: i32, c: i32): f32 {
  let sum = load<f32>(B + 4 * c)
  for (let i = 0; i < 4; i++) sum += load<f32>(x + 4 * (4 * row + i)) * load<f32>(W + 4 * (4 * c + i))
  return sum
}
function softmax(x: usize, row: i32, out: usize): i32 {
  let best = 0, total: f32 = 0
  for (let c = 0; c < 3; c++) if (logits(x, row, c) > logits(x, row, best)) best = c
  const top = logits(x, row, best)
  for (let c = 0; c < 3; c++) {
    const e = f32(Math.exp(logits(x, row, c) - top))
    total += e
    store<f32>(out + 4 * c, e)
  }
  for (let c = 0; c < 3; c++) store<f32>(out + 4 * c, load<f32>(out + 4 * c) / total)
  return best
}
function measure(batch: i32, x: usize, label: usize, train: bool): void {
  let loss: f32 = 0, right: f32 = 0
  const g: usize = 4096
  memory.fill(g, 0, 64)
  for (let row = 0; row < batch; row++) {
    const y = load<i32>(label + 4 * row)
    if (softmax(x, row, 4200) == y) right += 1
    loss -= f32(Math.log(load<f32>(4200 + 4 * y)))
    for (let c = 0; c < 3; c++) {
      const d = (load<f32>(4200 + 4 * c) - f32(c == y)) / f32(batch)
      for (let i = 0; i < 4; i++) store<f32>(g + 4 * (4 * c + i), load<f32>(g + 4 * (4 * c + i)) + d * load<f32>(x + 4 * (4 * row + i)))
      store<f32>(g + 48 + 4 * c, load<f32>(g + 48 + 4 * c) + d)
    }
  }
  store<f32>(2500, loss / f32(batch))
  store<f32>(2504, right / f32(batch))
  if (!train) return
  const lr = load<f32>(LR)
  for (let i = 0; i < 12; i++) {
    const m: f32 = 0.5 * load<f32>(M + 4 * i) + load<f32>(g + 4 * i) + 0.01 * noise(100 + i)
    store<f32>(M + 4 * i, m)
    store<f32>(W + 4 * i, load<f32>(W + 4 * i) - lr * m)
  }
  for (let c = 0; c < 3; c++) store<f32>(B + 4 * c, load<f32>(B + 4 * c) - lr * load<f32>(g + 48 + 4 * c))
  store<i32>(COUNT, load<i32>(COUNT) + batch)
  store<i32>(SEEN, 1)
  store<i32>(STEP, load<i32>(STEP) + 1)
}
export function fit_step(batch: i32): void { measure(batch, 2048, 2176, true) }
export function fit_evaluate(batch: i32): void { measure(batch, 2304, 2432, false) }
export function classify(batch: i32): void {
  for (let row = 0; row < batch; row++) store<i32>(2800 + 4 * row, softmax(2560, row, 2700 + 12 * row))
}
export function pair(batch: i32, time: i32): void {
  for (let row = 0; row < batch; row++) {
    let sum: f32 = 0
    for (let t = 0; t < time; t++) {
      const a = load<f32>(3000 + 4 * (row * time + t))
      if (a > 1000000) unreachable()
      sum += a * load<f32>(3128 + 4 * t) + load<f32>(3144 + 8 * row)
    }
    store<f32>(3216 + 4 * row, load<i32>(3248 + 4 * row) ? -sum : sum)
    store<i32>(3280 + 4 * row, sum > 0)
  }
}
`

function tensor(
  name: string,
  dtype: ManifestTensor['dtype'],
  shape: readonly ManifestSize[],
  offset: number,
  limit?: number,
): ManifestTensor {
  return { name, dtype, shape, offset, ...(limit === undefined ? {} : { limit }) }
}

const measures = [tensor('loss', 'f32', [], 2500), tensor('accuracy', 'f32', [], 2504)]

export const toyManifest: Manifest = {
  format: 'nnc',
  version: 2,
  compiler: '0.1.0',
  name: 'toy',
  build: 'plain',
  dims: [
    { name: 'Batch', minimum: 1, maximum: 8 },
    { name: 'Time', minimum: 2, maximum: 4 },
  ],
  entries: [
    { name: 'init', export: 'init', kind: 'init', dims: [], inputs: [], outputs: [] },
    {
      name: 'fit.step',
      export: 'fit_step',
      kind: 'step',
      dims: ['Batch'],
      inputs: [tensor('x', 'f32', ['Batch', 4], 2048), tensor('label', 'i32', ['Batch'], 2176, 3)],
      outputs: measures,
    },
    {
      name: 'fit.evaluate',
      export: 'fit_evaluate',
      kind: 'evaluate',
      dims: ['Batch'],
      inputs: [tensor('x', 'f32', ['Batch', 4], 2304), tensor('label', 'i32', ['Batch'], 2432, 3)],
      outputs: measures,
    },
    {
      name: 'classify',
      export: 'classify',
      kind: 'infer',
      dims: ['Batch'],
      inputs: [tensor('x', 'f32', ['Batch', 4], 2560)],
      outputs: [tensor('probability', 'f32', ['Batch', 3], 2700), tensor('class', 'i32', ['Batch'], 2800)],
    },
    {
      name: 'pair',
      export: 'pair',
      kind: 'infer',
      dims: ['Batch', 'Time'],
      inputs: [
        tensor('a', 'f32', ['Batch', 'Time'], 3000),
        tensor('b', 'f32', ['Time'], 3128),
        tensor('twice', 'f32', [['*', 'Batch', 2]], 3144),
        tensor('minus', 'bool', ['Batch'], 3248),
      ],
      outputs: [tensor('sum', 'f32', ['Batch'], 3216), tensor('positive', 'bool', ['Batch'], 3280)],
    },
  ],
  variables: [
    { name: 'w', kind: 'parameter', dtype: 'f32', shape: [3, 4], offset: 1040 },
    { name: 'b', kind: 'parameter', dtype: 'f32', shape: [3], offset: 1088 },
    { name: 'count', kind: 'state', dtype: 'i32', shape: [], offset: 1104 },
    { name: 'seen', kind: 'state', dtype: 'bool', shape: [], offset: 1108 },
    { name: 'fit/w/m', kind: 'optimizer', dtype: 'f32', shape: [3, 4], offset: 1112 },
  ],
  hypers: [{ name: 'lr', offset: 1032, default: 0.1, minimum: 0.001, maximum: 1, scale: 'log' }],
  trains: [
    {
      name: 'fit',
      step: 'fit.step',
      evaluate: 'fit.evaluate',
      batchDim: 'Batch',
      batch: 4,
      epochs: 3,
      seed: 7,
      metrics: [{ name: 'accuracy', over: 'batch', scalar: true }],
      totals: [],
    },
  ],
  seedOffset: 1024,
  stepOffset: 1028,
  memory: { variables: 136, inputs: 600, arena: 200, total: 65536 },
}

/** The module without a manifest. */
export async function compileToy(): Promise<Uint8Array<ArrayBuffer>> {
  const { default: asc } = await import('assemblyscript/asc')
  let wasm: Uint8Array<ArrayBuffer> | undefined
  const messages: string[] = []
  const { error } = await asc.main(
    [
      'toy.ts',
      '--runtime',
      'stub',
      '--use',
      'abort=',
      '--noAssert',
      '-O1',
      '--memoryBase',
      '32768',
      '--initialMemory',
      '1',
      '--outFile',
      'toy.wasm',
    ],
    {
      readFile: (name) => (name === 'toy.ts' ? source : null),
      writeFile: (_name, contents) => {
        if (typeof contents !== 'string') wasm = Uint8Array.from(contents)
      },
      listFiles: () => [],
      stderr: { write: (text: string | Uint8Array) => void messages.push(String(text)) },
    },
  )
  if (error || !wasm) throw new Error(`the toy module does not compile: ${messages.join('')}`)
  return wasm
}

/** The module as the compiler would hand it out. */
export async function buildToy(): Promise<Uint8Array<ArrayBuffer>> {
  return sealModule(await compileToy(), toyManifest)
}

/** Rows of three separable classes, the same on every call. */
export function toyData(rows: number): { x: Float32Array; label: Int32Array } {
  const x = new Float32Array(rows * 4)
  const label = new Int32Array(rows)
  for (let row = 0; row < rows; row++) {
    label[row] = row % 3
    for (let i = 0; i < 4; i++) x[row * 4 + i] = (i === row % 3 ? 1 : 0) + Math.sin(row * 12.9898 + i * 78.233) / 2
  }
  return { x, label }
}
