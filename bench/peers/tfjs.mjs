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
const inputs = tf.tensor(x, [workload.batch, workload.widths[0]])
const targets =
  workload.kind === 'mlp'
    ? tf.tidy(() => tf.oneHot(tf.tensor1d(y, 'int32'), workload.widths.at(-1)).toFloat())
    : tf.tensor(y, [workload.batch, 1])

function forward() {
  return layers.reduce((value, { weights, bias }, layer) => {
    const linear = tf.matMul(value, weights).add(bias)
    return layer === layers.length - 1 ? linear : linear[workload.activation]()
  }, inputs)
}

const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-8)
const variables = layers.flatMap(({ weights, bias }) => [weights, bias])
const loss = () =>
  workload.kind === 'mlp'
    ? tf.losses.softmaxCrossEntropy(targets, forward())
    : tf.losses.sigmoidCrossEntropy(targets, forward())

measure('tfjs-wasm', id, () => {
  const cost = optimizer.minimize(loss, true, variables)
  const value = cost.dataSync()[0]
  cost.dispose()
  return value
})
