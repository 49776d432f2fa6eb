// Causal attention of one head, forward and to the gradients of q, k and v: the score matrix whole, as compiled models have it, beside
// blocks of queries whose rows of scores stay in the cache, of which only the keys up to the diagonal are computed and which the
// backward pass computes again: node bench/kernels/attention.mjs [plain|relaxed] [rounds] [lengths]
import { fastest, instantiate } from './load.mjs'

const [buildName = 'relaxed', rounds = '10', lengths = '64,256,1024,4096'] = process.argv.slice(2)
const source = `
import { attention, attentionGradient, attentionUnits } from './attention'
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

/** Scores, exponentials and probabilities in s, x and p, rows T apart. */
export function forward(o: usize, q: usize, k: usize, v: usize, s: usize, x: usize, p: usize, T: i32, E: i32, step: i32, scratch: usize): void {
  const scale = <f32>1.0 / sqrt(<f32>E)
  matmul(s, q, k, T, T, E, step, 1, 1, step, T, false, scratch)
  for (let r = 0; r < T; r++) softmaxRow(p + cells(r * T), x + cells(r * T), s + cells(r * T), r + 1, T, scale)
  matmul(o, p, v, T, E, T, T, 1, step, 1, E, false, scratch)
}

export function backward(dq: usize, dk: usize, dv: usize, g: usize, q: usize, k: usize, v: usize, p: usize, d: usize, T: i32, E: i32, step: i32, scratch: usize): void {
  const scale = <f32>1.0 / sqrt(<f32>E)
  matmul(dv, p, g, T, E, T, 1, T, E, 1, E, false, scratch)
  matmul(d, g, v, T, T, E, E, 1, 1, step, T, false, scratch)
  for (let r = 0; r < T; r++) softmaxGradientRow(d + cells(r * T), p + cells(r * T), T, scale)
  matmul(dq, d, k, T, E, T, T, 1, step, 1, E, false, scratch)
  matmul(dk, d, q, T, E, T, 1, T, step, 1, E, false, scratch)
}

export function tiles(o: usize, kept: usize, q: usize, k: usize, v: usize, T: i32, E: i32, step: i32, scratch: usize): void {
  attention(0, attentionUnits(1, T, T), o, kept, q, k, v, 0, scratch, 1, 1, T, T, E, E, <f32>1.0 / sqrt(<f32>E), 1, 0, 0, 0, step, 1, 0, 0, step, 1, 0, 0, step, 1, 0, 0, 0, 0)
}

export function tilesGradient(dq: usize, dk: usize, dv: usize, g: usize, kept: usize, q: usize, k: usize, v: usize, T: i32, E: i32, step: i32, scratch: usize): void {
  attentionGradient(
    0, 1, dq, dk, dv, g, kept, q, k, v, 0, scratch, 1, 1, T, T, E, E, <f32>1.0 / sqrt(<f32>E), 1, 0, 0, 0, step, 1, 0, 0, step, 1, 0, 0, step, 1,
    0, 0, 0, 0, E, E, E,
  )
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
const forward = {
  whole: (T, E) => exports.forward(o, q, k, v, s, x, p, T, E, step, scratch),
  kept: (T, E) => exports.tiles(o, p, q, k, v, T, E, step, scratch),
  again: (T, E) => exports.tiles(o, 0, q, k, v, T, E, step, scratch),
}
const backward = {
  whole: (T, E) => exports.backward(dq, dk, dv, g, q, k, v, p, d, T, E, step, scratch),
  kept: (T, E) => exports.tilesGradient(dq, dk, dv, g, p, q, k, v, T, E, step, scratch),
  again: (T, E) => exports.tilesGradient(dq, dk, dv, g, 0, q, k, v, T, E, step, scratch),
}
const results = (T, E) => [o, dq, dk, dv].map((place) => floats.slice(place / cell, place / cell + T * E))

console.log(
  `${process.version} ${buildName}, forward and backward of one head, microseconds; beside them the forward pass alone`,
)
for (const [T, E] of lengths
  .split(',')
  .map(Number)
  .flatMap((T) => [32, 64].map((E) => [T, E]))) {
  const names = T <= 1024 ? ['whole', 'kept', 'again'] : ['whole', 'again']
  const run = (name) => {
    forward[name](T, E)
    backward[name](T, E)
  }
  run('whole')
  const whole = results(T, E)
  for (const name of names) {
    run(name)
    const apart = Math.max(
      ...results(T, E).map((own, n) =>
        own.reduce((most, value, i) => Math.max(most, Math.abs(value - whole[n][i])), 0),
      ),
    )
    if (!(apart < 1e-3)) throw new Error(`${name} at ${T}×${E} is ${apart} apart`)
  }
  const options = { rounds: Number(rounds), milliseconds: 1 }
  const all = fastest(Object.fromEntries(names.map((name) => [name, () => run(name)])), options)
  const ahead = fastest(Object.fromEntries(names.map((name) => [name, () => forward[name](T, E)])), options)
  const text = (name) => `${name} ${(all[name] / 1000).toFixed(1)} (${(ahead[name] / 1000).toFixed(1)})`
  console.log(`T ${T}, E ${E}: ${names.map(text).join('   ')}`)
}
