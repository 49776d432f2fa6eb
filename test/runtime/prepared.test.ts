import { beforeAll, describe, expect, test } from 'vitest'
import { everyCall, type Program } from '../../compiler/5-fuse/program.ts'
import { assemble } from '../../compiler/6-emit/assemble.ts'
import { emit } from '../../compiler/6-emit/emit.ts'
import { kernelLibrary } from '../../compiler/generated/library.ts'
import { compile, renderDiagnostics } from '../../compiler/index.ts'
import { load, type Model } from '../../runtime/index.ts'
import { writeSafetensors } from '../../runtime/safetensors.ts'

/** What a prediction computes from weights alone, in every way there is: filters, packed matrices, what the file says, numbers. */
const source = `
dim Batch in 1..5
layer Adapted(Rank)(x: f32[B, In]) -> f32[B, 20] {
  param w: f32[20, In] = normal(std = 0.3)
  param down: f32[20, Rank] = normal(std = 0.3)
  param up: f32[Rank, In] = normal(std = 0.3)
  param scale: f32[20] = zeros
  let y = x @ transpose(w + down @ up) * exp(scale)
  let waved[b, i] = y[b, i] + sin(0.3 * i)
  return waved
}
model Net(x: f32[Batch, 4, 12, 12]) -> f32[Batch, 20] {
  return x |> c1: Conv(8, 3) |> n1: BatchNorm |> relu |> MaxPool(2) |> c2: Conv(12, 3) |> relu |> MaxPool(2)
    |> flatten(from = 1) |> fc: Linear(16) |> relu |> adapted: Adapted(3)
}
train fit(x: f32[Batch, 4, 12, 12], y: f32[Batch, 20]) {
  loss mean_squared_error(Net(x), y)
  penalty l2(1e-3)
  optimizer sgd(0.05)
}
infer features(x: f32[Batch, 4, 12, 12]) -> f32[Batch, 20] { return tanh(Net(x)) }
load Net from "base.safetensors"
`

/** Without pattern, in −1..1. */
function numbers(count: number, key: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => Math.sin((index + 1) * 12.9898 + key * 78.233))
}

const rows = (count: number, key = 1) => ({ x: numbers(count * 576, key) })
const batch = (count: number, key = 1) => ({ ...rows(count, key), y: numbers(count * 20, key + 1) })

let program: Program
let alone: Uint8Array
let shared: Uint8Array
beforeAll(async () => {
  const compilation = await compile(source, { file: 'net.nn', builds: ['plain'] })
  expect(renderDiagnostics(compilation.diagnostics, compilation.sources)).toBe('')
  program = compilation.program!
  alone = compilation.modules!.plain!
  const emission = emit(program, { threads: 'always' })
  const manifest = emission.manifest('plain-threads')
  const { wasm } = await assemble(emission.source, {
    build: 'plain-threads',
    manifest,
    kernels: kernelLibrary,
    constants: emission.constants,
    memoryBytes: manifest.threads!.privateOffset,
  })
  shared = wasm
}, 120_000)

/** What all that reads parameters gives, at several sizes. */
function results(model: Model): unknown {
  return [1, 5, 2].map((count) => [
    model.predict('Net', rows(count)),
    model.predict('features', rows(count)),
    model.evaluate('fit', batch(count)),
  ])
}

/** A module with the same variables that has never prepared anything else. */
async function copyOf(model: Model): Promise<Model> {
  const other = await load(alone)
  other.restore(model.save())
  return other
}

async function afresh(model: Model): Promise<unknown> {
  return results(await copyOf(model))
}

test('filters, packed weights, products of weights and numbers alone are prepared', () => {
  const kinds = program.preparations.flatMap(({ calls }) => everyCall(calls).map(({ kind }) => kind))
  expect(new Set(kinds)).toEqual(new Set(['filters', 'pack', 'product', 'kernel']))
  for (const { kind, prepared, outdates } of program.entries) {
    if (kind === 'infer') expect(prepared.length).toBeGreaterThan(1)
    if (kind === 'step' || kind === 'init') expect(outdates.length).toBeGreaterThan(1)
    if (kind === 'step' || kind === 'init') expect(prepared).toEqual([])
  }
})

test('nothing is kept where the memory of a module does not hold it', async () => {
  const preparations = async (width: number): Promise<number> => {
    const wide = `model Net(x: f32[Batch, ${width}]) -> f32[Batch, ${width}] { return x |> deep: repeat(3) Linear(${width}) }`
    const { program, diagnostics } = await compile(wide, { file: 'wide.nn', stopAfter: 'fuse' })
    expect(diagnostics).toEqual([])
    return program!.preparations.length
  }
  expect([await preparations(64), await preparations(16_000)]).toEqual([1, 0])
})

describe('no value is out of date', () => {
  test('between training and predicting', async () => {
    const model = await load(alone)
    for (let round = 0; round < 3; round++) {
      expect(results(model)).toEqual(await afresh(model))
      model.step('fit', batch(3, round))
    }
    const before = results(model)
    model.init(7)
    expect(results(model)).not.toEqual(before)
    expect(results(model)).toEqual(await afresh(model))
  })

  test('after one parameter or state was set', async () => {
    const model = await load(alone)
    for (const { name, kind } of model.variables.list()) {
      if (kind === 'optimizer') continue
      const before = results(model)
      model.variables.set(
        name,
        (model.variables.get(name) as Float32Array).map((value) => value + 0.5),
      )
      expect(results(model), name).not.toEqual(before)
      expect(results(model), name).toEqual(await afresh(model))
    }
  })

  test('after a checkpoint, pretrained values, and the best epoch were put back', async () => {
    const model = await load(alone)
    const first = results(model)
    const checkpoint = model.save()
    const tensors = Object.fromEntries(
      model.variables.list().flatMap(({ name, shape, kind }) => {
        if (kind === 'optimizer') return []
        const { buffer } = model.variables.get(name).map((value) => 0.5 * value)
        return [[name, { dtype: 'F32', shape, bytes: new Uint8Array(buffer as ArrayBuffer) }]]
      }),
    )
    model.loadPretrained(writeSafetensors({ tensors: new Map(Object.entries(tensors)), metadata: {} }))
    expect(results(model)).not.toEqual(first)
    expect(results(model)).toEqual(await afresh(model))
    model.restore(checkpoint)
    expect(results(model)).toEqual(first)
    const data = batch(10)
    const seen: unknown[] = []
    for await (const event of model.fit('fit', data, {
      epochs: 4,
      batch: 5,
      valid: batch(5, 9),
      stop: { part: 'valid', metric: 'loss', epochs: 9, better: 'higher' },
      restoreBest: true,
    }))
      if (event.kind === 'epoch') seen.push(results(model))
    expect(results(model)).toEqual(await afresh(model))
    expect(seen).toContainEqual(results(model))
  })

  test('on several threads, with the same bits', async () => {
    const expected = await load(alone)
    const models = await Promise.all([1, 2, 3].map((threads) => load(shared, { threads })))
    for (let round = 0; round < 3; round++) {
      const wanted = await afresh(expected)
      expect(results(expected)).toEqual(wanted)
      for (const model of models) expect(results(model)).toEqual(wanted)
      expected.step('fit', batch(4, round))
      for (const model of models) model.step('fit', batch(4, round))
    }
    for (const model of models) {
      model.parameters.set('c1.w', numbers(288, 3))
      expect(results(model)).toEqual(await afresh(model))
      model.close()
    }
  })

  test('where a host drives the module itself', async () => {
    const model = await load(alone)
    const { manifest } = model
    const { exports } = await WebAssembly.instantiate(await WebAssembly.compile(new Uint8Array(alone)))
    const { buffer } = exports.memory as WebAssembly.Memory
    const call = (name: string, ...sizes: number[]): void => {
      const entry = manifest.entries.find((own) => own.name === name)!
      ;(exports[entry.export] as (...sizes: number[]) => void)(...sizes)
    }
    const predicted = (): Float32Array => {
      const { inputs, outputs } = manifest.entries.find(({ name }) => name === 'Net')!
      new Float32Array(buffer, inputs[0]!.offset, 2 * 576).set(rows(2).x)
      call('Net', 2)
      return new Float32Array(buffer, outputs[0]!.offset, 40).slice()
    }
    for (const entry of manifest.entries) if (entry.kind === 'init') call(entry.name)
    for (let round = 0; round < 3; round++) {
      expect(predicted()).toEqual((await copyOf(model)).predict('Net', rows(2)).output!.data)
      const step = manifest.entries.find(({ kind }) => kind === 'step')!
      for (const { name, offset } of step.inputs) new Float32Array(buffer, offset).set(batch(3)[name as 'x' | 'y'])
      call('fit.step', 3)
      model.step('fit', batch(3))
    }
    // What it writes itself it says so.
    const { offset, count } = manifest.prepared!
    const weight = manifest.variables.find(({ name }) => name === 'c1.w')!
    new Float32Array(buffer, weight.offset, 288).set(numbers(288, 3))
    new Int32Array(buffer, offset, count).fill(0)
    model.parameters.set('c1.w', numbers(288, 3))
    expect(predicted()).toEqual((await copyOf(model)).predict('Net', rows(2)).output!.data)
  })
})
