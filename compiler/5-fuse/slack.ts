/**
 * How far loads may stray from their buffer. Lanes past an axis's end and elements a guard rejects are read and thrown
 * away, which is cheaper than testing addresses; memory only has to be there.
 */
import { boundsOf, type DimRange } from '../dimensions/bounds.ts'
import type { Dim } from '../dimensions/dimension.ts'
import { coefficientOf } from './affine.ts'
import { reachable, stageRoots } from './draft.ts'
import type { LoopOrder } from './lanes.ts'
import type { Slack } from './layout.ts'

/** Lanes of two vectors past the last element. */
const LANES_BEYOND = 7

/** `bytesOf` gives a graph buffer's bytes at the largest sizes. */
export function slackOf(
  loops: LoopOrder,
  ranges: Readonly<Record<string, DimRange>>,
  bytesOf: (buffer: number) => number,
): Slack {
  const laneAxes = new Set(
    loops.lanes === 'outer' ? [loops.outer.at(-1)] : loops.stages.map((stage) => stage.inner.at(-1)),
  )
  let before = 0
  let after = 0
  for (const id of reachable(loops.values, loops.stages.flatMap(stageRoots))) {
    const value = loops.values[id]!
    if (value.kind !== 'load') continue
    const constant = boundsOf(value.offset.constant, ranges)
    let lowest = constant.minimum
    let highest = constant.maximum
    for (const { axis } of value.offset.terms) {
      const coefficient = boundsOf(coefficientOf(value.offset, axis), ranges)
      const last = largest(loops.extents.get(axis)!) - 1 + (laneAxes.has(axis) ? LANES_BEYOND : 0)
      lowest += Math.min(0, coefficient.minimum * last)
      highest += Math.max(0, coefficient.maximum * last)
    }
    before = Math.max(before, -4 * lowest)
    after = Math.max(after, 4 * (highest + 1) - bytesOf(value.buffer))
  }
  return { before, after }

  function largest(dim: Dim): number {
    return boundsOf(dim, ranges).maximum
  }
}
