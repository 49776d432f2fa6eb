import { describe, expect, test } from 'vitest'
import { erase } from '../../compiler/4-transform/erase.ts'
import { compile, exportOnnx } from '../../compiler/index.ts'
import { environmentFor } from '../emit/environment.ts'
import { largestDifference } from './run-onnx.ts'

const image = 'x: f32[Batch, 4, 9, 9]'
const text = 'x: f32[Batch, Time, 8]'

/** A layer, what it takes, the type of its result, and what it becomes where that matters. */
const layers: readonly (readonly [layer: string, input: string, result: string, operators?: Record<string, number>])[] =
  [
    ['AveragePool(3, stride = 2)', image, 'f32[Batch, 4, 4, 4]', { AveragePool: 1 }],
    ['AveragePool(3, stride = 2, padding = 1, count_include_pad = false)', image, 'f32[Batch, 4, 5, 5]'],
    ['AveragePool1d(2)', 'x: f32[Batch, 3, 7]', 'f32[Batch, 3, 3]'],
    ['MaxPool(3, stride = 2, padding = 1)', image, 'f32[Batch, 4, 5, 5]'],
    ['MaxPool3d(2)', 'x: f32[Batch, 2, 4, 5, 6]', 'f32[Batch, 2, 2, 2, 3]'],
    ['GlobalAveragePool', image, 'f32[Batch, 4]'],
    ['GlobalMaxPool', image, 'f32[Batch, 4]'],
    ['AdaptiveAveragePool(2)', image, 'f32[Batch, 4, 2, 2]'],
    ['Upsample(2)', image, 'f32[Batch, 4, 18, 18]'],
    ['Upsample(2, mode = "bilinear")', image, 'f32[Batch, 4, 18, 18]'],
    ['GroupNorm(2)', image, 'f32[Batch, 4, 9, 9]'],
    ['InstanceNorm(affine = true)', image, 'f32[Batch, 4, 9, 9]'],
    ['RmsNorm', text, 'f32[Batch, Time, 8]'],
    ['Conv2d(6, 3, stride = 2, padding = 1, groups = 2)', image, 'f32[Batch, 6, 5, 5]'],
    ['Conv1d(5, 3, dilation = 2, padding = 2)', 'x: f32[Batch, 3, 7]', 'f32[Batch, 5, 7]'],
    ['Conv3d(3, 2)', 'x: f32[Batch, 2, 4, 5, 6]', 'f32[Batch, 3, 3, 4, 5]'],
    ['SeparableConv2d(6, 3, padding = 1)', image, 'f32[Batch, 6, 9, 9]', { Conv: 2 }],
    ['Conv(5, 3, stride = 2)', image, 'f32[Batch, 5, 5, 5]'],
    [
      'Conv2d(3, 3, stride = 2, padding = 1)',
      'x: f32[Batch, 2, Height, Width]',
      'f32[Batch, 3, (Height - 1) / 2 + 1, (Width - 1) / 2 + 1]',
      { Conv: 1 },
    ],
    ['MaxPool(2)', 'x: f32[Batch, 2, Height, Width]', 'f32[Batch, 2, Height / 2, Width / 2]', { MaxPool: 1 }],
    ['Gru(5, layers = 2, bidirectional = true)', text, 'f32[Batch, Time, 10]'],
    ['ConvLstm(2, 3)', 'x: f32[Batch, 3, 2, 5, 5]', 'f32[Batch, 3, 2, 5, 5]'],
    ['JordanRnn(4, 2)', text, 'f32[Batch, Time, 2]'],
    ['MultiHeadAttention(2)', text, 'f32[Batch, Time, 8]'],
    ['MultiHeadAttention(4, KvHeads = 2, causal = true)', text, 'f32[Batch, Time, 8]'],
    ['SwiGlu(6)', text, 'f32[Batch, Time, 8]'],
    ['GeGlu(6)', text, 'f32[Batch, Time, 8]'],
    ['Highway', text, 'f32[Batch, Time, 8]'],
    ['SinusoidalPositions', text, 'f32[Batch, Time, 8]'],
    ['LearnedPositions(16)', text, 'f32[Batch, Time, 8]'],
    ['PRelu(4)', image, 'f32[Batch, 4, 9, 9]'],
    ['sparsemax', 'x: f32[Batch, 8]', 'f32[Batch, 8]'],
    ['cumsum', text, 'f32[Batch, Time, 8]'],
  ]

const dims = { Batch: 2, Time: 5, Height: 7, Width: 6 }

describe('layers of the library agree in onnxruntime', () => {
  test.each(layers)('%s of %s', async (layer, input, result, operators) => {
    const source = `dim Time in 1..16
dim Height in 3..20
dim Width in 3..20
model Net(${input}) -> ${result} {
  return x |> own: ${layer}
}
`.replace(/own: (?=[a-z])/, '')
    const compilation = await compile(source, { file: 'layer.nn', stopAfter: 'graph' })
    const errors = compilation.diagnostics.filter(({ severity }) => severity === 'error')
    expect(errors.map(({ message }) => message)).toEqual([])
    const graph = erase(compilation.graphs!.graphs.find(({ name }) => name === 'Net')!)
    const environment = environmentFor(graph, { dims, seed: 3, domains: () => ({ low: -1, high: 1 }) })
    const { model } = await exportOnnx(compilation, { variables: environment.variables! })
    if (operators) expect(model!.operators).toEqual(operators)
    expect(await largestDifference(model!.bytes, graph, environment)).toBeLessThan(1e-5)
  })
})
