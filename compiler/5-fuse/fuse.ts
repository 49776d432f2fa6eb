/**
 * Graphs → a program: what gets a buffer, which values share a kernel, the order of calls, and where everything lies.
 */
import type { GraphNode, GraphProgram } from '../3-graph/graph.ts'
import { DimensionError, type DimRange, product } from '../dimensions/dimension.ts'
import type { Variable } from '../types.ts'
import { canonicalise, sharedKernel } from './canonical.ts'
import { buffersWritten, type Draft } from './draft.ts'
import { orderLoops } from './lanes.ts'
import { createLayout, type Layout } from './layout.ts'
import { productOf } from './materialise.ts'
import { LARGEST_MEMORY, MemoryLimitError } from './memory-limit.ts'
import { kernelName, titleOf, uniqueName } from './naming.ts'
import { type GraphPlan, largestBytes, planGraph } from './plan-graph.ts'
import { poolingOf } from './pooling.ts'
import type {
  Call,
  CallOrigin,
  ConvolutionCall,
  Entry,
  IndexedCall,
  Kernel,
  KernelCall,
  PoolingCall,
  ProductCall,
  Program,
} from './program.ts'
import { slackOf } from './slack.ts'
import { convolutionWork, indexedWork, loopWork, productWork } from './work.ts'

interface FuseState {
  readonly layout: Layout
  readonly ranges: Readonly<Record<string, DimRange>>
  readonly kernels: Kernel[]
  readonly kernelNumbers: Map<string, number>
  readonly names: Set<string>
  readonly variables: ReadonlyMap<string, Variable>
  before: number
  after: number
}

/**
 * Plans all entry points together: variables, inputs and the arena are shared.
 *
 * @throws MemoryLimitError if memory for the largest sizes exceeds what a module can address.
 */
export function fuse(program: GraphProgram): Program {
  try {
    const fused = fuseGraphs(program)
    const { total } = fused.memory
    if (total > LARGEST_MEMORY) throw new MemoryLimitError(`${(total / 2 ** 30).toFixed(1)} GiB`, program)
    return fused
  } catch (error) {
    if (error instanceof DimensionError) throw new MemoryLimitError('more than 8 GiB', program)
    throw error
  }
}

function fuseGraphs(program: GraphProgram): Program {
  const ranges: Record<string, DimRange> = {}
  for (const dim of [...program.dims, ...program.graphs.flatMap((graph) => graph.dims)]) ranges[dim.name] = dim
  const names = new Set<string>()
  const entryNames = program.graphs.map((graph) => uniqueName(graph.name, names))
  const state: FuseState = {
    layout: createLayout(program, ranges, names),
    ranges,
    kernels: [],
    kernelNumbers: new Map(),
    names,
    variables: new Map(program.variables.map((variable) => [variable.name, variable])),
    before: 0,
    after: 0,
  }
  const entries = program.graphs.map((graph, at) => planEntry(state, planGraph(graph, ranges), entryNames[at]!))
  return {
    name: program.name,
    dims: program.dims,
    trains: program.trains,
    kernels: state.kernels,
    entries,
    ...state.layout.finish(state),
  }
}

function planEntry(state: FuseState, plan: GraphPlan, exportName: string): Entry {
  const { graph } = plan
  const { layout } = state
  const calls: Call[] = plan.steps.map((step) =>
    step.kind === 'draft' ? kernelCall(state, plan, step.draft) : libraryCall(state, plan, step.node),
  )
  for (const { variable, buffer } of plan.copies) {
    const { shape } = plan.typeOf(buffer)
    calls.push({
      kind: 'copy',
      title: `${variable} update`,
      target: layout.variable(variable),
      source: layout.place(plan, buffer),
      elements: product(shape),
      work: { flops: [], bytes: [[8, ...shape]] },
    })
  }
  return {
    name: graph.name,
    export: exportName,
    kind: graph.kind,
    dims: graph.dims,
    inputs: graph.nodes.filter(isInput).map(({ attributes: { name, type } }) => {
      const limit = graph.limits?.find((candidate) => candidate.input === name)?.limit
      return { name, type, buffer: layout.input(name, type), ...(limit !== undefined && { limit }) }
    }),
    outputs: graph.outputs.map(({ name, node }) => ({
      name,
      type: graph.nodes[node]!.type,
      buffer: layout.place(plan, plan.outputs.get(name)!),
    })),
    calls,
    arenaBytes: plan.arenaBytes,
  }
}

function isInput(node: GraphNode): node is GraphNode & { op: 'input' } {
  return node.op === 'input'
}

function kernelCall(state: FuseState, plan: GraphPlan, draft: Draft): KernelCall {
  const { graph } = plan
  const loops = orderLoops(draft, plan.axes.extents)
  const slack = slackOf(loops, state.ranges, (buffer) => largestBytes(plan.typeOf(buffer).shape, state.ranges))
  state.before = Math.max(state.before, slack.before)
  state.after = Math.max(state.after, slack.after)
  const canonical = canonicalise(
    loops,
    (buffer) => state.layout.place(plan, buffer),
    (buffer) => plan.typeOf(buffer).dtype,
  )
  let kernel = state.kernelNumbers.get(canonical.key)
  if (kernel === undefined) {
    const wanted = kernelName(graph, draft.nodes, {
      entry: graph.kind,
      updates: variablesWritten(state, plan, draft).map(({ kind }) => kind),
      rows: canonical.structure.class === 'rows',
    })
    kernel = state.kernels.push({ name: uniqueName(wanted, state.names), ...canonical.structure }) - 1
    state.kernelNumbers.set(canonical.key, kernel)
  } else state.kernels[kernel] = sharedKernel(state.kernels[kernel]!, canonical.structure)
  return {
    kind: 'kernel',
    kernel,
    buffers: canonical.buffers,
    sizes: canonical.sizes,
    ...originOf(plan, draft.nodes, variablesWritten(state, plan, draft)),
    work: loopWork(loops, (buffer) => plan.typeOf(buffer).shape),
  }
}

function variablesWritten(state: FuseState, plan: GraphPlan, draft: Draft): Variable[] {
  return [...buffersWritten(draft)].flatMap((buffer) => {
    const storage = plan.storage.get(buffer)
    return storage?.kind === 'variable' ? state.variables.get(storage.name)! : []
  })
}

function originOf(
  plan: GraphPlan,
  nodes: ReadonlySet<number>,
  updated: readonly Variable[] = [],
): Pick<CallOrigin, 'title' | 'span'> {
  const span = [...nodes].map((id) => plan.graph.nodes[id]!.span).find((candidate) => candidate !== undefined)
  const target = updated.length > 0 ? `${updated.map(({ name }) => name).join(', ')} = ` : ''
  return { title: target + titleOf(plan.graph, nodes), ...(span && { span }) }
}

function libraryCall(
  state: FuseState,
  plan: GraphPlan,
  id: number,
): ProductCall | ConvolutionCall | PoolingCall | IndexedCall {
  const { graph, products } = plan
  const node = graph.nodes[id]!
  const place = (buffer: number) => state.layout.place(plan, buffer)
  const origin = originOf(plan, new Set([productOf(graph, plan.materialisation, id) ?? id]))
  const target = { buffer: place(id), elements: 0 }
  const planned = products.get(id)
  if (planned) {
    const { a, b, m, n, k, loops } = planned
    return {
      kind: 'product',
      ...origin,
      c: target,
      a: { buffer: place(a.node), elements: a.elements },
      b: { buffer: place(b.node), elements: b.elements },
      m: m.extent,
      n: n.extent,
      k: k.extent,
      aRow: m.a,
      aColumn: k.a,
      bRow: k.b,
      bColumn: n.b,
      cRow: m.c,
      loops,
      scratch: state.layout.scratch(plan, id),
      work: productWork(planned),
    }
  }
  const convolution = plan.convolutions.get(id)
  if (convolution) {
    const { x, w, ...rest } = convolution
    return {
      kind: 'convolution',
      ...origin,
      ...rest,
      y: target,
      x: { buffer: place(x.node), elements: x.elements },
      w: { buffer: place(w.node), elements: w.elements },
      scratch: state.layout.scratch(plan, id),
      work: convolutionWork(convolution),
    }
  }
  if (node.op === 'pool_max' || node.op === 'pool_max_gradient') {
    const source = (input: number) => ({ buffer: place(plan.behind(input)), elements: 0 })
    const shapes = node.inputs.map((input) => graph.nodes[input]!.type.shape)
    return { ...origin, ...poolingOf(node, shapes), target, sources: node.inputs.map(source) }
  }
  if (node.op !== 'gather' && node.op !== 'scatter_add') throw new Error(`internal: fuse: no call for ${node.op}`)
  const { axis } = node.attributes
  const [source, indices] = [plan.behind(node.inputs[0]!), plan.behind(node.inputs[1]!)]
  const table = node.op === 'gather' ? graph.nodes[node.inputs[0]!]!.type.shape : node.type.shape
  return {
    kind: node.op,
    ...origin,
    target,
    source: { buffer: place(source), elements: 0 },
    indices: { buffer: place(indices), elements: 0 },
    count: product(graph.nodes[node.inputs[1]!]!.type.shape),
    rowElements: product(table.slice(axis + 1)),
    tableRows: table[axis]!,
    outer: product(table.slice(0, axis)),
    work: indexedWork(graph, id),
  }
}
