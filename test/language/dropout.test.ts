import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { compile } from '../../compiler/index.ts'

/** A step of training with `layer` behind a parameter of ones: its gradient is what the layer multiplies each element with. */
async function factorsOf(layer: string, shape: readonly number[], rate: number) {
  const type = `f32[${shape.join(', ')}]`
  const text = `model Net(x: ${type}) -> ${type} {
  param scale: ${type} = ones
  return (scale * x) |> ${layer}(${rate})
}
train fit(x: ${type}) {
  let y = Net(x)
  loss sum(y)
  metric mean = mean(y)
  metric square = mean(y * y)
  optimizer sgd(1.0)
}`
  const { graphs, diagnostics } = await compile(text, { file: 'dropout.nn', stopAfter: 'hoist' })
  expect(diagnostics).toEqual([])
  const graph = (name: string) => graphs!.graphs.find((candidate) => candidate.name === name)!
  const count = shape.reduce((product, size) => product * size, 1)
  // Pairs of a normal distribution, after Box and Muller, from evenly spread numbers.
  const x = Float64Array.from({ length: count }, (_, at) => {
    const [u, v] = [((at * 0.754877666) % 1) + 1e-9, (at * 0.569840291) % 1]
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v)
  })
  const variables = { scale: new Float64Array(count).fill(1), 'fit/step': [0] }
  const common = { dims: {}, inputs: { x }, variables, hypers: {}, seed: 3, step: 0 }
  const step = interpret(graph('fit.step'), common)
  const used = interpret(graph('Net'), common).outputs.output!.data
  const factors = Array.from(step.updates.scale!.data, (after, at) => (1 - after) / x[at]!)
  return { x, used, factors, mean: step.outputs.mean!.data[0]!, square: step.outputs.square!.data[0]! }
}

describe('dropout', () => {
  test('of channels drops or keeps each channel of each sample as a whole', async () => {
    const { factors, x, used } = await factorsOf('ChannelDropout', [40, 10, 3, 2], 0.25)
    const channels = Array.from({ length: 400 }, (_, at) => factors.slice(at * 6, at * 6 + 6))
    for (const channel of channels)
      for (const factor of channel) expect(factor).toBeCloseTo(channel[0]! > 0.5 ? 4 / 3 : 0, 9)
    const dropped = channels.filter(([first]) => first! < 0.5).length
    expect(dropped).toBeGreaterThan(70)
    expect(dropped).toBeLessThan(130)
    expect(used).toEqual(x)
  })

  test('of channels of planes is the same', async () => {
    const { factors } = await factorsOf('Dropout2d', [10, 10, 2, 2], 0.5)
    expect(new Set(factors.map((factor) => Math.round(factor * 1e6) / 1e6))).toEqual(new Set([0, 2]))
    for (let at = 0; at < factors.length; at += 4)
      expect(new Set(factors.slice(at, at + 4).map(Math.round)).size).toBe(1)
  })

  test('alpha dropout keeps mean and variance of a normal distribution', async () => {
    const rate = 0.2
    const { factors, x, used, mean, square } = await factorsOf('AlphaDropout', [200, 100], rate)
    const dropped = -1.7580993408473766
    const scale = ((1 - rate) * (1 + rate * dropped ** 2)) ** -0.5
    for (const factor of factors) expect(factor).toBeCloseTo(factor > scale / 2 ? scale : 0, 6)
    const share = factors.filter((factor) => factor < scale / 2).length / factors.length
    expect(share).toBeCloseTo(rate, 1)
    expect(mean).toBeCloseTo(0, 1)
    expect(square).toBeCloseTo(1, 1)
    expect(used).toEqual(x)
  })
})
