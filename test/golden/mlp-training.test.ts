import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { load } from '../../runtime/index.ts'

interface Golden {
  readonly batch: number
  readonly widths: readonly [number, number, number, number]
  readonly runs: Readonly<Record<string, { readonly losses: readonly number[]; readonly 'fc3.b': readonly number[] }>>
}

const golden: Golden = JSON.parse(readFileSync(new URL('./mlp-training.json', import.meta.url), 'utf8'))
const [inputs, , , classes] = golden.widths

/** The generator of mlp_training.py. */
function fill(stream: number, count: number, scale: number): Float32Array {
  const start = Math.imul(stream, 0x9e3779b1)
  return Float32Array.from({ length: count }, (_, position) => {
    let t = (start + Math.imul(position + 1, 0x6d2b79f5)) | 0
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (((t ^ (t >>> 14)) >>> 0) / 4294967296) * 2 * scale - scale
  })
}

function batch(step: number): { x: Float32Array; label: Int32Array } {
  const x = fill(1000 + step, golden.batch * inputs, 1.5)
  const label = Int32Array.from({ length: golden.batch }, (_, row) => {
    const sums = Array.from({ length: classes }, (_, c) =>
      Math.fround(x[row * inputs + 2 * c]! + x[row * inputs + 2 * c + 1]!),
    )
    return sums.indexOf(Math.max(...sums))
  })
  return { x, label }
}

function source(optimizer: string): string {
  const [, first, second] = golden.widths
  return `
model Net(x: f32[Batch, ${inputs}]) -> f32[Batch, ${classes}] {
  return x |> fc1: Linear(${first}) |> tanh |> fc2: Linear(${second}) |> gelu |> fc3: Linear(${classes})
}
train fit(x: f32[Batch, ${inputs}], label: i32[Batch]) {
  loss cross_entropy(Net(x), label)
  optimizer ${optimizer}
}
`
}

describe('a training run of 50 steps follows PyTorch within 1e-4', () => {
  test.each(Object.entries(golden.runs))('%s', async (optimizer, expected) => {
    const { modules, diagnostics } = await compile(source(optimizer), { file: 'net.nn', builds: ['plain'] })
    expect(diagnostics).toEqual([])
    const model = await load(modules!.plain!)
    model.init(1)
    golden.widths.slice(1).forEach((width, layer) => {
      const before = golden.widths[layer]!
      const scale = 1 / before ** 0.5
      model.parameters.set(`fc${layer + 1}.w`, fill(10 + 2 * layer, width * before, scale))
      model.parameters.set(`fc${layer + 1}.b`, fill(11 + 2 * layer, width, scale))
    })
    const losses = expected.losses.map((_, step) => model.step('fit', batch(step)).loss!)
    const worst = Math.max(...losses.map((loss, step) => Math.abs(loss / expected.losses[step]! - 1)))
    expect(worst, 'largest relative difference of a loss').toBeLessThan(1e-4)
    const bias = model.parameters.get('fc3.b')
    expected['fc3.b'].forEach((value, index) => {
      expect(Math.abs(bias[index]! - value)).toBeLessThan(1e-4)
    })
  })
})
