import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../cli/temporary-folder.ts'
import { runCommand } from '../cli/test-terminal.ts'

const repository = join(import.meta.dirname, '../..')

/** The example on the 10,000 images of the smaller file alone: 8,000 to learn from, 2,000 for the test. */
function shortened(name: string): string {
  const source = readFileSync(join(repository, `examples/${name}/${name}.nn`), 'utf8')
  const own = / {2}source idx\(.*\)\n {2}test (idx\(.*\))\n/
  const split = 'split train 90%, valid 10% seed 7'
  expect(source, 'the data this test shortens').toMatch(own)
  expect(source).toContain(split)
  return source.replace(own, '  source $1\n').replace(split, 'split train 80%, test 20% seed 7')
}

const folder = temporaryFolder({
  'lenet.nn': shortened('lenet'),
  'resnet.nn': shortened('resnet'),
  'three.json': readFileSync(join(repository, 'examples/lenet/three.json')),
})
symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'), 'junction')

const nnc = (commandLine: string) => runCommand(commandLine.split(' '), { directory: folder })

describe.each([
  ['lenet', 3, 0.95],
  ['resnet', 2, 0.95],
])('%s, shortened to %i epochs of 8,000 images', (name, epochs, reached) => {
  test(`recognises at least ${reached * 100} % of 2,000 others`, { timeout: 400_000 }, async () => {
    const whole = `--set Epochs=${epochs} --set Steps=125`
    const { code, output, error } = await nnc(`train ${name}.nn ${whole} --json --curve ${name}.svg`)
    expect({ code, error }).toEqual({ code: 0, error: '' })
    const done = JSON.parse(output.trimEnd().split('\n').at(-1)!)
    expect(done.test.accuracy).toBeGreaterThanOrEqual(reached)
    expect(readFileSync(join(folder, `${name}.svg`), 'utf8')).toContain('test accuracy')
  })

  test('predicts the labels of three images', async () => {
    const { code, output } = await nnc(`predict ${name}.nn --weights out/${name}.safetensors --input three.json`)
    expect(code).toBe(0)
    expect(JSON.parse(output).map(({ label }: { label: number }) => label)).toEqual([7, 2, 1])
  })
})
