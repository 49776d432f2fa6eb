// This project: node bench/nnc.mjs WORKLOAD [plain|relaxed|wide]
import v8 from 'node:v8'
import { compile } from '../dist/compiler/index.js'
import { load } from '../dist/runtime/index.js'
import { batchOf, layersOf, measure, operandsOf, parametersOf, workloads } from './workloads.mjs'

const [id, build = 'plain'] = process.argv.slice(2)
// On by default from Node 21 on, where the flag no longer exists.
if (build !== 'plain' && process.version.startsWith('v20.')) v8.setFlagsFromString('--experimental-wasm-relaxed-simd')
if (build === 'wide') v8.setFlagsFromString('--experimental-wasm-revectorize')
const workload = workloads[id]
const { widths, batch, kind } = workload
const { modules, diagnostics } = await compile(sourceOf(workload), { file: `${id}.nn`, builds: [build] })
if (!modules) throw new Error(diagnostics.map((diagnostic) => diagnostic.message).join('\n'))
const model = await load(modules[build])
model.init(1)
if (kind === 'gru' || kind === 'gpt') setListed()
else if (kind !== 'product') setLayers()
measure(`nnc-${build}`, id, stepOf(workload))

function sourceOf({ size }) {
  if (kind === 'product')
    return `infer product(a: f32[${size}, ${size}], b: f32[${size}, ${size}]) -> f32[${size}, ${size}] { return a @ b }`
  if (kind === 'gru' || kind === 'gpt') return kind === 'gru' ? recurrentSource() : transformerSource()
  const shape = kind === 'cnn' ? '1, 28, 28' : widths[0]
  const target = kind === 'tiny' ? 'f32[Batch, 1]' : 'i32[Batch]'
  return `
dim Batch in 1..${batch}
model Net(x: f32[Batch, ${shape}]) -> f32[Batch, ${widths.at(-1)}] {
  return x |> ${stagesOf(workload).join(' |> ')}
}
train fit(x: f32[Batch, ${shape}], y: ${target}) {
  loss ${kind === 'tiny' ? 'binary_cross_entropy' : 'cross_entropy'}(Net(x), y)
  optimizer adam(lr = 1e-3)
}
`
}

function recurrentSource() {
  return `
dim Batch in 1..${batch}
model Net(x: i32[Batch, 64]) -> f32[Batch, 64, 65] {
  return x |> embed: Embedding(65, 64) |> gru: Gru(128) |> head: Linear(65)
}
train fit(x: i32[Batch, 64], y: i32[Batch, 64]) {
  loss cross_entropy(Net(x), y)
  optimizer adam(lr = 1e-3)
}
`
}

function transformerSource() {
  return `
dim Batch in 1..${batch}
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
model Net(x: i32[Batch, 64]) -> f32[Batch, 64, 65] {
  return x |> embed: Embedding(65, 128) |> pos: Learned |> blocks: repeat(4) Block(4) |> lnf: LayerNorm |> head: Linear(65, bias = false)
}
train fit(x: i32[Batch, 64], y: i32[Batch, 64]) {
  loss cross_entropy(Net(x), y)
  optimizer adamw(lr = 1e-3, weight_decay = 0.01)
}
`
}

function stepOf(own) {
  if (kind === 'product') {
    const [a, b] = operandsOf(own)
    return () => first(model.predict('product', { a, b }))
  }
  const { x, y } = batchOf(own)
  const inputs = kind === 'gru' || kind === 'gpt' ? { x: rows(x), y: rows(y) } : { x, y }
  if (own.predicts) return () => first(model.predict('Net', { x: inputs.x }))
  return () => model.step('fit', inputs).loss
}

/** The first element of a prediction's one result. */
function first(outputs) {
  return Object.values(outputs)[0].data[0]
}

function rows(data) {
  return { data, shape: [batch, data.length / batch] }
}

/** Matrices of the list are [in, out]; ours are [out, in], but for tables. */
function setListed() {
  for (const { name, shape, data } of parametersOf(workload)) {
    const [fanIn, out] = shape
    const table = name === 'embed.table' || name === 'pos.w' || out === undefined
    const ours = table ? data : Float32Array.from(data, (_, at) => data[(at % fanIn) * out + Math.floor(at / fanIn)])
    model.parameters.set(name, ours)
  }
}

function setLayers() {
  const layers = layersOf(workload)
  const names = kind === 'cnn' ? ['conv1', 'conv2', 'fc1', 'fc2'] : layers.map((_, layer) => `fc${layer + 1}`)
  layers.forEach(({ fanIn, out, channels, weights, bias }, layer) => {
    // The workload's weights are [in, out], in [height, width, channel] order; ours are [out, in], channels first.
    const pixels = fanIn / channels
    const ours = new Float32Array(weights.length)
    for (let from = 0; from < fanIn; from++) {
      const to = (from % channels) * pixels + Math.floor(from / channels)
      for (let o = 0; o < out; o++) ours[o * fanIn + to] = weights[from * out + o]
    }
    model.parameters.set(`${names[layer]}.w`, ours)
    model.parameters.set(`${names[layer]}.b`, bias)
  })
}

function stagesOf({ activation, widths: sizes }) {
  if (kind !== 'cnn')
    return sizes
      .slice(1)
      .flatMap((width, layer) => [...(layer ? [activation] : []), `fc${layer + 1}: Linear(${width})`])
  const block = (name, channels) => [`${name}: Conv(${channels}, 3)`, 'relu', 'MaxPool(2)']
  return [
    ...block('conv1', 16),
    ...block('conv2', 32),
    'flatten(from = 1)',
    'fc1: Linear(128)',
    'relu',
    'fc2: Linear(10)',
  ]
}
