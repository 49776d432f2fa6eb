// jax-js, wasm backend, the whole step under one `jit`: node bench/peers/jax.mjs WORKLOAD (Node 24 or later)
// It cannot differentiate a look-up in a table, nor its own attention, and its convolution is slow: here rows are chosen by a
// product with ones and zeros, attention and convolution (patches, then a product) are written out.
// Its arrays count their uses: every use but the last takes a `ref`.
import { readFileSync } from 'node:fs'
import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax'
import { takeTurns } from '../take-turns.mjs'
import { batchOf, layersOf, operandsOf, parametersOf, workloads } from '../workloads.mjs'

await init('wasm')
defaultDevice('wasm')
const workload = workloads[process.argv[2]]
const { kind, batch, predicts } = workload
const manifest = new URL('../node_modules/@jax-js/jax/package.json', import.meta.url)
await takeTurns(stepOf(), { version: JSON.parse(readFileSync(manifest, 'utf8')).version })

function stepOf() {
  if (kind === 'product') return multiplying()
  const { x, y } = batchOf(workload)
  const sequence = kind === 'gru' || kind === 'gpt'
  const input = np.array(x, sequence ? { dtype: np.int32 } : {}).reshape(inputShape(x))
  if (predicts) return predicting(input)
  const target = kind === 'tiny' ? np.array(y).reshape([batch, 1]) : np.array(y, { dtype: np.int32 })
  return training(input, target, y.length)
}

function inputShape(x) {
  if (kind === 'gru' || kind === 'gpt') return [x.length]
  return kind === 'cnn' ? [batch, 28, 28, 1] : [batch, x.length / batch]
}

function multiplying() {
  const { size } = workload
  const [a, b] = operandsOf(workload).map((values) => np.array(values).reshape([size, size]))
  const product = jit((left, right) => np.matmul(left, right))
  return async () => {
    const result = product(a.ref, b.ref)
    await result.blockUntilReady()
    return result.slice(0, 0).dataSync()[0]
  }
}

function predicting(input) {
  const parameters = initialParameters()
  const predict = jit((own, x) => {
    const result = forward(own, x)
    tree.dispose(own)
    return result
  })
  return () => predict(tree.ref(parameters), input.ref).dataSync()[0]
}

function training(input, target, rows) {
  const objective = (own, x, y) => {
    const result = forward(own, x)
    if (kind === 'tiny') return np.mean(nn.softplus(result.ref).sub(result.mul(y)))
    const classes = result.shape.at(-1)
    return nn
      .logSoftmax(result)
      .mul(nn.oneHot(y, classes))
      .sum()
      .mul(-1 / rows)
  }
  const [rate, beta1, beta2, epsilon] = [1e-3, 0.9, 0.999, 1e-8]
  const decay = kind === 'gpt' ? 1 - rate * 0.01 : 1
  const step = jit((own, first, second, time, x, y) => {
    const [loss, gradients] = valueAndGrad(objective)(tree.ref(own), x, y)
    const now = time.add(1)
    const correction1 = np.reciprocal(np.subtract(1, np.power(beta1, now.ref)))
    const correction2 = np.reciprocal(np.subtract(1, np.power(beta2, now.ref)))
    const [updated, means, squares] = [{}, {}, {}]
    for (const [name, gradient] of Object.entries(gradients)) {
      means[name] = first[name].mul(beta1).add(gradient.ref.mul(1 - beta1))
      squares[name] = second[name].mul(beta2).add(gradient.ref.mul(gradient).mul(1 - beta2))
      const scale = np.sqrt(squares[name].ref.mul(correction2.ref)).add(epsilon)
      const change = means[name].ref.mul(correction1.ref).div(scale).mul(rate)
      updated[name] = (decay === 1 ? own[name] : own[name].mul(decay)).sub(change)
    }
    correction1.dispose()
    correction2.dispose()
    return [updated, means, squares, now, loss]
  })
  const parameters = initialParameters()
  const zeros = () => tree.map((value) => np.zerosLike(value.ref), parameters)
  let state = [parameters, zeros(), zeros(), np.array(0)]
  return async () => {
    const [own, first, second, time, loss] = step(...state, input.ref, target.ref)
    state = [own, first, second, time]
    await blockUntilReady(state)
    return loss.dataSync()[0]
  }
}

function initialParameters() {
  if (kind === 'gru' || kind === 'gpt')
    return Object.fromEntries(
      parametersOf(workload).map(({ name, shape, data }) => [name, np.array(data).reshape(shape)]),
    )
  return Object.fromEntries(
    layersOf(workload).flatMap(({ fanIn, out, weights, bias }, layer) => [
      [`${layer}.w`, np.array(weights).reshape([fanIn, out])],
      [`${layer}.b`, np.array(bias)],
    ]),
  )
}

/** The output for `x`, which is used up; `own` is not. */
function forward(own, x) {
  const get = (name) => own[name].ref
  const dense = (value, name) => np.matmul(value, get(`${name}.w`)).add(get(`${name}.b`))
  const choose = (table) => np.matmul(nn.oneHot(x, table.shape[0]), table)
  switch (kind) {
    case 'mlp':
      return dense(nn.relu(dense(nn.relu(dense(x, 0)), 1)), 2)
    case 'tiny':
      return dense(np.tanh(dense(np.tanh(dense(x, 0)), 1)), 2)
    case 'cnn': {
      const block = (value, name) => pool(nn.relu(convolve(value, get(`${name}.w`), get(`${name}.b`))))
      return dense(nn.relu(dense(block(block(x, 0), 1).reshape([batch, 7 * 7 * 32]), 2)), 3)
    }
    case 'gru':
      return recurrent(get, choose(get('embed.table')), dense)
    default:
      return transformer(get, choose(get('embed.table')), dense)
  }
}

/** A 3 × 3 convolution that keeps the extent, on [batch, height, width, channels]. */
function convolve(value, weights, bias) {
  const [count, height, width, channels] = value.shape
  const [filters] = bias.shape
  const padded = np.pad(value, [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ])
  const taps = Array.from({ length: 9 }, (_, tap) => {
    const [top, left] = [Math.floor(tap / 3), tap % 3]
    return padded.ref.slice([], [top, top + height], [left, left + width])
  })
  padded.dispose()
  const patches = np.concatenate(taps, 3).reshape([count * height * width, 9 * channels])
  return np.matmul(patches, weights).add(bias).reshape([count, height, width, filters])
}

function pool(value) {
  const [count, height, width, channels] = value.shape
  return np.max(value.reshape([count, height / 2, 2, width / 2, 2, channels]), [2, 4])
}

function recurrent(get, embedded, dense) {
  const width = 128
  const steps = embedded.shape[0] / batch
  const inputs = np
    .matmul(embedded, get('gru.cell.weight_ih'))
    .add(get('gru.cell.bias_ih'))
    .reshape([batch, steps, 3 * width])
  let state = np.zeros([batch, width])
  const states = []
  for (let at = 0; at < steps; at++) {
    const fromState = np.matmul(state.ref, get('gru.cell.weight_hh')).add(get('gru.cell.bias_hh'))
    const [resetIn, updateIn, newIn] = np.split(inputs.ref.slice([], at), 3, 1)
    const [resetState, updateState, newState] = np.split(fromState, 3, 1)
    const reset = nn.sigmoid(resetIn.add(resetState))
    const update = nn.sigmoid(updateIn.add(updateState))
    const candidate = np.tanh(newIn.add(reset.mul(newState)))
    state = candidate.ref.add(update.mul(state.sub(candidate)))
    states.push(state.ref)
  }
  state.dispose()
  inputs.dispose()
  return dense(np.stack(states, 1).reshape([batch * steps, width]), 'head')
}

function transformer(get, embedded, dense) {
  const [rows, width] = embedded.shape
  const [steps, heads] = [rows / batch, 4]
  const each = width / heads
  const mask = np.triu(np.full([steps, steps], -1e9), 1)
  const normalised = (value, name) =>
    nn
      .standardize(value, -1)
      .mul(get(`${name}.gamma`))
      .add(get(`${name}.beta`))
  const attention = (value, name) => {
    const parts = np.split(dense(value, `${name}.qkv`), 3, 2)
    const [q, k, v] = parts.map((part) => part.reshape([batch, steps, heads, each]))
    const scores = np.matmul(np.transpose(q, [0, 2, 1, 3]), np.transpose(k, [0, 2, 3, 1])).mul(1 / Math.sqrt(each))
    const mixed = np.matmul(nn.softmax(scores.add(mask.ref), -1), np.transpose(v, [0, 2, 1, 3]))
    return dense(np.transpose(mixed, [0, 2, 1, 3]).reshape([batch, steps, width]), `${name}.proj`)
  }
  let value = embedded.reshape([batch, steps, width]).add(get('pos.w'))
  for (let block = 0; block < 4; block++) {
    const name = `blocks.${block}`
    value = value.ref.add(attention(normalised(value, `${name}.ln1`), `${name}.attn`))
    const inner = nn.gelu(dense(normalised(value.ref, `${name}.ln2`), `${name}.fc`))
    value = value.add(dense(inner, `${name}.out`))
  }
  mask.dispose()
  return np.matmul(normalised(value, 'lnf'), get('head.w')).reshape([rows, 65])
}
