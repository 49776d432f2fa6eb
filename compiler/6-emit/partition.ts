/** How threads share a kernel: each takes part of one loop. */
import type { Kernel, Size } from '../5-fuse/program.ts'
import { coefficient } from './print-index.ts'

export interface Partition {
  /** The axis whose indices are shared out, in multiples of `unit`: whole vectors, four side by side, where lanes run along it. */
  readonly axis: number
  readonly unit: 1 | 16
}

/** Indices of a fixed number that are worth sharing. */
const ENOUGH = 16

/**
 * The outermost axis with indices enough along which all stores move, so that no two threads write one element; undefined if
 * there is none. What a kernel reads of its own stores is at the same outer indices, so no thread waits for another; without outer
 * loops only a single stage that sums nothing can be shared.
 */
export function partitionOf(kernel: Kernel): Partition | undefined {
  const { axes, lanes, stages } = kernel
  const [first] = stages
  const plain = kernel.outer.length === 0 && stages.length === 1 && first!.reductions.length === 0
  const loops = plain ? first!.inner : kernel.outer
  const stores = stages.flatMap((stage) => stage.stores)
  const able = loops.filter((axis) => stores.every(({ offset }) => coefficient(offset, axis) !== 0))
  const extent = (axis: number): number => assumed(axes[axis]!.extent)
  const chosen = able.find((axis) => extent(axis) >= ENOUGH) ?? able.toSorted((a, b) => extent(b) - extent(a))[0]
  if (chosen === undefined || extent(chosen) < 2) return undefined
  return { axis: chosen, unit: lanes === (plain ? 'inner' : 'outer') && chosen === loops.at(-1) ? 16 : 1 }
}

/** What is not fixed for the kernel is taken to be enough. */
function assumed(extent: Size): number {
  return typeof extent === 'number' ? extent : ENOUGH
}
