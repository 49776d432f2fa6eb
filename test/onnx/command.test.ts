import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as ort from 'onnxruntime-web'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../cli/temporary-folder.ts'
import { runCommand } from '../cli/test-terminal.ts'
import './run-onnx.ts'

const example = (path: string): string => readFileSync(new URL(`../../examples/${path}`, import.meta.url), 'utf8')

const folder = temporaryFolder({
  'xor.nn': `${example('xor/xor.nn')}infer probability(x: f32[Batch, 2]) -> f32[Batch, 1] {
  return sigmoid(Xor(x))
}
hyper spread = 2.0
infer noisy(x: f32[Batch, 2]) -> f32[Batch, 1] {
  return Xor(x + spread * normal_like(x))
}
infer scaled(x: f32[Batch, 2]) -> f32[Batch, 1] {
  return spread * Xor(x)
}
`,
  'xor.csv': example('xor/xor.csv'),
})

const nnc = (commandLine: string, input?: string) =>
  runCommand(commandLine.split(' '), { directory: folder, ...(input !== undefined && { input }) })

const rows = [0, 0, 0, 1, 1, 0, 1, 1]

async function predictions(file: string): Promise<number[]> {
  const session = await ort.InferenceSession.create(readFileSync(join(folder, file)))
  const { output } = await session.run({ x: new ort.Tensor('float32', rows, [4, 2]) })
  await session.release()
  return Array.from(output!.data as Float32Array)
}

const weights = '--weights out/xor.safetensors'

test('a trained model, exported, predicts in onnxruntime what nnc predict says', async () => {
  expect((await nnc('train xor.nn --epochs 20')).error).toBe('')
  const exported = await nnc(`export xor.nn ${weights} --entry Xor`)
  expect(exported).toMatchObject({ code: 0, error: '' })
  expect(exported.output.replace(/[\d.]+ (B|KB)/, 'SIZE')).toMatchInlineSnapshot(`
    "xor.nn, Xor
      inputs     x: f32[Batch, 2]
      outputs    output: f32[Batch, 1]
      operators  3: 2 Gemm, Tanh
      out/xor.onnx  SIZE
    "
  `)
  const predicted = await nnc(
    `predict xor.nn ${weights} --entry Xor --input -`,
    '{"x": [[0, 0], [0, 1], [1, 0], [1, 1]]}',
  )
  const expected = (JSON.parse(predicted.output) as { output: number[] }[]).map(({ output }) => output[0]!)
  const actual = await predictions('out/xor.onnx')
  expect(actual).toHaveLength(4)
  actual.forEach((value, at) => {
    expect(value).toBeCloseTo(expected[at]!, 5)
  })
})

test('another entry, another file, another value of a hyper', async () => {
  expect(await nnc(`export xor.nn ${weights} --entry scaled -o deep/scaled.onnx`)).toMatchObject({ code: 0 })
  expect(await nnc(`export xor.nn ${weights} --entry scaled --hyper spread=-1 -o negative.onnx`)).toMatchObject({
    code: 0,
  })
  const [twice, negative] = [await predictions('deep/scaled.onnx'), await predictions('negative.onnx')]
  twice.forEach((value, at) => {
    expect(value).toBeCloseTo(-2 * negative[at]!, 5)
  })
})

test('random numbers are refused at their place', async () => {
  const { code, output, error } = await nnc(`export xor.nn ${weights} --entry noisy`)
  expect({ code, output }).toEqual({ code: 1, output: '' })
  expect(error).toContain('error[NN0303]: `noisy` holds random numbers, which ONNX draws differently')
  expect(error).toContain('--> xor.nn:')
  expect(error).toContain('normal_like(x)')
  expect(error).toContain('help: ')
})

test.each([
  ['export xor.nn', 2, "required option '--weights <file>' not specified"],
  ['export xor.nn --weights none.safetensors', 1, 'none.safetensors does not exist'],
  [`export xor.nn ${weights} --entry Xo`, 1, 'did you mean Xor?'],
  [`export xor.nn ${weights} --hyper spred=1`, 1, 'spread'],
])('%s', async (commandLine, code, message) => {
  const run = await nnc(commandLine)
  expect({ code: run.code, output: run.output }).toEqual({ code, output: '' })
  expect(run.error).toContain(message)
})
