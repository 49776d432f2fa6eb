// ONNX Runtime for the web, WebAssembly, one thread: node bench/peers/onnxruntime.mjs WORKLOAD [MODEL.onnx]
// Predictions take the model PyTorch has written; a product is a model of one node, put together here.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { takeTurns } from '../take-turns.mjs'
import { batchOf, operandsOf, workloads } from '../workloads.mjs'

const require = createRequire(new URL('../package.json', import.meta.url))
const ort = require('onnxruntime-web')
ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

const [id, file] = process.argv.slice(2)
const workload = workloads[id]
const session = await ort.InferenceSession.create(file ? readFileSync(file) : productModel(workload.size), {
  executionProviders: ['wasm'],
  graphOptimizationLevel: 'all',
})
const feeds = file ? { x: inputOf(workload) } : operandFeeds(workload)
await takeTurns(async () => (await session.run(feeds)).y.data[0], { version: ort.env.versions.web })

function inputOf({ kind, batch }) {
  const { x } = batchOf(workload)
  if (kind === 'gpt') return new ort.Tensor('int64', BigInt64Array.from(x, BigInt), [batch, x.length / batch])
  return new ort.Tensor('float32', x, kind === 'cnn' ? [batch, 1, 28, 28] : [batch, x.length / batch])
}

function operandFeeds({ size }) {
  const [a, b] = operandsOf(workload).map((values) => new ort.Tensor('float32', values, [size, size]))
  return { a, b }
}

/** `y = MatMul(a, b)` as an ONNX file: messages of protocol buffers, each field a key and a number or a piece of bytes. */
function productModel(size) {
  const number = (value) => {
    const bytes = []
    for (; value > 127; value = Math.floor(value / 128)) bytes.push((value & 127) | 128)
    return Buffer.from([...bytes, value])
  }
  const whole = (field, value) => Buffer.concat([number(field << 3), number(value)])
  const piece = (field, ...parts) => {
    const content = Buffer.concat(parts.map((part) => Buffer.from(part)))
    return Buffer.concat([number((field << 3) | 2), number(content.length), content])
  }
  const extent = piece(1, whole(1, size))
  const matrix = (name) => [piece(1, name), piece(2, piece(1, whole(1, 1), piece(2, extent, extent)))]
  const node = [piece(1, 'a'), piece(1, 'b'), piece(2, 'y'), piece(4, 'MatMul')]
  const graph = [
    piece(1, ...node),
    piece(2, 'product'),
    piece(11, ...matrix('a')),
    piece(11, ...matrix('b')),
    piece(12, ...matrix('y')),
  ]
  return Buffer.concat([whole(1, 8), piece(8, whole(2, 15)), piece(7, ...graph)])
}
