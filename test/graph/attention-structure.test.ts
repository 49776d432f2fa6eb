import { expect, test } from 'vitest'
import { formatDim } from '../../compiler/dimensions/dimension.ts'
import { compile } from '../../compiler/index.ts'

async function graphsOf(text: string) {
  const { graphs, diagnostics } = await compile(text, { file: 'attention.nn', stopAfter: 'hoist' })
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  return graphs!.graphs
}

async function nodesOf(settings: string, name: string) {
  const graphs = await graphsOf(`dim Batch in 1..4
dim Time in 1..32
model Net(x: f32[Batch, Time, 24], padding: bool[Batch, Time]) -> f32[Batch, Time, 24] {
  use attn = MultiHeadAttention(${settings})
  return attn(x, key_padding_mask = padding)
}
train fit(x: f32[Batch, Time, 24], padding: bool[Batch, Time]) {
  loss mean(Net(x, padding) ^ 2)
  optimizer sgd(0.1)
}`)
  return graphs.find((graph) => graph.name === name)!.nodes
}

test.each([
  ['4, causal = true', []],
  ['4, causal = true, rotary = true, KvHeads = 2', []],
  ['4, alibi = true', ['Time, Time', '4, Time, Time', 'Batch, 4, Time, Time', 'Batch, 4, 1, Time, Time']],
])(
  'MultiHeadAttention(%s) is two products and an attention forwards, three products and a gradient more for its weights, without scores',
  async (settings, biases) => {
    for (const [name, products] of [
      ['Net', 2],
      // The input is no parameter: of its product only the gradient of the weights is needed.
      ['fit.step', 2 + 3],
    ] as const) {
      const nodes = await nodesOf(settings, name)
      expect(nodes.filter(({ op }) => op === 'contract')).toHaveLength(products)
      expect(nodes.filter(({ op }) => op === 'attention')).toHaveLength(1)
      // The gradients to queries, keys and values lie side by side unless they are turned before.
      if (!settings.includes('rotary')) expect(nodes.filter(({ op }) => op === 'concat')).toEqual([])
      expect(nodes.filter(({ op }) => op === 'attention_gradient')).toHaveLength(name === 'Net' ? 0 : 1)
      const square = nodes
        .filter(({ type }) => type.dtype === 'f32')
        .map(({ type }) => type.shape.map((dim) => formatDim(dim)).join(', '))
        .filter((shape) => shape.split(', ').filter((dim) => dim.includes('Time')).length > 1)
      expect([...new Set(square)].filter((shape) => !biases.includes(shape))).toEqual([])
    }
  },
)

/** How often `op` is used in attention over q, k and v of [2, 3, 5, 4], with `body` between the scores and the mixture `y`. */
async function attentionsIn(body: string, more = ''): Promise<number> {
  const graphs =
    await graphsOf(`model Net(q: f32[2, 3, 5, 4], k: f32[2, 3, 5, 4], v: f32[2, 3, 5, 4], t: f32) -> f32[2, 3, 5, 4] {
  let score[b, h, i, j] = sum[e](q[b, h, i, e] * k[b, h, j, e])
  ${body}
  let y[b, h, i, e] = sum[j](weight[b, h, i, j] * v[b, h, j, e])
  return y${more}
}`)
  return graphs.find(({ name }) => name === 'Net')!.nodes.filter(({ op }) => op === 'attention').length
}

test.each([
  ['as it is', 'let weight = softmax(score)'],
  ['multiplied', 'let weight = softmax(0.5 * score)'],
  [
    'with a mask of lower triangles',
    'let seen[b, h, i, j] = if i >= j then score[b, h, i, j] / 2.0 else -inf\nlet weight = softmax(seen)',
  ],
  [
    'with a mask that says what is hidden',
    'let seen[b, h, i, j] = if j > i then -1e30 else score[b, h, i, j]\nlet weight = softmax(seen / 2.0)',
  ],
  [
    'in a window',
    'let seen[b, h, i, j] = if j <= i and i < j + 3 then score[b, h, i, j] else -inf\nlet weight = softmax(seen)',
  ],
  [
    'with a bias by distance',
    'let seen[b, h, i, j] = score[b, h, i, j] - 0.1 * abs(float(i - j))\nlet weight = softmax(seen)',
  ],
  [
    'with the softmax written out',
    'let weight = exp(score - expand_dims(max(score, axis = -1), -1)) / expand_dims(sum(exp(score - expand_dims(max(score, axis = -1), -1)), axis = -1), -1)',
  ],
])('attention %s is recognised', async (_, body) => {
  expect(await attentionsIn(body)).toBe(1)
})

test.each([
  ['whose weights something else reads', 'let weight = softmax(score)', ' * mean(weight)'],
  ['whose weights are changed', 'let weight = 2.0 * softmax(score)'],
  ['over queries', 'let weight = softmax(score, axis = 2)'],
  ['with a temperature that is a value', 'let weight = softmax(t * score)'],
  [
    'with a mask that hides little',
    'let seen[b, h, i, j] = if j <= i then score[b, h, i, j] else -10.0\nlet weight = softmax(seen)',
  ],
])('attention %s stays as it is written', async (_, body, more = '') => {
  expect(await attentionsIn(body, more)).toBe(0)
})

test('attention stays as it is written where gradients of gradients are taken', async () => {
  const source = (loss: string): string => `
model Net(x: f32[5, 4]) -> f32[5, 4] {
  param w: f32[4, 4] = normal
  let score[i, j] = sum[e](x[i, e] * (x @ w)[j, e])
  return softmax(score) @ x
}
train fit(x: f32[5, 4]) { loss ${loss}  optimizer sgd(0.1) }`
  const count = async (loss: string): Promise<number> =>
    (await graphsOf(source(loss))).find(({ name }) => name === 'fit.step')!.nodes.filter(({ op }) => op === 'attention')
      .length
  expect(await count('mean(Net(x) ^ 2)')).toBe(1)
  expect(await count('mean(gradient(sum(Net(x)), x) ^ 2)')).toBe(0)
})
