/** `nnc predict` on rows the data block leaves out. */
import { beforeAll, expect, test } from 'vitest'
import { temporaryFolder } from './temporary-folder.ts'
import { runCommand } from './test-terminal.ts'

const source = `model Sum(x: f32[Batch, 2]) -> f32[Batch, 1] {
  return x |> out: Linear(1)
}
data rows {
  source csv("rows.csv")
  low = clip(a, 0.0, 10.0)
  x = [low, b]
  y = [label]
  drop missing
  where low < 5.0 and b > 0.0
  where label != 9.0
  drop duplicates
}
train fit(x: f32[Batch, 2], y: f32[Batch, 1]) on rows {
  loss mean_squared_error(Sum(x), y)
  optimizer sgd(lr = 0.01)
  batch 4  epochs 1  seed 1
}
infer pair(x: f32[Batch, 2]) -> f32[Batch, 2] {
  return x
}
`
const directory = temporaryFolder({
  'rows.nn': source,
  'unguarded.nn': source.replace('  drop missing\n', '').replace(/^ *where.*\n/gm, ''),
  'double.nn': 'infer double(x: f32[N]) -> f32[N] {\n  return 2.0 * x\n}\n',
  'rows.csv': 'a,b,label\n1,1,2\n2,1,3\n3,3,6\n',
})
const nnc = (line: string, input?: string) =>
  runCommand(line.split(' '), { directory, ...(input !== undefined && { input }) })

beforeAll(async () => {
  expect(await nnc('train rows.nn --quiet')).toMatchObject({ code: 0, error: '' })
}, 60_000)

const weights = '--weights out/rows.safetensors --input -'

test('JSON: null in their places, and a warning that names rows and statements', async () => {
  const rows = [
    { a: 1, b: 1 },
    { a: 7, b: 1 },
    { a: 1, b: 1 },
    { a: null, b: 1 },
    { a: 2, b: -1 },
  ]
  const { code, output, error } = await nnc(`predict rows.nn --entry pair ${weights}`, JSON.stringify(rows))
  expect(code).toBe(0)
  expect(JSON.parse(output)).toEqual([{ output: [1, 1] }, null, { output: [1, 1] }, null, null])
  expect(error).toMatchInlineSnapshot(`
    "warning: 3 rows have no prediction, as the data block leaves them out
      row 2 of standard input: \`where\` does not hold (rows.nn:10)
      row 4 of standard input: a value is missing, see \`drop missing\` (rows.nn:9)
      row 5 of standard input: \`where\` does not hold (rows.nn:10)
    "
  `)
})

test('CSV: empty cells; the condition about the label holds where there are labels', async () => {
  const pair = await nnc(`predict rows.nn --entry pair ${weights}`, 'a,b,label\n1,2,9\n1,2,3\n')
  expect(pair).toMatchObject({ code: 0, output: 'output.0,output.1\n,\n1,2\n' })
  expect(pair.error).toContain('row 2 of standard input: `where` does not hold (rows.nn:11)')
  const single = await nnc(`predict rows.nn --entry Sum ${weights}`, 'a,b\n9,2\n1,2\n')
  expect(single.output.split('\n').slice(0, 2)).toEqual(['output', '""'])
})

test('many are counted, and none left is an error', async () => {
  const far = Array.from({ length: 12 }, () => ({ a: 8, b: 1 }))
  const most = await nnc(`predict rows.nn ${weights}`, JSON.stringify([...far, { a: 1, b: 1 }]))
  expect(most.error).toContain('12 rows have no prediction')
  expect(most.error).toContain('  and 2 more\n')
  const none = await nnc(`predict rows.nn ${weights}`, JSON.stringify(far))
  expect(none.code).toBe(1)
  expect(none.error).toContain('no row of standard input is left to predict')
})

test('prepared inputs and blocks without conditions are not concerned', async () => {
  const prepared = await nnc(`predict rows.nn --entry pair ${weights}`, '[{"x": [9, -9]}]')
  expect(prepared).toMatchObject({ code: 0, output: '[{"output":[9,-9]}]\n', error: '' })
  const unguarded = await nnc(`predict unguarded.nn --entry pair ${weights}`, '[{"a": 1, "b": 1}, {"a": null, "b": 1}]')
  expect(unguarded.code).toBe(1)
  expect(unguarded.error).toContain('column `a` has no value in row 2')
})

test('what has no parameters needs no weights', async () => {
  const { code, output, error } = await nnc('predict double.nn --input -', '{"x": [1, 2.5]}')
  expect({ code, error, values: output.match(/[\d.]+/g) }).toEqual({ code: 0, error: '', values: ['2', '5'] })
})
