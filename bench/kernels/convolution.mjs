// GFLOP/s of convolutions forward, to the input and to the filter: node bench/kernels/convolution.mjs [plain|relaxed|wide] [filter] [folder with
// other kernels to compare with, as `asm` of another checkout]
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fastest, instantiate } from './load.mjs'

const [build = 'plain', titles = '', otherFolder] = process.argv.slice(2)

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
  [8, 1, 2, 16, 28, 3, 1],
  [8, 1, 3, 32, 32, 3, 1],
  [8, 1, 4, 16, 28, 5, 1],
  [1, 1, 1, 16, 28, 3, 1],
  [64, 1, 1, 8, 28, 5, 1],
  [1, 1, 3, 64, 112, 7, 2],
  [4, 1, 256, 256, 7, 3, 1],
  [4, 128, 1, 1, 28, 3, 1],
  [4, 128, 1, 1, 28, 3, 2],
  [8, 256, 1, 1, 14, 3, 1],
  [16, 256, 1, 1, 7, 3, 1],
  [8, 64, 1, 1, 28, 5, 1],
]

/** What each direction convolves with what: the sizes and strides that the kernels take. */
function directionsOf([images, groups, channels, filters, extent, size, stride]) {
  const pad = (size - 1) / 2
  const out = Math.floor((extent - 1) / stride) + 1
  const [plane, result, taps] = [extent ** 2, out ** 2, size ** 2]
  const x = [groups * channels * plane, channels * plane, plane]
  const y = [groups * filters * result, filters * result, result]
  const w = [filters * channels * taps, channels * taps, taps]
  const [input, output, filter] = [
    { at: 'x', extent },
    { at: 'y', extent: out },
    { at: 'w', extent: size },
  ]
  return {
    forward: {
      ...{ result: output, input, filter, counts: [images, groups, filters, channels], strides: [...y, ...x, ...w] },
      ...{ stride, low: pad, inputDilation: 1, filterDilation: 1 },
    },
    'to input': {
      ...{ result: input, input: output, filter, counts: [images, groups, channels, filters] },
      ...{ strides: [...x, ...y, w[0], w[2], w[1]] },
      ...{ stride: 1, low: -pad, inputDilation: stride, filterDilation: -1 },
    },
    'to filter': {
      ...{ large: true, result: filter, input, filter: output, counts: [channels, groups, filters, images] },
      ...{ strides: [w[2], w[0], w[1], x[2], x[1], x[0], y[1], y[2], y[0]] },
      ...{ stride: 1, low: pad, inputDilation: 1, filterDilation: stride },
    },
  }
}

/** Name and numbers of the call of each kernel that computes a direction. */
function callsOf(direction) {
  const { result, input, filter, counts, strides, stride, low, inputDilation, filterDilation, large } = direction
  const [batch, groups, filters, channels] = counts
  const axes = [
    ...[1, result.extent, result.extent, 1, input.extent, input.extent, 1, filter.extent, filter.extent],
    ...[1, stride, stride, 0, low, low, 1, inputDilation, inputDilation, 1, filterDilation, filterDilation],
  ]
  const own = large ? 'Large' : ''
  if (filters * (large ? batch : channels) === 1) {
    const [firstCounts, kept] = large
      ? [
          [groups, channels],
          [1, 4, 5, 6, 8],
        ]
      : [
          [batch, groups],
          [0, 1, 3, 4, 6],
        ]
    return { depthwise: [`depthwise${own}`, ...firstCounts, ...kept.map((at) => strides[at]), ...axes] }
  }
  const calls = { product: [`convolve${own}`, ...counts, ...strides, ...axes] }
  const [small, tiled] = large ? [result, filter] : [filter, result]
  const inputs = large ? batch : channels
  if (small.extent === 3 && stride * inputDilation * Math.abs(filterDilation) === 1 && Math.min(inputs, filters) >= 4) {
    // As compiler/5-fuse/winograd.ts has it.
    const together = Math.min(96, Math.max(24, Math.floor(6144 / (inputs + filters))))
    const rows = Math.max(1, Math.floor(together / Math.ceil(tiled.extent / 4)))
    const steps = large ? [] : [filterDilation, filterDilation]
    const extents = [tiled.extent, tiled.extent, input.extent, input.extent, low, low, ...steps, rows]
    calls.winograd = [`winograd${own}`, ...counts, ...strides, ...extents]
  }
  return calls
}

const kernels = {
  convolve: ['convolution', 34],
  convolveLarge: ['convolution', 34],
  winograd: ['winograd', 22],
  winogradLarge: ['winograd', 20],
  depthwise: ['depthwise', 28],
  depthwiseLarge: ['depthwise', 28],
}
const source = Object.entries(kernels)
  .map(([name, [file, count]]) => {
    const numbers = Array.from({ length: count }, (_, at) => `a${at}`)
    return `import { ${name} as ${name}Kernel } from './${file}'
export function ${name}(y: usize, x: usize, w: usize, scratch: usize, ${numbers.map((number) => `${number}: i32`).join(', ')}): void {
  ${name}Kernel(y, x, w, scratch, ${numbers.join(', ')})
}`
  })
  .join('\n')
const words = 1 << 22
const place = { x: 0, y: 4 * words, w: 8 * words }
const load = async (kernelOverrides) => {
  const exports = await instantiate(source, { build, memoryBytes: 64 * words, kernelOverrides })
  const floats = new Float32Array(exports.memory.buffer)
  for (let i = 0; i < 3 * words; i++) floats[i] = Math.random() - 0.5
  return { exports, floats, start: floats.slice(0, 3 * words) }
}
const modules = { here: await load({}) }
if (otherFolder) {
  const files = readdirSync(otherFolder).filter((name) => name.endsWith('.ts'))
  modules.other = await load(
    Object.fromEntries(files.map((name) => [name, readFileSync(join(otherFolder, name), 'utf8')])),
  )
}
const others = otherFolder ? '; then with the other kernels' : ''
console.log(`${process.version} ${build}, GFLOP/s: forward, to input, to filter${others}`)
for (const shape of shapes) {
  const [images, groups, channels, filters, extent, size, stride] = shape
  const label =
    groups > 1
      ? `${images}, ${groups} apart, ${extent}², ${size}×${size}`
      : `${images}, ${channels} → ${filters}, ${extent}², ${size}×${size}`
  const title = label + (stride > 1 ? ` stride ${stride}` : '')
  if (!title.includes(titles)) continue
  // Results of one call are operands of the next, and grow.
  for (const { floats, start } of Object.values(modules)) floats.set(start)
  const out = Math.floor((extent - 1) / stride) + 1
  const flops = 2 * images * groups * channels * filters * out ** 2 * size ** 2
  const contestants = {}
  for (const [which, { exports }] of Object.entries(modules)) {
    for (const [name, direction] of Object.entries(directionsOf(shape))) {
      const { result, input, filter } = direction
      for (const [method, [kernel, ...numbers]] of Object.entries(callsOf(direction)))
        contestants[`${method} ${name} ${which}`] = () =>
          exports[kernel](place[result.at], place[input.at], place[filter.at], 12 * words, ...numbers)
    }
  }
  const best = fastest(contestants, { rounds: 25, milliseconds: 2 })
  for (const method of ['product', 'winograd', 'depthwise']) {
    const speeds = Object.entries(best).filter(([name]) => name.startsWith(method))
    if (speeds.length === 0) continue
    const columns = speeds.map(([, nanoseconds]) => (flops / nanoseconds).toFixed(1).padStart(6))
    console.log(`${title.padEnd(34)}${method.padEnd(10)}${columns.join('')}`)
  }
}
