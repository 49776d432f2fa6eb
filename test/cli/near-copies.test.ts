import { expect, test } from 'vitest'
import { nearCopies } from '../../cli/data/near-copies.ts'
import { shuffledRows } from '../../cli/data/split.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { runCommand } from './test-terminal.ts'

const words = Array.from(
  { length: 400 },
  (_, at) => `w${at.toString(36).replace(/\d/g, (digit) => 'qrstuvwxyz'[+digit]!)}`,
)

/** A text of its own; `changed` gives one word in so many another form. */
function text(seed: number, length: number, changed = Number.POSITIVE_INFINITY): string {
  const order = shuffledRows(words.length, seed)
  const own = Array.from({ length }, (_, at) => words[order[at % words.length]!]!)
  return own.map((word, at) => ((at + 1) % changed === 0 ? `${word}x` : word)).join(' ')
}

test('copies are the row of the first; other texts, and missing ones, are themselves', () => {
  const texts = [
    text(1, 100),
    text(2, 100),
    // Four of 97 pieces differ.
    text(1, 100, 60),
    undefined,
    text(2, 100).toUpperCase().replaceAll(' ', ', '),
    text(3, 100),
    undefined,
    // A third of the words differ.
    text(1, 100, 3),
  ]
  expect([...nearCopies(texts, 0.8)]).toEqual([0, 1, 0, 3, 1, 5, 6, 7])
  expect([...nearCopies(texts, 1)]).toEqual([0, 1, 2, 3, 1, 5, 6, 7])
})

test('copies of a copy are copies, and short texts are compared whole', () => {
  const parts = [text(1, 40), text(1, 44), text(1, 48), text(1, 52)]
  // 37 of 41 pieces, 41 of 45, 45 of 49: one after the other alike, the first and the last are not.
  expect([...nearCopies(parts, 0.9)]).toEqual([0, 0, 0, 0])
  expect([...nearCopies([parts[0], parts[3]], 0.9)]).toEqual([0, 1])
  expect([...nearCopies(['yes please', 'Yes, please!', 'no thanks', '', ''], 0.8)]).toEqual([0, 0, 2, 3, 3])
})

test('one in a hundred pairs that share nine tenths is overlooked at most', () => {
  const pairs = Array.from({ length: 300 }, (_, seed) => [text(seed, 160), text(seed, 160, 50)]).flat()
  const found = nearCopies(pairs, 0.8)
  expect(found.filter((first, row) => first < row).length).toBeGreaterThanOrEqual(297)
  expect(found.every((first, row) => first === row || first === row - 1)).toBe(true)
})

test('in a data block: dropped, or kept in one part', async () => {
  const rows = Array.from({ length: 40 }, (_, at) => `${at},"${text(at >> 1, 60, at % 2 ? 45 : undefined)}"`)
  const source = `model Line(x: f32[Batch]) -> f32[Batch] {
  param w: f32 = 0.0
  return w * x
}
data rows {
  source csv("rows.csv")
  drop duplicates in near_copies(body)
  split train 50%, test 50%
}
train fit(x: f32[Batch]) on rows {
  loss mean(Line(x))
  optimizer sgd(0.1)
}
`
  const directory = temporaryFolder({
    'rows.csv': `x,body\n${rows.join('\n')}\n`,
    'dropped.nn': source,
    'all.nn': source.replace('near_copies(body)', 'near_copies(body, percent = 100)'),
    'wrong.nn': source.replace('near_copies(body)', 'near_copies(x)'),
  })
  const rowsOf = async (name: string): Promise<unknown> => {
    const { output, error } = await runCommand(['train', name, '--json'], { directory })
    expect(error).toBe('')
    return JSON.parse(output.split('\n')[0]!).rows
  }
  expect(await rowsOf('dropped.nn')).toEqual({ train: 10, test: 10 })
  expect(await rowsOf('all.nn')).toEqual({ train: 20, test: 20 })
  const { code, error } = await runCommand(['train', 'wrong.nn'], { directory })
  expect(code).toBe(1)
  expect(error).toContain('`near_copies` works on text, and this is not')
})
