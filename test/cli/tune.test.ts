/** `nnc tune`: what it measures, chooses and keeps, not how fast anything is. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readSource } from '../../cli/source-file.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { agree } from '../../cli/tune/agreement.ts'
import { type Candidate, candidatesFor } from '../../cli/tune/candidate.ts'
import { choose } from '../../cli/tune/choose.ts'
import { race } from '../../cli/tune/race.ts'
import { keepTuning } from '../../cli/tune/tuning.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { runCommand, type TestRun } from './test-terminal.ts'

const net = `import { Width } from "./width.nn"
dim Batch in 1..8
model Net(x: f32[Batch, 12]) -> f32[Batch, 7] {
  return x |> hidden: Linear(Width) |> tanh |> out: Linear(7)
}
train fit(x: f32[Batch, 12], y: i32[Batch]) {
  loss cross_entropy(Net(x), y)
  optimizer adam(lr = 0.01)
  batch 4
}
`
const images = `dim Batch in 1..4
model Filters(x: f32[Batch, 8, 12, 12]) -> f32[Batch, 8, 12, 12] {
  return x |> conv: Conv2d(8, 3, padding = 1)
}
`
const folder = temporaryFolder({
  'net.nn': net,
  'width.nn': 'const Width = 9\n',
  'images.nn': images,
  'twice.nn': 'model Twice(x: f32) -> f32 {\n  return 2.0 * x\n}\n',
})

function nnc(...words: string[]): Promise<TestRun> {
  return runCommand(words, { directory: folder })
}

const usual: Candidate = { simd: 'relaxed', threads: 4, winograd: true }

describe('candidates', () => {
  test('begin with the usual one and are all different', () => {
    const all = candidatesFor(usual, ['relaxed', 'plain'], true)
    expect(all[0]).toBe(usual)
    expect(new Set(all.map((candidate) => JSON.stringify(candidate))).size).toBe(all.length)
    expect(all.filter(({ simd }) => simd === 'relaxed').map(({ threads }) => threads)).toEqual([4, 1, 1, 4, 2, 2])
    expect(all.filter(({ simd }) => simd === 'plain').every(({ threads }) => threads === 1)).toBe(true)
  })

  test('are none but the usual one where nothing can differ', () => {
    const alone: Candidate = { simd: 'plain', threads: 1, winograd: true }
    expect(candidatesFor(alone, ['plain'], false)).toEqual([alone])
  })
})

describe('the choice', () => {
  const candidates: readonly Candidate[] = [usual, { ...usual, threads: 1 }, { ...usual, threads: 2 }]

  test('is the fastest over all entries', () => {
    const { candidate, ratio } = choose(candidates, [
      [1, 4, 0.5],
      [2, 1, 1],
    ])
    expect(candidate).toBe(candidates[2])
    expect(ratio).toBeCloseTo(2)
  })

  test('is the usual one, or the one with fewer threads, where the difference is noise', () => {
    expect(choose(candidates, [[1, 0.99, 0.98]]).candidate).toBe(usual)
    expect(choose(candidates, [[1, 0.81, 0.8]]).candidate).toBe(candidates[1])
  })
})

test('a race gives every way its fastest time', () => {
  const turns = [0, 0]
  const waste = (own: number, loops: number) => () => {
    turns[own]!++
    let sum = 0
    for (let at = 0; at < loops; at++) sum += Math.sqrt(at)
    if (Number.isNaN(sum)) throw new Error('never')
  }
  const [short, long] = race([waste(0, 1e3), waste(1, 3e5)], 40) as [number, number]
  expect(turns.every((count) => count > 4)).toBe(true)
  expect(long).toBeGreaterThan(5 * short)
})

test('results agree but for rounding', () => {
  expect(agree([1, -0.0001, Number.NaN], [1.0002, 0.0002, Number.NaN])).toBe(true)
  expect(agree([1, 0.5], [1, 0.6])).toBe(false)
  expect(agree([Number.NaN], [1])).toBe(false)
  expect(agree([1], [1, 1])).toBe(false)
})

describe('nnc tune', () => {
  test('measures every candidate, and what it chooses is used until it is forgotten or the file changes', async () => {
    const { code, output } = await nnc('tune', 'net.nn', '--seconds', '0.1', '--threads', '2', '--json')
    expect(code).toBe(0)
    const report = JSON.parse(output)
    expect(report.sizes).toEqual({ Batch: 4 })
    expect(report.differing).toEqual([])
    // So small a model shares nothing: what is asked for two threads has one, and is no candidate of its own.
    expect(report.candidates.map(({ threads }: Candidate) => threads)).toEqual(report.candidates.map(() => 1))
    expect(new Set(report.candidates.map(({ simd }: Candidate) => simd)).size).toBe(report.candidates.length)
    expect(report.entries.map(({ entry, purpose }: Record<string, string>) => [entry, purpose])).toEqual([
      ['fit.step', 'training'],
      ['Net', 'prediction'],
    ])
    for (const { ms } of report.entries) {
      expect(ms).toHaveLength(report.candidates.length)
      expect(ms.every((own: number) => own > 0)).toBe(true)
    }
    const { candidate } = report.chosen.training
    expect(report.candidates).toContainEqual(candidate)

    const bench = (): Promise<TestRun> => nnc('bench', 'net.nn', '--seconds', '0.01', '--json')
    const tuned = await bench()
    expect(tuned.error).toMatch(/^tuned: .* build, .* \(nnc tune --forget net\.nn undoes it\)\n$/)
    expect(JSON.parse(tuned.output.split('\n')[1]!)).toMatchObject({
      build: candidate.threads > 1 ? `${candidate.simd}-threads` : candidate.simd,
      threads: candidate.threads,
    })
    const own = await nnc('bench', 'net.nn', '--seconds', '0.01', '--json', '--threads', '1')
    expect(own.error).toBe('')

    writeFileSync(join(folder, 'width.nn'), 'const Width = 10\n')
    expect((await bench()).error).toBe('')
    writeFileSync(join(folder, 'width.nn'), 'const Width = 9\n')
    expect((await bench()).error).toContain('tuned')
    expect((await nnc('tune', '--forget', 'net.nn')).output).toBe('forgot what was tuned for net.nn\n')
    expect((await bench()).error).toBe('')
    expect((await nnc('tune', '--forget', 'net.nn')).output).toBe('nothing was tuned for net.nn\n')
  })

  test('tries convolutions both ways', async () => {
    const { code, output } = await nnc('tune', 'images.nn', '--seconds', '0.05', '--threads', '1')
    expect(code).toBe(0)
    expect(output).toMatch(/^images\.nn at Batch 4; .*\n\n {2}Filters +ms {3}times as fast as usual\n/)
    expect(output).toMatch(/plain build, one thread, without Winograd +[\d.]+ [µm]s +\d+\.\d\d/)
    expect(output).toMatch(/^prediction: .* build, one thread.*, (as without tuning|[\d.]+ times as fast as usual)$/m)
  })

  test('a prediction uses the way chosen for predictions', async () => {
    const terminal = { ...processTerminal(), directory: folder, environment: { NNC_CACHE: join(folder, 'cache') } }
    const source = await readSource('twice.nn', folder)
    const choice: Candidate = { simd: 'plain', threads: 1, winograd: false }
    await keepTuning(source, undefined, { prediction: choice }, {}, terminal)
    const { error } = await nnc('predict', 'twice.nn', '--weights', 'none', '--input', 'none')
    expect(error).toMatch(/^tuned: plain build, one thread, without Winograd /)
    const bench = await nnc('bench', 'twice.nn', '--seconds', '0.01', '--json')
    expect(JSON.parse(bench.output.split('\n')[0]!)).toMatchObject({ build: 'plain', threads: 1 })
  })
})
