import { beforeAll, describe, expect, it } from 'vitest'
import type { ConvolutionPlan } from '../../compiler/5-fuse/convolution.ts'
import { type PooledGradientPlan, pooledGradientScratchBytes } from '../../compiler/5-fuse/pooled-gradient.ts'
import { builds, compileKernels, type KernelModule } from './library.ts'

const numbers = Array.from({ length: 34 }, (_, at) => `a${at}`)
const pointers = ['y', 'x', 'input', 'largest', 'cotangents', 'scratch']
const source = `
import { pooledGradient } from './pooled-gradient'
export function gradient(${[...pointers.map((name) => `${name}: usize`), ...numbers.map((name) => `${name}: i32`)].join(', ')}): void {
  pooledGradient(${[...pointers, ...numbers].join(', ')})
}
`

type Pair = readonly [number, number]

interface Shape {
  readonly images: number
  readonly groups: number
  readonly channels: number
  readonly filters: number
  readonly input: Pair
  readonly taps: Pair
  readonly low: Pair
  /** The convolution's stride. */
  readonly stride: Pair
  readonly results: Pair
  readonly pool: { readonly window: Pair; readonly stride: Pair; readonly low: Pair; readonly dilation: Pair }
}

const squares = { window: [2, 2], stride: [2, 2], low: [0, 0], dilation: [1, 1] } as const
const shape = (own: Partial<Shape>): Shape => ({
  ...{ images: 3, groups: 1, channels: 4, filters: 5, input: [12, 14], taps: [3, 3], low: [1, 1], stride: [1, 1] },
  ...{ results: [12, 14], pool: squares, ...own },
})

/** Rows that fill no vector, sums that fill no six pairs, poolings of every kind. */
const shapes: Readonly<Record<string, Shape>> = {
  'one channel': shape({ channels: 1, input: [14, 14], results: [14, 14] }),
  'one channel, a larger filter': shape({ channels: 1, taps: [5, 5], low: [2, 2] }),
  'one channel, a row': shape({ channels: 1, taps: [1, 7], low: [0, 3] }),
  'sixteen channels': shape({ channels: 16, filters: 9, input: [14, 14], results: [14, 14] }),
  'channels that fill no vector': shape({ channels: 7, taps: [5, 3], low: [2, 1] }),
  'two channels, four rows': shape({ channels: 2, taps: [4, 1], low: [1, 0], results: [11, 14] }),
  'no zeros around': shape({ low: [0, 0], results: [10, 12] }),
  'cropped, many zeros beside': shape({ low: [-2, 4], results: [8, 18] }),
  groups: shape({ groups: 2, channels: 3 }),
  'stride of the convolution': shape({ stride: [2, 3], results: [6, 8], input: [12, 24] }),
  'rows of three squares': shape({ results: [12, 6], input: [12, 6] }),
  'rows that no squares end': shape({ results: [13, 11], input: [13, 11] }),
  'overlapping windows': shape({ pool: { window: [3, 3], stride: [2, 2], low: [1, 1], dilation: [1, 1] } }),
  'windows apart': shape({ pool: { window: [2, 3], stride: [3, 4], low: [0, 1], dilation: [2, 1] } }),
}

describe.each([...builds, 'wide'] as const)('the gradient to a filter through a max pooling, %s build', (build) => {
  let module: KernelModule
  let floats: Float32Array
  beforeAll(async () => {
    module = await compileKernels(source, build, 4 << 20)
    floats = new Float32Array(module.memory.buffer)
  })

  /** Runs all of it, or filters in parts. `levels` values are pooled, so that some are equal; some cotangents are zero. */
  function run(own: Shape, levels: number, part = own.filters) {
    const { images, groups, channels, filters, input, taps, low, stride, results, pool } = own
    const windows = windowsOf(own)
    const counts = [0, 1].map((axis) => windows[axis]!.length) as [number, number]
    const [plane, cells, area] = [results[0] * results[1], counts[0] * counts[1], input[0] * input[1]]
    const sizes = {
      y: groups * filters * channels * taps[0] * taps[1],
      x: images * groups * channels * area,
      input: images * groups * filters * plane,
      largest: images * groups * filters * cells,
      cotangents: images * groups * filters * cells,
    }
    const at = { y: 16, x: 0, input: 0, largest: 0, cotangents: 0, scratch: 0 }
    const names = ['y', 'x', 'input', 'largest', 'cotangents'] as const
    let next = 16
    for (const name of names) {
      at[name] = next
      next += Math.ceil(sizes[name] / 4) * 4 + 20
    }
    at.scratch = next
    const plan = {
      batch: channels,
      filters: Math.min(part, filters),
      axes: [1, 0, 1].map((axis, position) =>
        position === 0
          ? { result: 1, filter: 1, filterDilation: 1 }
          : { result: taps[axis], filter: results[axis], filterDilation: stride[axis] },
      ),
    } as unknown as ConvolutionPlan
    const pooling = {
      axes: [
        { result: 1, window: 1 },
        { result: counts[0], window: pool.window[0] },
        { result: counts[1], window: pool.window[1] },
      ],
    } as unknown as PooledGradientPlan
    const end = at.scratch + Math.ceil(pooledGradientScratchBytes(plan, pooling, (dim) => dim as number) / 4)
    expect(end).toBeLessThan(floats.length)
    floats.fill(Number.NaN, 0, end)
    floats[end] = 12345.5
    let state = images * 31 + filters * 7 + channels
    const draw = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state / 2 ** 31 - 1
    }
    for (let i = 0; i < sizes.x; i++) floats[at.x + i] = draw()
    for (let i = 0; i < sizes.input; i++) floats[at.input + i] = Math.round(draw() * levels) / levels
    const chosen = new Float64Array(sizes.input)
    for (let cell = 0; cell < sizes.largest; cell++) {
      const [p, i, j] = [Math.floor(cell / cells), Math.floor((cell % cells) / counts[1]), cell % counts[1]]
      const elements = windows[0]![i]!.flatMap((row) =>
        windows[1]![j]!.map((column) => p * plane + row * results[1] + column),
      )
      const best = elements.reduce((most, e) => Math.max(most, floats[at.input + e]!), Number.NEGATIVE_INFINITY)
      const cotangent = Math.fround(Math.max(0, draw()))
      floats[at.largest + cell] = best
      floats[at.cotangents + cell] = cotangent
      const equal = elements.filter((e) => floats[at.input + e] === best)
      for (const e of equal) chosen[e]! += cotangent / equal.length
    }
    for (let from = 0; from < filters; from += part) {
      const count = Math.min(part, filters - from)
      module.call(
        'gradient',
        4 * (at.y + from * channels * taps[0] * taps[1]),
        ...[at.x, at.input, at.largest, at.cotangents, at.scratch].map((words) => 4 * words),
        ...[images, groups, count, channels],
        ...[filters * channels * taps[0] * taps[1], channels * taps[0] * taps[1], taps[0] * taps[1]],
        ...[groups * channels * area, channels * area, area],
        ...[from, groups * filters, filters, 1],
        ...[...taps, ...input, ...results, ...low, ...stride],
        ...[...counts, ...pool.window, ...pool.stride, ...pool.low, ...pool.dilation],
      )
    }
    expect(floats[end]).toBe(12345.5)
    for (const name of names) expect(floats[at[name] + sizes[name]]).toBeNaN()
    const found = floats.slice(at.y, at.y + sizes.y)
    return { found, error: () => largestError(own, found, floats.subarray(at.x, at.x + sizes.x), chosen) }
  }

  it.each(Object.entries(shapes))('%s', (_, own) => {
    expect(run(own, 1e6).error()).toBeLessThan(2e-6)
    expect(run(own, 2).error()).toBeLessThan(2e-6)
  })

  it('has the same bits for filters in parts', () => {
    const own = shapes['sixteen channels']!
    const whole = run(own, 3).found
    for (const part of [1, 2, 4]) expect(run(own, 3, part).found).toEqual(whole)
  })
})

/** By axis and result of the pooling the elements of its window. */
function windowsOf({ results, pool }: Shape): number[][][] {
  return [0, 1].map((axis) => {
    const [extent, window, stride, low, dilation] = [
      results[axis]!,
      pool.window[axis]!,
      pool.stride[axis]!,
      pool.low[axis]!,
      pool.dilation[axis]!,
    ]
    const count = Math.floor((extent + 2 * low - (window - 1) * dilation - 1) / stride) + 1
    return Array.from({ length: count }, (_, s) =>
      Array.from({ length: window }, (_, k) => s * stride + k * dilation - low).filter((at) => at >= 0 && at < extent),
    )
  })
}

/** The largest difference from sums in float64, as a share of the mean sum of absolute products. */
function largestError(own: Shape, found: Float32Array, x: Float32Array, chosen: Float64Array): number {
  const { images, groups, channels, filters, input, taps, low, stride, results } = own
  const sums = new Float64Array(found.length)
  let total = 0
  for (let n = 0; n < images; n++)
    for (let g = 0; g < groups; g++)
      for (let o = 0; o < filters; o++)
        for (let i = 0; i < results[0]; i++)
          for (let j = 0; j < results[1]; j++) {
            const cotangent = chosen[(((n * groups + g) * filters + o) * results[0] + i) * results[1] + j]!
            if (cotangent === 0) continue
            for (let c = 0; c < channels; c++)
              for (let k = 0; k < taps[0] * taps[1]; k++) {
                const row = i * stride[0] + Math.floor(k / taps[1]) - low[0]
                const column = j * stride[1] + (k % taps[1]) - low[1]
                if (row < 0 || row >= input[0] || column < 0 || column >= input[1]) continue
                const term = cotangent * x[(((n * groups + g) * channels + c) * input[0] + row) * input[1] + column]!
                sums[((g * filters + o) * channels + c) * taps[0] * taps[1] + k]! += term
                total += Math.abs(term)
              }
          }
  const worst = sums.reduce((most, sum, element) => Math.max(most, Math.abs(sum - found[element]!)), 0)
  return worst / (total / sums.length)
}
