/** `nnc train --folds`: how rows are divided, and what is said about the folds. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { foldRows } from '../../cli/data/folds.ts'
import type { SplitPlan } from '../../cli/data/plan.ts'
import { allRows, type SplitKeys } from '../../cli/data/split.ts'
import type { SplitManner } from '../../compiler/1-parse/ast.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { runCommand, type TestOptions } from './test-terminal.ts'

/** A line of `--json`. */
interface FoldLine {
  readonly event: 'start' | 'fold' | 'done'
  readonly rows: Readonly<Record<'train' | 'valid' | 'test', number>>
  readonly reason: string
  readonly epochs: number
  readonly bestEpoch: number
  readonly test: Readonly<Record<string, number>>
  readonly mean: Readonly<Record<string, number>>
  readonly deviation: Readonly<Record<string, number>>
}

const span = { start: 0, end: 0 } as SplitPlan['span']
const name = { kind: 'name', name: 'x', span } as const

function split(parts: Readonly<Partial<Record<'train' | 'valid' | 'test', number>>>, manner?: SplitManner): SplitPlan {
  const listed = Object.entries(parts).map(([part, percent]) => ({ part: part as 'train', percent: percent! }))
  return { parts: listed, seed: 3, span, ...(manner && { manner }) }
}

const sorted = (rows: Iterable<number>): number[] => [...rows].sort((a, b) => a - b)

describe('dividing rows', () => {
  const rows = allRows(103)

  test.each<[string, SplitKeys, SplitManner | undefined]>([
    ['shuffled', {}, undefined],
    ['in groups', { groupOf: (row) => String(row % 29) }, { kind: 'grouped', by: name }],
    [
      'stratified',
      { strata: [rows.filter((row) => row % 4 === 0), rows.filter((row) => row % 4 !== 0)] },
      { kind: 'stratified', by: name },
    ],
  ])('%s: each row is tested once, and never by what learned from it', (_, keys, manner) => {
    const folds = foldRows(rows, split({ train: 60, valid: 20, test: 20 }, manner), keys, 4)
    expect(sorted(folds.flatMap(({ test }) => [...test!]))).toEqual([...rows])
    for (const { train, valid, test } of folds) expect(sorted([...train!, ...valid!, ...test!])).toEqual([...rows])
  })

  test('without groups the folds differ by one row at most, and validation keeps its share of what is left', () => {
    const folds = foldRows(rows, split({ train: 60, valid: 20, test: 20 }), {}, 4)
    expect(sorted(folds.map(({ test }) => test!.length))).toEqual([25, 26, 26, 26])
    for (const { train, valid } of folds) expect(valid!.length / (train!.length + valid!.length)).toBeCloseTo(0.25, 1)
    expect(foldRows(rows, split({ train: 80, test: 20 }), {}, 4)[0]!.valid).toBeUndefined()
  })

  test('groups stay whole, in every part', () => {
    const groupOf = (row: number): string => (row < 30 ? 'large' : String(row % 17))
    const folds = foldRows(rows, split({ train: 70, valid: 30 }, { kind: 'grouped', by: name }), { groupOf }, 3)
    for (const fold of folds) {
      const parts = [fold.train!, fold.valid!, fold.test!].map((part) => new Set(Array.from(part, groupOf)))
      expect(parts.reduce((sum, { size }) => sum + size, 0)).toBe(new Set(parts.flatMap((part) => [...part])).size)
    }
    // The large group is one fold's, and the others share the rest.
    expect(sorted(folds.map(({ test }) => test!.length))[0]).toBeGreaterThan(30)
  })

  test('as many folds as groups leave none empty', () => {
    const groupOf = (row: number): string => String(Math.min(row, 5))
    const folds = foldRows(rows, split({ train: 50, test: 50 }, { kind: 'grouped', by: name }), { groupOf }, 6)
    expect(sorted(folds.map(({ test }) => test!.length))).toEqual([1, 1, 1, 1, 1, 98])
    expect(() => foldRows(rows, split({ train: 50, test: 50 }, { kind: 'grouped', by: name }), { groupOf }, 7)).toThrow(
      'so many folds need 7 groups of rows, and there are 6',
    )
  })

  test('each fold has its share of every stratum', () => {
    const isRare = (row: number): boolean => row % 10 === 0
    const strata = [rows.filter(isRare), rows.filter((row) => !isRare(row))]
    const folds = foldRows(rows, split({ train: 80, valid: 20 }, { kind: 'stratified', by: name }), { strata }, 5)
    for (const { test, valid } of folds) {
      expect([2, 3]).toContain(test!.filter(isRare).length)
      expect(valid!.filter(isRare).length).toBe(2)
    }
    expect(sorted(folds.map(({ test }) => test!.length))).toEqual([20, 20, 21, 21, 21])
  })

  test('in order: what is learned comes before what is tested', () => {
    const orderOf = (row: number): number => -row
    const manner = { kind: 'in order', of: name } as const
    const folds = foldRows(rows, split({ train: 80, valid: 20 }, manner), { orderOf }, 4)
    folds.forEach(({ train, valid, test }, at) => {
      expect(Math.min(...train!)).toBeGreaterThan(Math.max(...valid!))
      expect(Math.min(...valid!)).toBeGreaterThan(Math.max(...test!))
      expect(test!.length).toBeGreaterThanOrEqual(20)
      expect(train!.length + valid!.length + test!.length).toBeGreaterThanOrEqual((at + 2) * 20)
    })
    expect(sorted(folds.flatMap(({ test }) => [...test!]))).toEqual([...allRows(82)])
    expect(() => foldRows(allRows(4), split({ train: 80, valid: 20 }, manner), { orderOf }, 4)).toThrow(
      'so many folds need 5 rows, and there are 4',
    )
  })

  test('the seed of the split decides', () => {
    const plan = split({ train: 80, test: 20 })
    const tested = (seed: number) => [...foldRows(rows, { ...plan, seed }, {}, 3)[0]!.test!]
    expect(tested(1)).toEqual(tested(1))
    expect(tested(1)).not.toEqual(tested(2))
  })
})

describe('the command', () => {
  const iris = (path: string): string => readFileSync(new URL(`../../examples/iris/${path}`, import.meta.url), 'utf8')
  const text = iris('iris.nn')
  const folder = temporaryFolder({
    'iris.nn': text,
    'iris.csv': iris('iris.csv'),
    'plain.nn': text.replace(/^ *split.*\n/m, ''),
    'stop.nn': text
      .replace('adamw(lr = 0.01', 'adamw(lr = 0.1')
      .replace('seed 1\n', 'seed 1\n  stop when valid.loss has not improved for 2 epochs\n'),
    'own.nn': text.replace(/^ *split.*\n/m, '  test csv("iris.csv")\n  split train 80%, valid 20%\n'),
  })
  const nnc = (line: string, options: Partial<TestOptions> = {}) =>
    runCommand(line.split(' '), { directory: folder, ...options })
  const linesOf = async (line: string): Promise<FoldLine[]> => {
    const { code, output, error } = await nnc(line)
    expect({ code, error }).toEqual({ code: 0, error: '' })
    return output
      .trimEnd()
      .split('\n')
      .map((each) => JSON.parse(each))
  }

  test('--json: every fold, the mean and the standard deviation; the same bits each time', async () => {
    const lines = await linesOf('train iris.nn --folds 4 --json')
    expect(lines.map(({ event }) => event)).toEqual(['start', 'fold', 'fold', 'fold', 'fold', 'done'])
    const folds = lines.slice(1, -1)
    // A fifth of the 150 rows is the test part, which no fold touches.
    expect(folds.map(({ rows }) => rows.train + rows.valid + rows.test)).toEqual([120, 120, 120, 120])
    const values = folds.map(({ test }) => test.accuracy as number)
    const mean = values.reduce((sum, value) => sum + value) / 4
    expect(lines.at(-1)!.mean.accuracy).toBeCloseTo(mean, 12)
    expect(lines.at(-1)!.deviation.accuracy).toBeCloseTo(
      Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 3),
      12,
    )
    expect(mean).toBeGreaterThan(0.85)
    const measured = (all: typeof lines) => all.slice(1, -1).map(({ test }) => test)
    expect(measured(await linesOf('train iris.nn --folds 4 --json'))).toEqual(measured(lines))
    expect(measured(await linesOf('train iris.nn --folds 4 --json --seed 9'))).not.toEqual(measured(lines))
  })

  test('--folds-over all tests every row', async () => {
    const folds = (await linesOf('train iris.nn --folds 3 --json --folds-over all --epochs 2')).slice(1, -1)
    expect(folds.map(({ rows }) => rows.test)).toEqual([50, 50, 50])
  })

  test('a stop rule ends each fold by its own validation rows, and the best epoch is tested', async () => {
    const folds = (await linesOf('train stop.nn --folds 3 --json')).slice(1, -1)
    for (const { epochs, bestEpoch, reason } of folds)
      expect(reason === 'finished' ? epochs : epochs - bestEpoch).toBe(reason === 'finished' ? 60 : 2)
    expect(folds.map(({ reason }) => reason)).toContain('stopped')
  })

  test('a person sees a table', async () => {
    const { output } = await nnc('train iris.nn --folds 3 --epochs 2')
    const lines = output.trimEnd().split('\n')
    expect(lines[3]!.trim().split(/\s+/)).toEqual([
      ...['fold', 'train', 'valid', 'test', 'epochs', 'loss', 'accuracy', 'time'],
    ])
    expect(lines[4]).toMatch(/^ +1\/3 +70 +10 +40 +2 +\d\.\d{4} +\d+\.\d\d % /)
    expect(lines.slice(-2)).toEqual([
      expect.stringMatching(/^ +mean +\d\.\d{4} +\d+\.\d\d % /),
      expect.stringMatching(/^ +± +\d\.\d{4} +\d+\.\d\d %$/),
    ])
  })

  test('Ctrl-C ends it', async () => {
    const { code, output } = await nnc('train iris.nn --folds 3 --epochs 50', {
      watch: (written, interrupt) => /1\/3/.test(written) && interrupt(),
    })
    expect(code).toBe(130)
    expect(output.trimEnd().split('\n').at(-1)).toBe('interrupted after 1 of 3 folds')
  })

  test.each([
    ['train iris.nn --folds 1', 2, 'It must be a whole number from 2'],
    ['train iris.nn --folds 3 --resume x', 2, "cannot be used with option '--resume"],
    ['train iris.nn --folds 500', 1, 'so many folds need 500 rows, and there are 120'],
    ['train plain.nn --folds 3', 1, 'has no `split`, which says how folds are made'],
    ['train own.nn --folds 3 --folds-over all', 1, 'the part `test` has files of its own'],
  ])('%s is refused', async (line, code, message) => {
    const { code: found, error } = await nnc(line)
    expect(found).toBe(code)
    expect(error).toContain(message)
  })

  test('one text has no folds', async () => {
    const book = temporaryFolder({
      'book.txt': 'abc '.repeat(500),
      'book.nn': `model Next(id: i32[Batch, 8]) -> f32[Batch, 8, 10] {
  return id |> embed: Embedding(10, 4) |> out: Linear(10)
}
data book {
  source text("book.txt")
  ids = characters(text, vocabulary = 10)
  id = window(ids, 8)
  next = window(ids, 8, shift = 1)
  split train 90%, valid 10% in order
}
train fit(id: i32[Batch, 8], next: i32[Batch, 8]) on book {
  loss cross_entropy(Next(id), next)
  optimizer adam(lr = 2e-3)
}
`,
    })
    const { code, error } = await nnc('train book.nn --folds 3', { directory: book })
    expect(code).toBe(1)
    expect(error).toContain('one text has no rows to make folds of')
  })
})
