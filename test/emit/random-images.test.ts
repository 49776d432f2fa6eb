import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { compile } from '../../compiler/index.ts'
import { compileGraphs, difference } from './run-wasm.ts'

const IMAGES = 300
const HEIGHT = 5
const WIDTH = 6
const PLANE = HEIGHT * WIDTH

/** A step that keeps what a layer made of its input, and a prediction that goes through the layer as well. */
async function layered(layer: string) {
  const type = `f32[${IMAGES}, 2, ${HEIGHT}, ${WIDTH}]`
  const source = `model Seen(x: ${type}) -> ${type} {
  param gain: f32 = 1.0
  return gain * (x |> ${layer})
}
train fit(x: ${type}) {
  let y = Seen(x)
  loss mean(y ^ 2)
  state seen: ${type} = zeros
  update seen = y
  optimizer sgd(0.0)
}
`
  const { graphs, diagnostics } = await compile(source, { file: 'seen.nn', stopAfter: 'simplify' })
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  const named = (name: string) => graphs!.graphs.find((graph) => graph.name === name)!
  return { step: named('fit.step'), predict: named('Seen') }
}

/** Every pixel of an image is another number; the second channel is the first plus a hundred. */
const images = Float64Array.from({ length: IMAGES * 2 * PLANE }, (_, at) => (at % PLANE) + 1 + 100 * ((at / PLANE) & 1))
const environment = (seed: number, step: number) => ({
  dims: {},
  inputs: { x: images },
  hypers: {},
  variables: { gain: Float64Array.of(1), 'fit/step': Float64Array.of(0), 'fit/seen': new Float64Array(images.length) },
  seed,
  step,
})

describe.each([
  ['RandomShift(2)', 25],
  ['RandomHorizontalFlip', 2],
  ['RandomAffine(degrees = 20.0, translate = 0.1, scale = 0.2)', IMAGES],
])('%s', (layer, kinds) => {
  test('shows every image in a way of its own, all channels alike, others in another step', async () => {
    const { step } = await layered(layer)
    const seen = (at: number) =>
      Object.values(interpret(step, environment(3, at)).updates).find(({ data }) => data.length > 1)!.data
    const first = seen(1)
    expect(seen(1)).toEqual(first)
    expect(seen(2)).not.toEqual(first)
    const ways = new Set<string>()
    for (let image = 0; image < IMAGES; image++) {
      const pixels = first.slice(image * 2 * PLANE, image * 2 * PLANE + PLANE)
      ways.add(pixels.join())
      if (layer.startsWith('RandomAffine')) continue
      pixels.forEach((value, at) => {
        expect(first[(image * 2 + 1) * PLANE + at]).toBe(value === 0 ? 0 : value + 100)
      })
    }
    expect(ways.size).toBe(kinds)
  })

  test('leaves images as they are outside training', async () => {
    const { predict } = await layered(layer)
    expect(Object.values(interpret(predict, environment(3, 1)).outputs)[0]!.data).toEqual(images)
  })

  test('means the same in wasm', async () => {
    const { step } = await layered(layer)
    const runner = await compileGraphs([step])
    const here = environment(7, 4)
    expect(difference(runner.run(step, here), interpret(step, here))).toBeUndefined()
  })
})

test('a shift moves whole pixels and lets zeros in', async () => {
  const { step } = await layered('RandomShift(2)')
  const seen = Object.values(interpret(step, environment(3, 1)).updates).find(({ data }) => data.length > 1)!.data
  for (let image = 0; image < IMAGES; image++) {
    const pixels = seen.slice(image * 2 * PLANE, image * 2 * PLANE + PLANE)
    const corner = pixels.findIndex((value) => value > 0)
    const [down, across] = [Math.floor(corner / WIDTH), corner % WIDTH]
    const origin = pixels[corner]! - 1
    const [up, left] = [Math.floor(origin / WIDTH) - down, (origin % WIDTH) - across]
    expect(Math.max(Math.abs(up), Math.abs(left))).toBeLessThanOrEqual(2)
    pixels.forEach((value, at) => {
      const [row, column] = [Math.floor(at / WIDTH) + up, (at % WIDTH) + left]
      const inside = row >= 0 && row < HEIGHT && column >= 0 && column < WIDTH
      expect(value).toBe(inside ? row * WIDTH + column + 1 : 0)
    })
  }
})

test('a turn keeps what lies in the middle, and without its settings nothing moves', async () => {
  const turned = await layered('RandomAffine(degrees = 90.0)')
  const sum = (data: ArrayLike<number>): number => Array.from(data).reduce((total, value) => total + value, 0)
  const seen = (step: Parameters<typeof interpret>[0]) =>
    Object.values(interpret(step, environment(3, 1)).updates).find(({ data }) => data.length > 1)!.data
  expect(sum(seen(turned.step))).toBeLessThan(sum(images))
  const still = seen((await layered('RandomAffine')).step)
  still.forEach((value, at) => {
    expect(Math.abs(value - images[at]!)).toBeLessThan(1e-9)
  })
})
