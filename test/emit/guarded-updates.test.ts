/** Steps that add gradients up leave the optimizer out: what runs is chosen by the module, and the result is that of one large batch. */
import { describe, expect, test } from 'vitest'
import { everyCall, type Program } from '../../compiler/5-fuse/program.ts'
import { compile } from '../../compiler/index.ts'
import { load } from '../../runtime/index.ts'

const source = (optimizer: string, blocks = 1): string => `
dim Batch in 1..6
model Net(x: f32[Batch, 8]) -> f32[Batch, 4] {
  return x |> deep: repeat(${blocks}) Linear(8) |> relu |> out: Linear(4)
}
train whole(x: f32[Batch, 8], y: f32[Batch, 4]) {
  loss mean_squared_error(Net(x), y)
  ${optimizer}
}
model Same(x: f32[Batch, 8]) -> f32[Batch, 4] {
  return x |> deep: repeat(${blocks}) Linear(8) |> relu |> out: Linear(4)
}
train parts(x: f32[Batch, 8], y: f32[Batch, 4]) {
  loss mean_squared_error(Same(x), y)
  ${optimizer}
  accumulate 3
}
`

async function compiled(text: string): Promise<{ program: Program; wasm: Uint8Array }> {
  const { program, modules, diagnostics } = await compile(text, { file: 'guarded.nn', builds: ['plain'] })
  expect(diagnostics).toEqual([])
  return { program: program!, wasm: modules!.plain! }
}

const numbers = (count: number, key: number): Float32Array =>
  Float32Array.from({ length: count }, (_, index) => Math.sin((index + 1) * 12.9898 + key * 78.233))

describe('with `accumulate`', () => {
  test.each([
    'optimizer adamw(lr = 1e-2)\n  clip global_norm(0.1)\n  average ema(0.9)',
    'optimizer muon(lr = 1e-2)',
    'optimizer lamb(lr = 1e-2)\n  clip norm(0.2)',
    'optimizer sgd(lr = 0.1 * linear_warmup(step, 3), momentum = 0.9)',
  ])(
    '%s: every third step does what one with all rows does',
    async (optimizer) => {
      const { wasm } = await compiled(source(optimizer))
      const model = await load(wasm)
      for (const name of model.parameters.names.filter((own) => own.startsWith('Net.')))
        model.parameters.set(name.replace('Net.', 'Same.'), model.parameters.get(name) as Float32Array)
      for (let update = 0; update < 4; update++) {
        const [x, y] = [numbers(48, update), numbers(24, update + 10)]
        model.step('whole', { x, y })
        for (const part of [0, 1, 2]) {
          const rows = (data: Float32Array): Float32Array => {
            const third = data.length / 3
            return data.subarray(part * third, (part + 1) * third)
          }
          model.step('parts', { x: rows(x), y: rows(y) })
        }
        for (const name of model.variables.names) {
          if (!name.startsWith('Net.') && !name.startsWith('whole/Net.')) continue
          const partner = name.replace('whole/', 'parts/').replace('Net.', 'Same.')
          const [one, other] = [model.variables.get(name), model.variables.get(partner)]
          one.forEach((value, at) => {
            expect(other[at], `${name} after update ${update}`).toBeCloseTo(value as number, 4)
          })
        }
      }
    },
    120_000,
  )

  test('all that only the update needs is left out in other steps, norms and products too', async () => {
    const { program } = await compiled(source('optimizer muon(lr = 1e-2)\n  clip global_norm(0.1)'))
    const callsOf = (name: string) => program.entries.find((entry) => entry.name === `${name}.step`)!.calls
    const always = everyCall(callsOf('parts').filter(({ when }) => !when))
    const all = everyCall(callsOf('whole'))
    expect(all.filter(({ when }) => when)).toEqual([])
    const products = (calls: typeof always): number => calls.filter(({ kind }) => kind === 'product').length
    // Two forward, one to the input of the last, two to weights.
    expect(products(always)).toBe(5)
    expect(products(all)).toBeGreaterThan(5)
    const written = new Set(
      always.flatMap((call) => {
        if (call.kind === 'copy') return [program.buffers[call.target]!.name]
        if (call.kind !== 'kernel') return []
        return call.places.flatMap(({ buffer }, at) =>
          program.kernels[call.kernel]!.buffers[at]!.written && program.buffers[buffer]!.kind === 'variable'
            ? [program.buffers[buffer]!.name]
            : [],
        )
      }),
    )
    expect([...written].filter((name) => !/gradient_sum|step_part/.test(name))).toEqual([])
  })

  test('a deep model still rolls up', async () => {
    const { program } = await compiled(source('optimizer adam(lr = 1e-2)', 12))
    const { runs } = program.entries.find(({ name }) => name === 'parts.step')!
    expect(runs.some(({ body }) => body.some(({ when }) => when))).toBe(true)
  })
})
