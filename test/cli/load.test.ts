import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadCodes } from '../../compiler/diagnostics/load-codes.ts'
import { readSafetensors, type StoredTensor, writeSafetensors } from '../../runtime/safetensors.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { runCommand, type TestOptions, type TestRun } from './test-terminal.ts'

function tensors(given: Readonly<Record<string, readonly [readonly number[], readonly number[]]>>): Uint8Array {
  const entries = Object.entries(given).map(([name, [shape, data]]): [string, StoredTensor] => [
    name,
    { dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(data).buffer) },
  ])
  return writeSafetensors({ tensors: new Map(entries), metadata: {} })
}

const line = `model Line(x: f32[Batch, 2]) -> f32[Batch, 1] {
  return x |> fc: Linear(1)
}
data points {
  source csv("points.csv")
  x = [a, b]
  y = [c]
}
train fit(x: f32[Batch, 2], y: f32[Batch, 1]) on points {
  loss mean_squared_error(Line(x), y)
  optimizer sgd(lr = 1e-6)
  batch 4  epochs 1  seed 1
}
`
const points = 'a,b,c\n0,1,3\n1,0,2\n2,5,19\n3,7,27\n'

const folder = temporaryFolder({
  'line.nn': `${line}load Line from "torch.safetensors" {\n  map "**.weight" -> "**.w"\n  map "**.bias" -> "**.b"\n}\n`,
  'plain.nn': line,
  'packaged.nn': `${line}load Line from "npm:weights/base.safetensors"\n`,
  'node_modules/weights/package.json': '{}',
  'node_modules/weights/base.safetensors': tensors({
    'fc.w': [
      [1, 2],
      [2, 3],
    ],
    'fc.b': [[1], [0.5]],
  }),
  'lost.nn': `${line}load Line from "torch.safetensor"\n`,
  'points.csv': points,
  'torch.safetensors': tensors({
    'fc.weight': [
      [1, 2],
      [2, 3],
    ],
    'fc.bias': [[1], [0]],
  }),
  'base.safetensors': tensors({
    'fc.w': [
      [1, 2],
      [2, 3],
    ],
    'fc.b': [[1], [0]],
  }),
  'kernel.safetensors': tensors({
    'fc.w': [
      [2, 1],
      [2, 3],
    ],
    'fc.b': [[1], [0]],
  }),
  'notes.txt': 'Dear diary, today I trained a network.',
  ...Object.fromEntries(
    Object.entries(loadCodes).map(([code, { example }]) => [
      `${code}.nn`,
      `${example}\ntrain fit(x: f32[Batch, 2]) on points {\n  loss mean(M(x))\n  optimizer sgd(0.1)\n}\ndata points {\n  source csv("points.csv")\n  x = [a, b]\n}\n`,
    ]),
  ),
  'turned.nn': `${line}load Line from "kernel.safetensors"\n`,
})

function nnc(commandLine: string, options: Partial<TestOptions> = {}): Promise<TestRun> {
  return runCommand(commandLine.split(' '), { directory: folder, ...options })
}

test.each([
  ['a zip archive', Uint8Array.of(0x50, 0x4b, 3, 4, ...new Uint8Array(40))],
  ['a pickle', Uint8Array.of(0x80, 2, ...new Uint8Array(40))],
])('what torch.save writes, %s, is answered with how to write it anew', async (_, bytes) => {
  writeFileSync(join(folder, 'model.pt'), bytes)
  writeFileSync(join(folder, 'pt.nn'), `${line}load Line from "model.pt"\n`)
  const { code, error } = await runCommand(['train', 'pt.nn'], { directory: folder })
  expect(code).toBe(1)
  expect(error).toContain('error[NN0501]: `model.pt` cannot be read')
  expect(error).toContain('safetensors.torch.save_file(')
})

describe('a file that does not fit is an error at its place in the .nn file', () => {
  test.each(Object.keys(loadCodes))('%s', async (code) => {
    expect(await nnc(`check ${code}.nn`)).toMatchObject({ code: 0 })
    const { code: exit, error } = await nnc(`train ${code}.nn --quiet`)
    expect(exit).toBe(1)
    expect([...error.matchAll(/error\[(\w+)\]/g)].map(([, found]) => found)).toEqual([code])
    expect(error).toMatchSnapshot()
  })

  test('with a remedy where one is known', async () => {
    const { error } = await nnc('train turned.nn --quiet')
    expect(error).toMatchInlineSnapshot(`
      "error[NN0503]: \`fc.w\` is f32[1, 2], but the tensor \`fc.w\` is F32[2, 1]
         --> turned.nn:14:6
       14 | load Line from "kernel.safetensors"
          |      ^^^^
      help: write \`map "fc.w" -> "fc.w" transpose\`
      "
    `)
    const lost = await nnc('train lost.nn --quiet')
    expect(lost.error).toContain('error[NN0408]')
    expect(lost.error).toContain('lost.nn:14:16')
  })
})

test('train begins with the pretrained values and says so; a resumed run goes on without them', async () => {
  const { code, output } = await nnc('train line.nn')
  expect(code).toBe(0)
  expect(output).toContain('load  Line from torch.safetensors, 2 tensors\n')
  const saved = (file: string): Float32Array => {
    const { bytes } = readSafetensors(readFileSync(join(folder, file))).tensors.get('fc.w')!
    return new Float32Array(new Uint8Array(bytes).buffer)
  }
  for (const [at, value] of [2, 3].entries()) expect(saved('out/line.safetensors')[at]).toBeCloseTo(value, 2)
  // What a checkpoint holds counts, not the file it once came from.
  writeFileSync(
    join(folder, 'torch.safetensors'),
    tensors({
      'fc.weight': [
        [1, 2],
        [90, 90],
      ],
      'fc.bias': [[1], [0]],
    }),
  )
  const resumed = await nnc('train line.nn --resume out/line.safetensors --epochs 2 -o again --json')
  expect(JSON.parse(resumed.output.split('\n')[0]!)).not.toHaveProperty('pretrained')
  for (const [at, value] of [2, 3].entries()) expect(saved('again/line.safetensors')[at]).toBeCloseTo(value, 2)
  const afresh = await nnc('train line.nn -o afresh --json')
  expect(JSON.parse(afresh.output.split('\n')[0]!).pretrained).toEqual([
    { name: 'Line', file: 'torch.safetensors', tensors: 2 },
  ])
  expect(saved('afresh/line.safetensors')[0]).toBeGreaterThan(80)
})

test('eval and predict take the pretrained values where no weights are given', async () => {
  const evaluated = await nnc('eval packaged.nn --json')
  expect(JSON.parse(evaluated.output)).toMatchObject({ part: 'train', rows: 4, loss: 0.25 })
  const predicted = await nnc('predict packaged.nn --input -', { input: '[{"x": [1, 1]}]' })
  expect(predicted.output).toContain('5.5')
  expect(await nnc('eval plain.nn')).toMatchObject({
    code: 2,
    error: expect.stringContaining("required option '--weights <file>' not specified"),
  })
})

test('fmt keeps load blocks', async () => {
  const text = `load Line from "base.safetensors" {
  // as they are called there
  map "h.{i}.kernel" -> "fc.{i}" transpose [1, 0]
  map "bias" -> "fc.b" reshape
  missing "**.lora_*"
  unused "**.num_batches_tracked"
}
`
  writeFileSync(join(folder, 'long.nn'), text.replaceAll('\n  ', '   ').replace('there   map', 'there\nmap'))
  expect((await nnc('fmt long.nn')).output).toBe(text)
})
