import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { linearAxis, valueAxis } from '../../cli/curve/axis.ts'
import { drawCurves, type NamedHistory } from '../../cli/curve/draw-curves.ts'
import type { TrainHistory } from '../../cli/curve/history.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { runCommand, type TestOptions } from './test-terminal.ts'

const example = (path: string): string =>
  readFileSync(new URL(`../../examples/${path}`, import.meta.url), 'utf8').replace(/epochs \d+/, 'epochs 12')
const folder = temporaryFolder({
  'xor.nn': example('xor/xor.nn'),
  'xor.csv': example('xor/xor.csv'),
  'iris.nn': example('iris/iris.nn'),
  'iris.csv': example('iris/iris.csv'),
})

const nnc = (commandLine: string, options: Partial<TestOptions> = {}) =>
  runCommand(commandLine.split(' '), { directory: folder, ...options })
const read = (file: string): string => readFileSync(join(folder, file), 'utf8')
const history = (file: string): TrainHistory => JSON.parse(read(file))

/** Open and closed tags pair, and nothing is left over: what a browser would refuse to draw. */
function expectWellFormed(svg: string): void {
  const open: string[] = []
  for (const [, close, name, , self] of svg.matchAll(/<(\/?)([a-z]+)((?:\s[\w:-]+="[^"<>]*")*)\s*(\/?)>/g)) {
    if (close) expect(open.pop()).toBe(name)
    else if (!self) open.push(name!)
  }
  expect(open).toEqual([])
  expect(svg.replaceAll(/<[^<>]*>/g, '')).not.toMatch(/[<>]|&(?!amp;|lt;|gt;|quot;)/)
  expect(svg).not.toMatch(/NaN|undefined|Infinity/)
}

describe('the history of a run', () => {
  test('is kept beside the parameters, with the numbers the run printed', async () => {
    const { output } = await nnc('train iris.nn --json -o first')
    const events = output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(events.at(-1)).toMatchObject({ history: 'first/iris.history.json' })
    const kept = history('first/iris.history.json')
    expect(kept).toMatchObject({ file: 'iris.nn', metrics: ['accuracy'], seed: events[0].seed, rows: events[0].rows })
    expect(kept.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    for (const [index, epoch] of kept.epochs.entries()) {
      const told = events[index + 1]
      expect(epoch.train.loss).toBeCloseTo(told.train.loss, 5)
      expect(epoch.valid?.accuracy ?? null).toEqual(told.valid ? expect.closeTo(told.valid.accuracy, 5) : null)
    }
    expect(kept.result?.test?.accuracy).toBeCloseTo(events.at(-1).test.accuracy, 5)
    // The points within an epoch, weighted by rows, come to the epoch's mean.
    const last = kept.steps.filter(([passed]) => passed > 11)
    const steps = Math.ceil(kept.rows.train! / kept.batch)
    expect(last).toHaveLength(steps)
    const total = last.reduce((sum, [, loss], index) => {
      const rows = index + 1 < steps ? kept.batch : kept.rows.train! - (steps - 1) * kept.batch
      return sum + loss! * rows
    }, 0)
    expect(total / kept.rows.train!).toBeCloseTo(kept.epochs[11]!.train.loss!, 4)
  })

  test('goes on when the run is resumed', async () => {
    await nnc('train xor.nn --epochs 9 -o whole')
    const { code } = await nnc('train xor.nn --epochs 9 -o broken --json', {
      watch: (text, interrupt) => {
        if (text.includes('"epoch":4,')) interrupt()
      },
    })
    expect(code).toBe(130)
    expect(history('broken/xor.history.json').epochs).toHaveLength(4)
    await nnc('train xor.nn --epochs 9 -o broken --resume broken/xor.checkpoint.safetensors')
    const timeless = ({ epochs, steps }: TrainHistory) => [epochs.map(({ seconds: _, ...epoch }) => epoch), steps]
    expect(timeless(history('broken/xor.history.json'))).toEqual(timeless(history('whole/xor.history.json')))
  })
})

describe('the picture', () => {
  test('`train --curve` draws the run, in a folder it makes', async () => {
    const { output } = await nnc('train iris.nn --curve pictures/iris.svg -o first')
    expect(output).toContain('pictures/iris.svg')
    const svg = read('pictures/iris.svg')
    expectWellFormed(svg)
    for (const shown of ['iris.nn', 'loss', 'accuracy', 'train', 'test accuracy', 'prefers-color-scheme:dark'])
      expect(svg).toContain(shown)
    expect(svg.match(/<circle/g)!.length).toBeGreaterThanOrEqual(24)
  })

  test('`curve` draws several runs with their names and the measures asked for', async () => {
    await nnc('train xor.nn -o runs/a')
    await nnc('train xor.nn --seed 2 -o runs/b')
    const { code, output } = await nnc('curve runs/a/xor.history.json runs/b/xor.history.json -o both.svg')
    expect({ code, output }).toEqual({ code: 0, output: 'saved both.svg\n' })
    const svg = read('both.svg')
    expectWellFormed(svg)
    expect(svg).toContain('<title>loss, accuracy by epoch: a, b</title>')
    await nnc('curve runs/a/xor.history.json --measure accuracy -o one.svg')
    expect(read('one.svg')).not.toContain('>loss<')
    expect(read('one.svg')).toContain('>accuracy<')
  })

  test.each([
    ['curve none.json', 'none.json does not exist'],
    ['curve xor.nn', 'xor.nn is not the history of a training run'],
    ['curve wrong.json', 'wrong.json is not the history of a training run'],
    ['curve first/iris.history.json --measure recall', 'no run has a measure called recall'],
  ])('a mistake is told: nnc %s', async (commandLine, message) => {
    writeFileSync(join(folder, 'wrong.json'), '{"format":"nnc.history.1","epochs":[{"epoch":"1"}]}')
    const { code, error } = await nnc(commandLine)
    expect(code).toBe(1)
    expect(error).toContain(message)
    expect(existsSync(join(folder, 'curve.svg'))).toBe(false)
  })

  const run = (name: string, losses: readonly (number | null)[]): NamedHistory => ({
    name,
    history: {
      format: 'nnc.history.1',
      file: `${name}.nn`,
      train: 'fit',
      parameters: 1,
      build: 'plain',
      batch: 1,
      seed: 1,
      rows: { train: 1 },
      metrics: [],
      percent: [],
      steps: [],
      epochs: losses.map((loss, index) => ({ epoch: index + 1, train: { loss }, seconds: 1, best: false })),
    },
  })

  test.each([
    ['no epochs', [run('a', [])]],
    ['one epoch', [run('a', [0.5])]],
    ['equal values', [run('a', [0, 0, 0])]],
    ['values that are not finite', [run('a', [1, null, null, 2, null, 3])]],
    ['nothing finite', [run('a', [null, null])]],
    ['losses below zero', [run('a', [3, -200])]],
    ['names a browser would read as tags', [run('<b>&"', [1, 2]), run('c', [2, 1])]],
    ['more runs than colours', Array.from({ length: 11 }, (_, index) => run(`run ${index}`, [1, 1 + index / 1000]))],
    [
      'many epochs',
      [
        run(
          'a',
          Array.from({ length: 5000 }, (_, index) => 1 / (index + 1)),
        ),
      ],
    ],
  ])('is drawn for %s', (_, runs) => {
    const svg = drawCurves(runs)
    expectWellFormed(svg)
    expect(svg.length).toBeLessThan(40_000)
  })

  test('a line breaks where the loss was not finite', () => {
    expect(drawCurves([run('a', [1, 2, null, 3, 4])]).match(/<polyline/g)).toHaveLength(2)
  })

  test('last values do not cover each other', () => {
    const svg = drawCurves(Array.from({ length: 6 }, (_, index) => run(`run ${index}`, [1, 0.5 + index * 1e-4])))
    const rows = [...svg.matchAll(/<text class="f\d" x="[\d.]+" y="([\d.]+)"/g)].map(([, y]) => Number(y))
    expect(rows).toHaveLength(6)
    rows
      .sort((a, b) => a - b)
      .forEach((y, index) => {
        if (index > 0) expect(y - rows[index - 1]!).toBeGreaterThanOrEqual(12.9)
      })
  })
})

test('axes have a handful of round marks inside their ends', () => {
  for (const [low, high] of [
    [0, 1],
    [0.9166, 0.9816],
    [-3, 1200],
    [2.1, 2.10001],
    [1e-9, 2e-9],
  ] as const) {
    const { ticks, place } = linearAxis(low, high)
    expect(ticks.length).toBeGreaterThanOrEqual(2)
    expect(ticks.length).toBeLessThanOrEqual(8)
    for (const tick of ticks) expect(place(tick)).toBeGreaterThanOrEqual(-1e-6)
    for (const tick of ticks) expect(place(tick)).toBeLessThanOrEqual(1 + 1e-6)
  }
  const wide = valueAxis([2.3, 1e-5], true)
  expect(wide.logarithmic).toBe(true)
  expect(wide.ticks).toEqual([1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1])
  expect(wide.place(2.3)).toBeGreaterThan(wide.place(1e-5))
  expect(valueAxis([2.3, 1e-5], false).logarithmic).toBe(false)
})
