/** Files as they are met: other encodings, separators and spellings, types that differ from file to file, very long ones. */
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { readCsvRecords } from '../../cli/data/csv-records.ts'
import { loadData } from '../../cli/data/load-data.ts'
import { readCsv } from '../../cli/data/read-csv.ts'
import { DiagnosticsError } from '../../cli/user-error.ts'
import { compileToProgram } from './data-block.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { runCommand } from './test-terminal.ts'

type Wanted = Parameters<typeof loadData>[2]

async function rows(
  file: string,
  content: string | Uint8Array,
  fields: string,
  wanted: Wanted = [{ name: 'x', dtype: 'f32', shape: [] }],
): Promise<number[]> {
  const folder = temporaryFolder({ [file]: content })
  const source = file.includes('json') ? 'json' : 'csv'
  const { text, declaration } = compileToProgram(`data d {\n  source ${source}("${file}")\n${fields}\n}\n`)
  const { parts } = await loadData(declaration, { name: 'test.nn', path: join(folder, 'test.nn'), text }, wanted)
  return [...parts.train![wanted[0]!.name]!.data]
}

async function fault(...given: Parameters<typeof rows>): Promise<string> {
  const error = await rows(...given).catch((thrown: unknown) => thrown)
  if (!(error instanceof DiagnosticsError)) throw error
  return error.diagnostics.map(({ code, message, hint }) => `${code} ${message} | ${hint}`).join('\n')
}

const utf16 = (text: string, isBig: boolean): Uint8Array => {
  const bytes = Buffer.from(`\ufeff${text}`, 'utf16le')
  return isBig ? bytes.swap16() : bytes
}

describe('CSV', () => {
  test.each<[string, string | Uint8Array]>([
    ['UTF-8 with a byte order mark', '\ufeffx,name\n1,é\n2,b\n'],
    ['UTF-16, little end first', utf16('x,name\n1,é\n2,b\n', false)],
    ['UTF-16, big end first', utf16('x,name\n1,é\n2,b\n', true)],
    ['Windows-1252', Buffer.from('x,name\n1,\xe9\n2,b\n', 'latin1')],
    ['lines that end in different ways', 'x,name\r\n1,é\n2,b\r'],
    ['semicolons', 'x;name\n1;é\n2;b\n'],
    ['Excel’s note of its separator', 'sep=;\nx;name\n1;é\n2;b\n'],
    ['a column without a name', ',x,name\n0,1,é\n1,2,b\n'],
    ['a separator at the end of each line', 'x,name,\n1,é,\n2,b,\n'],
    ['the same in the rows alone', 'x,name\n1,é,\n2,b,\n'],
  ])('%s', async (_, content) => {
    expect(await rows('a.csv', content, 'x = x + (name == "é")')).toEqual([2, 2])
  })

  test('a column without a name is called by its place', async () => {
    expect(await rows('a.csv', ',y\n5,1\n6,2\n', 'x = column("column 1")')).toEqual([5, 6])
  })

  test.each<[string, string | Uint8Array, string]>([
    [
      'no header',
      '1.5,2,1.5\n3,4,5\n',
      'NN0410 the first row of a.csv holds numbers, not the names of its columns | put a header above it, as in `x1,x2,x3`',
    ],
    ['a web page', '<!DOCTYPE html>\n<p>not found\n', 'NN0410 a.csv is a web page or XML, not CSV | '],
    ['an archive', Buffer.from('PK\u0003\u0004\0\0\0\0'), 'NN0410 a.csv is no text: it holds zero bytes | '],
    [
      'a comment above the header',
      '# made by hand\nx,y\n1,2\n',
      'NN0410 row 2 of a.csv has 2 cells, and the header has 1 | the first row, `# made by hand`, is taken',
    ],
    [
      'a quotation mark left open',
      `x,y\n1,"2\n${'3,4\n'.repeat(5)}`,
      'NN0410 a.csv has an open or stray quotation mark in row 2 | ',
    ],
    [
      'a question mark',
      'x,y\n?,1\n2,2\n',
      'NN0411 `-` needs numbers, and this is text: `?` in row 2 of a.csv | if it stands for a missing value: `drop missing in number(x)`, or `fill(number(x), median)`',
    ],
    [
      'decimal commas',
      'x;y\n"1,5";1\n',
      'NN0411 `-` needs numbers, and this is text: `1,5` in row 2 of a.csv | if this is a decimal comma: `number(replace(x, ",", "."))`',
    ],
    [
      'a currency',
      'x,y\n$12,1\n',
      'NN0411 `-` needs numbers, and this is text: `$12` in row 2 of a.csv | `number(replace(x, "[^0-9.eE+-]", ""))` reads the number in it',
    ],
    ['another base', 'x,y\n0x10,1\n', 'NN0411 `-` needs numbers, and this is text: `0x10` in row 2 of a.csv | '],
  ])('%s is refused with a remedy', async (_, content, message) => {
    expect((await fault('a.csv', content, 'x = -x')).slice(0, message.length)).toBe(message)
  })

  test('`number` reads numbers in text, and what is none is missing', async () => {
    const text = 'x;y\n"1.234,5";1\n-;2\n"0,25";3\n'
    const read = 'number(replace(replace(x, "[.]", ""), ",", "."))'
    expect(await rows('a.csv', text, `x = ${read}\n  drop missing`)).toEqual([1234.5, 0.25])
    expect(await rows('a.csv', text, `x = fill(${read}, -1.0)`)).toEqual([1234.5, -1, 0.25])
    expect(await rows('a.csv', text, `x = missing(${read})`)).toEqual([0, 1, 0])
    expect(await rows('a.csv', text, 'x = number(y)')).toEqual([1, 2, 3])
    expect(await fault('a.csv', text, `x = ${read}`)).toBe(
      'NN0411 `-` in row 3 of a.csv is no number | leave such rows out with `drop missing`, or fill them in: `fill(number(…), median)`',
    )
  })

  test('numbers are joined with text as they are written', async () => {
    expect(await rows('a.csv', 'x,y\n07,b\n1.0,c\n', 'x = (x + " " + y == "07 b") - (x + "" == "1.0")')).toEqual([
      1, -1,
    ])
    expect(await fault('a.csv', 'x,y\n?,1\n2,2\n', 'x = x + y')).toContain('`?` in row 2 of a.csv')
  })

  test('missing values in the spellings of spreadsheets, pandas and databases', async () => {
    const cells = ['NA', 'N/A', '#N/A', 'NaN', 'nan', '<NA>', 'NULL', 'null', 'None', '\\N', '""', ' ']
    const text = `x,y\n${cells.map((cell, at) => `${cell},${at}`).join('\n')}\n7,0\n`
    expect(await rows('a.csv', text, 'x = missing(x)')).toEqual([...cells.map(() => 1), 0])
  })

  test('is read in pieces: cells, quotes and ends of lines may be cut anywhere', () => {
    const text = 'a,"b ""c""",d\r\n1,"two\r\nlines, ""x""",3\r\n\r\n4,5,6'
    const whole = [['a', 'b "c"', 'd'], ['1', 'two\nlines, "x"', '3'], [''], ['4', '5', '6']]
    for (let size = 1; size <= text.length; size++) {
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, at) =>
        text.slice(at * size, (at + 1) * size),
      )
      const found: string[][] = []
      // The separator is guessed from the first piece, so it has to show there.
      if (size < 2) pieces.splice(0, 2, pieces.slice(0, 2).join(''))
      readCsvRecords(pieces, 'a.csv', (cells, number) => {
        expect(number).toBe(found.length + 1)
        found.push([...cells])
      })
      expect(found).toEqual(whole)
    }
  })

  test('a column that turns out to be text late keeps what was written', () => {
    const many = Array.from({ length: 300 }, (_, row) => `0${row},1.0`)
    const table = readCsv(Buffer.from(`zip,n\n${many.join('\n')}\nB1,2\n`), 'a.csv')
    const zip = table.columns.get('zip')!
    expect(zip.kind).toBe('text')
    expect(zip.values[299]).toBe('0299')
    const n = table.columns.get('n')!
    expect(n).toMatchObject({ kind: 'number', missing: [] })
    expect([n.values.length, n.values[0], n.values[300]]).toEqual([301, 1, 2])
    expect(table.describeRow(300)).toBe('row 302 of a.csv')
  })
})

describe('JSON', () => {
  test('an object on each line', async () => {
    expect(await rows('a.json', '{"x": 1}\n\n{"x": 2}\r\n{"x": 3}', 'x = x')).toEqual([1, 2, 3])
  })

  test('objects within objects have names with a point', async () => {
    const text = '[{"at": {"lat": 1, "in": {"x": 5}}}, {"at": {"lat": 2, "in": {"x": 6}}}]'
    expect(await rows('a.json', text, 'x = column("at.lat") + column("at.in.x")')).toEqual([6, 8])
  })

  test('columns nobody uses may hold anything', async () => {
    const text =
      '[{"x": 1, "tags": ["a"], "sizes": [1, 2], "note": 5}, {"x": 2, "tags": [], "sizes": [1], "note": "b"}]'
    expect(await rows('a.json', text, 'x = x\n  drop duplicates')).toEqual([1, 2])
    expect(await rows('a.json', text, 'x = note == "b"')).toEqual([0, 1])
    expect(await fault('a.json', text, 'x = sizes')).toContain('NN0418 `sizes` has the shape [1] in row 2 of a.json')
  })

  test('numbers in quotation marks', async () => {
    expect(await rows('a.json', '[{"x": "1.5"}, {"x": 2}]', 'x = number(x)')).toEqual([1.5, 2])
    expect(await fault('a.json', '[{"x": "1.5"}]', 'x = -x')).toContain('`number(x)` reads the numbers in it')
  })
})

test('a label the model does not have is refused with its row', async () => {
  const wanted: Wanted = [{ name: 'x', dtype: 'i32', shape: [], limit: 2 }]
  expect(await fault('a.csv', 'x,y\n0,a\n1,b\n2,c\n', 'x = x', wanted)).toMatch(
    /^NN0419 `x` is 2 in row 4 of a.csv, and the model has 0 to 1 \| /,
  )
  expect(await rows('a.csv', 'x,y\n1,a\n2,b\n', 'x = x - 1', wanted)).toEqual([0, 1])
})

test('rows to predict may be other bytes, other types and other lines than the training file', async () => {
  const latin1 = Buffer.from('zip,title,kind,price\n007,300,caf\xe9,4\n', 'latin1')
  const directory = temporaryFolder({
    'a.nn': `model M(x: f32[B, 4]) -> f32[B, 4] {
  return x |> out: Linear(4)
}
data d {
  source csv("a.csv")
  x = [category(zip), title == "300", category(kind), number(replace(price, "[$]", ""))]
  y = x
}
train fit(x: f32[B, 4], y: f32[B, 4]) on d {
  loss mean_squared_error(M(x), y)
  optimizer sgd(lr = 0.0)
  batch 4  epochs 1  seed 1
}
infer seen(x: f32[B, 4]) -> f32[B, 4] {
  return x
}
`,
    'a.csv': 'zip,title,kind,price\n007,Heat,caf\u00e9,$1\nA1,300,tea,2\n10,Up,tea,3\n',
    'new.csv': latin1,
    'new.csv.gz': gzipSync(latin1),
    'new.json':
      '{"zip":"A1","title":"300","kind":"tea","price":"5"}\n{"zip":"10","title":"Up","kind":"tea","price":6}\n',
  })
  const nnc = (line: string) => runCommand(line.split(' '), { directory })
  expect(await nnc('train a.nn --quiet')).toMatchObject({ code: 0, error: '' })
  const predict = async (input: string): Promise<TestRows> => {
    const { output, error } = await nnc(
      `predict a.nn --weights out/a.safetensors --entry seen --format json --input ${input}`,
    )
    expect(error).toBe('')
    return JSON.parse(output) as TestRows
  }
  expect(await predict('new.csv')).toEqual([{ output: [0, 1, 0, 4] }])
  expect(await predict('new.csv.gz')).toEqual([{ output: [0, 1, 0, 4] }])
  expect(await predict('new.json')).toEqual([{ output: [2, 1, 1, 5] }, { output: [1, 0, 1, 6] }])
})

type TestRows = { output: number[] }[]
