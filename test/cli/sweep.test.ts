/** `nnc sweep`: what is tried, what is left early, and what is kept. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { sweepPoints } from '../../cli/sweep/points.ts'
import type { AxisValues, Space } from '../../cli/sweep/space.ts'
import { bestTrial, liesBehind, type Trial } from '../../cli/sweep/trial.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { runCommand, type TestOptions } from './test-terminal.ts'

function space(...axes: readonly (readonly [name: string, own: number, values: AxisValues])[]): Space {
  return axes.map(([name, own, values]) => ({ name, kind: 'const', own, values }))
}

describe('the points of a sweep', () => {
  const ratios: AxisValues = { minimum: 1e-4, maximum: 1e-1, scale: 'log' }

  test('the file itself comes first, all are different and within their ranges', () => {
    const points = sweepPoints(
      space(['lr', 0.002, ratios], ['width', 3, { minimum: 1, maximum: 8, scale: 'linear', whole: true }]),
      50,
    )
    expect(points[0]).toEqual({ lr: 0.002, width: 3 })
    expect(new Set(points.map((point) => JSON.stringify(point))).size).toBe(50)
    for (const { lr, width } of points) {
      expect(lr).toBeGreaterThanOrEqual(1e-4)
      expect(lr).toBeLessThanOrEqual(1e-1)
      expect([1, 2, 3, 4, 5, 6, 7, 8]).toContain(width)
    }
  })

  test('they fill every range evenly: by ratio where it is logarithmic, whole numbers alike', () => {
    const points = sweepPoints(
      space(
        ['lr', 0.002, ratios],
        ['share', 0.5, { minimum: 0, maximum: 1, scale: 'linear' }],
        ['width', 3, { minimum: 1, maximum: 8, scale: 'linear', whole: true }],
      ),
      241,
    ).slice(1)
    const shares = (of: (point: Readonly<Record<string, number>>) => number, parts: number): number[] => {
      const counts = Array<number>(parts).fill(0)
      for (const point of points) counts[Math.min(parts - 1, Math.floor(of(point) * parts))]! += parts / points.length
      return counts
    }
    const even = (counts: readonly number[]): void => {
      for (const count of counts) expect(Math.abs(count - 1)).toBeLessThan(0.15)
    }
    even(shares(({ lr }) => (Math.log10(lr!) + 4) / 3, 6))
    even(shares(({ share }) => share!, 6))
    even(shares(({ width }) => (width! - 0.5) / 8, 8))
    // Together too: quarters of the square of two axes.
    even(shares(({ lr, share }) => (Math.floor(2 * share!) + Math.min(0.999, (Math.log10(lr!) + 4) / 3)) / 2, 4))
  })

  test('lists whose combinations fit are a grid, the own combination first', () => {
    const lists = space(['a', 2, { list: [1, 2] }], ['b', 30, { list: [10, 20, 30] }])
    expect(sweepPoints(lists, 6)).toEqual([
      { a: 2, b: 30 },
      { a: 1, b: 10 },
      { a: 1, b: 20 },
      { a: 1, b: 30 },
      { a: 2, b: 10 },
      { a: 2, b: 20 },
    ])
    expect(sweepPoints(lists, 4)).toHaveLength(4)
  })

  test('a space with fewer points than trials ends', () => {
    expect(sweepPoints(space(['a', 1, { minimum: 1, maximum: 3, scale: 'linear', whole: true }]), 20)).toHaveLength(3)
  })
})

describe('trials', () => {
  const trial = (course: readonly (number | null)[], outcome: Trial['outcome'] = 'finished'): Trial => {
    const value = outcome === 'finished' ? course.at(-1)! : null
    return { values: {}, outcome, value, measures: {}, epochs: course.length, epoch: course.length, course, seconds: 1 }
  }
  const lower = { of: 'valid', metric: 'loss', better: 'lower' } as const
  const higher = { ...lower, metric: 'accuracy', better: 'higher' } as const
  const five = [1, 2, 3, 4, 5].map((size) => trial([size, size / 2, size / 4, size / 4, size / 4]))

  test('one behind the median of five is left, one at it goes on', () => {
    expect(liesBehind([4, 3.1], 5, five, lower)).toBe(true)
    expect(liesBehind([4, 1.5], 5, five, lower)).toBe(false)
    expect(liesBehind([4, 1.6], 5, five, lower)).toBe(true)
    // By its best so far, not its last.
    expect(liesBehind([1.5, null], 5, five, lower)).toBe(false)
    expect(liesBehind([4, 3.1], 5, five, higher)).toBe(false)
    expect(liesBehind([0.2, 0.3], 5, five, higher)).toBe(true)
  })

  test('not before five have finished, nor in the first fifth of the epochs', () => {
    expect(liesBehind([100, 100], 5, [...five.slice(1), trial([9], 'left'), trial([9], 'diverged')], lower)).toBe(false)
    expect(liesBehind([100], 6, five, lower)).toBe(false)
    expect(liesBehind([100, 100], 6, five, lower)).toBe(true)
    expect(liesBehind([100], 4, five, lower)).toBe(false)
    expect(liesBehind([100, 100], 11, five, lower)).toBe(false)
  })

  test('the best is the first of equals, among those that finished', () => {
    const [first, second] = [trial([1]), trial([1])]
    expect(bestTrial([trial([0], 'left'), trial([2]), first, second], lower)).toBe(first)
    expect(bestTrial([trial([null], 'diverged')], lower)).toBeUndefined()
  })
})

/** A line of `--json`. */
interface Line {
  readonly event: 'start' | 'trial' | 'done'
  readonly trial: number
  readonly values: Readonly<Record<string, number>>
  readonly outcome: Trial['outcome']
  readonly value: number | null
  readonly epochs: number
  readonly best: boolean
  readonly message?: string
}

interface LastLine {
  readonly best: Line
  readonly test: Readonly<Record<string, number>>
  readonly weights: string
  readonly next: readonly string[]
}

describe('the command', () => {
  const iris = (path: string): string => readFileSync(new URL(`../../examples/iris/${path}`, import.meta.url), 'utf8')
  const text = iris('iris.nn')
    .replace(
      '// Fisher',
      'const Hidden = 16\nhyper lr = 0.01 in 1e-4..0.3 log\nhyper decay = 0.01 in 0.0..0.1\n// Fisher',
    )
    .replace('Linear(16)', 'Linear(Hidden)')
    .replace('adamw(lr = 0.01, weight_decay = 0.01)', 'adamw(lr = lr, weight_decay = decay)')
    .replace('valid 10%, test 20%', 'valid 20%, test 10%')
  const folder = temporaryFolder({
    'iris.nn': text,
    'iris.csv': iris('iris.csv'),
    'stop.nn': text.replace('seed 1\n', 'seed 1\n  stop when valid.accuracy has not improved for 5 epochs\n'),
    'same.nn': iris('iris.nn'),
    'novalid.nn': text.replace('valid 20%, test 10%', 'test 30%'),
    'wild.nn': text.replace('adamw(lr = lr, weight_decay = decay)', 'sgd(lr * 1e30)'),
  })
  const nnc = (line: string, options: Partial<TestOptions> = {}) =>
    runCommand(line.split(' '), { directory: folder, ...options })
  const linesOf = async (line: string): Promise<{ trials: Line[]; last: LastLine }> => {
    const { code, output, error } = await nnc(line)
    expect({ code, error }).toEqual({ code: 0, error: '' })
    const lines = output
      .trimEnd()
      .split('\n')
      .map((each) => JSON.parse(each))
    expect(lines.map(({ event }) => event)).toEqual(['start', ...lines.slice(2).map(() => 'trial'), 'done'])
    return { trials: lines.slice(1, -1), last: lines.at(-1) }
  }
  const withoutTime = (trials: readonly Line[]) =>
    trials.map(({ seconds: _, ...rest }: Line & { seconds?: number }) => rest)

  test('--json: the best is the least validation loss, and `next` trains it again to the same bits', async () => {
    const { trials, last } = await linesOf('sweep iris.nn --trials 8 --epochs 12 --hyper decay=0.02 --json -o swept')
    expect(trials).toHaveLength(8)
    expect(trials[0]!.values).toEqual({ lr: 0.01 })
    const finished = trials.filter(({ outcome }) => outcome === 'finished')
    expect(Math.min(...finished.map(({ value }) => value!))).toBe(last.best.value)
    expect(last.next[0]).toBe(`npx nnc train iris.nn --hyper decay=0.02 --hyper lr=${last.best.values.lr} --epochs 12`)
    const { code } = await nnc(`${last.next[0]!.replace('npx nnc ', '')} -o again`)
    expect(code).toBe(0)
    const evaluated = async (weights: string) =>
      JSON.parse((await nnc(`eval iris.nn --weights ${weights} --json`)).output) as Readonly<Record<string, number>>
    expect(last.weights).toBe('swept/iris.sweep.safetensors')
    expect(await evaluated('again/iris.safetensors')).toEqual(await evaluated(last.weights))
    expect(last.test.loss).toBeCloseTo((await evaluated(last.weights)).loss!, 6)
  })

  test('constants get modules of their own; values the file cannot have are told and passed over', async () => {
    const { trials, last } = await linesOf(
      'sweep iris.nn --try Hidden=8,-1,24 --hyper lr=0.02 --hyper decay=0 --epochs 3 --json',
    )
    expect(trials.map(({ values, outcome }) => [values.Hidden, outcome])).toEqual([
      [8, 'finished'],
      [-1, 'failed'],
      [24, 'finished'],
    ])
    expect(trials[1]!.message).toMatch(/^NN0\d{3}: /)
    expect(last.next[1]).toBe(
      `npx nnc predict iris.nn --set Hidden=${last.best.values.Hidden} --weights out/iris.sweep.safetensors --input FILE`,
    )
    const { code, error } = await nnc(`eval iris.nn --set Hidden=${last.best.values.Hidden} --weights ${last.weights}`)
    expect({ code, error }).toEqual({ code: 0, error: '' })
  })

  test('by the metric the stop rule watches, of the epoch whose parameters are kept', async () => {
    const { trials, last } = await linesOf('sweep stop.nn --trials 3 --no-leave --json')
    const record = JSON.parse(readFileSync(`${folder}/out/stop.sweep.json`, 'utf8'))
    expect(record.objective).toEqual({ of: 'valid', metric: 'accuracy', better: 'higher' })
    for (const { course, value, epoch } of record.trials as Trial[]) {
      expect(value).toBe(Math.max(...(course as number[])))
      expect(course[epoch - 1]).toBe(value)
    }
    expect(last.best.value).toBe(Math.max(...trials.map(({ value }) => value!)))
  })

  test('Ctrl-C keeps what was done, and --resume comes to what the whole sweep comes to', async () => {
    const line = 'sweep iris.nn --trials 7 --epochs 6 --json'
    const whole = await linesOf(`${line} -o whole`)
    const { code, output } = await nnc(`${line} -o parts`, {
      watch: (written, interrupt) => /"trial":3/.test(written) && interrupt(),
    })
    expect(code).toBe(130)
    expect(JSON.parse(output.trimEnd().split('\n').at(-1)!)).toEqual({ event: 'done', reason: 'cancelled', trials: 3 })
    const resumed = await linesOf(`${line} -o parts --resume`)
    expect(withoutTime(resumed.trials.slice(3))).toEqual(withoutTime(whole.trials.slice(3)))
    expect(resumed.last.test).toEqual(whole.last.test)
    const longer = await linesOf(`${line.replace('7', '9')} -o parts --resume`)
    expect(longer.trials.map(({ trial }) => trial)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    const { error } = await nnc(`${line.replace('6', '4')} -o parts --resume`)
    expect(error).toContain('parts/iris.sweep.json was made with other options')
  })

  test('folds: the mean of those not learned from decides, and the test part stays untouched', async () => {
    const { trials, last } = await linesOf('sweep iris.nn --trials 2 --epochs 3 --folds 3 --by accuracy --json')
    const mean = async (lr: number, decay: number): Promise<number> => {
      const { output } = await nnc(`train iris.nn --folds 3 --epochs 3 --hyper lr=${lr} --hyper decay=${decay} --json`)
      return JSON.parse(output.trimEnd().split('\n').at(-1)!).mean.accuracy
    }
    for (const { values, value } of trials) expect(value).toBeCloseTo(await mean(values.lr!, values.decay!), 6)
    expect(last.test).toBeUndefined()
    expect(last.weights).toBeUndefined()
    expect(last.next).toHaveLength(1)
  })

  test('a person sees a table', async () => {
    const { output } = await nnc('sweep iris.nn --trials 3 --epochs 2 --threads 1')
    const lines = output.trimEnd().split('\n')
    expect(lines.slice(1, 4)).toEqual([
      'data  105 train · 30 valid · 15 test rows',
      'sweep 3 trials of lr 0.0001..0.3 (log); decay 0..0.1; up to 2 epochs each, batch 16, seed 1',
      'by    valid loss, lower is better',
    ])
    expect(lines[5]!.trim().split(/\s+/)).toEqual([
      'trial',
      'lr',
      'decay',
      'loss',
      'accuracy',
      'epochs',
      'time',
      'best',
    ])
    expect(lines[6]).toMatch(/^ +1\/3 +0\.01 +0\.01 +\d\.\d{4} +\d+\.\d\d % +2 .* ●$/)
    expect(lines[10]).toMatch(/^best {2}trial \d: lr [\d.e-]+, decay [\d.e-]+.*; loss \d\.\d{4}$/)
    expect(lines[11]).toMatch(/^test {2}loss .* on 15 rows that had no part in the choice$/)
  })

  test('all trials diverged', async () => {
    const { code, error } = await nnc('sweep wild.nn --trials 2 --epochs 2')
    expect(code).toBe(1)
    expect(error).toContain('none of the 2 trials came to a number')
  })

  test.each([
    ['sweep same.nn', 1, 'same.nn has nothing to try'],
    ['sweep novalid.nn', 1, 'has no part valid, and trials must not be compared by what they learned from'],
    ['sweep iris.nn --try hiden=3,4', 1, 'declares no `const` or `hyper` number called `hiden`'],
    ['sweep iris.nn --try hiden=3,4', 1, 'did you mean Hidden?'],
    ['sweep iris.nn --try lr=0.1,2', 1, 'hyper `lr` cannot be 2'],
    ['sweep iris.nn --try Hidden=3,4 --set Hidden=5', 1, '`Hidden` is both tried and given one value'],
    ['sweep iris.nn --by acuracy', 1, 'did you mean accuracy?'],
    ['sweep iris.nn --resume -o nowhere', 1, 'there is no nowhere/iris.sweep.json to go on with'],
    ['sweep iris.nn --try Hidden', 2, 'Write a name, an equals sign and values'],
    ['sweep iris.nn --try Hidden=8..4', 2, 'The range 8..4 is empty.'],
    ['sweep iris.nn --try lr=a..b', 2, '"a" is no number.'],
  ])('%s is refused', async (line, code, message) => {
    const { code: found, error } = await nnc(line)
    expect(error).toContain(message)
    expect(found).toBe(code)
  })
})
