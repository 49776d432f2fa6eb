/** The wide build orders the relaxed build's arithmetic in pairs of vectors: every bit is the same, with one thread and with two. */
import { setFlagsFromString } from 'node:v8'
import { beforeAll, expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { simdOf } from '../../runtime/builds.ts'
import type { BuildName } from '../../runtime/index.ts'
import { load } from '../../runtime/index.ts'

// Node 20 has relaxed SIMD behind a flag.
setFlagsFromString('--experimental-wasm-relaxed-simd')

const source = `
dim Batch in 1..6
model Net(x: f32[Batch, 2, 11, 29]) -> f32[Batch, 7] {
  return x |> long: Conv2d(5, 3, padding = 1) |> relu |> halved: Conv2d(6, 3, stride = 2, padding = 1) |> relu |> same: Conv2d(9, 3, padding = 1) |> relu
    |> thirds: Conv2d(3, 3, stride = 3) |> relu |> flatten(from = 1)
    |> hidden: Linear(91) |> norm: LayerNorm |> gelu |> out: Linear(7)
}
train fit(x: f32[Batch, 2, 11, 29], y: i32[Batch]) {
  loss cross_entropy(Net(x), y)
  optimizer adam(lr = 0.01)
}
model Sequence(ids: i32[Batch, 5]) -> f32[Batch, 5, 21] {
  return ids |> embed: Embedding(6, 13) |> gru: Gru(21)
}
`
const builds = ['relaxed', 'wide', 'wide-threads'] as const
let modules: Partial<Record<BuildName, Uint8Array>>

beforeAll(async () => {
  const compilation = await compile(source, { file: 'wide.nn', builds })
  expect(compilation.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  modules = compilation.modules!
}, 120_000)

async function bitsOf(build: (typeof builds)[number]): Promise<Float32Array[]> {
  const threads = build === 'wide-threads' ? 2 : 1
  const model = await load(new Uint8Array(modules[build]!), { build: simdOf(build), threads })
  expect([model.build, model.threads]).toEqual([build, threads])
  for (const rows of [6, 1, 5]) {
    const x = Float32Array.from({ length: rows * 2 * 11 * 29 }, (_, at) => Math.sin(at))
    model.step('fit', { x, y: Int32Array.from({ length: rows }, (_, row) => row) })
  }
  const sequence = model.predict('Sequence', { ids: Int32Array.from({ length: 15 }, (_, at) => at % 6) })
  const bits = model.variables.list().map(({ name }) => Float32Array.from(model.variables.get(name)))
  model.close()
  return [...bits, Object.values(sequence)[0]!.data as Float32Array]
}

test.each(['wide', 'wide-threads'] as const)('%s trains to the bits of relaxed', async (build) => {
  expect(await bitsOf(build)).toEqual(await bitsOf('relaxed'))
})
