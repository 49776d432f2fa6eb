// ONNX Runtime for the web, WebAssembly, one thread: node bench/peers/onnxruntime.mjs WORKLOAD [MODEL.onnx …]
// A prediction is that of the fastest of the models given, which different exporters have written; a product is a model of one
// node, put together here.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { measureTurn, warmUp } from '../measure-turn.mjs'
import { takeTurns } from '../take-turns.mjs'
import { batchOf, operandsOf, workloads } from '../workloads.mjs'

const require = createRequire(new URL('../package.json', import.meta.url))
const ort = require('onnxruntime-web')
ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

const [id, ...files] = process.argv.slice(2)
const workload = workloads[id]
const candidates = files.length > 0 ? files.map((file) => readFileSync(file)) : [productModel(workload.size)]
const steps = await Promise.all(candidates.map(prepare))
const chosen = steps.length > 1 ? await fastest() : 0
await takeTurns(steps[chosen], {
  version: ort.env.versions.web,
  ...(files.length > 0 && { model: files[chosen].split('/').at(-1) }),
})

async function prepare(model) {
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
  })
  const [output] = session.outputNames
  const feeds = files.length > 0 ? { x: inputOf(session) } : operandFeeds(workload)
  return async () => (await session.run(feeds))[output].data[0]
}

/** Which step takes least time, in some turns each. */
async function fastest() {
  const best = steps.map(() => Number.POSITIVE_INFINITY)
  for (const step of steps) await warmUp(step, 300)
  for (let round = 0; round < 5; round++)
    for (const [at, step] of steps.entries()) best[at] = Math.min(best[at], (await measureTurn(step, 60)).minimum)
  return best.indexOf(Math.min(...best))
}

function inputOf({ inputMetadata }) {
  const { kind, batch } = workload
  const { x } = batchOf(workload)
  const [{ type }] = inputMetadata
  const shape = kind === 'cnn' ? [batch, 1, 28, 28] : [batch, x.length / batch]
  return new ort.Tensor(type, type === 'int64' ? BigInt64Array.from(x, BigInt) : x, shape)
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
