// This project: node bench/nnc.mjs WORKLOAD [plain|relaxed]
import v8 from 'node:v8'
import { compile } from '../dist/compiler/index.js'
import { load } from '../dist/runtime/index.js'
import { batchOf, layersOf, measure, workloads } from './workloads.mjs'

const [id, build = 'plain'] = process.argv.slice(2)
// On by default from Node 21 on, where the flag no longer exists.
if (build === 'relaxed' && process.version.startsWith('v20.')) v8.setFlagsFromString('--experimental-wasm-relaxed-simd')
const workload = workloads[id]
const { widths, batch, kind } = workload
const shape = kind === 'cnn' ? '1, 28, 28' : widths[0]
const target = kind === 'tiny' ? 'f32[Batch, 1]' : 'i32[Batch]'
const source = `
dim Batch in 1..${batch}
model Net(x: f32[Batch, ${shape}]) -> f32[Batch, ${widths.at(-1)}] {
  return x |> ${stagesOf(workload).join(' |> ')}
}
train fit(x: f32[Batch, ${shape}], y: ${target}) {
  loss ${kind === 'tiny' ? 'binary_cross_entropy' : 'cross_entropy'}(Net(x), y)
  optimizer adam(lr = 1e-3)
}
`
const { modules, diagnostics } = await compile(source, { file: `${id}.nn`, builds: [build] })
if (!modules) throw new Error(diagnostics.map((diagnostic) => diagnostic.message).join('\n'))
const model = await load(modules[build])
model.init(1)
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
const inputs = batchOf(workload)
measure(`nnc-${build}`, id, () => model.step('fit', inputs).loss)

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
