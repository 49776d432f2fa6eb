import { beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { load, type Model } from '../../runtime/index.ts'

const source = `
dim Past in 0..255
dim T in 1..64
const D = 8
model Attention(x: f32[Batch, T, D], keys: f32[Batch, Past, D], values: f32[Batch, Past, D])
  -> (y: f32[Batch, T, D], keys: f32[Batch, Past + T, D], values: f32[Batch, Past + T, D]) {
  let q = x |> q: Linear(D)
  let ks = concat([keys, x |> k: Linear(D)], axis = 1)
  let vs = concat([values, x |> v: Linear(D)], axis = 1)
  let score[b, i, j] = if j <= i + Past then sum[e](q[b, i, e] * ks[b, j, e]) / sqrt(D) else -inf
  let p = softmax(score)
  let y[b, i, e] = sum[j](p[b, i, j] * vs[b, j, e])
  return (y, ks, vs)
}
infer next(x: f32[Batch, T, D], keys: f32[Batch, Past, D], values: f32[Batch, Past, D])
  -> (y: f32[Batch, T, D], keys: f32[Batch, Past + T, D], values: f32[Batch, Past + T, D]) {
  return Attention(x, keys, values)
}
infer largest(rows: f32[Past, 3], scale: f32[T]) -> f32[3] {
  return max(rows, axis = 0) * sum(scale)
}
infer pairs(rows: f32[Past, T]) -> f32[T] {
  return sum(rows, axis = 0)
}
`
const D = 8
const BATCH = 2

let model: Model
beforeAll(async () => {
  const { modules, diagnostics } = await compile(source, { file: 'cache.nn', builds: ['plain'] })
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  model = await load(modules!.plain!)
  model.init(3)
})

const wave = (index: number): number => Math.sin(index * 1.7)

/** Positions from..to of a sequence in each row of the batch. */
function positions(from: number, to: number): { data: Float32Array; shape: number[] } {
  const data = Float32Array.from({ length: BATCH * (to - from) * D }, (_, at) => {
    const row = Math.floor(at / ((to - from) * D))
    return wave(1000 * row + from * D + (at % ((to - from) * D)))
  })
  return { data, shape: [BATCH, to - from, D] }
}

describe('axes of size zero', () => {
  test.each([[[1, 1, 1, 1, 1, 1]], [[1, 5]], [[3, 2, 1]], [[6]]])(
    'attention over a cache of keys and values, empty at first, in pieces of %j is the same as at once',
    (pieces) => {
      const none = { data: new Float32Array(0), shape: [BATCH, 0, D] }
      const whole = model.predict('next', { x: positions(0, 6), keys: none, values: none }).y!
      let [keys, values] = [none, none]
      let from = 0
      for (const piece of pieces) {
        const result = model.predict('next', { x: positions(from, from + piece), keys, values })
        expect(result.keys!.shape).toEqual([BATCH, from + piece, D])
        expect(result.y!.shape).toEqual([BATCH, piece, D])
        result.y!.data.forEach((value, at) => {
          const row = Math.floor(at / (piece * D))
          expect(value).toBeCloseTo(whole.data[row * 6 * D + from * D + (at % (piece * D))]!, 5)
        })
        keys = result.keys as typeof keys
        values = result.values as typeof values
        from += piece
      }
    },
  )

  test('inputs without elements are given flat, nested or with their shape', () => {
    const minusInfinity = Float32Array.of(-Infinity, -Infinity, -Infinity)
    for (const rows of [[], new Float32Array(0), { data: [], shape: [0, 3] }])
      expect(model.predict('largest', { rows, scale: [1] }).output!.data).toEqual(minusInfinity)
    const keys = [[], []]
    const { y } = model.predict('next', { x: positions(0, 2), keys, values: keys })
    expect(y!.shape).toEqual([BATCH, 2, D])
  })

  test('no elements do not say how many columns there are', () => {
    expect(() => model.predict('pairs', { rows: [] })).toThrow('do not say what Past and T are')
    expect(model.predict('pairs', { rows: { data: [], shape: [0, 4] } }).output!.data).toEqual(new Float32Array(4))
  })
})
