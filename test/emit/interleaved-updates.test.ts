/** Gradients of large weights are used up block by block: never in memory as a whole, with the same result. */
import { describe, expect, test } from 'vitest'
import { everyCall, type Program } from '../../compiler/5-fuse/program.ts'
import { assemble } from '../../compiler/6-emit/assemble.ts'
import { emit } from '../../compiler/6-emit/emit.ts'
import { kernelLibrary } from '../../compiler/generated/library.ts'
import { compile } from '../../compiler/index.ts'
import { load, type Model } from '../../runtime/index.ts'

const numbers = (count: number, key: number): Float32Array =>
  Float32Array.from({ length: count }, (_, index) => Math.sin((index + 1) * 12.9898 + key * 78.233))

async function programOf(source: string): Promise<Program> {
  const { program, diagnostics } = await compile(source, { file: 'large.nn', stopAfter: 'fuse' })
  expect(diagnostics).toEqual([])
  return program!
}

async function moduleOf(program: Program, threads = false): Promise<Uint8Array> {
  const { source, manifest, dataOffset } = emit(program, threads ? { threads: 'always' } : {})
  const build = threads ? 'plain-threads' : 'plain'
  const description = manifest(build)
  const { wasm } = await assemble(source, {
    build,
    manifest: description,
    kernels: kernelLibrary,
    memoryBytes: description.threads?.privateOffset ?? program.memory.total,
    ...(dataOffset !== undefined && { dataOffset }),
  })
  return wasm
}

function bits(model: Model): Record<string, number> {
  return Object.fromEntries(
    model.variables.names.map((name) => {
      const words = new Int32Array(model.variables.get(name).buffer)
      return [name, words.reduce((hash, word) => (Math.imul(hash, 31) + word) | 0, 7)]
    }),
  )
}

const [inputs, outputs] = [1024, 2048]
const single = (settings: string): string => `
dim Batch in 1..4
model Net(x: f32[Batch, ${inputs}]) -> f32[Batch, ${outputs}] {
  return x |> fc: Linear(${outputs}, bias = false)
}
train fit(x: f32[Batch, ${inputs}], y: f32[Batch, ${outputs}]) {
  loss sum(Net(x) * y)
  ${settings}
}
`

describe('the gradient of a large weight', () => {
  test('is never whole, and updates every element', async () => {
    const program = await programOf(single('optimizer sgd(lr = 0.5)'))
    expect(program.memory.arena).toBeLessThan((4 * inputs * outputs) / 4)
    const model = await load(await moduleOf(program))
    model.init(1)
    const before = Float32Array.from(model.parameters.get('fc.w'))
    const [x, y] = [numbers(3 * inputs, 1), numbers(3 * outputs, 2)]
    model.step('fit', { x, y })
    const after = model.parameters.get('fc.w')
    let worst = 0
    for (let row = 0; row < outputs; row++) {
      for (let column = 0; column < inputs; column++) {
        let gradient = 0
        for (const example of [0, 1, 2]) gradient += y[example * outputs + row]! * x[example * inputs + column]!
        const at = row * inputs + column
        worst = Math.max(worst, Math.abs(after[at]! - (before[at]! - 0.5 * gradient)))
      }
    }
    expect(worst).toBeLessThan(1e-5)
  }, 120_000)

  test('is whole where all gradients must be known first', async () => {
    const program = await programOf(single('optimizer sgd(lr = 0.5)\n  clip global_norm(1.0)'))
    expect(program.memory.arena).toBeGreaterThanOrEqual(4 * inputs * outputs)
  })

  test('is added up block by block', async () => {
    const settings = 'optimizer adam(lr = 1e-2)'
    const [whole, parts] = await Promise.all(
      [settings, `${settings}\n  accumulate 2`].map(async (own) => {
        const program = await programOf(single(own))
        expect(program.memory.arena).toBeLessThan((4 * inputs * outputs) / 4)
        return load(await moduleOf(program))
      }),
    )
    for (const model of [whole!, parts!]) model.init(3)
    const [x, y] = [numbers(4 * inputs, 1), numbers(4 * outputs, 2)]
    whole!.step('fit', { x, y: y.map((value) => value / 2) })
    for (const part of [0, 2])
      parts!.step('fit', {
        x: x.subarray(part * inputs, (part + 2) * inputs),
        y: y.subarray(part * outputs, (part + 2) * outputs),
      })
    const [one, other] = [whole!, parts!].map((model) => model.parameters.get('fc.w'))
    expect(one!.every((value, at) => Math.abs(value - other![at]!) < 1e-4)).toBe(true)
  })

  test('gives the same bits on several threads, and where blocks of a deep model repeat', async () => {
    const program = await programOf(`
dim Batch in 1..3
model Net(x: f32[Batch, 1536]) -> f32[Batch, 1536] {
  return x |> deep: repeat(7) Deep
}
layer Deep(x: f32[B, D]) -> f32[B, D] { return x |> fc: Linear(D) |> tanh }
train fit(x: f32[Batch, 1536], y: f32[Batch, 1536]) {
  loss mean_squared_error(Net(x), y)
  optimizer sgd(lr = 0.5)
}`)
    const step = program.entries.find(({ kind }) => kind === 'step')!
    const loops = (calls: typeof step.calls): number => everyCall(calls).filter(({ kind }) => kind === 'loop').length
    expect(loops(step.calls)).toBe(7)
    expect(step.runs.some(({ body }) => loops(body) > 0)).toBe(true)
    const unrolled = { ...program, entries: program.entries.map((entry) => ({ ...entry, runs: [] })) }
    const models = [
      await load(await moduleOf(unrolled)),
      await load(await moduleOf(program)),
      await load(await moduleOf(program, true), { threads: 3 }),
    ]
    const [x, y] = [numbers(3 * 1536, 1), numbers(3 * 1536, 2)]
    for (const model of models) {
      model.init(5)
      for (const rows of [3, 1]) model.step('fit', { x: x.subarray(0, rows * 1536), y: y.subarray(0, rows * 1536) })
    }
    const [expected, ...others] = models.map(bits)
    for (const own of others) expect(own).toEqual(expected)
    for (const model of models) model.close()
  })
})
