/** Static estimates of a call's work, as functions of the run-time dimensions. */
import type { Graph } from '../3-graph/graph.ts'
import { type Dim, dimKey, evaluateDim, formatDim } from '../dimensions/dimension.ts'
import type { Affine } from './affine.ts'
import type { ConvolutionPlan } from './convolution.ts'
import { splitMoving } from './counter.ts'
import { type DraftValue, mapOf, operandsOf, reachable, stageRoots } from './draft.ts'
import type { LoopOrder } from './lanes.ts'
import type { ProductPlan } from './product.ts'
import type { Count, Work } from './program.ts'

/** The number a count comes to for given sizes of the run-time dimensions. */
export function evaluateCount(count: Count, sizes: Readonly<Record<string, number>>): number {
  return count.reduce((total, factors) => total + factors.reduce<number>((n, dim) => n * evaluateDim(dim, sizes), 1), 0)
}

export function formatCount(count: Count): string {
  if (count.length === 0) return '0'
  return count.map((factors) => factors.map((dim) => grouped(formatDim(dim))).join('·')).join(' + ')
}

function grouped(text: string): string {
  return /^\w+$/.test(text) ? text : `(${text})`
}

/** One operation an element counts as one, whatever it is; a reduction as one for each element. */
export function loopWork(loops: LoopOrder, shapeOf: (buffer: number) => readonly Dim[]): Work {
  const { values, stages, extents } = loops
  const axesOf = new Map<number, ReadonlySet<number>>()
  /** Of a tensor that a loop walks through, the part that one step touches. */
  const touched = new Map<string, readonly Dim[]>()
  const touch = (buffer: number, { constant, terms }: Affine): void => {
    if (splitMoving(constant).moving === 0) touched.set(`${buffer}`, shapeOf(buffer))
    else if (!touched.has(`${buffer}`))
      touched.set(
        `${buffer} at ${dimKey(constant)}`,
        terms.map(({ axis }) => extents.get(axis)!),
      )
  }
  const perDomain = new Map<string, { domain: readonly Dim[]; operations: number }>()
  for (const id of reachable(values, stages.flatMap(stageRoots))) {
    const value = values[id]!
    const axes = dependencies(value)
    axesOf.set(id, value.kind === 'reduction' ? new Set(loops.outer) : axes)
    if (value.kind === 'load') touch(value.buffer, value.offset)
    if (value.kind !== 'operation' && value.kind !== 'reduction') continue
    const key = [...axes].sort((a, b) => a - b).join()
    const known = perDomain.get(key)
    if (known) known.operations++
    else perDomain.set(key, { domain: [...axes].map((axis) => extents.get(axis)!), operations: 1 })
  }
  for (const stage of stages) for (const store of stage.stores) touch(store.buffer, store.offset)
  return {
    flops: [...perDomain.values()].map(({ domain, operations }) => [operations, ...domain]),
    bytes: [...touched.values()].map((shape) => [4, ...shape]),
  }

  function dependencies(value: DraftValue): Set<number> {
    const axes = new Set<number>(mapOf(value)?.terms.map(({ axis }) => axis) ?? [])
    for (const operand of operandsOf(value)) for (const axis of axesOf.get(operand)!) axes.add(axis)
    return axes
  }
}

/** Two operations for each multiplication and addition. */
export function productWork({ m, n, k, loops, onto }: ProductPlan): Work {
  const times = loops.map(({ extent }) => extent)
  const matrix = (rows: { extent: Dim }, columns: { extent: Dim }): Dim[] => [4, rows.extent, columns.extent, ...times]
  return {
    flops: [[2, m.extent, n.extent, k.extent, ...times]],
    bytes: [matrix(m, k), matrix(k, n), matrix(m, n), ...(onto ? [matrix(m, n)] : [])],
  }
}

/** As if every filter element met an element of the input everywhere. */
export function convolutionWork({ batch, groups, filters, channels, axes, pools }: ConvolutionPlan): Work {
  const all = (which: 'result' | 'input' | 'filter'): Dim[] => axes.map((axis) => axis[which])
  const outer = [batch, groups]
  return {
    flops: [[2, ...outer, filters, channels, ...all('result'), ...all('filter')]],
    bytes: [
      [4, ...outer, channels, ...all('input')],
      [4, groups, filters, channels, ...all('filter')],
      [pools ? 1 : 4, ...outer, filters, ...all('result')],
    ],
  }
}

/** Every row picked or added is read and written once. */
export function indexedWork(graph: Graph, id: number): Work {
  const node = graph.nodes[id]!
  const gathers = node.op === 'gather'
  const { shape } = graph.nodes[gathers ? id : node.inputs[0]!]!.type
  return { flops: gathers ? [] : [[1, ...shape]], bytes: [[8, ...shape]] }
}
