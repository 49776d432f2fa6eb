import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Dataset } from '../../cli/data/dataset.ts'
import type { WantedInput } from '../../cli/data/fields.ts'
import { loadData } from '../../cli/data/load-data.ts'
import { DiagnosticsError } from '../../cli/user-error.ts'
import type { DataDeclaration } from '../../compiler/1-parse/ast.ts'
import { format } from '../../compiler/1-parse/format.ts'
import { parse } from '../../compiler/1-parse/parse.ts'
import { temporaryFolder } from './temporary-folder.ts'

const one: WantedInput = { name: 'x', dtype: 'f32', shape: [] }
const label: WantedInput = { name: 'y', dtype: 'i32', shape: [] }
const birds = JSON.stringify([
  { kind: 'gull', 'Mass (g)': 10, sex: 'f', year: 2001 },
  { kind: 'tern', 'Mass (g)': null, sex: 'm', year: 2002 },
  { kind: 'gull', 'Mass (g)': 30, sex: 'NA', year: 2003 },
  { kind: 'tern', 'Mass (g)': 20, sex: 'f', year: 2004 },
  { kind: 'gull', 'Mass (g)': 10, sex: 'f', year: 2001 },
  { kind: 'gull', sex: 'm', year: 2006 },
])

async function load(statements: string, wanted: readonly WantedInput[] = [one], text = birds): Promise<Dataset> {
  const source = `data d {\n${statements}\n}\n`
  const folder = temporaryFolder({ 'birds.json': text, 'cells.csv': text })
  const { ast, diagnostics } = parse(source, 'test.nn')
  expect(diagnostics).toEqual([])
  const declaration = ast.declarations.find((found): found is DataDeclaration => found.kind === 'data')!
  return loadData(declaration, { name: 'test.nn', path: join(folder, 'test.nn'), text: source }, wanted)
}

/** The training values of `x` after some statements over the birds. */
async function values(statements: string): Promise<number[]> {
  const { parts } = await load(`source json("birds.json")\n${statements}`)
  return [...parts.train!.x!.data]
}

async function fault(statements: string, text = birds): Promise<string> {
  const error = await load(statements, [one], text).catch((thrown: unknown) => thrown)
  if (!(error instanceof DiagnosticsError)) throw error ?? new Error('nothing was refused')
  const source = error.sources.get('test.nn')!
  return error.diagnostics
    .map(({ code, message, hint, span }) => [code, source.slice(span.start, span.end), message, hint ?? ''].join(' | '))
    .join('\n')
}

const mass = 'column("Mass (g)")'

describe('records', () => {
  test('are columns by name, with null, absent names and NA missing', async () => {
    expect(await values(`drop missing\nx = ${mass}`)).toEqual([10, 30, 20, 10])
    expect(await values('x = missing(sex)')).toEqual([0, 0, 1, 0, 0, 0])
  })

  test.each([
    ['{"a": 1}', 'NN0418 | source json("birds.json") | birds.json holds no list of records | '],
    ['[{"x": 1}, 7]', 'NN0418 | source json("birds.json") | row 2 of birds.json is no record with named values | '],
    ['[{"x": 1', 'NN0418 | source json("birds.json") | birds.json is not JSON: '],
    [
      '[{"x": [1, 2]}, {"x": [1]}]',
      'NN0418 | x | `x` has the shape [1] in row 2 of birds.json, and [2] before | a column is all text',
    ],
    ['[{"x": [1, "two"]}]', 'NN0418 | x | `x` in birds.json has in a list what is no number | '],
    ['[{"x": 1},\n{"x": 2}', 'NN0418 | source json("birds.json") | birds.json is not JSON: '],
    ['{"x": 1}\n{"x": 2\n', 'NN0418 | source json("birds.json") | line 2 of birds.json is not JSON: '],
  ])('%s is refused', async (text, message) => {
    expect((await fault('source json("birds.json")\nx = [x]', text)).slice(0, message.length)).toBe(message)
  })
})

describe('choosing rows', () => {
  test.each([
    ['where year >= 2003', [2003, 2004, 2006]],
    ['where kind == "tern"', [2002, 2004]],
    ['where kind != "tern" and year < 2006', [2001, 2003, 2001]],
    ['where not missing(sex) and sex == "m"', [2002, 2006]],
    ['where kind == "tern" or year == 2006', [2002, 2004, 2006]],
    ['drop missing in sex', [2001, 2002, 2004, 2001, 2006]],
    [`drop missing in sex, ${mass}`, [2001, 2004, 2001]],
    ['drop duplicates', [2001, 2002, 2003, 2004, 2006]],
    ['drop duplicates in kind', [2001, 2002]],
    ['where year > 2001\ndrop duplicates in kind', [2002, 2003]],
    ['drop duplicates in kind\nwhere year > 2001', [2002]],
  ])('%s', async (statements, years) => {
    expect(await values(`${statements}\nx = year`)).toEqual(years)
  })

  test('`drop missing` looks at the columns the block reads, not at those it fills', async () => {
    expect(await values('x = year\ndrop missing')).toHaveLength(6)
    expect(await values(`x = year + ${mass}\ndrop missing`)).toHaveLength(4)
    expect(await values(`x = fill(${mass}, 0.0) + missing(sex)\ndrop missing`)).toEqual([10, 0, 31, 20, 10, 0])
  })

  test('a filter holds for the test source too', async () => {
    const { rows } = await load('source json("birds.json")\ntest json("birds.json")\nwhere year > 2003\nx = year')
    expect(rows).toEqual({ train: 2, test: 2 })
  })

  test.each([
    [`where ${mass} > 1\nx = year`, 'NN0411', 'fill(column("Mass (g)"), median)'],
    ['where sex\nx = year', 'NN0411', 'is text'],
    ['where year == "2001"\nx = year', 'NN0412', 'compares text with a number | leave out the quotes'],
    ['where kind == 3\nx = year', 'NN0412', 'compares text with a number | put the value in quotes'],
    ['where year > 3000\nx = year', 'NN0416', 'no row of birds.json is left after this'],
    ['where standardize(year) > 0.0\nx = year', 'NN0417', 'learns from the training rows'],
    ['where yaer > 3\nx = year', 'NN0406', 'did you mean `year`?'],
    ['x = fill(sex, mean)', 'NN0411', '`mode` or with a text in quotes'],
    ['x = fill(year, "none")', 'NN0411', 'a text cannot fill them'],
    ['x = fill(year, largest)', 'NN0405', '`fill` takes'],
    ['x = fill(year)', 'NN0405', 'fill(age, median)'],
    ['x = clip(year, 1)', 'NN0405', 'the least and the greatest'],
    ['x = clip_quantiles(year, 0.9, 0.1)', 'NN0405', 'the smaller one first'],
    ['split train 50%, test 50% in order seed 3', 'NN0407', 'leave out `seed`'],
  ])('%s is refused', async (statements, code, part) => {
    const text = await fault(`source json("birds.json")\n${statements}`)
    expect(text).toContain(code)
    expect(text).toContain(part)
  })
})

describe('filling and scaling learn from the training rows only', () => {
  const cells = 'v,w\n1,a\n2,b\n,b\n9,\n4,c\n100,z\n'
  const first = 'source csv("cells.csv")\nsplit train 60%, test 40% in order\n'

  test.each([
    // The training rows are 1, 2, missing and 9 (four of six), so mean 4, median 2, and the least of equal modes 1.
    ['fill(v, mean)', [1, 2, 4, 9], [4, 100]],
    ['fill(v, median)', [1, 2, 2, 9], [4, 100]],
    ['fill(v, mode)', [1, 2, 1, 9], [4, 100]],
    ['fill(v, -1)', [1, 2, -1, 9], [4, 100]],
    ['fill(minmax_scale(v), 0.5)', [0, 0.125, 0.5, 1], [0.375, 12.375]],
    ['fill(robust_scale(v), 0.0)', [-0.25, 0, 0, 1.75], [0.5, 24.5]],
    ['clip(fill(v, 0.0), 2, 9)', [2, 2, 2, 9], [4, 9]],
    ['fill(clip_quantiles(v, 0.25, 0.75), 0)', [1.5, 2, 0, 5.5], [4, 5.5]],
    ['category(fill(w, mode))', [0, 1, 1, 1], [2, 3]],
    ['category(fill(w, "?"))', [1, 2, 2, 0], [3, 4]],
  ])('%s', async (expression, train, rest) => {
    const { parts } = await load(`${first}x = ${expression}`, [one], cells)
    const close = (data: ArrayLike<number>, expected: number[]): void =>
      Array.from(data).forEach((value, at) => {
        expect(value).toBeCloseTo(expected[at]!, 6)
      })
    close(parts.train!.x!.data, train)
    close(parts.test!.x!.data, rest)
  })

  test('standardize leaves missing values out of its statistics', async () => {
    const { learned } = await load(`${first}x = fill(standardize(v), 0.0)`, [one], cells)
    expect(learned.x![0]).toMatchObject({ kind: 'standardize', mean: [4] })
  })
})

describe('splits', () => {
  test('in order keeps the rows as they stand', async () => {
    const { parts } = await load('source json("birds.json")\nx = year\nsplit train 50%, valid 50% in order')
    expect([...parts.train!.x!.data]).toEqual([2001, 2002, 2003])
    expect([...parts.valid!.x!.data]).toEqual([2004, 2001, 2006])
  })

  test('stratified gives every part its share of each class', async () => {
    const rows = Array.from({ length: 100 }, (_, n) => ({ n, kind: n % 10 === 0 ? 'rare' : 'common' }))
    const { parts } = await load(
      'source json("birds.json")\nx = n\ny = category(kind)\nsplit train 60%, valid 20%, test 20% stratified by y seed 5',
      [one, label],
      JSON.stringify(rows),
    )
    const rare = (part: 'train' | 'valid' | 'test'): number =>
      [...parts[part]!.y!.data].filter((value) => value === 1).length
    expect([rare('train'), rare('valid'), rare('test')]).toEqual([6, 2, 2])
    const all = [...parts.train!.x!.data, ...parts.valid!.x!.data, ...parts.test!.x!.data]
    expect(all.sort((a, b) => a - b)).toEqual(rows.map(({ n }) => n))
  })
})

test('the formatter knows the statements of a data block', () => {
  const text =
    'data d {\n  source json("a.json")\n  where   year>=1975 and not missing( sex )\n  drop missing  in sex,column("a b")\n' +
    '  drop duplicates\n  split train 80%,test 20%   stratified by  kind seed 3\n}\ndata e {\n  source csv("a.csv")\n' +
    '  split train 80 %, test 20 % in  order\n}\n'
  const { ast } = parse(text, 'a.nn')
  const { text: formatted } = format(text, 'a.nn') as { text: string }
  expect(formatted).toBe(
    'data d {\n  source json("a.json")\n  where year >= 1975 and not missing(sex)\n  drop missing in sex, column("a b")\n' +
      '  drop duplicates\n  split train 80%, test 20% stratified by kind seed 3\n}\ndata e {\n  source csv("a.csv")\n' +
      '  split train 80%, test 20% in order\n}\n',
  )
  expect(ast.declarations).toHaveLength(2)
})
