import { beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { load, type Model } from '../../runtime/index.ts'

/** Two models that train against each other, and train blocks on one model with groups, schedules and accumulation. */
const source = `
dim Batch in 1..64

model Generator(z: f32[Batch, 2]) -> f32[Batch, 2] {
  return z |> fc1: Linear(4) |> tanh |> fc2: Linear(2)
}
model Critic(x: f32[Batch, 2]) -> f32[Batch, 1] {
  return x |> fc1: Linear(4) |> tanh |> fc2: Linear(1)
}
model Line(x: f32[Batch, 2]) -> f32[Batch] {
  param w: f32[2] = ones
  param b: f32 = 0.0
  return x @ w + b
}
train critic(real: f32[Batch, 2], z: f32[Batch, 2]) {
  let fake = stop_gradient(Generator(z))
  loss binary_cross_entropy(Critic(real), ones_like(Critic(real))) + binary_cross_entropy(Critic(fake), zeros_like(Critic(fake)))
  optimizer adam(lr = 0.01)
}
train generator(z: f32[Batch, 2]) {
  let verdict = Critic(Generator(z))
  loss binary_cross_entropy(verdict, ones_like(verdict))
  freeze "Critic.**"
  optimizer sgd(lr = 0.1)
}
train scheduled(x: f32[Batch, 2], y: f32[Batch]) {
  loss mean_squared_error(Line(x), y)
  metric rate = 0.1 * linear_warmup(step, 4)
  metric count = step
  optimizer sgd(lr = 0.1 * linear_warmup(step, 4))
}
train grouped(x: f32[Batch, 2], y: f32[Batch]) {
  loss mean_squared_error(Line(x), y)
  optimizer sgd(lr = 0.1)
  optimizer sgd(lr = 0.5) for "**.b"
}
train whole(x: f32[Batch, 2], y: f32[Batch]) {
  loss mean_squared_error(Line(x), y)
  optimizer adam(lr = 0.1)
  clip global_norm(0.5)
}
train parts(x: f32[Batch, 2], y: f32[Batch]) {
  loss mean_squared_error(Line(x), y)
  metric count = step
  optimizer adam(lr = 0.1)
  clip global_norm(0.5)
  batch 2  accumulate 3
}
`

let wasm: Uint8Array
beforeAll(async () => {
  const { modules, diagnostics } = await compile(source, { file: 'blocks.nn', builds: ['plain'] })
  expect(diagnostics).toEqual([])
  wasm = modules!.plain!
}, 120_000)

const x = Float32Array.of(1, 2, -1, 0.5, 0.25, -2, 3, 1, -0.5, -1, 2, 0)
const y = Float32Array.of(1, -1, 0.5, 2, 0, 1)
const z = Float32Array.of(0.1, -0.3, 0.8, 0.2, -0.6, 0.4)

const values = (model: Model, prefix: string): Record<string, number[]> =>
  Object.fromEntries(
    model.variables.names
      .filter((name) => name.startsWith(prefix))
      .map((name) => [name, [...model.variables.get(name)]]),
  )

const expectClose = (actual: readonly number[], expected: readonly number[]): void => {
  expect(actual).toHaveLength(expected.length)
  for (const [at, value] of expected.entries()) expect(actual[at]).toBeCloseTo(value, 5)
}

describe('several train blocks in one module', () => {
  test('each changes its own model only, with its own optimizer memory', async () => {
    const model = await load(wasm)
    const first = { generator: values(model, 'Generator.'), critic: values(model, 'Critic.') }
    model.step('critic', { real: x.subarray(0, 6), z })
    const second = { generator: values(model, 'Generator.'), critic: values(model, 'Critic.') }
    expect(second.generator).toEqual(first.generator)
    expect(second.critic).not.toEqual(first.critic)
    model.step('generator', { z })
    expect(values(model, 'Critic.')).toEqual(second.critic)
    expect(values(model, 'Generator.')).not.toEqual(first.generator)
    expect(Object.keys(values(model, 'critic/')).filter((name) => name.includes('Generator'))).toEqual([])
    expect(Object.keys(values(model, 'generator/'))).toEqual(['generator/step'])
    // Each counts its own steps.
    expect(model.variables.get('critic/step')).toEqual(Int32Array.of(1))
    expect(model.variables.get('scheduled/step')).toEqual(Int32Array.of(0))
  })

  test('they train against each other', async () => {
    const model = await load(wasm)
    const real = Float32Array.from({ length: 64 }, (_, at) => (at % 2 === 0 ? 2 : -1) + 0.1 * Math.sin(at))
    const noise = Float32Array.from({ length: 64 }, (_, at) => Math.sin(7.1 * at))
    for (let round = 0; round < 60; round++) {
      const before = model.evaluate('critic', { real, z: noise }).loss
      const { loss } = model.step('critic', { real, z: noise })
      expect(loss).toBeCloseTo(before, 5)
      model.step('generator', { z: noise })
    }
    expect(Object.values(values(model, '')).flat().every(Number.isFinite)).toBe(true)
  })
})

describe('step', () => {
  test('counts from 1 in the optimizer’s settings, and is the number of updates in an evaluation', async () => {
    const model = await load(wasm)
    let w = [1, 1]
    for (const step of [1, 2, 3, 4, 5, 6]) {
      const errors = [...y].map((target, row) => x[2 * row]! * w[0]! + x[2 * row + 1]! * w[1]! + bias(model) - target)
      const slopes = [0, 1].map((c) => errors.reduce((sum, error, row) => sum + (error * x[2 * row + c]!) / 3, 0))
      expect(model.evaluate('scheduled', { x, y }).count).toBe(step - 1)
      const result = model.step('scheduled', { x, y })
      expect(result.count).toBe(step)
      expect(result.rate).toBeCloseTo(0.1 * Math.min(1, step / 4), 6)
      w = w.map((value, c) => value - 0.1 * Math.min(1, step / 4) * slopes[c]!)
      expectClose([...model.variables.get('Line.w')], w)
    }
  })
})

const bias = (model: Model): number => model.variables.get('Line.b')[0]!

test('a parameter group has its own settings', async () => {
  const model = await load(wasm)
  model.step('grouped', { x, y })
  const errors = [...y].map((target, row) => x[2 * row]! + x[2 * row + 1]! - target)
  expect(bias(model)).toBeCloseTo(-0.5 * errors.reduce((sum, error) => sum + error / 3, 0), 5)
  expectClose(
    [...model.variables.get('Line.w')],
    [0, 1].map((c) => 1 - 0.1 * errors.reduce((sum, error, row) => sum + (error * x[2 * row + c]!) / 3, 0)),
  )
})

describe('accumulate', () => {
  const part = (at: number) => ({ x: x.subarray(4 * at, 4 * at + 4), y: y.subarray(2 * at, 2 * at + 2) })

  test('a group of steps makes one update, that of all its examples at once', async () => {
    const [whole, parts] = [await load(wasm), await load(wasm)]
    for (let update = 1; update <= 3; update++) {
      whole.step('whole', { x, y })
      const before = values(parts, 'Line.')
      for (const at of [0, 1]) {
        expect(parts.step('parts', part(at)).count).toBe(update)
        expect(values(parts, 'Line.')).toEqual(before)
        expect(parts.variables.get('parts/step')).toEqual(Int32Array.of(update - 1))
      }
      parts.step('parts', part(2))
      expectClose([...parts.variables.get('Line.w')], [...whole.variables.get('Line.w')])
      expect(bias(parts)).toBeCloseTo(bias(whole), 5)
      expectClose([...parts.variables.get('parts/Line.w/v')], [...whole.variables.get('whole/Line.w/v')])
    }
  })

  test('a group that an epoch leaves incomplete goes on in the next, and in a checkpoint', async () => {
    const [straight, resumed] = [await load(wasm), await load(wasm)]
    const data = { x, y }
    const run = async (model: Model, epochs: number, startEpoch = 1): Promise<void> => {
      for await (const _ of model.fit('parts', data, { batch: 4, epochs, startEpoch }));
    }
    // Two steps an epoch: after two epochs one update and one step of the next group.
    await run(straight, 2)
    expect(straight.variables.get('parts/step')).toEqual(Int32Array.of(1))
    expect(straight.variables.get('parts/step.part')).toEqual(Int32Array.of(1))
    await run(straight, 3, 3)
    await run(resumed, 2)
    const again = await load(wasm)
    again.restore(resumed.save())
    await run(again, 3, 3)
    expect(again.save()).toEqual(straight.save())
    expect(again.variables.get('parts/step')).toEqual(Int32Array.of(2))
    expect(again.variables.get('parts/step.part')).toEqual(Int32Array.of(0))
  })
})
