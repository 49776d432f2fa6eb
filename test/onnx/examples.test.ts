import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { erase } from '../../compiler/4-transform/erase.ts'
import { type Compilation, compile, exportOnnx } from '../../compiler/index.ts'
import type { Domain } from '../../compiler/ops/definition.ts'
import { environmentFor } from '../emit/environment.ts'
import { largestDifference } from './run-onnx.ts'

interface Example {
  readonly file: string
  readonly entry: string
  readonly settings?: Readonly<Record<string, number>>
  readonly dims: Readonly<Record<string, number>>
  /** What the entry should become, as far as it matters. */
  readonly operators: Readonly<Record<string, number>>
}

const small = { Vocab: 12, Hid: 8, T: 5 }

const examples: readonly Example[] = [
  {
    ...{ file: 'digits/digits.nn', entry: 'classify', settings: { Hidden: 16 }, dims: { Batch: 3 } },
    operators: { Reshape: 1, Gemm: 2, Relu: 1, Softmax: 1 },
  },
  {
    ...{ file: 'lenet/lenet.nn', entry: 'classify', dims: { Batch: 2 } },
    operators: { Unsqueeze: 1, Conv: 2, MaxPool: 2, Add: 2, Relu: 4, Reshape: 1, Gemm: 3, Softmax: 1 },
  },
  {
    ...{ file: 'resnet/resnet.nn', entry: 'ResNet', dims: { Batch: 1 } },
    operators: { Conv: 9, BatchNormalization: 9, MaxPool: 1, Gemm: 1 },
  },
  {
    ...{ file: 'gpt/gpt.nn', entry: 'next', settings: { D: 32, Vocab: 20 } },
    dims: { Batch: 2, Time: 3, Past: 4 },
    operators: { LayerNormalization: 11, Softmax: 5, Gelu: 5 },
  },
  {
    ...{ file: 'gpt/gpt.nn', entry: 'next', settings: { D: 32, Vocab: 20 } },
    dims: { Batch: 1, Time: 1, Past: 0 },
    operators: { LayerNormalization: 11, Softmax: 5, Gelu: 5 },
  },
  { file: 'moby-dick/elman.nn', entry: 'next', settings: small, dims: { Batch: 2, Time: 4 }, operators: { Scan: 1 } },
  { file: 'moby-dick/gru.nn', entry: 'next', settings: small, dims: { Batch: 2, Time: 4 }, operators: { Scan: 1 } },
  { file: 'moby-dick/lstm.nn', entry: 'next', settings: small, dims: { Batch: 2, Time: 4 }, operators: { Scan: 1 } },
  ...['FeedForward', 'Convolution', 'Gated', 'Attention'].map(
    (entry): Example => ({
      ...{ file: 'spam/spam.nn', entry, settings: { Vocab: 30, T: 12 }, dims: { Batch: 2 } },
      operators: {},
    }),
  ),
  { file: 'feedback/settling.nn', entry: 'Row', dims: { Batch: 3 }, operators: { Loop: 1 } },
  { file: 'feedback/parity.nn', entry: 'Parity', dims: { Batch: 3 }, operators: { Scan: 1, Loop: 1 } },
  { file: 'iris/iris.nn', entry: 'Iris', dims: { Batch: 4 }, operators: {} },
  { file: 'xor/xor.nn', entry: 'Xor', dims: { Batch: 4 }, operators: {} },
]

/** Indices within their limits, variances and factors that are positive. */
function domainsOf(graph: Graph): (name: string) => Domain {
  return (name) => {
    const limit = graph.limits?.find(({ input }) => input === name)?.limit
    if (typeof limit === 'number') return { low: 0, high: limit - 1 }
    return /running_var|gamma/.test(name) ? { low: 0.2, high: 1 } : { low: -0.5, high: 0.5 }
  }
}

const compiled = new Map<string, Promise<Compilation>>()

/** Compiled as far as the graphs, once for each file and settings. */
function compileExample(file: string, settings: Example['settings']): Promise<Compilation> {
  const key = JSON.stringify([file, settings])
  const known = compiled.get(key)
  if (known) return known
  const text = readFileSync(new URL(`../../examples/${file}`, import.meta.url), 'utf8')
  const compilation = compile(text, { file, ...(settings && { settings }), stopAfter: 'graph' })
  compiled.set(key, compilation)
  return compilation
}

describe('examples with random weights agree in onnxruntime', () => {
  test.each(examples)('$file $entry', async ({ file, entry, settings, dims, operators }) => {
    const compilation = await compileExample(file, settings)
    const graph = erase(compilation.graphs!.graphs.find(({ name }) => name === entry)!)
    const hypers = Object.fromEntries(compilation.graphs!.hypers.map((hyper) => [hyper.name, hyper.default]))
    const environment = environmentFor(graph, { dims, seed: 5, hypers, domains: domainsOf(graph) })
    const { diagnostics, model } = await exportOnnx(compilation, { entry, variables: environment.variables! })
    expect(diagnostics).toEqual([])
    expect(model!.operators).toMatchObject(operators)
    expect(await largestDifference(model!.bytes, graph, environment)).toBeLessThan(5e-6)
  })
})
