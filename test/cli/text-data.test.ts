import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Dataset } from '../../cli/data/dataset.ts'
import type { FedTensor, WantedInput } from '../../cli/data/fields.ts'
import { loadData } from '../../cli/data/load-data.ts'
import { readTime } from '../../cli/data/read-time.ts'
import { DiagnosticsError } from '../../cli/user-error.ts'
import { compileToProgram } from './data-block.ts'
import { temporaryFolder } from './temporary-folder.ts'

async function load(
  statements: string,
  wanted: readonly WantedInput[],
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<Dataset> {
  const { text, declaration } = compileToProgram(`const T = 4\ndata d {\n${statements}\n}\n`)
  const folder = temporaryFolder(files)
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

const ids = (name: string, size: number): WantedInput => ({ name, dtype: 'i32', shape: [size] })
const single = (name: string): WantedInput => ({ name, dtype: 'i32', shape: [] })

function rowsOf({ data, shape, starts }: FedTensor): number[][] {
  const size = shape[1] ?? 1
  return Array.from({ length: shape[0]! }, (_, row) => {
    const from = starts ? starts[row]! : row * size
    return Array.from(data.subarray(from, from + size))
  })
}

describe('one text', () => {
  test('files in natural order are one text; windows share its elements', async () => {
    const { parts, rows, learned } = await load(
      'source text("t/c_*.txt")\nids = characters(text)\nx = window(ids, T)\ny = window(ids, T, shift = 1)',
      [ids('x', 4), ids('y', 4)],
      { 't/c_10.txt': 'ba', 't/c_9.txt': 'abca', 't/other.txt': 'zz' },
    )
    expect(learned).toMatchObject({ ids: [{ kind: 'characters', names: ['\n', 'a', 'b', 'c'] }] })
    // abca\nba: two windows of four need nine characters, and there are seven.
    expect(rows).toEqual({ train: 1 })
    expect(rowsOf(parts.train!.x!)).toEqual([[3, 4, 5, 3]])
    expect(rowsOf(parts.train!.y!)).toEqual([[4, 5, 3, 2]])
    expect(parts.train!.x!.data).toBe(parts.train!.y!.data)
  })

  test('a split in order cuts it; the vocabulary is the training part’s, and no window crosses', async () => {
    const { parts, rows } = await load(
      'source text("a.txt")\nids = characters(text)\nx = window(ids, 2)\nsplit train 60%, valid 20%, test 20% in order',
      [ids('x', 2)],
      { 'a.txt': 'abababcdce' },
    )
    expect(rows).toEqual({ train: 3, valid: 1, test: 1 })
    expect(rowsOf(parts.train!.x!)).toEqual([
      [2, 3],
      [2, 3],
      [2, 3],
    ])
    expect(rowsOf(parts.test!.x!)).toEqual([[1, 1]])
  })

  test('`every` makes windows overlap', async () => {
    const { parts } = await load(
      'source text("a.txt")\nids = characters(text)\nx = window(ids, 3, every = 1)',
      [ids('x', 3)],
      { 'a.txt': 'abcde' },
    )
    expect(rowsOf(parts.train!.x!)).toEqual([
      [2, 3, 4],
      [3, 4, 5],
      [4, 5, 6],
    ])
  })

  test('a vocabulary of the most frequent', async () => {
    const { learned, parts } = await load(
      'source text("a.txt")\nids = words(text, vocabulary = 4)\nx = window(ids, 5)',
      [ids('x', 5)],
      { 'a.txt': 'The whale, the WHALE; a sea.\r\n' },
    )
    expect(learned).toMatchObject({ ids: [{ kind: 'words', names: ['the', 'whale'] }] })
    expect(rowsOf(parts.train!.x!)).toEqual([[2, 3, 1, 2, 3]])
  })
})

describe('documents', () => {
  const mails = {
    'm/ham/1.txt': 'Date: Thu, 22 Aug 2002 12:00:00 +0000\nSubject: Whales\n\nhello there',
    'm/ham/2.txt': 'Date: Thu, 22 Aug 2002 10:00:00 +0000\nSubject: Ships\n\nhi',
    'm/spam/3.txt': Buffer.from('Date: Thu, 22 Aug 2002 11:00:00 +0000\nSubject: Buy\n\n100 caf\xe9s!', 'latin1'),
    'm/ham/4.txt': 'Date: Fri, 23 Aug 2002 12:00:00 +0000\nSubject: Re: Whales\n\nhello again',
  }
  const block = `source documents("m/*/*.txt")
spam = matches(folder, "^spam")
body = extract(text, "\\n\\n([^]*)")
x = words(body, length = 3)
sent = time(extract(text, "^Date: (.*)"))
thread = extract(text, "^Subject: (?:Re: )*(.*)")`

  test('one row per file, padded to a length, its label from its folder', async () => {
    const { parts, learned } = await load(block, [ids('x', 3), single('spam')], mails)
    expect(learned.x).toEqual([{ kind: 'words', names: ['hello', '!', '100', 'again', 'cafés', 'hi', 'there'] }])
    expect(rowsOf(parts.train!.x!)).toEqual([
      [2, 8, 0],
      [7, 0, 0],
      [2, 5, 0],
      [4, 6, 3],
    ])
    expect([...parts.train!.spam!.data]).toEqual([0, 0, 0, 1])
  })

  test('texts joined by +, with one of the file between them', async () => {
    const { learned } = await load(`${block}\ny = words(thread + " . " + body, length = 4)`, [ids('y', 4)], {
      'm/ham/2.txt': 'Subject: Ships\n\nhi',
    })
    expect(learned.y).toEqual([{ kind: 'words', names: ['.', 'hi', 'ships'] }])
  })

  test('every match replaced', async () => {
    const fields = 'y = words(replace(text, "([a-z]+)@[a-z]+", "<$1>"), length = 9)'
    const { learned } = await load(`source documents("m.txt")\n${fields}`, [ids('y', 9)], {
      'm.txt': 'ann@sea ben@land',
    })
    expect(learned.y).toEqual([{ kind: 'words', names: ['<', '>', 'ann', 'ben'] }])
  })

  test('no duplicates in a field made of fields', async () => {
    const fields = 'letters = replace(body, "[^a-z]", "")\nbare = replace(letters, "e", "")\ndrop duplicates in bare'
    const { rows } = await load(`${block}\n${fields}\nsplit train 100%`, [single('spam')], {
      ...mails,
      'm/ham/5.txt': 'Date: Sat, 24 Aug 2002 12:00:00 +0000\nSubject: Nets\n\nh,llo 17 there',
    })
    expect(rows).toEqual({ train: 4 })
  })

  test('in order of a field, and by a field that no part divides', async () => {
    const inOrder = await load(
      `${block}\nsplit train 50%, test 50% in order of sent`,
      [single('spam'), ids('x', 3)],
      mails,
    )
    expect([...inOrder.parts.train!.spam!.data]).toEqual([0, 1])
    const grouped = await load(
      `${block}\nlatest = sent / 1.0\nsplit train 75%, valid 25% by thread in order of latest`,
      [single('spam')],
      { ...mails, 'm/ham/5.txt': 'Date: Sat, 24 Aug 2002 12:00:00 +0000\nSubject: Nets\n\nbye' },
    )
    // Ships and Buy, then both letters about whales: the second came after three quarters, and goes with the first.
    expect(grouped.rows).toEqual({ train: 4, valid: 1 })
  })
})

test('what `extract` does not find is missing', async () => {
  const { rows } = await load(
    'source documents("*.txt")\nyear = extract(text, "in (\\\\d+)")\nx = words(text, length = 2)\ndrop missing in year',
    [ids('x', 2)],
    { 'a.txt': 'written in 1851', 'b.txt': 'never written' },
  )
  expect(rows).toEqual({ train: 1 })
})

describe('dates', () => {
  test.each([
    ['2002-08-22', 1029974400],
    ['2002-08-22T13:17:22+01:00', 1030018642],
    ['Thu, 22 Aug 2002 13:17:22 +0100 (IST)', 1030018642],
    ['From a@b  Thu Aug 22 13:17:22 2002', 1030022242],
    ['22 Aug 02 13:17 GMT', 1030022220],
    ['yesterday', undefined],
  ])('%s', (text, seconds) => expect(readTime(text)).toBe(seconds))
})

describe('mistakes', () => {
  const files = { 'a.txt': 'abcabc', 'b/1.txt': 'a', 'b/2.txt': 'b' }
  test.each([
    ['source text("c_*.txt")\nids = characters(text)\nx = window(ids, 4)'],
    ['source text("none/*.txt")\nids = characters(text)\nx = window(ids, 4)'],
    ['source text()\nx = characters(text, length = 4)'],
    ['source text("a.txt")\nids = characters(text)\nx = window(ids, 9)'],
    ['source text("a.txt")\nids = characters(text)\nx = window(ids)'],
    ['source text("a.txt")\nids = characters(text)\nx = window(ids, 4, step = 1)'],
    ['source text("a.txt")\nids = characters(text)\nx = window(ids, 4, every = 0)'],
    ['source text("a.txt")\nx = characters(text)'],
    ['source text("a.txt")\nx = window(text, 4)'],
    ['source text("a.txt")\nx = characters(text, length = 4) \nsplit train 50%, test 50%'],
    ['source documents("b/*.txt")\nx = words(text, 10, 4)\nsplit train 50%, test 50% in order of sent'],
    ['source documents("b/*.txt")\nx = words(text, 10, 4)\nsplit train 50%, test 50% in order of file'],
    [
      'source documents("b/*.txt")\nsent = time(text)\nx = words(text, 10, 4)\nsplit train 50%, test 50% in order of sent',
    ],
    ['source text("a.txt")\nids = characters(text)\nx = window(ids, 4)\nsplit train 50%, test 50% in order'],
    ['source documents("b/*.txt")\nx = [matches(text, "(")]'],
    ['source text("a.txt")\nids = characters(text)\nx = standardize(ids)'],
    ['source documents("b/*.txt")\nx = words(replace(text, "a"), 10, 4)'],
    ['source documents("b/*.txt")\nx = words(text + 1, 10, 4)'],
  ])('%s', async (statements) => expect(await fault(statements, [ids('x', 4)], files)).toMatchSnapshot())

  test('windows beside values of whole rows', async () => {
    const text = await fault(
      'source documents("b/*.txt")\nids = characters(text)\nx = window(ids, 1)\ny = matches(text, "a")',
      [ids('x', 1), single('y')],
      files,
    )
    expect(text).toMatchSnapshot()
  })
})
