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
const stages = widths
  .slice(1)
  .map((width, layer) => `fc${layer + 1}: Linear(${width})`)
  .join(` |> ${workload.activation} |> `)
const target = kind === 'mlp' ? 'i32[Batch]' : 'f32[Batch, 1]'
const source = `
dim Batch in 1..${batch}
model Net(x: f32[Batch, ${widths[0]}]) -> f32[Batch, ${widths.at(-1)}] {
  return x |> ${stages}
}
train fit(x: f32[Batch, ${widths[0]}], y: ${target}) {
  loss ${kind === 'mlp' ? 'cross_entropy' : 'binary_cross_entropy'}(Net(x), y)
  optimizer adam(lr = 1e-3)
}
`
const { modules, diagnostics } = await compile(source, { file: `${id}.nn`, builds: [build] })
if (!modules) throw new Error(diagnostics.map((diagnostic) => diagnostic.message).join('\n'))
const model = await load(modules[build])
model.init(1)
layersOf(workload).forEach(({ fanIn, out, weights, bias }, layer) => {
  // The workload's weights are [in, out]; ours are [out, in].
  const transposed = Float32Array.from(
    { length: weights.length },
    (_, at) => weights[(at % fanIn) * out + Math.floor(at / fanIn)],
  )
  model.parameters.set(`fc${layer + 1}.w`, transposed)
  model.parameters.set(`fc${layer + 1}.b`, bias)
})
const inputs = batchOf(workload)
measure(`nnc-${build}`, id, () => model.step('fit', inputs).loss)
