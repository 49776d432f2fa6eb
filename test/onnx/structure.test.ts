import { fromBinary } from '@bufbuild/protobuf'
import { type GraphProto, ModelProtoSchema } from 'onnx-buf'
import { describe, expect, test } from 'vitest'
import { compile, exportOnnx } from '../../compiler/index.ts'

/** The file of a source's first model, its variables zeros. */
async function exported(source: string): Promise<GraphProto> {
  const compilation = await compile(source, { file: 'test.nn', stopAfter: 'graph' })
  expect(compilation.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  const variables = Object.fromEntries(
    compilation.graphs!.variables.map(({ name, type }) => [
      name,
      new Float32Array(type.shape.reduce<number>((count, dim) => count * Number(dim), 1)),
    ]),
  )
  const { model } = await exportOnnx(compilation, { variables })
  return fromBinary(ModelProtoSchema, model!.bytes).graph!
}

const operators = (graph: GraphProto): string[] => graph.node.map(({ opType }) => opType)

describe('what the file looks like', () => {
  test('names, types and places are those of the source', async () => {
    const source = `model Net(image: f32[Batch, 4, 4], class: i32[Batch]) -> (scores: f32[Batch, 3], hidden: f32[Batch, 8]) {
  let hidden = rearrange(image, [b, i, j] -> [b, (i, j)]) |> below: Linear(8) |> tanh
  let chosen = class |> table: Embedding(3, 8)
  return (hidden * chosen |> above: Linear(3), hidden)
}
`
    const compilation = await compile(source, { file: 'net.nn', stopAfter: 'graph' })
    const variables = {
      'below.w': new Float32Array(128),
      'below.b': new Float32Array(8),
      'table.table': new Float32Array(24),
    }
    const above = { 'above.w': new Float32Array(24), 'above.b': Float32Array.of(1, 2, 3) }
    const { model } = await exportOnnx(compilation, { variables: { ...variables, ...above } })
    const file = fromBinary(ModelProtoSchema, model!.bytes)
    expect(file).toMatchObject({ irVersion: 10n, producerName: 'nnc', docString: 'Net of net' })
    expect(file.opsetImport).toMatchObject([{ domain: '', version: 21n }])
    const { name, node, input, output, initializer } = file.graph!
    expect(name).toBe('Net')
    expect(node.map(({ name: own, docString }) => `${own} ${docString}`)).toEqual([
      'Net/Reshape net.nn:2',
      'below/Gemm net.nn:2',
      'Net/Tanh net.nn:2',
      'table/Gather net.nn:3',
      'Net/Mul net.nn:4',
      'above/Gemm net.nn:4',
    ])
    const describeValue = ({ name: own, type, docString }: (typeof input)[number]): string => {
      const tensor = type!.value.value as { elemType: number; shape: { dim: { value: { value: unknown } }[] } }
      return `${own} ${tensor.elemType} [${tensor.shape.dim.map(({ value }) => value.value)}] ${docString}`.trimEnd()
    }
    expect([...input, ...output].map(describeValue)).toEqual([
      'image 1 [Batch,4,4]',
      'class 6 [Batch] 0 ≤ class < 3',
      'scores 1 [Batch,3]',
      'hidden 1 [Batch,8]',
    ])
    expect(initializer.filter(({ dataType }) => dataType === 1).map(({ name: own, dims }) => `${own} ${dims}`)).toEqual(
      ['below.w 8,16', 'below.b 8', 'table.table 3,8', 'above.w 3,8', 'above.b 3'],
    )
    expect([...new Float32Array(initializer.at(-1)!.rawData.slice().buffer)]).toEqual([1, 2, 3])
  })

  test.each([
    ['gelu', ['Gelu']],
    ['gelu_tanh', ['Gelu']],
    ['relu', ['Relu']],
    ['sigmoid', ['Sigmoid']],
    ['elu', ['Elu']],
    ['hardsigmoid', ['HardSigmoid']],
    ['hardswish', ['HardSwish']],
    ['softsign', ['Softsign']],
    ['softmax', ['Softmax']],
    ['log_softmax', ['LogSoftmax']],
    ['LayerNorm', ['LayerNormalization']],
  ])('%s is %j', async (layer, expected) => {
    const graph = await exported(`model Net(x: f32[Batch, 5]) -> f32[Batch, 5] {\n  return x |> ${layer}\n}\n`)
    expect(operators(graph)).toEqual(expected)
  })

  test('axes that only move are not moved', async () => {
    const graph = await exported(`model Net(x: f32[Batch, 3, 4, 5]) -> f32[Batch, 3, 4, 5] {
  let y[b, j, k, c] = tanh(x[b, c, j, k])
  let z[b, c, j, k] = y[b, j, k, c] * 2.0
  return z
}
`)
    expect(operators(graph)).toEqual(['Tanh', 'Mul'])
  })

  test('convolution, normalization in evaluation form, bias', async () => {
    const graph = await exported(`model Net(x: f32[Batch, 2, 8, 8]) -> f32[Batch, 3, 4, 4] {
  return x |> Conv2d(4, 3, padding = 1) |> relu |> Conv2d(3, 3, stride = 2, padding = 1, bias = false) |> BatchNorm
}
`)
    expect(operators(graph)).toEqual(['Conv', 'Relu', 'Conv', 'BatchNormalization'])
    expect(graph.node[0]!.input).toHaveLength(3)
  })

  test('a parameter read in several layouts is stored once, as it is', async () => {
    const graph =
      await exported(`model Net(x: f32[Batch, Time, 6]) -> (a: f32[Batch, Time, 6], b: f32[Batch, Time, 6]) {
  param w: f32[6, 6] = zeros
  return (x @ w, x @ transpose(w))
}
`)
    expect(operators(graph).sort()).toEqual(['MatMul', 'MatMul', 'Transpose'])
    expect(graph.initializer.filter(({ name }) => name.startsWith('w'))).toHaveLength(1)
  })
})
