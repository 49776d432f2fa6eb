/** Static estimates of a call's work, as functions of the run-time dimensions. */
import type { Graph } from '../3-graph/graph.ts'
import { add, type Dim, multiply, product } from '../dimensions/dimension.ts'
import { type DraftValue, mapOf, operandsOf, reachable, stageRoots } from './draft.ts'
import type { LoopOrder } from './lanes.ts'
import type { ProductPlan } from './product.ts'
import type { Work } from './program.ts'

/** One operation an element counts as one, whatever it is; a reduction as one for each element. */
export function loopWork(loops: LoopOrder, shapeOf: (buffer: number) => readonly Dim[]): Work {
  const { values, stages, extents } = loops
  const used = reachable(values, stages.flatMap(stageRoots))
  const axesOf = new Map<number, ReadonlySet<number>>()
  const buffers = new Set<number>()
  let flops: Dim = 0
  for (const id of used) {
    const value = values[id]!
    const axes = dependencies(value)
    axesOf.set(id, value.kind === 'reduction' ? new Set(loops.outer) : axes)
    if (value.kind === 'load') buffers.add(value.buffer)
    if (value.kind === 'operation' || value.kind === 'reduction')
      flops = add(flops, product([...axes].map((axis) => extents.get(axis)!)))
  }
  for (const stage of stages) for (const store of stage.stores) buffers.add(store.buffer)
  let bytes: Dim = 0
  for (const buffer of buffers) bytes = add(bytes, multiply(4, product(shapeOf(buffer))))
  return { flops, bytes }

  function dependencies(value: DraftValue): Set<number> {
    const axes = new Set<number>(mapOf(value)?.terms.map(({ axis }) => axis) ?? [])
    for (const operand of operandsOf(value)) for (const axis of axesOf.get(operand)!) axes.add(axis)
    return axes
  }
}

/** Two operations for each multiplication and addition. */
export function productWork({ m, n, k, loops }: ProductPlan): Work {
  const times = product(loops.map(({ extent }) => extent))
  const elements = [
    [m, k],
    [k, n],
    [m, n],
  ].reduce<Dim>((total, [rows, columns]) => add(total, multiply(rows!.extent, columns!.extent)), 0)
  return {
    flops: product([2, m.extent, n.extent, k.extent, times]),
    bytes: product([4, elements, times]),
  }
}

export function indexedWork(graph: Graph, node: number): Work {
  const moved = product(
    graph.nodes[graph.nodes[node]!.op === 'gather' ? node : graph.nodes[node]!.inputs[0]!]!.type.shape,
  )
  return { flops: graph.nodes[node]!.op === 'gather' ? 0 : moved, bytes: multiply(8, moved) }
}
