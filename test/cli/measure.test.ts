/** `nnc bench` and `nnc profile`: what they report, not how fast anything is. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { machineLimits, roofMilliseconds } from '../../cli/measure/machine-limits.ts'
import { requireCompilation } from '../../cli/revectoriser.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { runCommand, type TestRun } from './test-terminal.ts'

const net = `dim Batch in 1..8
dim Time in 1..5
model Net(x: f32[Batch, 12]) -> f32[Batch, 7] {
  return x |> hidden: Linear(9) |> tanh |> out: Linear(7)
}
model Sequence(ids: i32[Batch, Time]) -> f32[Batch, Time, 4] {
  return ids |> embed: Embedding(6, 3) |> gru: Gru(4)
}
train fit(x: f32[Batch, 12], y: i32[Batch]) {
  loss cross_entropy(Net(x), y)
  optimizer adam(lr = 0.01)
  batch 4
}
`
const parts = net.replace('batch 4', 'batch 4  accumulate 4')
const folder = temporaryFolder({
  'net.nn': net,
  'parts.nn': parts,
  'large.nn': 'model Large(x: f32[64, 512]) -> f32[64, 512] {\n  return x |> fc: Linear(512)\n}\n',
  'scalar.nn': 'model Twice(x: f32) -> f32 {\n  return 2.0 * x\n}\n',
})

function nnc(...words: string[]): Promise<TestRun> {
  return runCommand(words, { directory: folder })
}

function objects({ output }: TestRun): Record<string, unknown>[] {
  return output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('nnc bench', () => {
  test('reports every entry point', async () => {
    const run = await nnc('bench', 'net.nn', '--seconds', '0.02', '--json', '--build', 'plain')
    expect(run.code).toBe(0)
    const entries = objects(run)
    expect(entries.map(({ entry }) => entry)).toEqual(['init', 'fit.step', 'fit.evaluate', 'Net', 'Sequence'])
    for (const { build, threads, ms_median, ms_min, flops, gflops, bytes } of entries) {
      expect({ build, threads }).toEqual({ build: 'plain', threads: 1 })
      expect(ms_min).toBeGreaterThan(0)
      expect(ms_median).toBeGreaterThanOrEqual(ms_min as number)
      expect(gflops).toBeCloseTo((flops as number) / (ms_median as number) / 1e6)
      expect(bytes).toBeGreaterThan(0)
    }
    const [model, sequence] = entries.slice(3)
    expect(model!.sizes).toEqual({ Batch: 4 })
    expect(sequence!.sizes).toEqual({ Batch: 4, Time: 5 })
    const products = 2 * 4 * (12 * 9 + 9 * 7)
    const elementwise = 4 * (9 + 9 + 7)
    expect(model!.flops).toBe(products + elementwise)
  })

  test('at the batch asked for, for reading', async () => {
    const { code, output } = await nnc('bench', 'net.nn', '--seconds', '0.02', '--batch', '8')
    expect(code).toBe(0)
    expect(output).toContain('Batch 8')
    expect(output).toMatch(/^ {2}fit\.step +[\d.]+ [µm]s +[\d.]+ [µm]s/m)
  })

  test('with several threads', async () => {
    const options = ['--seconds', '0.02', '--threads', '2', '--json', '--build', 'plain']
    const threadsOf = async (file: string): Promise<unknown[]> =>
      objects(await nnc('bench', file, ...options)).map(({ threads }) => threads)
    expect(await threadsOf('large.nn')).toEqual([2, 2])
    // Nothing in it takes long enough.
    expect(await threadsOf('net.nn')).toEqual([1, 1, 1, 1, 1])
  })

  test('refuses a batch the file does not allow, or where there is none', async () => {
    expect(await nnc('bench', 'net.nn', '--batch', '9')).toMatchObject({
      code: 1,
      error: expect.stringContaining('the file allows Batch from 1 to 8, not 9'),
    })
    expect(await nnc('bench', 'scalar.nn', '--batch', '2')).toMatchObject({
      code: 1,
      error: expect.stringContaining('no input has a batch dimension'),
    })
    expect((await nnc('bench', 'net.nn', '--seconds', '0')).code).toBe(2)
  })
})

describe('nnc profile', () => {
  test('tells the time of an entry apart by kernel and line', async () => {
    const run = await nnc('profile', 'net.nn', '--seconds', '0.02', '--json', '--html', 'profile.html')
    expect(run.code).toBe(0)
    const entries = objects(run) as unknown as {
      entry: string
      ms: number
      kernels: { kernel: string; place?: string; calls: number; ms: number; flops: number; roofline: number }[]
    }[]
    expect(entries.map(({ entry }) => entry)).toEqual(['init', 'fit.step', 'fit.evaluate', 'Net', 'Sequence'])
    for (const { ms, kernels } of entries) {
      expect(kernels.reduce((sum, own) => sum + own.ms, 0)).toBeCloseTo(ms)
      const times = kernels.map((own) => own.ms)
      expect(times).toEqual([...times].sort((a, b) => b - a))
    }
    const products = entries[3]!.kernels.filter(({ kernel }) => kernel === 'matmul')
    expect(products.reduce((sum, { calls }) => sum + calls, 0)).toBe(2)
    expect(products.every(({ place }) => place === 'net.nn:4')).toBe(true)
    const steps = entries[4]!.kernels.filter(({ kernel, place }) => kernel === 'matmul' && place !== undefined)
    expect(steps.some(({ calls }) => calls >= 5)).toBe(true)
    const page = readFileSync(join(folder, 'profile.html'), 'utf8')
    for (const { kernel } of entries.flatMap(({ kernels }) => kernels)) expect(page).toContain(kernel)
    expect(page).not.toMatch(/<script|https?:/)
  })

  test('what some steps leave out counts its share', async () => {
    const [all, some] = await Promise.all(
      ['net.nn', 'parts.nn'].map(async (file) => {
        const run = await nnc('profile', file, '--seconds', '0.05', '--json', '--entry', 'fit.step')
        const [{ kernels }] = objects(run) as unknown as [{ kernels: { kernel: string; flops: number }[] }]
        return kernels
          .filter(({ kernel }) => kernel.startsWith('parameter_update'))
          .reduce((sum, { flops }) => sum + flops, 0)
      }),
    )
    expect(some).toBeGreaterThan(0)
    expect(some).toBeLessThan(0.6 * all!)
  })

  test('one entry, for reading', async () => {
    const { code, output } = await nnc('profile', 'net.nn', '--seconds', '0.02', '--entry', 'Net')
    expect(code).toBe(0)
    expect(output).toMatch(/^Net {2}.* median of \d+ runs?$/m)
    expect(output).toMatch(/matmul .* % {2}net\.nn:4$/m)
    expect(output).not.toContain('fit.step')
    expect(await nnc('profile', 'net.nn', '--entry', 'Nett')).toMatchObject({
      code: 1,
      error: expect.stringContaining('no entry point `Nett`'),
    })
  })

  test('the limits of the machine grow tighter with the memory gone through', async () => {
    const limits = await machineLimits('plain')
    // Code that the engine has not optimised does 3 to 5.
    expect(limits.gflops).toBeGreaterThan(8)
    for (const { gigabytes } of limits.bandwidths) expect(gigabytes).toBeGreaterThan(0.1)
    expect(roofMilliseconds(limits, 1e9 * limits.gflops, 0)).toBeCloseTo(1000)
    const largest = limits.bandwidths.at(-1)!
    expect(roofMilliseconds(limits, 0, 1e9)).toBeCloseTo(1000 / largest.gigabytes)
  })
})

describe('--avx2', () => {
  const engineHas = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' }).includes('revectorize')

  test.skipIf(engineHas)('is refused where the engine has no revectoriser', async () => {
    const { code, error } = await nnc('bench', 'net.nn', '--seconds', '0.02', '--avx2')
    expect(code).toBe(1)
    expect(error).toContain('--avx2: this engine has no revectoriser')
    expect(error).toContain('help: leave out --avx2')
  })

  test('is refused for a module that the engine does not get through', async () => {
    await expect(requireCompilation(Uint8Array.of(0, 97, 115, 109))).rejects.toThrow('fails on this program')
  })

  test('goes with no other build', async () => {
    expect((await nnc('bench', 'net.nn', '--avx2', '--build', 'plain')).code).toBe(2)
  })
})
