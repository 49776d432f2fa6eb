import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../cli/temporary-folder.ts'
import { runCommand } from '../cli/test-terminal.ts'

const examples = join(import.meta.dirname, '../../examples')
const read = (path: string): string => readFileSync(join(examples, path), 'utf8')

/** The example on a part of the chapters. */
function shortened(path: string): string {
  const source = read(path)
  expect(source, 'the data this test shortens').toContain('chapter_*.txt')
  return source.replace('chapter_*.txt', 'chapter_1*.txt')
}

const folder = temporaryFolder({
  'elman.nn': shortened('moby-dick/elman.nn'),
  'gru.nn': shortened('moby-dick/gru.nn'),
  'lstm.nn': shortened('moby-dick/lstm.nn'),
  'parity.nn': read('feedback/parity.nn'),
  'settling.nn': read('feedback/settling.nn'),
  'bits.txt': read('feedback/bits.txt'),
})
symlinkSync(join(examples, '../node_modules'), join(folder, 'node_modules'), 'junction')

const nnc = (commandLine: string) => runCommand(commandLine.split(' '), { directory: folder })

async function trained(commandLine: string): Promise<Record<string, number>> {
  const { code, output, error } = await nnc(`train ${commandLine} --json`)
  expect({ code, error }).toEqual({ code: 0, error: '' })
  return JSON.parse(output.trimEnd().split('\n').at(-1)!).test as Record<string, number>
}

describe('moby-dick, shortened to a small network and an epoch of less than half of the chapters', () => {
  test('a gated recurrent unit predicts characters better than their pairs do, and writes', async () => {
    const { bits } = await trained('gru.nn --epochs 1 --set Hid=64 --set T=32 --hyper lr=0.006')
    // Half a bit below the bigram of the whole book.
    expect(bits).toBeLessThan(3)
    const { code, output } = await nnc('generate gru.nn --set Hid=64 --set T=32 --prompt Call -n 40 --seed 1')
    expect(code).toBe(0)
    expect(output).toMatch(/^Call[\s\S]{40,}$/)
  }, 200_000)

  test.each(['elman', 'lstm'])('%s has no mistakes', async (name) => {
    const { code } = await nnc(`check ${name}.nn`)
    expect(code).toBe(0)
  })
})

describe('feedback, shortened', () => {
  test('parity needs what feeds back', async () => {
    const short = 'parity.nn --epochs 2 --set Length=10'
    expect((await trained(short)).accuracy).toBeGreaterThan(0.97)
    expect((await trained(`${short} --set Feedback=0`)).accuracy).toBeLessThan(0.65)
  }, 200_000)

  test('a row of cells settles on the answer, and on longer rows too', async () => {
    expect((await trained('settling.nn')).accuracy).toBeGreaterThan(0.99)
    const longer = await nnc('eval settling.nn --weights out/settling.safetensors --set Length=30 --json')
    expect(JSON.parse(longer.output)).toMatchObject({ accuracy: 1 })
    expect((await trained('settling.nn --set Feedback=0')).accuracy).toBeLessThan(0.65)
  })
})
