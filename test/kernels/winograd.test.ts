import { beforeAll, describe, expect, it } from 'vitest'
import type { ConvolutionPlan } from '../../compiler/5-fuse/convolution.ts'
import { largestTile } from '../../compiler/5-fuse/product-scratch.ts'
import { winogradScratchBytes } from '../../compiler/5-fuse/winograd.ts'
import { builds, compileKernels, type KernelModule } from './library.ts'

const numbers = (count: number): string => Array.from({ length: count }, (_, at) => `a${at}`).join(', ')
const declared = (count: number): string => Array.from({ length: count }, (_, at) => `a${at}: i32`).join(', ')
const pointers = 'y: usize, x: usize, w: usize, scratch: usize'
const source = `
import { winograd, winogradLarge } from './winograd'
export function small(${pointers}, ${declared(22)}): void { winograd(y, x, w, scratch, ${numbers(22)}) }
export function large(${pointers}, ${declared(20)}): void { winogradLarge(y, x, w, scratch, ${numbers(20)}) }
`

interface Shape {
  readonly images: number
  readonly groups: number
  readonly channels: number
  readonly filters: number
  readonly input: readonly [number, number]
  readonly result: readonly [number, number]
  readonly low: readonly [number, number]
  readonly direction: readonly [number, number]
  readonly rows: number
}

const shape = (own: Partial<Shape>): Shape => ({
  ...{ images: 2, groups: 1, channels: 8, filters: 12, input: [14, 14], result: [14, 14], low: [1, 1] },
  ...{ direction: [1, 1], rows: 3, ...own },
})

/** Channels and filters that fill no vector or panel, images that fill no tile, blocks that end within an image. */
const shapes: Readonly<Record<string, Shape>> = {
  'a plain one': shape({}),
  backwards: shape({ low: [-1, -1], direction: [-1, -1] }),
  'one axis backwards': shape({ low: [-1, 1], direction: [-1, 1], channels: 5 }),
  'sizes that fill nothing': shape({ channels: 6, filters: 7, input: [9, 11], result: [9, 11], rows: 2 }),
  'no zeros around': shape({ input: [12, 9], result: [10, 7], low: [0, 0], filters: 29 }),
  'many zeros around': shape({ input: [5, 3], result: [9, 9], low: [3, 4] }),
  cropped: shape({ input: [16, 18], result: [7, 8], low: [-2, -5], channels: 4 }),
  groups: shape({ groups: 3, channels: 5, filters: 5, input: [7, 7], result: [7, 7] }),
  'deeper than a block': shape({ images: 1, channels: 400, filters: 4, input: [6, 6], result: [6, 6] }),
  'more filters than a block': shape({ images: 1, channels: 4, filters: 270, input: [8, 8], result: [8, 8] }),
  'many images in one block': shape({ images: 7, input: [4, 4], result: [4, 4], rows: 5 }),
}

describe.each([...builds, 'wide'] as const)("Winograd's convolution, %s build", (build) => {
  let module: KernelModule
  let floats: Float32Array
  beforeAll(async () => {
    module = await compileKernels(source, build, 32 << 20)
    floats = new Float32Array(module.memory.buffer)
  })

  /** Runs all of it, or images, channels or filters in parts: the result, and its largest error as a share of what was summed. */
  function run(own: Shape, isLarge: boolean, part = Number.POSITIVE_INFINITY, side: 'images' | 'filters' = 'images') {
    const { images, groups, channels, filters, input, result, low, direction, rows } = own
    const [plane, results] = [input[0] * input[1], result[0] * result[1]]
    const sizes = {
      x: images * groups * channels * plane,
      y: images * groups * filters * results,
      w: groups * filters * channels * 9,
    }
    const align = (words: number): number => Math.ceil(words / 16) * 16 + 16
    const at = { x: 16, y: 0, w: 0 }
    at.y = at.x + align(sizes.x)
    at.w = at.y + align(sizes.y)
    const scratch = at.w + align(sizes.w)
    const plan = {
      large: isLarge,
      ...(isLarge ? { batch: channels, channels: images, filters } : { batch: images, channels, filters }),
      axes: [0, 0, 1].map((axis, position) =>
        position === 0
          ? { result: 1, filter: 1 }
          : { result: isLarge ? 3 : result[axis], filter: isLarge ? result[axis] : 3 },
      ),
    } as unknown as ConvolutionPlan
    const end = scratch + Math.ceil(winogradScratchBytes(plan, { rows }, largestTile([build])) / 4)
    expect(end).toBeLessThan(floats.length)
    floats.fill(Number.NaN, 0, end)
    floats[end] = 12345.5
    let state = images * 31 + filters * 7 + channels
    const fill = (name: 'x' | 'y' | 'w'): void => {
      for (let i = 0; i < sizes[name]; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        floats[at[name] + i] = state / 2 ** 31 - 1
      }
    }
    fill('x')
    fill(isLarge ? 'y' : 'w')
    const target = isLarge ? 'w' : 'y'
    const y = [groups * filters * results, filters * results, results]
    const x = [groups * channels * plane, channels * plane, plane]
    const w = [filters * channels * 9, channels * 9, 9]
    const split = isLarge ? (side === 'images' ? channels : filters) : images
    for (let from = 0; from < split; from += part) {
      const count = Math.min(part, split - from)
      const places = { ...at }
      const counts = { images, channels, filters }
      if (!isLarge) {
        counts.images = count
        places.x += from * x[0]!
        places.y += from * y[0]!
      } else if (side === 'images') {
        counts.channels = count
        places.x += from * x[2]!
        places.w += from * w[2]!
      } else {
        counts.filters = count
        places.y += from * y[2]!
        places.w += from * w[1]!
      }
      const bytes = (name: 'x' | 'y' | 'w'): number => 4 * places[name]
      if (isLarge)
        module.call(
          'large',
          ...[bytes('w'), bytes('x'), bytes('y'), 4 * scratch, counts.channels, groups, counts.filters, images],
          ...[w[2]!, w[0]!, w[1]!, x[2]!, x[1]!, x[0]!, y[1]!, y[2]!, y[0]!, ...result, ...input, ...low, rows],
        )
      else
        module.call(
          'small',
          ...[bytes('y'), bytes('x'), bytes('w'), 4 * scratch, counts.images, groups, filters, channels],
          ...[...y, ...x, ...w, ...result, ...input, ...low, ...direction, rows],
        )
    }
    expect(floats[end]).toBe(12345.5)
    for (const name of ['x', 'y', 'w'] as const) expect(floats[at[name] + sizes[name]]).toBeNaN()
    const found = floats.slice(at[target], at[target] + sizes[target])
    return { found, error: () => largestError(own, isLarge, found, floats, at) }
  }

  it.each(Object.entries(shapes))('%s', (_, own) => {
    expect(run(own, false).error()).toBeLessThan(2e-6)
    if (own.direction.every((step) => step === 1)) expect(run(own, true).error()).toBeLessThan(2e-6)
  })

  it('has the same bits in parts', () => {
    const own = shape({ images: 5, channels: 13, filters: 21, input: [10, 7], result: [10, 7], rows: 4 })
    const whole = run(own, false).found
    for (const part of [1, 2, 4]) expect(run(own, false, part).found).toEqual(whole)
    const gradient = run(own, true).found
    for (const part of [4, 8]) {
      expect(run(own, true, part, 'images').found).toEqual(gradient)
      expect(run(own, true, part, 'filters').found).toEqual(gradient)
    }
  })

  it('does not depend on how many tiles are computed together', () => {
    const own = shape({ images: 3, channels: 9, filters: 10, input: [13, 6], result: [13, 6] })
    for (const isLarge of [false, true]) {
      const [one, many] = [1, 9].map((rows) => run({ ...own, rows }, isLarge).found)
      expect(one).toEqual(many)
    }
  })
})

/** The largest difference from sums in float64, as a share of the mean sum of absolute products. */
function largestError(
  own: Shape,
  isLarge: boolean,
  found: Float32Array,
  floats: Float32Array,
  at: { x: number; y: number; w: number },
): number {
  const { images, groups, channels, filters, input, result, low, direction } = own
  const sums = new Float64Array(found.length)
  let total = 0
  for (let n = 0; n < images; n++)
    for (let g = 0; g < groups; g++)
      for (let o = 0; o < filters; o++)
        for (let c = 0; c < channels; c++)
          for (let k = 0; k < 9; k++) {
            const filter = ((g * filters + o) * channels + c) * 9 + k
            for (let i = 0; i < result[0]; i++) {
              const row = i + Math.floor(k / 3) * direction[0] - low[0]
              if (row < 0 || row >= input[0]) continue
              for (let j = 0; j < result[1]; j++) {
                const column = j + (k % 3) * direction[1] - low[1]
                if (column < 0 || column >= input[1]) continue
                const x = floats[at.x + (((n * groups + g) * channels + c) * input[0] + row) * input[1] + column]!
                const y = (((n * groups + g) * filters + o) * result[0] + i) * result[1] + j
                const term = x * floats[isLarge ? at.y + y : at.w + filter]!
                sums[isLarge ? filter : y]! += term
                total += Math.abs(term)
              }
            }
          }
  const worst = sums.reduce((most, sum, element) => Math.max(most, Math.abs(sum - found[element]!)), 0)
  return worst / (total / sums.length)
}
