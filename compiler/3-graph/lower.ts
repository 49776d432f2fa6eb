import type { CheckedEntry, CheckedProgram } from '../2-check/checked.ts'
import type { DimRange } from '../dimensions/dimension.ts'
import { expressions } from '../ops/expressions.ts'
import type { RuntimeDim } from '../types.ts'
import { GraphBuilder } from './builder.ts'
import type { Graph, GraphProgram } from './graph.ts'
import { lowerIndexed } from './lower-indexed.ts'

/** One graph for each entry point. */
export function buildGraphs(checked: CheckedProgram): GraphProgram {
  const { name, dims, hypers, variables, trains, data } = checked
  return {
    name,
    dims,
    hypers,
    variables,
    trains,
    data,
    graphs: checked.entries.map((entry) => buildGraph(entry, dims)),
  }
}

function buildGraph(entry: CheckedEntry, dims: readonly RuntimeDim[]): Graph {
  const builder = new GraphBuilder({ name: entry.name, kind: entry.kind, dims })
  const build = expressions(builder)
  const ranges: Record<string, DimRange> = Object.fromEntries(dims.map((dim) => [dim.name, dim]))
  const nodes: number[] = []
  const nodeOf = (value: number): number => {
    const node = nodes[value]
    if (node === undefined) throw new Error(`internal: build graph: value ${value} of ${entry.name} comes too late`)
    return node
  }
  for (const { form, span } of entry.values) {
    builder.span = span
    nodes.push(
      form.kind === 'indexed'
        ? lowerIndexed(form, build, nodeOf, ranges)
        : builder.add(form, form.operands.map(nodeOf)),
    )
  }
  return builder.finish(
    entry.outputs.map(({ name, value }) => ({ name, node: nodeOf(value) })),
    entry.updates.map(({ variable, value }) => ({ variable, node: nodeOf(value) })),
  )
}
