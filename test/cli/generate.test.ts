import { beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from './temporary-folder.ts'
import { runCommand, type TestRun } from './test-terminal.ts'

const source = `
dim Batch in 1..8
const Vocab = 24
const Hid = 24
model Gated(id: i32[Batch, T], h: f32[Batch, Hid]) -> (logits: f32[Batch, T, Vocab], h: f32[Batch, Hid]) {
  use cell = GruCell(Hid)
  let (hs, last) = scan now in id |> embed: Embedding(Vocab, 16) over T carry before = h {
    let after = cell(now, before)
    yield after carry after
  }
  return (hs |> out: Linear(Vocab), last)
}
data verse {
  source text("verse.txt")
  ids = characters(text, vocabulary = Vocab)
  id = window(ids, 12)
  next = window(ids, 12, shift = 1)
}
train fit(id: i32[Batch, 12], next: i32[Batch, 12]) on verse {
  let h: f32[Batch, Hid] = zeros
  let (logits, _last) = Gated(id, h)
  loss cross_entropy(logits, next)
  optimizer adam(lr = 0.03)
  batch 8  epochs 12  seed 1
}
infer continued(id: i32[Batch], h: f32[Batch, Hid]) -> (logits: f32[Batch, Vocab], h: f32[Batch, Hid]) {
  let (logits, after) = Gated(expand_dims(id, 1), h)
  return (logits[:, 0], after)
}
infer plain(h: f32[Batch, Hid]) -> f32[Batch, Hid] {
  return h
}
`
const verse = 'the sea, the sea, the open sea\n'

const folder = temporaryFolder({ 'verse.nn': source, 'verse.txt': verse.repeat(40) })
const nnc = (...commandLine: string[]): Promise<TestRun> => runCommand(commandLine, { directory: folder })

beforeAll(async () => {
  const { code, error } = await nnc('train', 'verse.nn', '--quiet')
  expect({ code, error }).toEqual({ code: 0, error: '' })
}, 120_000)

describe('nnc generate', () => {
  test('goes on from a prompt, with the weights beside the file', async () => {
    const { code, output, error } = await nnc(
      'generate',
      'verse.nn',
      '--prompt',
      'the op',
      '-n',
      '24',
      '--temperature',
      '0',
    )
    expect({ code, error }).toEqual({ code: 0, error: '' })
    expect(output).toBe('the open sea\nthe sea, the sea,\n')
  })

  test('--json holds text and ids; the seed decides', async () => {
    const line = [
      'generate',
      'verse.nn',
      '--entry',
      'continued',
      '--prompt',
      'sea',
      '-n',
      '20',
      '--temperature',
      '1.5',
      '--json',
    ]
    const made = JSON.parse((await nnc(...line, '--seed', '7', '--top-k', '12', '--top-p', '0.99')).output) as Record<
      string,
      unknown
    >
    expect(made).toMatchObject({ entry: 'continued', prompt: 'sea', seed: 7 })
    expect(made.ids).toHaveLength(20)
    expect(made.text).toHaveLength(23)
    const again = JSON.parse((await nnc(...line, '--seed', '7', '--top-k', '12', '--top-p', '0.99')).output) as Record<
      string,
      unknown
    >
    expect(again.ids).toEqual(made.ids)
  })

  test.each([
    ['generate verse.nn --prompt Zebra -n 4'],
    ['generate verse.nn --entry plain'],
    ['generate verse.nn --entry plane'],
    ['generate verse.nn --weights none.safetensors'],
    ['generate verse.nn --vocabulary next'],
    ['generate verse.nn --top-p 2'],
  ])('%s', async (line) => {
    const { code, output, error } = await nnc(...line.split(' '))
    expect(output).toBe('')
    expect(code).toBe(line.includes('--top-p') ? 2 : 1)
    expect(error).toMatchSnapshot()
  })
})
