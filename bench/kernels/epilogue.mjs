// A weight's gradient and Adam's update of it, one after the other or in turn by blocks of rows:
// node bench/kernels/epilogue.mjs [plain|relaxed]
import { fastest, instantiate } from './load.mjs'

const [build = 'plain'] = process.argv.slice(2)
const source = `
import { matmul, packPanels } from './matmul'
function update(m: usize, g: usize, v: usize, w: usize, n: i32): void {
  const b1 = f32x4.splat(0.9), b1r = f32x4.splat(0.1), b2 = f32x4.splat(0.999), b2r = f32x4.splat(0.001)
  const rate = f32x4.splat(0.001), root = f32x4.splat(1.001), small = f32x4.splat(1e-8)
  for (let i: i32 = 0; i < n; i += 8) {
    const a0 = m + (<usize>i << 2), a1 = g + (<usize>i << 2), a2 = v + (<usize>i << 2), a3 = w + (<usize>i << 2)
    const ga = v128.load(a1), gb = v128.load(a1, 16)
    const ma = f32x4.add(f32x4.mul(b1, v128.load(a0)), f32x4.mul(b1r, ga))
    const mb = f32x4.add(f32x4.mul(b1, v128.load(a0, 16)), f32x4.mul(b1r, gb))
    const va = f32x4.add(f32x4.mul(b2, v128.load(a2)), f32x4.mul(f32x4.mul(b2r, ga), ga))
    const vb = f32x4.add(f32x4.mul(b2, v128.load(a2, 16)), f32x4.mul(f32x4.mul(b2r, gb), gb))
    const wa = f32x4.sub(v128.load(a3), f32x4.div(f32x4.mul(rate, ma), f32x4.add(small, f32x4.mul(root, f32x4.sqrt(va)))))
    const wb = f32x4.sub(v128.load(a3, 16), f32x4.div(f32x4.mul(rate, mb), f32x4.add(small, f32x4.mul(root, f32x4.sqrt(vb)))))
    v128.store(a0, ma), v128.store(a0, mb, 16), v128.store(a2, va), v128.store(a2, vb, 16), v128.store(a3, wa), v128.store(a3, wb, 16)
  }
}
export function updateAlone(m: usize, g: usize, v: usize, w: usize, n: i32, times: i32): void {
  for (let t = 0; t < times; t++) update(m, g, v, w, n)
}
export function whole(m: usize, g: usize, v: usize, w: usize, a: usize, b: usize, rows: i32, n: i32, k: i32, scratch: usize): void {
  matmul(g, a, b, rows, n, k, 1, rows, n, 1, n, false, scratch)
  update(m, g, v, w, rows * n)
}
export function product(g: usize, a: usize, b: usize, rows: i32, n: i32, k: i32, scratch: usize): void {
  matmul(g, a, b, rows, n, k, 1, rows, n, 1, n, false, scratch)
}
/** \`kept\`: the gradient is stored whole, else one block of it. */
export function blocks(m: usize, g: usize, v: usize, w: usize, a: usize, b: usize, rows: i32, n: i32, k: i32, scratch: usize,
  panels: usize, block: i32, kept: bool, updates: bool): void {
  packPanels(panels, b, n, k, n, 1)
  for (let i: i32 = 0; i < rows; i += block) {
    const own = min(block, rows - i)
    const at = <usize>(i * n) << 2
    const c = kept ? g + at : g
    matmul(c, a + (<usize>i << 2), b, own, n, k, 1, rows, n, 1, n, false, scratch, panels)
    if (updates) update(m + at, c, v + at, w + at, own * n)
  }
}
`
const words = 17 * 1024 * 1024
const exports = await instantiate(source, { build, memoryBytes: 5.5 * words * 4 })
const floats = new Float32Array(exports.memory.buffer)
for (let i = 0; i < floats.length; i++) floats[i] = 1e-3 * Math.random()
const [m, g, v, w] = [0, 1, 2, 3].map((at) => at * words * 4)
for (const [rows, n, k] of [
  [256, 784, 32],
  [256, 784, 128],
  [128, 256, 32],
  [512, 128, 512],
  [1024, 1024, 32],
  [4096, 4096, 32],
]) {
  const a = 4 * words * 4
  const b = a + rows * k * 4
  const panels = b + n * k * 4 + 64
  const scratch = panels + (n + 16) * k * 4 + 64
  const contestants = {
    'update in L1': () => exports.updateAlone(m, g, v, w, 1024, (rows * n) / 1024),
    'update alone': () => exports.updateAlone(m, g, v, w, rows * n, 1),
    'product alone': () => exports.product(g, a, b, rows, n, k, scratch),
    'one after the other': () => exports.whole(m, g, v, w, a, b, rows, n, k, scratch),
  }
  for (const block of [3, 6, 12, 24, 48])
    for (const kept of [false, true])
      contestants[`blocks of ${block}${kept ? ', kept' : ''}`] = () =>
        exports.blocks(m, g, v, w, a, b, rows, n, k, scratch, panels, block, kept, true)
  contestants['blocks of 12, product alone'] = () =>
    exports.blocks(m, g, v, w, a, b, rows, n, k, scratch, panels, 12, false, false)
  const best = fastest(contestants, { rounds: rows > 2000 ? 5 : 30, milliseconds: 2 })
  console.log(`${rows}×${n}×${k}`)
  for (const [name, time] of Object.entries(best))
    console.log(`  ${name.padEnd(28)} ${(time / 1000).toFixed(1).padStart(9)} µs`)
}
