/**
 * Which gradients to a convolution's filter asm/pooled-gradient.ts computes: those whose cotangents come through a max pooling, so that only
 * the largest element of each window has one. The pooling's own gradient, nearly all zeros, need then not be written for them.
 */
import type { Graph } from '../3-graph/graph.ts'
import { type Dim, dimEqual, isConstant, product } from '../dimensions/dimension.ts'
import type { ConvolutionAxis, ConvolutionPlan } from './convolution.ts'
import { type Materialisation, type Stored, storedAt } from './materialise.ts'
import { poolingOf } from './pooling.ts'
import type { PoolingAxis } from './program.ts'

export interface PooledGradientPlan {
  readonly axes: readonly PoolingAxis[]
  /** From one image, group and filter to the next, in planes of the pooling. */
  readonly planes: { readonly image: number; readonly group: number; readonly filter: number }
}

/** What was pooled, and its results; their cotangents stand for the filter. */
export interface PooledOperands {
  readonly input: Stored
  readonly largest: Stored
}

/** Fewer positions for each window save too little. */
const leastPositions = 4
/** Fewer windows of a plane do not repay beginning with the sums of a filter. */
const leastWindows = 8

export function planPooledGradient(
  graph: Graph,
  materialisation: Materialisation,
  plan: Omit<ConvolutionPlan, 'method'>,
): { readonly method: PooledGradientPlan; readonly pooled: PooledOperands; readonly w: Stored } | undefined {
  const { large, axes, batch, filters, strides, w } = plan
  const node = graph.nodes[w.node]!
  if (!large || node.op !== 'pool_max_gradient' || w.elements !== 0) return undefined
  if (!isConstant(batch) || !isConstant(filters)) return undefined
  const [input, largest, cotangents] = node.inputs.map((operand) => storedAt(graph, materialisation, operand))
  if (!input || !largest || !cotangents) return undefined
  const pooled = poolingOf(
    node,
    node.inputs.map((operand) => graph.nodes[operand]!.type.shape),
  ).axes
  const [outer, ...inner] = axes as readonly ConvolutionAxis[]
  if (outer!.result !== 1 || outer!.input !== 1 || outer!.filter !== 1 || pooled[0]!.input !== 1) return undefined
  const fits = inner.every(({ result, input: extent, filter, stride, low, inputDilation, filterDilation }, at) => {
    const { input: own, result: windows, low: before } = pooled[1 + at]!
    const constant = [result, extent, filter, low, windows, before].every(isConstant)
    return constant && dimEqual(filter, own) && stride === 1 && inputDilation === 1 && filterDilation >= 1
  })
  if (!fits) return undefined
  const windows = product(pooled.map(({ result }) => result)) as number
  const plane = product(pooled.map((axis) => axis.input)) as number
  if (windows < leastWindows || windows * leastPositions > plane) return undefined
  const [group, filter, image] = strides.w.map((stride: Dim) => (isConstant(stride) ? stride / plane : Number.NaN)) as [
    number,
    number,
    number,
  ]
  if (![group, filter, image].every(Number.isInteger)) return undefined
  return {
    method: { axes: pooled, planes: { image, group, filter } },
    pooled: { input, largest },
    w: cotangents,
  }
}

/** Bytes of the lists, sums and planes that asm/pooled-gradient.ts needs. */
export function pooledGradientScratchBytes(
  { axes, batch, filters }: ConvolutionPlan,
  pooled: PooledGradientPlan,
  largest: (dim: Dim) => number,
): number {
  const channels = largest(batch)
  const depth = channels === 1 ? 1 : Math.ceil(channels / 4) * 4
  const [, vertical, horizontal] = axes
  const span = ({ result, filter, filterDilation }: ConvolutionAxis): number =>
    largest(result) + (largest(filter) - 1) * filterDilation
  const pairs = largest(vertical!.result) * Math.ceil((largest(horizontal!.result) * depth) / 8)
  const entries = pooled.axes.reduce((count, { result, window }) => count * largest(result) * window, 1) + 4
  const sums = largest(filters) * Math.ceil(pairs / 6) * 6 * 32
  const table = 16 * (3 + Math.ceil(largest(pooled.axes[2]!.result) / 4))
  // Each of the five begins at a multiple of 64, and vectors reach past the last row.
  return 320 + 8 * entries + table + 4 * (pairs + 5) + sums + 4 * span(vertical!) * span(horizontal!) * depth + 64
}
