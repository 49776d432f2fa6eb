import { beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { load, type Model } from '../../runtime/index.ts'

const source = `
model Line(x: f32[Batch, 2]) -> f32[Batch] {
  param w: f32[2] = ones
  param b: f32 = 0.0
  return x @ w + b
}
train fit(x: f32[Batch, 2], y: f32[Batch]) {
  loss mean_squared_error(Line(x), y)
  optimizer adam(lr = 0.1)
  average ema(0.9)
}
`
const data = { x: Float32Array.of(1, 2, -1, 0.5, 3, -2), y: Float32Array.of(1, 0, 2) }

let wasm: Uint8Array
beforeAll(async () => {
  const { modules, diagnostics } = await compile(source, { file: 'line.nn', builds: ['plain'] })
  expect(diagnostics).toEqual([])
  wasm = modules!.plain!
})

async function trained(steps: number): Promise<Model> {
  const model = await load(wasm)
  model.init(1)
  for (let step = 0; step < steps; step++) model.step('fit', data)
  return model
}

/** The mean squared error of a line, in f64. */
function lossOf(model: Model): number {
  const [w0, w1] = model.parameters.get('w') as Float32Array
  const [b] = model.parameters.get('b') as Float32Array
  const errors = [0, 1, 2].map((row) => data.x[2 * row]! * w0! + data.x[2 * row + 1]! * w1! + b! - data.y[row]!)
  return errors.reduce((sum, error) => sum + error * error, 0) / 3
}

describe('averaged parameters', () => {
  test('are what evaluation uses, and not what the step computes with', async () => {
    const model = await trained(8)
    expect(model.evaluate('fit', data).loss).toBeCloseTo(lossOf(model), 5)
    expect(Math.abs(model.step('fit', data).loss! - lossOf(await trained(8)))).toBeGreaterThan(1e-3)
  })

  test('a file without the optimizer has them, and training goes on from them', async () => {
    const model = await trained(8)
    const other = await load(wasm)
    other.restore(model.save({ optimizer: false }), { optimizer: false })
    expect(other.evaluate('fit', data)).toEqual(model.evaluate('fit', data))
    expect(other.step('fit', data).loss).toBeCloseTo(lossOf(model), 5)
  })

  test('a checkpoint goes on to the same bits', async () => {
    const model = await trained(5)
    const other = await load(wasm)
    other.restore(model.save())
    for (let step = 0; step < 4; step++) expect(other.step('fit', data)).toEqual(model.step('fit', data))
    expect(other.save()).toEqual(model.save())
  })
})
