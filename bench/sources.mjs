// The workloads as `.nn` text.

/** @param workload one of `workloads.mjs`, or of its form */
export function sourceOf(workload) {
  switch (workload.kind) {
    case 'product':
      return productSource(workload)
    case 'gru':
      return recurrentSource(workload)
    case 'gpt':
      return transformerSource(workload)
    default:
      return feedForwardSource(workload)
  }
}

function productSource({ size }) {
  return `infer product(a: f32[${size}, ${size}], b: f32[${size}, ${size}]) -> f32[${size}, ${size}] { return a @ b }\n`
}

function feedForwardSource({ kind, activation, widths, batch }) {
  const shape = kind === 'cnn' ? '1, 28, 28' : widths[0]
  const target = kind === 'tiny' ? 'f32[Batch, 1]' : 'i32[Batch]'
  const stages = kind === 'cnn' ? convolutionalStages : denseStages(widths, activation)
  return `dim Batch in 1..${batch}
model Net(x: f32[Batch, ${shape}]) -> f32[Batch, ${widths.at(-1)}] {
  return x |> ${stages.join(' |> ')}
}
train fit(x: f32[Batch, ${shape}], y: ${target}) {
  loss ${kind === 'tiny' ? 'binary_cross_entropy' : 'cross_entropy'}(Net(x), y)
  optimizer adam(lr = 1e-3)
}
`
}

function denseStages(widths, activation) {
  return widths.slice(1).flatMap((width, layer) => [...(layer ? [activation] : []), `fc${layer + 1}: Linear(${width})`])
}

const convolutionalStages = [
  ...['conv1: Conv(16, 3)', 'relu', 'MaxPool(2)'],
  ...['conv2: Conv(32, 3)', 'relu', 'MaxPool(2)'],
  ...['flatten(from = 1)', 'fc1: Linear(128)', 'relu', 'fc2: Linear(10)'],
]

function recurrentSource({ batch }) {
  return `dim Batch in 1..${batch}
model Net(x: i32[Batch, 64]) -> f32[Batch, 64, 65] {
  return x |> embed: Embedding(65, 64) |> gru: Gru(128) |> head: Linear(65)
}
train fit(x: i32[Batch, 64], y: i32[Batch, 64]) {
  loss cross_entropy(Net(x), y)
  optimizer adam(lr = 1e-3)
}
`
}

function transformerSource({ batch, layers = 4, heads = 4, width = 128, steps = 64 }) {
  return `dim Batch in 1..${batch}
layer Attention(Heads)(x: f32[B, T, D]) -> f32[B, T, D] where D % Heads == 0 {
  let (q, k, v) = split(x |> qkv: Linear(3 * D), 3)
  let qh = rearrange(q, [b, t, (h, e)] -> [b, h, t, e], h = Heads)
  let kh = rearrange(k, [b, t, (h, e)] -> [b, h, t, e], h = Heads)
  let vh = rearrange(v, [b, t, (h, e)] -> [b, h, t, e], h = Heads)
  let score[b, h, i, j] = if j <= i then sum[e](qh[b, h, i, e] * kh[b, h, j, e]) / sqrt(D / Heads) else -inf
  let p = softmax(score)
  let mix[b, h, i, e] = sum[j](p[b, h, i, j] * vh[b, h, j, e])
  return rearrange(mix, [b, h, t, e] -> [b, t, (h, e)]) |> proj: Linear(D)
}
layer Block(Heads)(x: f32[B, T, D]) -> f32[B, T, D] {
  let a = x + (x |> ln1: LayerNorm |> attn: Attention(Heads))
  return a + (a |> ln2: LayerNorm |> fc: Linear(4 * D) |> gelu_tanh |> out: Linear(D))
}
layer Learned(x: f32[B, T, D]) -> f32[B, T, D] {
  param w: f32[T, D] = normal(std = 0.02)
  let y[b, t, d] = x[b, t, d] + w[t, d]
  return y
}
model Net(x: i32[Batch, ${steps}]) -> f32[Batch, ${steps}, 65] {
  return x |> embed: Embedding(65, ${width}) |> pos: Learned |> blocks: repeat(${layers}) Block(${heads}) |> lnf: LayerNorm |> head: Linear(65, bias = false)
}
train fit(x: i32[Batch, ${steps}], y: i32[Batch, ${steps}]) {
  loss cross_entropy(Net(x), y)
  optimizer adamw(lr = 1e-3, weight_decay = 0.01)
}
`
}
