import { beforeAll, describe, expect, test } from 'vitest'
import { load, type Model } from '../../runtime/index.ts'
import { buildToy, toyData } from './toy-module.ts'

let wasm: Uint8Array<ArrayBuffer>
beforeAll(async () => {
  wasm = await buildToy()
}, 60_000)

/** Every bit that training can change. */
function bits(model: Model): number[] {
  return [model.seed, model.steps, ...model.variables.names.flatMap((name) => [...model.variables.get(name)])]
}

describe('a loaded model', () => {
  test('is initialised from the seed of the file, and anew from any other', async () => {
    const model = await load(wasm)
    expect([model.build, model.seed, model.steps]).toEqual(['plain', 7, 0])
    const first = bits(model)
    model.step('fit', toyData(4))
    expect(model.steps).toBe(1)
    model.init()
    expect(bits(model)).toEqual(first)
    model.init(8)
    expect(bits(model)).not.toEqual(first)
  })

  test('comes from a buffer, a view into one, a Response and a pair of builds', async () => {
    const padded = new Uint8Array(wasm.length + 7)
    padded.set(wasm, 3)
    const response = () => new Response(wasm, { headers: { 'content-type': 'application/wasm' } })
    const sources = [
      wasm.buffer,
      new DataView(padded.buffer, 3, wasm.length),
      response(),
      Promise.resolve(response()),
      { plain: () => wasm },
    ]
    for (const source of sources) expect((await load(source)).manifest.name).toBe('toy')
  })

  test('learns, and evaluating does not change it', async () => {
    const model = await load(wasm)
    const data = toyData(8)
    const before = model.evaluate('fit', data)
    const untouched = bits(model)
    model.evaluate('fit', data)
    expect(bits(model)).toEqual(untouched)
    expect(model.step('fit', data)).toEqual(before)
    for (let step = 0; step < 50; step++) model.step('fit', data)
    const after = model.evaluate('fit', data)
    expect(after.loss).toBeLessThan(before.loss)
    expect(after.accuracy).toBe(1)
  })

  test('takes the same rows in every form', async () => {
    const model = await load(wasm)
    const { x } = toyData(3)
    const rows = [0, 1, 2].map((row) => [...x.slice(row * 4, row * 4 + 4)])
    const expected = model.predict('classify', { x })
    expect(expected.probability!.shape).toEqual([3, 3])
    expect(expected.class!.data).toBeInstanceOf(Int32Array)
    for (const form of [[...x], rows, { data: x, shape: [3, 4] }, Float64Array.from(x)])
      expect(model.predict('classify', { x: form })).toEqual(expected)
  })

  test('takes batches of other sizes after each other, and refuses one it has no room for', async () => {
    const model = await load(wasm)
    const { x } = toyData(4)
    const shape = [4, 4]
    const [four, three] = [4, 3].map((rows) => model.predict('classify', { x: x.slice(0, 4 * rows) }))
    expect(model.predict('classify', { x: { data: x, shape } })).toEqual(four)
    // The same list with other numbers in it.
    shape.splice(0, 2, 2, 8)
    expect(() => model.predict('classify', { x: { data: x, shape } })).toThrow('axis 1 is 8, must be 4')
    expect(model.predict('classify', { x: x.slice(0, 12) })).toEqual(three)
    expect(model.predict('classify', { x })).toEqual(four)
    expect(() => model.predict('classify', { x: new Float32Array(13) })).toThrow('a multiple of 4')
    expect(() => model.predict('classify', { x: x.with(6, Number.POSITIVE_INFINITY) })).toThrow('at [1, 2] is Infinity')
    expect(model.predict('classify', { x: x.slice(0, 12) })).toEqual(three)
  })

  test('infers every run-time dimension from what is fed', async () => {
    const model = await load(wasm)
    const { sum, positive } = model.predict('pair', {
      a: [1, 2, 3, 4, 5, 6],
      b: [1, 10, 100],
      twice: [0, 9, -1000, 9],
      minus: [false, true],
    })
    expect(sum).toEqual({ data: Float32Array.of(321, 3000 - 654), shape: [2] })
    expect(positive).toEqual({ data: Uint8Array.of(1, 0), shape: [2] })
  })

  test('hands out copies', async () => {
    const model = await load(wasm)
    const first = model.predict('classify', { x: toyData(1).x })
    const kept = first.probability!.data.slice()
    first.probability!.data.fill(0)
    model.predict('classify', { x: toyData(8).x })
    expect(first.probability!.data).toEqual(new Float32Array(3))
    expect(model.predict('classify', { x: toyData(1).x }).probability!.data).toEqual(kept)
    model.parameters.get('w').fill(9)
    expect(model.parameters.get('w')).not.toContain(9)
  })

  test('gives typed access to variables and hypers', async () => {
    const model = await load(wasm)
    expect(model.parameters.names).toEqual(['w', 'b'])
    expect(model.variables.list()).toContainEqual({ name: 'fit/w/m', kind: 'optimizer', dtype: 'f32', shape: [3, 4] })
    model.parameters.set('b', [1, 2, 3])
    expect(model.parameters.get('b')).toEqual(Float32Array.of(1, 2, 3))
    model.variables.set('count', 5)
    expect(model.variables.get('count')).toEqual(Int32Array.of(5))
    model.variables.set('seen', true)
    expect(model.variables.get('seen')).toEqual(Uint8Array.of(1))
    expect(model.hyper.names).toEqual(['lr'])
    expect(model.hyper.get('lr')).toBe(0.1)
    model.hyper.set('lr', Math.PI / 10)
    expect(Math.fround(model.hyper.get('lr'))).toBe(Math.fround(Math.PI / 10))
    model.hyper.set('lr', 0.5)
    expect(model.hyper.get('lr')).toBe(0.5)
  })

  test('evaluates and predicts any number of rows, weighting the short batch', async () => {
    const model = await load(wasm)
    const data = toyData(21)
    const whole = model.evaluateAll('fit', data)
    let loss = 0
    for (let row = 0; row < 21; row++)
      loss += model.evaluate('fit', {
        x: data.x.slice(row * 4, row * 4 + 4),
        label: data.label.slice(row, row + 1),
      }).loss
    expect(whole.loss).toBeCloseTo(loss / 21, 5)
    expect(model.evaluateAll('fit', data, { batch: 2 }).loss).toBeCloseTo(whole.loss, 5)
    const { probability } = model.predictAll('classify', { x: data.x }, { batch: 5 })
    expect(probability!.shape).toEqual([21, 3])
    const last = model.predict('classify', { x: data.x.slice(80) }).probability!.data
    expect(probability!.data.slice(60)).toEqual(last)
    expect(model.predictAll('classify', { x: data.x.slice(0, 8) })).toEqual(
      model.predict('classify', { x: data.x.slice(0, 8) }),
    )
  })
})
