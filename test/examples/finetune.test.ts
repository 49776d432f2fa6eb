import { readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readSafetensors } from '../../runtime/safetensors.ts'
import { temporaryFolder } from '../cli/temporary-folder.ts'
import { runCommand } from '../cli/test-terminal.ts'

const example = new URL('../../examples/finetune/', import.meta.url)
const texts = Object.fromEntries(
  readdirSync(example)
    .filter((name) => name.endsWith('.nn'))
    .map((name) => [name, readFileSync(new URL(name, example), 'utf8')]),
)
// Pretrained on the 5,139 test images of the digits 0 to 4, which fine-tuning does not see either.
texts['pretrain.nn'] = texts['pretrain.nn']!.replaceAll('data/train-', 'data/t10k-').replace(/^ *test idx.*\n/m, '')

const folder = temporaryFolder(texts)
symlinkSync(join(import.meta.dirname, '../../node_modules'), join(folder, 'node_modules'))

/** Trains and returns the last line of the report. */
async function train(name: string, epochs: number): Promise<{ test: { loss: number; accuracy: number } }> {
  const commandLine = ['train', `${name}.nn`, '--json', '--epochs', String(epochs)]
  const { code, output, error } = await runCommand(commandLine, { directory: folder })
  expect({ code, error }).toEqual({ code: 0, error: '' })
  return JSON.parse(output.trimEnd().split('\n').at(-1)!)
}

const tensorsOf = (name: string) => readSafetensors(readFileSync(join(folder, `out/${name}.safetensors`))).tensors

test('new layers on frozen pretrained features learn more from a few examples than a network from nothing', async () => {
  await train('pretrain', 1)
  const [tuned, scratch] = [await train('finetune', 15), await train('scratch', 15)]
  expect(tuned.test.accuracy).toBeGreaterThan(0.7)
  expect(tuned.test.accuracy).toBeGreaterThan(scratch.test.accuracy + 0.05)
  const [before, after] = [tensorsOf('pretrain'), tensorsOf('finetune')]
  const features = [...before.keys()].filter((name) => name.startsWith('features.'))
  expect(features).toHaveLength(4)
  for (const name of features) expect(after.get(name)).toEqual(before.get(name))
  expect(after.get('head.w')).not.toEqual(before.get('head.w'))
  expect([...after.keys()].filter((name) => name.startsWith('fit/features'))).toEqual([])
}, 120_000)
