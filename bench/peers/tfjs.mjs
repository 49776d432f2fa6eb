// TensorFlow.js, wasm backend, core API: node bench/peers/tfjs.mjs WORKLOAD
// The backend has no gradients of a convolution to its filter and of a look-up to its table: where it trains, patches are
// gathered and multiplied, and rows of the table are chosen by a product with ones and zeros. Predictions use its own kernels.
import { createRequire } from 'node:module'
import { takeTurns } from '../take-turns.mjs'
import { batchOf, layersOf, operandsOf, parametersOf, workloads } from '../workloads.mjs'

const require = createRequire(new URL('../package.json', import.meta.url))
console.warn = () => {} // its suggestion to install the native backend
const tf = require('@tensorflow/tfjs')
require('@tensorflow/tfjs-backend-wasm').setThreadsCount(1)
await tf.setBackend('wasm')
await tf.ready()
if (tf.getBackend() !== 'wasm') throw new Error(`the backend is ${tf.getBackend()}`)

const workload = workloads[process.argv[2]]
const { kind, batch, widths, predicts } = workload
await takeTurns(stepOf(), { version: tf.version.tfjs })

function stepOf() {
  if (kind === 'product') return multiplying()
  const { forward, variables } = kind === 'gpt' || kind === 'gru' ? sequential() : layered()
  if (predicts) return () => tf.tidy(() => forward().dataSync()[0])
  return training(forward, variables)
}

function multiplying() {
  const { size } = workload
  const [a, b] = operandsOf(workload).map((values) => tf.tensor2d(values, [size, size]))
  return () => tf.tidy(() => tf.matMul(a, b).dataSync()[0])
}

function training(forward, variables) {
  const { y } = batchOf(workload)
  const targets =
    kind === 'tiny'
      ? tf.tensor(y, [batch, 1])
      : tf.tidy(() => tf.oneHot(tf.tensor1d(y, 'int32'), widths?.at(-1) ?? 65).toFloat())
  const loss = () =>
    kind === 'tiny'
      ? tf.losses.sigmoidCrossEntropy(targets, forward())
      : tf.losses.softmaxCrossEntropy(targets, forward())
  const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-8)
  return () => {
    // It has no AdamW: the decay goes before the step.
    if (kind === 'gpt')
      tf.tidy(() => {
        for (const variable of variables) variable.assign(variable.mul(1 - 1e-3 * 0.01))
      })
    const cost = optimizer.minimize(loss, true, variables)
    const value = cost.dataSync()[0]
    cost.dispose()
    return value
  }
}

/** Perceptrons and the convolutional network. */
function layered() {
  const layers = layersOf(workload).map(({ fanIn, out, weights, bias }) => ({
    weights: tf.variable(tf.tensor(weights, [fanIn, out])),
    bias: tf.variable(tf.tensor(bias, [out])),
  }))
  const dense = (value, { weights, bias }) => tf.matMul(value, weights).add(bias)
  const x = tf.tensor(batchOf(workload).x, kind === 'cnn' ? [batch, 28, 28, 1] : [batch, widths[0]])
  const perceptron = () =>
    layers.reduce((value, layer, at) => {
      const linear = dense(value, layer)
      return at === layers.length - 1 ? linear : linear[workload.activation]()
    }, x)
  const convolutional = () => {
    const block = (value, layer) => tf.maxPool(convolve(value, layer).relu(), 2, 2, 'valid')
    const features = block(block(x, layers[0]), layers[1]).reshape([batch, 7 * 7 * 32])
    return dense(dense(features, layers[2]).relu(), layers[3])
  }
  return {
    forward: kind === 'cnn' ? convolutional : perceptron,
    variables: layers.flatMap(({ weights, bias }) => [weights, bias]),
  }
}

function convolve(value, { weights, bias }) {
  const [count, height, width, channels] = value.shape
  const [filters] = bias.shape
  if (predicts) return tf.conv2d(value, weights.reshape([3, 3, channels, filters]), 1, 'same').add(bias)
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
  return tf.matMul(patches, weights).add(bias).reshape([count, height, width, filters])
}

/** The GRU and the GPT. */
function sequential() {
  const own = Object.fromEntries(
    parametersOf(workload).map(({ name, shape, data }) => [name, tf.variable(tf.tensor(data, shape))]),
  )
  const { x } = batchOf(workload)
  const ids = tf.tensor1d(x, 'int32')
  const steps = x.length / batch
  const embed = (table) =>
    predicts ? tf.gather(table, ids) : tf.matMul(tf.oneHot(ids, table.shape[0]).toFloat(), table)
  const dense = (value, name) => tf.matMul(value, own[`${name}.w`]).add(own[`${name}.b`])
  const forward = kind === 'gru' ? recurrent : transformer
  return { forward, variables: Object.values(own) }

  function recurrent() {
    const width = own['gru.cell.weight_hh'].shape[0]
    const inputs = tf
      .matMul(embed(own['embed.table']), own['gru.cell.weight_ih'])
      .add(own['gru.cell.bias_ih'])
      .reshape([batch, steps, 3 * width])
    let state = tf.zeros([batch, width])
    const states = tf.unstack(inputs, 1).map((input) => {
      const fromState = tf.matMul(state, own['gru.cell.weight_hh']).add(own['gru.cell.bias_hh'])
      const [resetIn, updateIn, newIn] = tf.split(input, 3, 1)
      const [resetState, updateState, newState] = tf.split(fromState, 3, 1)
      const update = updateIn.add(updateState).sigmoid()
      const candidate = newIn.add(resetIn.add(resetState).sigmoid().mul(newState)).tanh()
      state = candidate.add(update.mul(state.sub(candidate)))
      return state
    })
    return dense(tf.stack(states, 1).reshape([batch * steps, width]), 'head')
  }

  function transformer() {
    const width = own['embed.table'].shape[1]
    const heads = 4
    const mask = tf.linalg
      .bandPart(tf.ones([steps, steps]), -1, 0)
      .sub(1)
      .mul(1e9)
    const normalised = (value, name) => {
      const { mean, variance } = tf.moments(value, -1, true)
      const scaled = value.sub(mean).mul(variance.add(1e-5).rsqrt())
      return scaled.mul(own[`${name}.gamma`]).add(own[`${name}.beta`])
    }
    const attention = (value, name) => {
      const [q, k, v] = tf
        .split(dense(value, `${name}.qkv`), 3, 1)
        .map((part) => part.reshape([batch, steps, heads, width / heads]).transpose([0, 2, 1, 3]))
      const scores = tf.matMul(q, k, false, true).mul(1 / Math.sqrt(width / heads))
      const mixed = tf.matMul(tf.softmax(scores.add(mask)), v)
      return dense(mixed.transpose([0, 2, 1, 3]).reshape([batch * steps, width]), `${name}.proj`)
    }
    const gelu = (value) => {
      const inner = value.add(value.mul(value).mul(value).mul(0.044715)).mul(Math.sqrt(2 / Math.PI))
      return value.mul(0.5).mul(inner.tanh().add(1))
    }
    let value = embed(own['embed.table'])
      .reshape([batch, steps, width])
      .add(own['pos.w'])
      .reshape([batch * steps, width])
    for (let block = 0; block < 4; block++) {
      const name = `blocks.${block}`
      value = value.add(attention(normalised(value, `${name}.ln1`), `${name}.attn`))
      value = value.add(dense(gelu(dense(normalised(value, `${name}.ln2`), `${name}.fc`)), `${name}.out`))
    }
    return tf.matMul(normalised(value, 'lnf'), own['head.w'])
  }
}
