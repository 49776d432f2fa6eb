import type { CheckedEntry, CheckedProgram, CheckedValue, LoopForm } from '../2-check/checked.ts'
import type { DimRange } from '../dimensions/bounds.ts'
import { expressions } from '../ops/expressions.ts'
import type { EntryKind, RuntimeDim } from '../types.ts'
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
  const nodeOf = lowerValues(builder, entry.values, { kind: entry.kind, dims })
  return builder.finish(
    entry.outputs.map(({ name, value }) => ({ name, node: nodeOf(value) })),
    entry.updates.map(({ variable, value }) => ({ variable, node: nodeOf(value) })),
  )
}

/** What the bodies of loops share with the graph they are in. */
interface Surroundings {
  readonly kind: EntryKind
  readonly dims: readonly RuntimeDim[]
}

/** Adds the values in order; the function finds the node of each. */
function lowerValues(
  builder: GraphBuilder,
  values: readonly CheckedValue[],
  surroundings: Surroundings,
): (value: number) => number {
  const build = expressions(builder)
  const ranges: Record<string, DimRange> = Object.fromEntries(surroundings.dims.map((dim) => [dim.name, dim]))
  const nodes: number[] = []
  const nodeOf = (value: number): number => {
    const node = nodes[value]
    if (node === undefined) throw new Error(`internal: build graph: value ${value} comes too late`)
    return node
  }
  for (const { form, span } of values) {
    builder.span = span
    if (form.kind === 'indexed') nodes.push(lowerIndexed(form, build, nodeOf, ranges))
    else if (form.kind === 'loop') nodes.push(lowerLoop(builder, form, nodeOf, surroundings))
    else nodes.push(builder.add(form, form.operands.map(nodeOf)))
  }
  return nodeOf
}

function lowerLoop(
  builder: GraphBuilder,
  { steps, carries, elements, outside, body }: LoopForm,
  nodeOf: (value: number) => number,
  surroundings: Surroundings,
): number {
  const operands = [...carries, ...elements, ...outside].map(nodeOf)
  const graph = buildBody(body, surroundings)
  if (steps.kind === 'iterate') {
    const { tolerance, limit } = steps
    return builder.emit('iterate', operands, { tolerance, limit, carries: carries.length, body: graph })
  }
  const { length, reverse } = steps
  const attributes = { length, reverse, carries: carries.length, elements: elements.length, body: graph }
  return builder.emit('scan', operands, attributes)
}

function buildBody({ values, carries, yields }: LoopForm['body'], surroundings: Surroundings): Graph {
  const builder = new GraphBuilder({ name: 'body', ...surroundings })
  const nodeOf = lowerValues(builder, values, surroundings)
  const outputs = (name: string, results: readonly number[]) =>
    results.map((value, at) => ({ name: `${name}${at}`, node: nodeOf(value) }))
  return builder.finish([...outputs('carry', carries), ...outputs('yield', yields)], [])
}
