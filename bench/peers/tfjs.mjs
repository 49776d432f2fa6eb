// TensorFlow.js, wasm backend, core API: node bench/peers/tfjs.mjs WORKLOAD
import { createRequire } from 'node:module'
import { batchOf, layersOf, measure, workloads } from '../workloads.mjs'

const require = createRequire(new URL('../package.json', import.meta.url))
console.warn = () => {} // its suggestion to install the native backend
const tf = require('@tensorflow/tfjs')
require('@tensorflow/tfjs-backend-wasm').setThreadsCount(1)
await tf.setBackend('wasm')
await tf.ready()
if (tf.getBackend() !== 'wasm') throw new Error(`the backend is ${tf.getBackend()}`)

const id = process.argv[2]
const workload = workloads[id]
const layers = layersOf(workload).map(({ fanIn, out, weights, bias }) => ({
  weights: tf.variable(tf.tensor(weights, [fanIn, out])),
  bias: tf.variable(tf.tensor(bias, [out])),
}))
const { x, y } = batchOf(workload)
const inputs = tf.tensor(
  x,
  workload.kind === 'cnn' ? [workload.batch, 28, 28, 1] : [workload.batch, workload.widths[0]],
)
const targets =
  workload.kind !== 'tiny'
    ? tf.tidy(() => tf.oneHot(tf.tensor1d(y, 'int32'), workload.widths.at(-1)).toFloat())
    : tf.tensor(y, [workload.batch, 1])

// The wasm backend has no gradient of a convolution to its filter: patches are gathered and multiplied instead.
function convolve(value, { weights, bias }) {
  const [count, height, width, channels] = value.shape
  const padded = tf.pad4d(value, [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ])
  const shifted = Array.from({ length: 9 }, (_, tap) =>
    tf.slice4d(padded, [0, Math.floor(tap / 3), tap % 3, 0], [count, height, width, channels]),
  )
  const patches = tf.concat(shifted, 3).reshape([count * height * width, 9 * channels])
  return tf.matMul(patches, weights).add(bias).reshape([count, height, width, bias.shape[0]])
}

function convolutional() {
  const block = (value, layer) => tf.maxPool(convolve(value, layer).relu(), 2, 2, 'valid')
  const features = block(block(inputs, layers[0]), layers[1]).reshape([workload.batch, 7 * 7 * 32])
  const hidden = tf.matMul(features, layers[2].weights).add(layers[2].bias).relu()
  return tf.matMul(hidden, layers[3].weights).add(layers[3].bias)
}

function forward() {
  if (workload.kind === 'cnn') return convolutional()
  return layers.reduce((value, { weights, bias }, layer) => {
    const linear = tf.matMul(value, weights).add(bias)
    return layer === layers.length - 1 ? linear : linear[workload.activation]()
  }, inputs)
}

const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-8)
const variables = layers.flatMap(({ weights, bias }) => [weights, bias])
const loss = () =>
  workload.kind !== 'tiny'
    ? tf.losses.softmaxCrossEntropy(targets, forward())
    : tf.losses.sigmoidCrossEntropy(targets, forward())

measure('tfjs-wasm', id, () => {
  const cost = optimizer.minimize(loss, true, variables)
  const value = cost.dataSync()[0]
  cost.dispose()
  return value
})
