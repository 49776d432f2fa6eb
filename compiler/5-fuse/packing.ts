/**
 * Products whose right operand stays the same for several of them: its panels are packed once, before the loop they run in
 * or before the product's own loops.
 */
import { type Dim, symbolsOf } from '../dimensions/dimension.ts'
import type { FlatGraph } from './flatten.ts'
import type { ProductPlan } from './product.ts'

/**
 * Product node → the number of the outermost loop its right operand is the same in, or undefined where only its own loops
 * are. `regionOf` tells of graph buffers.
 */
export function packedOnce(
  { loops, regions }: FlatGraph,
  products: ReadonlyMap<number, ProductPlan>,
  regionOf: (buffer: number) => number,
): ReadonlyMap<number, number | undefined> {
  const found = new Map<number, number | undefined>()
  for (const [node, plan] of products) {
    // Vectors are not packed at all.
    if (plan.loops.some(({ b }) => b !== 0) || isOne(plan.m.extent) || isOne(plan.n.extent)) continue
    if (plan.loops.length > 0) found.set(node, undefined)
    const moving = new Set(symbolsOf(plan.b.elements))
    const home = regionOf(plan.b.node)
    let region = regions[node]!
    while (region !== home) {
      const loop = loops[region - 1]!
      if (moving.has(loop.counter) || isOne(loop.count)) break
      found.set(node, region - 1)
      region = loop.parent
    }
  }
  return found
}

function isOne(dim: Dim): boolean {
  return dim === 1
}
