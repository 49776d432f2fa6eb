// Causal attention of one head, forward and to the gradients of q, k and v: the score matrix whole, as compiled models have it, beside
// blocks of queries whose rows of scores stay in the cache, of which only the keys up to the diagonal are computed and which the
// backward pass computes again: node bench/kernels/attention.mjs [plain|relaxed] [rounds] [lengths]
import { fastest, instantiate } from './load.mjs'

const [buildName = 'relaxed', rounds = '10', lengths = '64,256,1024,4096'] = process.argv.slice(2)
const source = `
import { matmul } from './matmul'
import { exp, laneMask, choose, max4, sum4 } from './vector'

/** Row i of scores to probabilities: e^(s − max) in e, divided by their sum in p, zero behind the first valid ones. */
function softmaxRow(p: usize, e: usize, s: usize, valid: i32, count: i32, scale: f32): f32 {
  const factor = f32x4.splat(scale)
  let m0 = f32x4.splat(f32.NEGATIVE_INFINITY), m1 = m0
  for (let j = 0; j < count; j += 8) {
    const at = <usize>j << 2
    m0 = f32x4.pmax(m0, choose(f32x4.mul(factor, v128.load(s + at)), f32x4.splat(f32.NEGATIVE_INFINITY), laneMask(valid - j)))
    m1 = f32x4.pmax(m1, choose(f32x4.mul(factor, v128.load(s + at, 16)), f32x4.splat(f32.NEGATIVE_INFINITY), laneMask(valid - j - 4)))
  }
  const largest = f32x4.splat(max4(f32x4.pmax(m0, m1)))
  let t0 = f32x4.splat(0.0), t1 = t0
  for (let j = 0; j < count; j += 8) {
    const at = <usize>j << 2
    const x = exp(f32x4.sub(choose(f32x4.mul(factor, v128.load(s + at)), f32x4.splat(f32.NEGATIVE_INFINITY), laneMask(valid - j)), largest))
    const y = exp(f32x4.sub(choose(f32x4.mul(factor, v128.load(s + at, 16)), f32x4.splat(f32.NEGATIVE_INFINITY), laneMask(valid - j - 4)), largest))
    t0 = f32x4.add(t0, x)
    t1 = f32x4.add(t1, y)
    v128.store(e + at, x)
    v128.store(e + at, y, 16)
  }
  const sum = sum4(f32x4.add(t0, t1))
  const inverse = f32x4.splat(<f32>1.0 / sum)
  for (let j = 0; j < count; j += 8) {
    const at = <usize>j << 2
    v128.store(p + at, f32x4.mul(inverse, v128.load(e + at)))
    v128.store(p + at, f32x4.mul(inverse, v128.load(e + at, 16)), 16)
  }
  return sum
}

/** Row of dP to dS = scale·P·(dP − Σ P·dP), in place. */
function softmaxGradientRow(dp: usize, p: usize, count: i32, scale: f32): void {
  let t0 = f32x4.splat(0.0), t1 = t0
  for (let j = 0; j < count; j += 8) {
    const at = <usize>j << 2
    t0 = f32x4.add(t0, f32x4.mul(v128.load(dp + at), v128.load(p + at)))
    t1 = f32x4.add(t1, f32x4.mul(v128.load(dp + at, 16), v128.load(p + at, 16)))
  }
  const total = f32x4.splat(sum4(f32x4.add(t0, t1)))
  const factor = f32x4.splat(scale)
  for (let j = 0; j < count; j += 8) {
    const at = <usize>j << 2
    v128.store(dp + at, f32x4.mul(f32x4.mul(factor, v128.load(p + at)), f32x4.sub(v128.load(dp + at), total)))
    v128.store(dp + at, f32x4.mul(f32x4.mul(factor, v128.load(p + at, 16)), f32x4.sub(v128.load(dp + at, 16), total)), 16)
  }
}

@inline function cells(count: i32): usize { return <usize>count << 2 }

/** Rows from … of o; scores, exponentials and probabilities in s, x and p, rows T apart. With 'causal' keys end at the block's last query. */
export function forward(o: usize, q: usize, k: usize, v: usize, s: usize, x: usize, p: usize, T: i32, E: i32, step: i32, block: i32, causal: bool, scratch: usize): void {
  const scale = <f32>1.0 / sqrt(<f32>E)
  for (let i = 0; i < T; i += block) {
    const rows = min(block, T - i)
    const keys = causal ? i + rows : T
    matmul(s, q + cells(i * step), k, rows, keys, E, step, 1, 1, step, keys, false, scratch)
    for (let r = 0; r < rows; r++) softmaxRow(p + cells(r * keys), x + cells(r * keys), s + cells(r * keys), i + r + 1, keys, scale)
    matmul(o + cells(i * E), p, v, rows, E, keys, keys, 1, step, 1, E, false, scratch)
  }
}

/** With 'again' the probabilities are computed anew, block by block; else they lie in p. */
export function backward(dq: usize, dk: usize, dv: usize, g: usize, q: usize, k: usize, v: usize, s: usize, x: usize, p: usize, d: usize, T: i32, E: i32, step: i32, block: i32, causal: bool, again: bool, scratch: usize): void {
  const scale = <f32>1.0 / sqrt(<f32>E)
  if (again) {
    memory.fill(dk, 0, cells(T * E))
    memory.fill(dv, 0, cells(T * E))
  }
  for (let i = 0; i < T; i += block) {
    const rows = min(block, T - i)
    const keys = causal ? i + rows : T
    if (again) {
      matmul(s, q + cells(i * step), k, rows, keys, E, step, 1, 1, step, keys, false, scratch)
      for (let r = 0; r < rows; r++) softmaxRow(p + cells(r * keys), x + cells(r * keys), s + cells(r * keys), i + r + 1, keys, scale)
    }
    matmul(dv, p, g + cells(i * E), keys, E, rows, 1, keys, E, 1, E, again, scratch)
    matmul(d, g + cells(i * E), v, rows, keys, E, E, 1, 1, step, keys, false, scratch)
    for (let r = 0; r < rows; r++) softmaxGradientRow(d + cells(r * keys), p + cells(r * keys), keys, scale)
    matmul(dq + cells(i * E), d, k, rows, E, keys, keys, 1, step, 1, E, false, scratch)
    matmul(dk, d, q + cells(i * step), keys, E, rows, 1, keys, step, 1, E, again, scratch)
  }
}
`
const largest = 4096
const widest = 64
const step = 384
const cell = 4
const inputs = 3 * largest * step * cell
const small = largest * widest * cell
const square = largest * largest * cell
const places = { q: 0, k: 128 * cell, v: 256 * cell }
let at = inputs
for (const name of ['o', 'g', 'dq', 'dk', 'dv']) [places[name], at] = [at, at + small]
for (const name of ['s', 'x', 'p', 'd']) [places[name], at] = [at, at + square]
places.scratch = at
const exports = await instantiate(source, { build: buildName, memoryBytes: at + (1 << 24) })
const floats = new Float32Array(exports.memory.buffer)
for (let i = 0; i < (inputs + 2 * small) / cell; i++) floats[i] = Math.sin(i * 12.9898) * 2

const { q, k, v, o, g, dq, dk, dv, s, x, p, d, scratch } = places
const run = (T, E, block, causal, again) => {
  exports.forward(o, q, k, v, s, x, p, T, E, step, block, causal, scratch)
  exports.backward(dq, dk, dv, g, q, k, v, s, x, p, d, T, E, step, block, causal, again, scratch)
}
const results = (T, E) => [o, dq, dk, dv].map((place) => floats.slice(place / cell, place / cell + T * E))

console.log(
  `${process.version} ${buildName}, forward and backward of one head, microseconds; beside them the forward pass alone`,
)
for (const [T, E] of lengths
  .split(',')
  .map(Number)
  .flatMap((T) => [32, 64].map((E) => [T, E]))) {
  const blocks = [16, 32, 64, 128].filter((block) => block < T)
  run(T, E, T, false, false)
  const whole = results(T, E)
  const contestants = { whole: () => run(T, E, T, false, false) }
  const forward = { whole: () => exports.forward(o, q, k, v, s, x, p, T, E, step, T, false, scratch) }
  for (const block of blocks) {
    run(T, E, block, true, true)
    const apart = Math.max(
      ...results(T, E).map((own, n) =>
        own.reduce((most, value, i) => Math.max(most, Math.abs(value - whole[n][i])), 0),
      ),
    )
    if (!(apart < 1e-3)) throw new Error(`blocks of ${block} at ${T}×${E} are ${apart} apart`)
    contestants[block] = () => run(T, E, block, true, true)
    forward[block] = () => exports.forward(o, q, k, v, s, x, p, T, E, step, block, true, scratch)
  }
  const options = { rounds: Number(rounds), milliseconds: 1 }
  const best = fastest(contestants, options)
  const ahead = fastest(forward, options)
  const text = (name) => `${name} ${(best[name] / 1000).toFixed(0)} (${(ahead[name] / 1000).toFixed(0)})`
  console.log(`T ${T}, E ${E}: ${['whole', ...blocks].map(text).join('   ')}`)
}
