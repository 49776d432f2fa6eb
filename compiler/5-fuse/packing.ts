/**
 * Products whose right operand stays the same for several of them: its panels are packed once, before the loop they run in
 * or before the product's own loops.
 */
import { add, type Dim, isConstant, subtract, symbolsOf } from '../dimensions/dimension.ts'
import type { FlatGraph } from './flatten.ts'
import type { ProductPlan } from './product.ts'

export interface Packing {
  /** The number of the outermost loop in which the operand stays the same; undefined if only the product's own loops are. */
  readonly loop: number | undefined
  /** It is worth it only where all of these exceed one. */
  readonly worth: readonly Dim[]
}

/** By product node. `regionOf` tells of graph buffers. */
export function packedOnce(
  { loops, regions }: FlatGraph,
  products: ReadonlyMap<number, ProductPlan>,
  regionOf: (buffer: number) => number,
): ReadonlyMap<number, Packing> {
  const found = new Map<number, Packing>()
  for (const [node, plan] of products) {
    // Vectors are not packed at all.
    if (plan.loops.some(({ b }) => b !== 0) || plan.m.extent === 1 || plan.n.extent === 1) continue
    const moving = new Set(symbolsOf(plan.b.elements))
    const home = regionOf(plan.b.node)
    // A product of counts exceeds one where one more than the sum of each less one does.
    let repeats = plan.loops.reduce<Dim>((sum, { extent }) => add(sum, subtract(extent, 1)), 1)
    let outermost: number | undefined
    for (let region = regions[node]!; region !== home; ) {
      const { counter, count, parent } = loops[region - 1]!
      if (moving.has(counter)) break
      outermost = region - 1
      repeats = add(repeats, subtract(count, 1))
      region = parent
    }
    if (repeats === 1) continue
    found.set(node, { loop: outermost, worth: [plan.m.extent, repeats].filter((dim) => !isConstant(dim)) })
  }
  return found
}
