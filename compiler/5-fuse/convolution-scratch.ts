import { type Dim, dimEqual, product } from '../dimensions/dimension.ts'
import type { ConvolutionAxis, ConvolutionPlan } from './convolution.ts'
import { pooledGradientScratchBytes } from './pooled-gradient.ts'
import { blockDepth, stripWords, type Tile } from './product-scratch.ts'
import { winogradScratchBytes } from './winograd.ts'

/** Zeros behind the planes, for vectors that reach past the last row. */
const beyond = 16

/**
 * Bytes of packing space a convolution needs. `largest` gives a dimension's largest size; the bytes grow with each
 * size, so they cover all smaller ones.
 */
export function convolutionScratchBytes(plan: ConvolutionPlan, largest: (dim: Dim) => number, tile: Tile): number {
  if (plan.method.kind === 'winograd') return winogradScratchBytes(plan, plan.method, tile)
  if (plan.method.kind === 'pooled') return pooledGradientScratchBytes(plan, plan.method, largest)
  if (plan.method.kind === 'depthwise') return depthwiseScratchBytes(plan, largest)
  const count = (dims: readonly Dim[]): number => dims.reduce<number>((total, dim) => total * largest(dim), 1)
  const results = plan.axes.map(({ result }) => result)
  const taps = plan.axes.map(({ filter }) => filter)
  const span = plan.axes.reduce(
    (words, { result, filter, stride, filterDilation }) =>
      words * ((largest(result) - 1) * Math.abs(stride) + (largest(filter) - 1) * Math.abs(filterDilation) + 1),
    1,
  )
  const [planes, depth, offsets, rows] = plan.large
    ? [plan.batch, count(taps), count([plan.batch, ...results]), count(taps.slice(0, 2))]
    : [plan.channels, count([plan.channels, ...taps]), count([plan.channels, ...taps]), count(results.slice(0, 2))]
  const dense = plan.large
    ? plan.batch === 1 || dimEqual(plan.strides.y[0]!, product(results))
    : dimEqual(plan.strides.w[2]!, product(taps))
  // Results of a dilated input are computed one phase after the other, and then put in their places.
  const phased = !plan.large && plan.axes.some(({ inputDilation }) => inputDilation > 1)
  const apart = plan.large
    ? [plan.filters, plan.batch, ...results]
    : [plan.groups, plan.filters, plan.channels, ...taps]
  const lastStride = Math.abs((plan.large ? plan.axes[2]!.filterDilation : plan.axes[2]!.stride) * 3)
  return [
    stripWords(tile, largest(plan.filters)),
    tile.columns * Math.min(depth, blockDepth),
    offsets + rows,
    largest(planes) * span + beyond + lastStride,
    dense && !phased ? 0 : count(apart),
    phased ? count([plan.filters, ...results]) : 0,
  ].reduce((bytes, words) => bytes + Math.ceil(words / 16) * 64, 128)
}

/** Four planes side by side, their results, filter elements, and lists of what meets. */
function depthwiseScratchBytes({ large, axes }: ConvolutionPlan, largest: (dim: Dim) => number): number {
  const total = (of: (axis: ConvolutionAxis) => number): number => axes.reduce((words, axis) => words * of(axis), 1)
  // Where results step by one, a dilated input is not spread out.
  const phases = ({ stride, inputDilation }: ConvolutionAxis): number => (large || stride !== 1 ? 1 : inputDilation)
  const positions = total((axis) => {
    const { result, filter, stride, filterDilation } = axis
    const span = (largest(result) - 1) * Math.abs(stride) + (largest(filter) - 1) * Math.abs(filterDilation)
    return Math.floor(span / phases(axis)) + 2
  })
  const results = total(({ result }) => largest(result)) + (large ? 8 : 2)
  const taps = total(({ filter }) => largest(filter))
  return 64 + 16 * (positions + results + taps) + 4 * (large ? results : 2 * taps + total(phases))
}
