// GFLOP/s of the matrix product per shape, beside the machine's own peak: node bench/kernels/matmul.mjs [plain|relaxed|wide] [filter]
import { fastest, instantiate } from './load.mjs'

const [buildName = 'plain', filter = ''] = process.argv.slice(2)
const chains = buildName === 'wide' ? 20 : 10
const source = `
import { matmul } from './matmul'
import { madd } from './vector'
export function product(c: usize, a: usize, b: usize, m: i32, n: i32, k: i32, aRow: i32, aColumn: i32, bRow: i32, bColumn: i32,
  cRow: i32, accumulate: bool, scratch: usize): void {
  matmul(c, a, b, m, n, k, aRow, aColumn, bRow, bColumn, cRow, accumulate, scratch)
}
/** Independent chains of multiply-add in registers: the most this engine can do. */
export function peak(at: usize, steps: i32): void {
  const x = v128.load(at), y = v128.load(at, 16)
  ${Array.from({ length: chains }, (_, i) => `let s${i} = x`).join('; ')}
  for (let i = 0; i < steps; i++) {
    ${Array.from({ length: chains }, (_, i) => `s${i} = madd(x, y, s${i})`).join('; ')}
  }
  ${Array.from({ length: chains }, (_, i) => `v128.store(at, s${i}, ${16 * i})`).join('; ')}
}
`

/** [label, m, n, k, A stored transposed, B stored transposed, accumulate] */
const shapes = []
for (const size of [64, 256, 512, 1024]) {
  shapes.push([`square ${size}`, size, size, size, false, false])
  shapes.push([`square ${size}, B transposed`, size, size, size, false, true])
  shapes.push([`square ${size}, A transposed`, size, size, size, true, false])
}
for (const batch of [1, 32, 128]) {
  for (const [inputs, outputs] of [
    [784, 256],
    [256, 128],
    [128, 10],
  ]) {
    // Weights are [outputs, inputs], as the standard library's Linear keeps them.
    shapes.push([`b${batch} ${inputs}→${outputs} forward`, batch, outputs, inputs, false, true])
    if (batch === 1) continue
    shapes.push([`b${batch} ${inputs}→${outputs} to inputs`, batch, inputs, outputs, false, false])
    shapes.push([`b${batch} ${inputs}→${outputs} to weights`, outputs, inputs, batch, true, false])
  }
}
// W5: rows of eight texts of 64 characters.
for (const [name, inputs, outputs] of [
  ['qkv', 128, 384],
  ['proj', 128, 128],
  ['fc', 128, 512],
  ['out', 512, 128],
  ['head', 128, 65],
]) {
  shapes.push([`gpt ${name} forward`, 512, outputs, inputs, false, true])
  shapes.push([`gpt ${name} to inputs`, 512, inputs, outputs, false, false])
  shapes.push([`gpt ${name} to weights`, outputs, inputs, 512, true, false])
}
shapes.push(['b32 784→256 forward, weights [in, out]', 32, 256, 784, false, false])
shapes.push(['b32 256→10 forward, weights [in, out]', 32, 10, 256, false, false])
shapes.push(['b32 784→256 to inputs, weights [in, out]', 32, 784, 256, false, true])
shapes.push(['b32 784→256 to weights, weights [in, out]', 784, 256, 32, true, false])
shapes.push(['b32 256→10 to weights, weights [in, out]', 256, 10, 32, true, false])
shapes.push(['b1 784→256 forward, weights [in, out]', 1, 256, 784, false, false])
shapes.push(['b32 16→16 forward', 32, 16, 16, false, true])
shapes.push(['b32 16→1 forward', 32, 1, 16, false, true])
shapes.push(['b32 2→16 forward', 32, 16, 2, false, true])

const words = 1024 * 1024
const exports = await instantiate(source, { build: buildName, memoryBytes: 5 * words * 4 })
const floats = new Float32Array(exports.memory.buffer)
for (let i = 0; i < floats.length; i++) floats[i] = Math.random() - 0.5
const [a, b, c, scratch] = [0, words * 4, words * 8, words * 12]
const contestants = {}
for (const [label, m, n, k, aTransposed, bTransposed] of shapes) {
  if (!label.includes(filter)) continue
  const strides = [...(aTransposed ? [1, m] : [k, 1]), ...(bTransposed ? [1, k] : [n, 1]), n]
  contestants[label] = () => exports.product(c, a, b, m, n, k, ...strides, 0, scratch)
}
const steps = 4096
const best = fastest({ peak: () => exports.peak(c, steps), ...contestants })
const gflops = (flops, nanoseconds) => (flops / nanoseconds).toFixed(1)
console.log(`${process.version} ${buildName}; peak in registers ${gflops(8 * chains * steps, best.peak)} GFLOP/s`)
const width = Math.max(...shapes.map(([label]) => label.length))
for (const [label, m, n, k] of shapes) {
  if (!(label in contestants)) continue
  const size = `${m}×${n}×${k}`.padStart(14)
  const speed = gflops(2 * m * n * k, best[label]).padStart(6)
  console.log(`${label.padEnd(width)} ${size} ${speed} GFLOP/s ${(best[label] / 1000).toFixed(1).padStart(9)} µs`)
}
