import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { load, type Model } from '../../runtime/index.ts'

/** Everything a checkpoint must carry: random numbers of the step, states of a layer, an optimizer, a hyper. */
const source = `
dim Batch in 1..64
hyper lr = 1e-2 in 1e-5..1e-1 log

model Net(x: f32[Batch, 6]) -> f32[Batch, 3] {
  return x |> fc1: Linear(17) |> norm: BatchNorm1d |> relu |> Dropout(0.3) |> fc2: Linear(3)
}
train fit(x: f32[Batch, 6], label: i32[Batch]) {
  let logits = Net(x)
  loss cross_entropy(logits, label)
  metric accuracy = accuracy(logits, label)
  optimizer adam(lr)
  batch 32  epochs 4  seed 11
}
infer classify(x: f32[Batch, 6]) -> f32[Batch, 3] {
  return softmax(Net(x))
}
`

let wasm: Uint8Array
beforeAll(async () => {
  const { modules, diagnostics } = await compile(source, { file: 'net.nn', builds: ['plain'] })
  expect(diagnostics).toEqual([])
  wasm = modules!.plain!
}, 120_000)

const rows = 150
const data = {
  x: Float32Array.from({ length: rows * 6 }, (_, i) => Math.sin(i * 12.9898) + ((i / 6) | 0) * 0.01 * ((i % 6) - 2)),
  label: Int32Array.from({ length: rows }, (_, row) => Math.min(2, Math.floor((3 * row) / rows))),
}

async function train(model: Model, epochs: number, startEpoch = 1): Promise<number[]> {
  const losses: number[] = []
  for await (const event of model.fit('fit', data, { epochs, startEpoch, progressEvery: 0 }))
    if (event.kind === 'step') losses.push(event.loss)
  return losses
}

describe('a compiled module', () => {
  test('learns, and the same seed gives the same bits twice', async () => {
    const model = await load(wasm)
    expect(model.seed).toBe(11)
    const before = model.evaluateAll('fit', data)
    const losses = await train(model, 30)
    expect(losses).toHaveLength(30 * 5)
    expect(model.steps).toBe(150)
    expect(model.evaluateAll('fit', data).loss).toBeLessThan(before.loss * 0.7)
    const again = await load(wasm)
    expect(await train(again, 30)).toEqual(losses)
    expect(again.save()).toEqual(model.save())
    again.init(12)
    expect(await train(again, 1)).not.toEqual(losses.slice(0, 5))
  })

  test('goes on from a checkpoint with the same bits', async () => {
    const straight = await load(wasm)
    straight.hyper.set('lr', 0.02)
    const losses = await train(straight, 4)
    const first = await load(wasm)
    first.hyper.set('lr', 0.02)
    const begun = await train(first, 2)
    const second = await load(wasm)
    second.init(99)
    second.restore(first.save())
    expect([...begun, ...(await train(second, 4, 3))]).toEqual(losses)
    expect(second.save()).toEqual(straight.save())
  })

  test('starts afresh after init, whatever came before', async () => {
    const model = await load(wasm)
    const fresh = model.save()
    await train(model, 1)
    expect(model.save()).not.toEqual(fresh)
    model.init()
    expect(model.save()).toEqual(fresh)
  })

  test('gives the same answers for any cut into batches', async () => {
    const model = await load(wasm)
    await train(model, 2)
    const whole = model.evaluateAll('fit', data)
    const all = model.predictAll('classify', { x: data.x })
    const [name] = Object.keys(all)
    for (const batch of [1, 3, 4, 7, 63, 64]) {
      const part = model.evaluateAll('fit', data, { batch })
      expect(part.loss).toBeCloseTo(whole.loss, 5)
      expect(part.accuracy as number).toBeCloseTo(whole.accuracy as number, 6)
      const { data: guess, shape } = model.predictAll('classify', { x: data.x }, { batch })[name!]!
      expect(shape).toEqual([rows, 3])
      const worst = Math.max(...Array.from(guess, (value, index) => Math.abs(value - all[name!]!.data[index]!)))
      expect(worst).toBeLessThan(1e-5)
    }
  })

  test('carries the states of its layers, which only training changes', async () => {
    const model = await load(wasm)
    expect(
      model.variables
        .list()
        .filter(({ kind }) => kind === 'state')
        .map(({ name }) => name),
    ).toEqual(['norm.running_mean', 'norm.running_var'])
    const initial = model.variables.get('norm.running_mean')
    model.evaluateAll('fit', data)
    expect(model.variables.get('norm.running_mean')).toEqual(initial)
    model.step('fit', { x: data.x.subarray(0, 60), label: data.label.subarray(0, 10) })
    expect(model.variables.get('norm.running_mean')).not.toEqual(initial)
  })

  test('knows how many classes a label may have', async () => {
    const model = await load(wasm)
    expect(() => model.step('fit', { x: [1, 2, 3, 4, 5, 6], label: [3] })).toThrow(
      'is 3, expected i32[Batch] from 0 to 2',
    )
  })
})

test.each(['xor', 'iris'])('the example %s compiles and learns four equal rows', async (name) => {
  const text = readFileSync(new URL(`../../examples/${name}/${name}.nn`, import.meta.url), 'utf8')
  const { modules, diagnostics } = await compile(text, { file: `${name}.nn`, builds: ['plain'] })
  expect(diagnostics).toEqual([])
  const model = await load(modules!.plain!)
  const entry = model.manifest.entries.find(({ kind }) => kind === 'step')!
  const inputs = Object.fromEntries(
    entry.inputs.map(({ name: input, dtype, shape }) => {
      const count = 4 * Number(shape[1] ?? 1)
      return [input, dtype === 'f32' ? new Float32Array(count).fill(1) : new Int32Array(count)]
    }),
  )
  const { loss } = model.step('fit', inputs)
  for (let step = 0; step < 20; step++) model.step('fit', inputs)
  expect(model.evaluate('fit', inputs).loss).toBeLessThan(loss)
})
