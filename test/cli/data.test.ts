import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { Dataset } from '../../cli/data/dataset.ts'
import type { WantedInput } from '../../cli/data/fields.ts'
import { loadData } from '../../cli/data/load-data.ts'
import { DiagnosticsError } from '../../cli/user-error.ts'
import type { DataDeclaration } from '../../compiler/1-parse/ast.ts'
import { parse } from '../../compiler/1-parse/parse.ts'
import { temporaryFolder } from './temporary-folder.ts'

const flowers = 'length,width,species\n1,2,rose\n3,6,tulip\n5,4,rose\n7,0,iris\n'
const features: WantedInput = { name: 'x', dtype: 'f32', shape: [2] }
const label: WantedInput = { name: 'y', dtype: 'i32', shape: [] }

function idx(type: number, shape: readonly number[], body: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length)
  header.set([0, 0, type, shape.length])
  shape.forEach((size, axis) => {
    header.writeUInt32BE(size, 4 + 4 * axis)
  })
  return Buffer.concat([header, body])
}

async function load(
  statements: string,
  wanted: readonly WantedInput[],
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<Dataset> {
  const text = `data d {\n${statements}\n}\n`
  const folder = temporaryFolder(files)
  const { ast, diagnostics } = parse(text, 'test.nn')
  expect(diagnostics).toEqual([])
  const declaration = ast.declarations.find((found): found is DataDeclaration => found.kind === 'data')!
  return loadData(declaration, { name: 'test.nn', path: join(folder, 'test.nn'), text }, wanted)
}

async function fault(...given: Parameters<typeof load>): Promise<string> {
  const error = await load(...given).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof DiagnosticsError)) throw error ?? new Error('nothing was refused')
  const text = error.sources.get('test.nn')!
  return error.diagnostics
    .map(({ code, message, hint, span }) => [code, text.slice(span.start, span.end), message, hint ?? ''].join(' | '))
    .join('\n')
}

describe('fields', () => {
  test('columns stack, arithmetic is elementwise, categories are numbered in sorted order', async () => {
    const { parts, categories, rows } = await load(
      'source csv("f.csv")\nx = [length, width * 2.0 - 1.0] ^ 2\ny = category(species)',
      [features, label],
      { 'f.csv': flowers },
    )
    expect(parts.train!.x).toEqual({ data: Float32Array.of(1, 9, 9, 121, 25, 49, 49, 1), shape: [4, 2] })
    expect(parts.train!.y).toEqual({ data: Int32Array.of(1, 2, 1, 0), shape: [4] })
    expect(categories).toEqual({ y: ['iris', 'rose', 'tulip'] })
    expect(rows).toEqual({ train: 4 })
  })

  test('a column of the input’s name passes through', async () => {
    const { parts } = await load('source csv("f.csv")', [{ name: 'length', dtype: 'i32', shape: [] }], {
      'f.csv': flowers,
    })
    expect(parts.train!.length).toEqual({ data: Int32Array.of(1, 3, 5, 7), shape: [4] })
  })

  test('standardize learns from the training rows only and is kept for the others', async () => {
    const { parts, learned } = await load(
      'source csv("a.csv")\ntest csv("b.csv")\nx = standardize([length, width])',
      [features],
      { 'a.csv': 'length,width\n0,5\n4,5\n', 'b.csv': 'length,width\n6,7\n' },
    )
    expect(learned).toEqual({ x: [{ kind: 'standardize', mean: [2, 5], deviation: [2, 0] }] })
    expect([...parts.train!.x!.data]).toEqual([-1, 0, 1, 0])
    expect([...parts.test!.x!.data]).toEqual([2, 2])
  })

  test('one_hot of text, of whole numbers, and of an earlier field', async () => {
    const wide = (name: string, size: number): WantedInput => ({ name, dtype: 'f32', shape: [size] })
    const { parts } = await load(
      'source csv("f.csv")\nk = category(species)\na = one_hot(species)\nb = one_hot(k)\nc = one_hot(width / 2.0)',
      [wide('a', 3), wide('b', 3), wide('c', 4)],
      { 'f.csv': flowers },
    )
    expect([...parts.train!.a!.data]).toEqual([0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0])
    expect(parts.train!.b).toEqual(parts.train!.a)
    expect([...parts.train!.c!.data.slice(0, 8)]).toEqual([0, 1, 0, 0, 0, 0, 0, 1])
  })

  test('column("…") names what is no word of the language', async () => {
    const { parts } = await load('source csv("f.csv")\nx = [column("petal length"), column("if")]', [features], {
      'f.csv': 'petal length,if\n1,2\n',
    })
    expect([...parts.train!.x!.data]).toEqual([1, 2])
  })
})

describe('split', () => {
  const many = `n\n${Array.from({ length: 100 }, (_, row) => row).join('\n')}\n`
  const n: WantedInput = { name: 'n', dtype: 'i32', shape: [] }

  test('every row goes to exactly one part, and the seed alone decides which', async () => {
    const split = (seed: number): Promise<Dataset> =>
      load(`source csv("n.csv")\nsplit train 70%, valid 10%, test 20% seed ${seed}`, [n], { 'n.csv': many })
    const { parts, rows } = await split(7)
    expect(rows).toEqual({ train: 70, valid: 10, test: 20 })
    const all = [parts.train!, parts.valid!, parts.test!].flatMap((part) => [...part.n!.data])
    expect(all).not.toEqual([...all].sort((a, b) => a - b))
    expect([...all].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, row) => row))
    expect((await split(7)).parts).toEqual(parts)
    expect((await split(8)).parts).not.toEqual(parts)
  })

  test.each([
    ['train 90%, valid 20%', 'the parts sum to 110 %, not to 100 %'],
    ['train 50%, train 50%', '`train` is already a part of this split'],
    ['valid 40%, test 60%', 'a split needs a part `train`'],
    ['train 100%, valid 0%', '`valid` gets 0 %'],
  ])('%s makes no sense', async (parts, message) => {
    expect(await fault(`source csv("n.csv")\nsplit ${parts}`, [n], { 'n.csv': many })).toContain(`NN0407`)
    expect(await fault(`source csv("n.csv")\nsplit ${parts}`, [n], { 'n.csv': many })).toContain(message)
  })

  test('a part with its own source is not split off', async () => {
    const statements = 'source csv("n.csv")\ntest csv("n.csv")\nsplit train 90%, test 10%'
    expect(await fault(statements, [n], { 'n.csv': many })).toContain('`test` has its own source')
  })

  test('a part without rows is refused', async () => {
    expect(
      await fault('source csv("n.csv")\nsplit train 90%, valid 10%', [n], { 'n.csv': 'n\n1\n2\n' }),
    ).toMatchInlineSnapshot(`"NN0416 | split train 90%, valid 10% | n.csv has no rows for the part \`valid\` | "`)
  })
})

describe('csv', () => {
  test.each([
    ['semicolons and a byte order mark', '\ufefflength;width\n1;2\n'],
    ['Windows line ends and quotes', '"length","width"\r\n"1","2"\r\n'],
    ['a blank line', 'length,width\n\n1,2\n\n'],
  ])('%s', async (_, text) => {
    const { parts } = await load('source csv("f.csv")\nx = [length, width]', [features], { 'f.csv': text })
    expect(parts.train!.x).toEqual({ data: Float32Array.of(1, 2), shape: [1, 2] })
  })

  test.each([
    ['missing value', 'length,width\n1,2\n\n3,NA\n4,\n'],
    ['text in a number column', 'length,width\n1,2\n3,wide\n'],
    ['a short row', 'length,width\n1,2\n3\n'],
    ['two columns of one name', 'length,length\n1,2\n'],
    ['an empty file', ''],
    ['only a header', 'length,width\n'],
    ['an open quote', 'length,width\n"1,2\n'],
    ['a missing column', 'length,Width\n1,2\n'],
    ['an infinite result', 'length,width\n1,1e39\n'],
  ])('%s', async (_, text) => {
    expect(await fault('source csv("f.csv")\nx = [length, width]', [features], { 'f.csv': text })).toMatchSnapshot()
  })

  test('a missing value in a column that nobody reads is no fault', async () => {
    const { rows } = await load('source csv("f.csv")\nx = [length, width]', [features], {
      'f.csv': 'length,width,note\n1,2,\n3,4,x\n',
    })
    expect(rows.train).toBe(2)
  })

  test('a category that training never saw', async () => {
    const statements = 'source csv("f.csv")\ntest csv("g.csv")\ny = category(species)'
    expect(await fault(statements, [label], { 'f.csv': flowers, 'g.csv': 'species\nrose\nlily\n' })).toMatchSnapshot()
  })
})

describe('idx', () => {
  const pixels: WantedInput = { name: 'image', dtype: 'f32', shape: [1, 2] }
  const images = idx(8, [2, 1, 2], Uint8Array.of(0, 255, 51, 102))
  const labels = idx(8, [2], Uint8Array.of(9, 3))
  const statements = 'source idx("images", "labels")\nimage = pixels / 255.0'
  const wanted = [pixels, { name: 'label', dtype: 'i32', shape: [] } satisfies WantedInput]

  test.each([
    ['plain', images],
    ['gzip, told by its first bytes', gzipSync(images)],
  ])('%s', async (_, bytes) => {
    const { parts } = await load(statements, wanted, { images: bytes, labels })
    expect(parts.train!.image).toEqual({ data: Float32Array.of(0, 1, 0.2, 0.4), shape: [2, 1, 2] })
    expect(parts.train!.label).toEqual({ data: Int32Array.of(9, 3), shape: [2] })
  })

  test.each([
    [9, Uint8Array.of(255, 1)],
    [11, Uint8Array.of(255, 255, 0, 1)],
    [12, Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 1)],
    [13, Uint8Array.of(0xbf, 0x80, 0, 0, 0x3f, 0x80, 0, 0)],
    [14, Uint8Array.of(0xbf, 0xf0, 0, 0, 0, 0, 0, 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0)],
  ])('numbers of type %i are big-endian', async (type, body) => {
    const { parts } = await load('source idx("n", "n")', [{ name: 'pixels', dtype: 'i32', shape: [] }], {
      n: idx(type, [2], body),
    })
    expect([...parts.train!.pixels!.data]).toEqual([-1, 1])
  })

  test.each<[string, Uint8Array, Uint8Array]>([
    ['text', Buffer.from('not an idx file'), labels],
    ['an empty file', new Uint8Array(0), labels],
    ['an unknown type', idx(7, [2], Uint8Array.of(1, 2)), labels],
    ['no axes', idx(8, [], new Uint8Array(0)), labels],
    ['a header cut off', images.subarray(0, 10), labels],
    ['a body cut off', images.subarray(0, images.length - 1), labels],
    ['bytes too many', Buffer.concat([images, Buffer.of(0)]), labels],
    ['sizes that overflow', idx(8, [0xffffffff, 0xffffffff, 0xffffffff], new Uint8Array(0)), labels],
    ['other numbers of rows', images, idx(8, [3], Uint8Array.of(1, 2, 3))],
    ['images for labels', images, images],
    ['damaged gzip', gzipSync(images).subarray(0, 20), labels],
    ['a shape the input does not have', idx(8, [2, 2, 1], Uint8Array.of(0, 255, 51, 102)), labels],
  ])('%s', async (_, first, second) => {
    expect(await fault(statements, wanted, { images: first, labels: second })).toMatchSnapshot()
  })
})

describe('mistakes in the block', () => {
  test.each([
    'source parquet("f.csv")',
    'source cvs("f.csv")',
    'source csv("f.csv", "g.csv")',
    'x = [length]',
    'source csv("f.csv")\nsource csv("f.csv")',
    'source csv("f.csv")\nx = [length]\nx = [width]',
    'source csv("f.csv")\nx = softmax(length)',
    'source csv("f.csv")\nx = standardise(length)',
    'source csv("f.csv")\nx = if length > 1.0 then 1.0 else 0.0',
    'source csv("f.csv")\nx = length @ width',
    'source csv("f.csv")\nx = [lenght, width]',
    'source csv("f.csv")\nx = [length, species]',
    'source csv("f.csv")\nx = [[length, width], length]',
    'source csv("f.csv")\nx = length',
    'source csv("f.csv")\nx = species',
    'source csv("f.csv")\nlength = width',
    'source csv("no-such.csv")',
    'source csv("npm:no-such-package/f.csv")',
    'source csv("npm:pack/../../f.csv")',
  ])('%s', async (statements) => {
    const files = { 'f.csv': flowers, 'node_modules/pack/package.json': '{}' }
    const message = await fault(statements, [features], files)
    expect(message.replaceAll(/\/\S*nnc-test-\w+/g, '<folder>')).toMatchSnapshot()
  })

  test('whole numbers are needed where the input is i32', async () => {
    expect(await fault('source csv("f.csv")\ny = length / 2.0', [label], { 'f.csv': flowers })).toMatchInlineSnapshot(
      `"NN0415 | length / 2.0 | \`y\` is 0.5 in row 2 of f.csv, and the input takes whole numbers (i32) | "`,
    )
  })
})

test('npm: finds a package in the folder of the file or above it, whatever it exports', async () => {
  const folder = temporaryFolder({
    'node_modules/@scope/data/package.json': '{"exports": {}}',
    'node_modules/@scope/data/f.csv': flowers,
  })
  mkdirSync(join(folder, 'deep/er'), { recursive: true })
  const text = 'data d {\n  source csv("npm:@scope/data/f.csv")\n  x = [length, width]\n}\n'
  const path = join(folder, 'deep/er/test.nn')
  writeFileSync(path, text)
  const declaration = parse(text, 'test.nn').ast.declarations[0] as DataDeclaration
  const { rows } = await loadData(declaration, { name: 'test.nn', path, text }, [features])
  expect(rows.train).toBe(4)
})
