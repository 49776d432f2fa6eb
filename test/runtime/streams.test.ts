import { beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { load, type Model } from '../../runtime/index.ts'
import { streamOrder } from '../../runtime/shuffle.ts'

/** The metric `before` is the sum of all windows the block saw before this batch. */
const source = `
dim Batch in 1..8
model Scale(x: f32[Batch, 2]) -> f32[Batch, 2] {
  param gain: f32 = 1.0
  return gain * x
}
train fit(x: f32[Batch, 2]) {
  state seen: f32 = 3.0
  loss mean(Scale(x))
  metric before = seen
  update seen = seen + sum(x)
  optimizer sgd(0.0)
  batch 2 in streams  epochs 2  seed 1
}
train shuffled(x: f32[Batch, 2]) {
  loss mean(Scale(x))
  optimizer sgd(0.0)
  batch 2  epochs 1  seed 1
}
`

let model: Model
beforeAll(async () => {
  const { modules, diagnostics } = await compile(source, { file: 'streams.nn', builds: ['plain'] })
  expect(diagnostics).toEqual([])
  model = await load(modules!.plain!)
}, 60_000)

/** Seven windows of 0, 1, 2, …, 13. */
const text = Float32Array.from({ length: 14 }, (_, i) => i)
const windows = { data: text, shape: [7, 2], starts: [0, 2, 4, 6, 8, 10, 12] }

describe('streams', () => {
  test('row b of each batch follows row b of the batch before; what fills no step is left out', () => {
    expect([...streamOrder(7, 2)]).toEqual([0, 3, 1, 4, 2, 5])
    expect([...streamOrder(3, 3)]).toEqual([0, 1, 2])
  })

  test('a pass begins with the first values of the states and carries them', async () => {
    const losses: number[] = []
    for await (const event of model.fit('fit', { x: windows }, { progressEvery: 0 }))
      if (event.kind === 'step') losses.push(event.loss)
    // Batches are windows 0 and 3, 1 and 4, 2 and 5.
    const means = [0, 1, 6, 7].reduce((a, b) => a + b) / 4
    expect(losses).toEqual([means, means + 2, means + 4, means, means + 2, means + 4])
    expect(model.variables.get('fit/seen')[0]).toBe(3 + 66)
  })

  test('an evaluation carries the states from their first values on, and puts them back', () => {
    const { before } = model.evaluateAll('fit', { x: windows }, { batch: 2 })
    expect(before).toBeCloseTo((3 + (3 + 14) + (3 + 14 + 22)) / 3, 5)
    expect(model.variables.get('fit/seen')[0]).toBe(69)
    expect(model.evaluate('fit', { x: [[1, 2]] }).before).toBe(69)
    expect(model.variables.get('fit/seen')[0]).toBe(69)
  })

  test('too few rows for the streams', () => {
    expect(() => model.fit('fit', { x: windows }, { batch: 8 })).toThrow(
      /takes its batches in 8 streams, but there are 7/,
    )
  })
})

describe('rows that begin anywhere', () => {
  test('overlap, and are what copies of them would be', () => {
    const overlapping = { data: text, shape: [3, 2], starts: Int32Array.of(5, 4, 5) }
    const copied = Float32Array.of(5, 6, 4, 5, 5, 6)
    expect(model.predict('Scale', { x: overlapping })).toEqual(model.predict('Scale', { x: copied }))
    expect(model.predictAll('Scale', { x: overlapping }, { batch: 2 })).toEqual(model.predict('Scale', { x: copied }))
    expect(model.evaluateAll('shuffled', { x: overlapping })).toEqual(model.evaluateAll('shuffled', { x: copied }))
  })

  test.each([
    [[0, 13, 2], /row 1 begins at 13 and has 2 elements, but the data has 14/],
    [[0, 1], /needs one start for each of its 3 rows/],
    [[0, 1, 0.5], /row 2 begins at 0.5/],
  ])('starts %j', (starts, message) => {
    expect(() => model.predictAll('Scale', { x: { data: text, shape: [3, 2], starts } })).toThrow(message)
  })
})
