import { expect, test } from 'vitest'
import { formatDim } from '../../compiler/dimensions/dimension.ts'
import { compile } from '../../compiler/index.ts'

async function nodesOf(settings: string, name: string) {
  const text = `dim Batch in 1..4
dim Time in 1..32
model Net(x: f32[Batch, Time, 24], padding: bool[Batch, Time]) -> f32[Batch, Time, 24] {
  use attn = MultiHeadAttention(${settings})
  return attn(x, key_padding_mask = padding)
}
train fit(x: f32[Batch, Time, 24], padding: bool[Batch, Time]) {
  loss mean(Net(x, padding) ^ 2)
  optimizer sgd(0.1)
}`
  const { graphs, diagnostics } = await compile(text, { file: 'attention.nn', stopAfter: 'hoist' })
  expect(diagnostics).toEqual([])
  return graphs!.graphs.find((graph) => graph.name === name)!.nodes
}

test.each([
  ['4, causal = true', ['Batch, 4, Time, Time']],
  ['4, causal = true, rotary = true, KvHeads = 2', ['Batch, 2, 2, Time, Time']],
])(
  'MultiHeadAttention(%s) is four products forwards, seven more for its weights, and nothing larger than the scores',
  async (settings, scores) => {
    for (const [name, products] of [
      ['Net', 4],
      // The input is no parameter: of its product only the gradient of the weights is needed.
      ['fit.step', 4 + 7],
    ] as const) {
      const nodes = await nodesOf(settings, name)
      expect(nodes.filter(({ op }) => op === 'contract')).toHaveLength(products)
      const square = nodes
        .filter(({ type }) => type.dtype === 'f32')
        .map(({ type }) => type.shape.map((dim) => formatDim(dim)).join(', '))
        .filter((shape) => shape.split(', ').filter((dim) => dim.includes('Time')).length > 1)
      expect([...new Set(square)]).toEqual(scores)
    }
  },
)
