/** `window` of numbers: rows of a table that follow one another. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Dataset } from '../../cli/data/dataset.ts'
import { feedRows } from '../../cli/data/feed-rows.ts'
import type { FedTensor, WantedInput } from '../../cli/data/fields.ts'
import { loadData, loadFolds, planOf } from '../../cli/data/load-data.ts'
import { readCsv } from '../../cli/data/read-csv.ts'
import type { SourceText } from '../../cli/source-file.ts'
import { DiagnosticsError } from '../../cli/user-error.ts'
import { compileToProgram } from './data-block.ts'
import { temporaryFolder } from './temporary-folder.ts'

const ten = `t,v,shop\n${Array.from({ length: 10 }, (_, row) => `${row},${row * row},${row % 2 ? 'b' : 'a'}`).join('\n')}\n`

function blockOf(statements: string, csv: string): { source: SourceText } & ReturnType<typeof compileToProgram> {
  const program = compileToProgram(`data d {\nsource csv("d.csv")\n${statements}\n}\n`)
  const folder = temporaryFolder({ 'd.csv': csv })
  return { ...program, source: { name: 'test.nn', path: join(folder, 'test.nn'), text: program.text } }
}

function load(statements: string, wanted: readonly WantedInput[], csv = ten): Promise<Dataset> {
  const { declaration, source } = blockOf(statements, csv)
  return loadData(declaration, source, wanted)
}

const input = (name: string, ...shape: number[]): WantedInput => ({ name, dtype: 'f32', shape })

function rowsOf({ data, shape, starts }: FedTensor): number[][] {
  const size = shape.slice(1).reduce((product, each) => product * each, 1)
  return Array.from({ length: shape[0]! }, (_, row) => {
    const from = starts ? starts[row]! : row * size
    return Array.from(data.subarray(from, from + size))
  })
}

test('the next value after three, in parts that no window leaves', async () => {
  const { parts, rows } = await load(
    'past = window(t, 3, every = 1)\nnext = window(t, 1, every = 1, shift = 3)\nsplit train 60%, test 40% in order',
    [input('past', 3), input('next', 1)],
  )
  expect(rows).toEqual({ train: 3, test: 1 })
  expect(rowsOf(parts.train!.past!)).toEqual([
    [0, 1, 2],
    [1, 2, 3],
    [2, 3, 4],
  ])
  expect(rowsOf(parts.train!.next!)).toEqual([[3], [4], [5]])
  expect(rowsOf(parts.test!.past!)).toEqual([[6, 7, 8]])
  expect(rowsOf(parts.test!.next!)).toEqual([[9]])
})

test('without `every` they follow each other; lists of numbers have an axis of their own; whole numbers stay whole', async () => {
  const { parts } = await load('x = window([t, v], 4)\nk = window(category(shop), 4)', [
    input('x', 4, 2),
    { name: 'k', dtype: 'i32', shape: [4] },
  ])
  expect(parts.train!.x!.shape).toEqual([2, 4, 2])
  expect(rowsOf(parts.train!.x!)).toEqual([
    [0, 0, 1, 1, 2, 4, 3, 9],
    [4, 16, 5, 25, 6, 36, 7, 49],
  ])
  expect(rowsOf(parts.train!.k!)).toEqual([
    [0, 1, 0, 1],
    [0, 1, 0, 1],
  ])
  expect(parts.train!.k!.data).toBeInstanceOf(Int32Array)
})

test('what is learned is learned from the rows of the training part', async () => {
  const { learned } = await load('past = window(standardize(t), 2)\nsplit train 50%, test 50% in order', [
    input('past', 2),
  ])
  expect(learned).toMatchObject({ past: [{ kind: 'standardize', mean: [2] }] })
})

test('rows in order of a number, each group by itself', async () => {
  const descending = `t,v,shop\n${Array.from({ length: 8 }, (_, row) => `${7 - row},0,${row % 2 ? 'b' : 'a'}`).join('\n')}\n`
  const { parts } = await load(
    'x = window(t, 3, every = 1)\nsplit train 100% by shop in order of t',
    [input('x', 3)],
    descending,
  )
  expect(rowsOf(parts.train!.x!)).toEqual([
    [0, 2, 4],
    [2, 4, 6],
    [1, 3, 5],
    [3, 5, 7],
  ])
})

test('groups that are dealt at random stay in their order', async () => {
  const { parts } = await load('x = window(t, 5)\nsplit train 50%, test 50% by shop seed 3', [input('x', 5)])
  const found = [...rowsOf(parts.train!.x!), ...rowsOf(parts.test!.x!)].sort((one, other) => one[0]! - other[0]!)
  expect(found).toEqual([
    [0, 2, 4, 6, 8],
    [1, 3, 5, 7, 9],
  ])
})

test('rows that are left out leave no gap', async () => {
  const { parts } = await load('where t != 1\nx = window(t, 2)', [input('x', 2)])
  expect(rowsOf(parts.train!.x!).slice(0, 2)).toEqual([
    [0, 2],
    [3, 4],
  ])
})

test('folds in order test later rows by earlier ones', async () => {
  const { declaration, source } = blockOf('x = window(t, 2)\nsplit train 100% in order', ten)
  const folds = await loadFolds(declaration, source, [input('x', 2)], { count: 4, over: 'learning' })
  const { parts } = await folds[1]!()
  expect(rowsOf(parts.train!.x!)).toEqual([
    [0, 1],
    [2, 3],
  ])
  expect(rowsOf(parts.test!.x!)).toEqual([[4, 5]])
})

describe('predictions', () => {
  const { declaration, source } = blockOf('where t != 1\nx = window(t, 3, every = 1)', ten)
  const plan = planOf(declaration, source)
  const feed = (csv: string) => feedRows(plan, readCsv(Buffer.from(csv), 'new.csv'), [input('x', 3)], {})

  test('one for each window of the rows that are not left out', () => {
    const { inputs, skipped } = feed('t\n0\n1\n2\n3\n4\n')
    expect(rowsOf(inputs.x!)).toEqual([
      [0, 2, 3],
      [2, 3, 4],
    ])
    expect(skipped.size).toBe(0)
  })

  test('none from fewer rows than a window has', () =>
    expect(() => feed('t\n0\n1\n2\n')).toThrow('new.csv is shorter than one window'))
})

test.each([
  'x = window(t, 3)\nsplit train 50%, test 50% seed 1',
  'x = window(t, 3)\nsplit train 50%, test 50% stratified by shop',
  'x = window(t, 3, shift = 20)',
  'x = window(shop, 3)',
  'x = window(window(t, 3), 2)',
  'x = standardize(window(t, 3))',
  'x = window(t, 2)',
  'x = window(t, 3)\ny = window(t, 3, every = 1)',
])('refused: %s', async (statements) => {
  const wanted = [input('x', 3), ...(statements.includes('\ny =') ? [input('y', 3)] : [])]
  const error: unknown = await load(statements, wanted).catch((thrown: unknown) => thrown)
  if (!(error instanceof DiagnosticsError)) throw error ?? new Error('nothing was refused')
  expect(error.diagnostics.map(({ code, message, hint }) => [code, message, hint ?? ''].join(' | '))).toMatchSnapshot()
})
