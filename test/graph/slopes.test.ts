import { expect, test } from 'vitest'
import type { Kernel } from '../../compiler/5-fuse/program.ts'
import { compile, renderDiagnostics } from '../../compiler/index.ts'

const WIDTH = 1024

/** The training step of two dense layers with an activation between them. */
async function stepOf(activation: string): Promise<{ kernels: Kernel[]; arenaBytes: number }> {
  const source = `
dim Batch in 1..64
${activation}
model Net(x: f32[Batch, 8]) -> f32[Batch, 3] {
  return x |> a: Linear(${WIDTH}) |> activation |> b: Linear(3)
}
train fit(x: f32[Batch, 8], y: f32[Batch, 3]) {
  loss mean((Net(x) - y) ^ 2)
  optimizer sgd(0.1)
}`
  const { program, diagnostics, sources } = await compile(source, { file: 'slopes.nn', stopAfter: 'fuse' })
  expect(renderDiagnostics(diagnostics, sources)).toBe('')
  const step = program!.entries.find(({ kind }) => kind === 'step')!
  const kernels = step.calls.flatMap((call) => (call.kind === 'kernel' ? program!.kernels[call.kernel]! : []))
  return { kernels, arenaBytes: step.arenaBytes }
}

function multipliesTwoTensors({ stages, values }: Kernel): boolean {
  const kinds = values.map((value) => (value.kind === 'operation' ? value.op : value.kind)).sort()
  return stages.length === 1 && kinds.join() === 'load,load,mul'
}

test.each([
  ['silu', 'fn activation(x: f32[...]) -> f32[...] { return silu(x) }'],
  ['gelu', 'fn activation(x: f32[...]) -> f32[...] { return gelu(x) }'],
  ['gelu_tanh', 'fn activation(x: f32[...]) -> f32[...] { return gelu_tanh(x) }'],
  ['mish', 'fn activation(x: f32[...]) -> f32[...] { return mish(x) }'],
  ['one’s own', 'fn activation(x: f32[...]) -> f32[...] { return x * exp(-x * x) + sin(x) }'],
  ['a product', 'fn activation(x: f32[...]) -> f32[...] { return silu(x) * tanh(x + 1.0) }'],
])('the slope of %s is kept, and nothing else beside the result', async (_name, activation) => {
  const { kernels, arenaBytes } = await stepOf(activation)
  expect(kernels.filter(multipliesTwoTensors)).toHaveLength(1)
  // The result, the slope, and the cotangent or what came before the activation.
  expect(arenaBytes).toBeLessThan(3.3 * 64 * WIDTH * 4)
})

test('a function whose slope its result tells keeps only that', async () => {
  const { kernels } = await stepOf('fn activation(x: f32[...]) -> f32[...] { return tanh(x) }')
  expect(kernels.filter(multipliesTwoTensors)).toEqual([])
})
