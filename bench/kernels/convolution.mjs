// GFLOP/s of convolutions forward, to the input and to the filter: node bench/kernels/convolution.mjs [plain|relaxed|wide] [filter] [folder with
// other kernels to compare with, as `asm` of another checkout]
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fastest, instantiate } from './load.mjs'

const [buildName = 'plain', filter = '', otherFolder] = process.argv.slice(2)

/** [images, groups, channels and filters of a group, extent, filter's extent, stride]; with as many zeros around as keep the extent. */
const shapes = [
  [32, 1, 1, 16, 28, 3, 1],
  [32, 1, 16, 16, 14, 3, 1],
  [32, 1, 32, 32, 28, 3, 1],
  [32, 1, 32, 32, 14, 3, 1],
  [32, 1, 16, 32, 14, 3, 2],
  [32, 1, 64, 64, 14, 3, 1],
  [32, 1, 64, 64, 7, 3, 1],
  [32, 1, 8, 24, 14, 5, 1],
  [4, 1, 64, 64, 28, 3, 1],
  [4, 1, 64, 128, 28, 3, 2],
  [32, 1, 16, 32, 14, 3, 1],
  [32, 1, 32, 32, 7, 3, 1],
  [64, 1, 64, 64, 4, 3, 1],
  [8, 1, 16, 16, 28, 5, 1],
  [64, 1, 1, 8, 28, 5, 1],
  [1, 1, 3, 64, 112, 7, 2],
  [4, 1, 256, 256, 7, 3, 1],
  [4, 128, 1, 1, 28, 3, 1],
  [4, 128, 1, 1, 28, 3, 2],
  [8, 256, 1, 1, 14, 3, 1],
  [16, 256, 1, 1, 7, 3, 1],
  [8, 64, 1, 1, 28, 5, 1],
]

/** Arguments of `convolve` or `convolveLarge` behind the scratch memory, for each direction. */
function calls([images, groups, channels, filters, extent, size, stride]) {
  const pad = (size - 1) / 2
  const out = Math.floor((extent - 1) / stride) + 1
  const [plane, result, taps] = [extent ** 2, out ** 2, size ** 2]
  const rest = (extent + 2 * pad - size) % stride
  const axes = (y, x, w, s, l, i, f) => [1, y, y, 1, x, x, 1, w, w, 1, s, s, 0, l, l, 1, i, i, 1, f, f]
  return {
    forward: [
      'convolve',
      'y',
      'x',
      'w',
      images,
      groups,
      filters,
      channels,
      groups * filters * result,
      filters * result,
      result,
      groups * channels * plane,
      channels * plane,
      plane,
      filters * channels * taps,
      channels * taps,
      taps,
      ...axes(out, extent, size, stride, pad, 1, 1),
    ],
    'to input': [
      'convolve',
      'x',
      'y',
      'w',
      images,
      groups,
      channels,
      filters,
      groups * channels * plane,
      channels * plane,
      plane,
      groups * filters * result,
      filters * result,
      result,
      filters * channels * taps,
      taps,
      channels * taps,
      ...axes(extent, out, size, 1, -pad, stride, -1),
    ],
    'to filter': [
      'convolveLarge',
      'w',
      'x',
      'y',
      channels,
      groups,
      filters,
      images,
      taps,
      filters * channels * taps,
      channels * taps,
      plane,
      channels * plane,
      groups * channels * plane,
      filters * result,
      result,
      groups * filters * result,
      ...axes(size, extent, out, 1, pad, 1, stride),
    ],
    rest,
  }
}

const parameters = `y: usize, x: usize, w: usize, scratch: usize, ${Array.from({ length: 34 }, (_, i) => `a${i}: i32`).join(', ')}`
const names = `y, x, w, scratch, ${Array.from({ length: 34 }, (_, i) => `a${i}`).join(', ')}`
const source = `
import { convolve as small, convolveLarge as large } from './convolution'
export function convolve(${parameters}): void { small(${names}) }
export function convolveLarge(${parameters}): void { large(${names}) }
`
const words = 1 << 21
const place = { x: 0, y: 4 * words, w: 8 * words }
const load = async (kernelOverrides) => {
  const exports = await instantiate(source, { build: buildName, memoryBytes: 32 * words, kernelOverrides })
  const floats = new Float32Array(exports.memory.buffer)
  for (let i = 0; i < 3 * words; i++) floats[i] = Math.random() - 0.5
  return exports
}
const modules = { here: await load({}) }
if (otherFolder) {
  const files = readdirSync(otherFolder).filter((name) => name.endsWith('.ts'))
  modules.other = await load(
    Object.fromEntries(files.map((name) => [name, readFileSync(join(otherFolder, name), 'utf8')])),
  )
}
console.log(
  `${process.version} ${buildName}, GFLOP/s: forward, to input, to filter${otherFolder ? '; then with the other kernels' : ''}`,
)
for (const shape of shapes) {
  const [images, groups, channels, filters, extent, size, stride] = shape
  const label =
    groups > 1
      ? `${images}, ${groups} apart, ${extent}², ${size}×${size}`
      : `${images}, ${channels} → ${filters}, ${extent}², ${size}×${size}`
  const title = label + (stride > 1 ? ` stride ${stride}` : '')
  if (!title.includes(filter)) continue
  const out = Math.floor((extent - 1) / stride) + 1
  const flops = 2 * images * groups * channels * filters * out ** 2 * size ** 2
  const { rest: _, ...directions } = calls(shape)
  const contestants = {}
  for (const [which, exports] of Object.entries(modules)) {
    for (const [direction, [kernel, y, x, w, ...numbers]] of Object.entries(directions))
      contestants[`${which} ${direction}`] = () => exports[kernel](place[y], place[x], place[w], 12 * words, ...numbers)
  }
  const best = fastest(contestants, { rounds: 25, milliseconds: 2 })
  const speeds = Object.values(best).map((nanoseconds) => (flops / nanoseconds).toFixed(1).padStart(6))
  console.log(`${title.padEnd(34)}${speeds.join('')}`)
}
