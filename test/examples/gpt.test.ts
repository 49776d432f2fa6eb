import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../cli/temporary-folder.ts'
import { runCommand } from '../cli/test-terminal.ts'

const repository = join(import.meta.dirname, '../..')

/** The example on a part of the chapters. */
function shortened(): string {
  const source = readFileSync(join(repository, 'examples/gpt/gpt.nn'), 'utf8')
  expect(source, 'the data this test shortens').toContain('chapter_*.txt')
  return source.replace('chapter_*.txt', 'chapter_1*.txt')
}

const folder = temporaryFolder({ 'gpt.nn': shortened() })
symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'), 'junction')

const nnc = (commandLine: string) => runCommand(commandLine.split(' '), { directory: folder })

test('gpt, shortened to a narrow network and an epoch of half of the chapters, predicts characters and writes', async () => {
  const small = '--set D=32 --set Window=64 --set Steps=420'
  const { code, output, error } = await nnc(`train gpt.nn ${small} --epochs 1 --hyper lr=0.008 --json`)
  expect({ code, error }).toEqual({ code: 0, error: '' })
  const { test: reached } = JSON.parse(output.trimEnd().split('\n').at(-1)!)
  // Half a bit below the bigram of the whole book.
  expect(reached.bits).toBeLessThan(3.2)
  const write = `generate gpt.nn ${small} --prompt Call -n 150 --seed 1`
  const first = await nnc(write)
  expect(first.code).toBe(0)
  // More than the 128 positions that the cache of keys and values holds.
  expect(first.output).toMatch(/^Call[\s\S]{150,}$/)
  expect((await nnc(write)).output).toBe(first.output)
}, 200_000)
