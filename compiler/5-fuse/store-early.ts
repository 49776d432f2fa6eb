import { shapeEqual } from '../dimensions/dimension.ts'
import { opDefinitions } from '../ops/registry.ts'
import type { FlatGraph } from './flatten.ts'
import type { Materialisation } from './materialise.ts'

/** Values computed from more than so many others that have no buffer are left where they are read. */
const LARGEST_CONE = 64

/**
 * Factors that are known long before what they multiply, and whose storing takes less memory than it frees: two or more tensors that are
 * else kept for them alone. The slope of an activation is one, which the backward pass multiplies by: stored by the kernel that makes the
 * activation, it spares what both are made from.
 *
 * @param wanted nodes that are kept in any case
 */
export function storeEarly(
  { nodes, regions }: FlatGraph,
  { materialised, live }: Materialisation,
  wanted: ReadonlySet<number>,
): number[] {
  const readers: number[][] = nodes.map(() => [])
  /** How many reductions and calls of the library lie behind a value, at most. */
  const level = new Int32Array(nodes.length)
  for (const { id, op, inputs } of nodes) {
    if (!live[id]) continue
    for (const input of new Set(inputs)) {
      readers[input]!.push(id)
      level[id] = Math.max(level[id]!, level[input]!)
    }
    const { class: kind } = opDefinitions[op]
    if (kind !== 'elementwise' && kind !== 'movement') level[id]!++
  }
  /** The latest level a value is read at, by what has a buffer. */
  const use = new Float64Array(nodes.length)
  for (const { id } of [...nodes].reverse()) use[id] = latest(id, (reader) => use[reader]!)

  return nodes.flatMap(({ id, op, inputs }) => {
    if (!live[id] || op !== 'mul') return []
    const [x, y] = [inputs[0]!, inputs[1]!]
    if (level[x] === level[y]) return []
    const [early, late] = level[x]! < level[y]! ? [x, y] : [y, x]
    const alone = readers[early]!.length === 1 && opDefinitions[nodes[early]!.op].class === 'elementwise'
    if (!alone || materialised[early] || regions[early] !== regions[late]) return []
    return frees(early) >= 2 ? [early] : []
  })

  function latest(id: number, useOf: (reader: number) => number): number {
    if (wanted.has(id)) return Number.POSITIVE_INFINITY
    return readers[id]!.reduce(
      (most, reader) => Math.max(most, materialised[reader] ? level[reader]! : useOf(reader)),
      0,
    )
  }

  /** How many tensors of its shape nothing else reads later on, were the value stored. */
  function frees(value: number): number {
    const cone = new Set([value])
    const bases = new Set<number>()
    for (const id of cone) {
      if (cone.size > LARGEST_CONE) return 0
      for (const input of nodes[id]!.inputs) (materialised[input] ? bases : cone).add(input)
    }
    const known = new Map([[value, level[value]!]])
    const useOf = (id: number): number => {
      const found = known.get(id)
      if (found !== undefined) return found
      const own = cone.has(id) ? latest(id, useOf) : use[id]!
      known.set(id, own)
      return own
    }
    return [...bases].filter(
      (base) => latest(base, useOf) <= level[value]! && shapeEqual(nodes[base]!.type.shape, nodes[value]!.type.shape),
    ).length
  }
}
