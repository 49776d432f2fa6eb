// One step of a workload on a loaded model of this project: the same in Node and in a page.
import { batchOf, layersOf, operandsOf, parametersOf } from './workloads.mjs'

/** Gives `model` the workload's weights; what it returns does one step and gives the loss (or a result's first element). */
export function stepOf(model, workload) {
  const { kind, batch } = workload
  if (kind === 'product') {
    const [a, b] = operandsOf(workload)
    return () => first(model.predict('product', { a, b }))
  }
  model.init(1)
  if (kind === 'gru' || kind === 'gpt') setListed(model, workload)
  else setLayers(model, workload)
  const { x, y } = batchOf(workload)
  const rows = (data) => ({ data, shape: [batch, data.length / batch] })
  const inputs = kind === 'gru' || kind === 'gpt' ? { x: rows(x), y: rows(y) } : { x, y }
  if (workload.predicts) return () => first(model.predict('Net', { x: inputs.x }))
  return () => model.step('fit', inputs).loss
}

/**
 * A product whose operands stay in the module's memory and whose result is left there, as those of PyTorch are: `predict` copies both, a large
 * part of a small product's time.
 */
export async function residentProduct(wasm, { entries }, workload) {
  const { instance } = await WebAssembly.instantiate(wasm)
  const [{ export: name, inputs, outputs }] = entries.filter(({ kind }) => kind === 'infer')
  const floats = (offset, length) => new Float32Array(instance.exports.memory.buffer, offset, length)
  for (const [at, values] of operandsOf(workload).entries()) floats(inputs[at].offset, values.length).set(values)
  const result = floats(outputs[0].offset, 1)
  return () => {
    instance.exports[name]()
    return result[0]
  }
}

/** The first element of a prediction's one result. */
function first(outputs) {
  return Object.values(outputs)[0].data[0]
}

/** Matrices of the list are [in, out]; ours are [out, in], but for tables. What is written on the way is reused, as the process's memory counts. */
function setListed(model, workload) {
  const parameters = parametersOf(workload)
  const sizeOf = (shape) => shape.reduce((product, size) => product * size, 1)
  const largest = Math.max(...parameters.map(({ shape }) => sizeOf(shape)))
  const [given, turned] = [new Float32Array(largest), new Float32Array(largest)]
  for (const { name, shape, write } of parameters) {
    const [fanIn, out] = shape
    const size = sizeOf(shape)
    const data = write(given.subarray(0, size))
    const table = name === 'embed.table' || name === 'pos.w' || out === undefined
    model.parameters.set(name, table ? data : transposed(data, turned.subarray(0, size), fanIn, out))
  }
}

function transposed(data, turned, rows, columns) {
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) turned[column * rows + row] = data[row * columns + column]
  return turned
}

function setLayers(model, workload) {
  const layers = layersOf(workload)
  const names = workload.kind === 'cnn' ? ['conv1', 'conv2', 'fc1', 'fc2'] : layers.map((_, layer) => `fc${layer + 1}`)
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
