/**
 * Graphs → a program: what gets a buffer, which values share a kernel, the order of calls, and where everything lies.
 */
import type { Graph, GraphNode, GraphProgram } from '../3-graph/graph.ts'
import type { DimRange } from '../dimensions/bounds.ts'
import { add, DimensionError, formatDim, product } from '../dimensions/dimension.ts'
import type { Variable } from '../types.ts'
import { type AttentionPlan, attentionWork } from './attention.ts'
import { canonicalise, sharedKernel } from './canonical.ts'
import { buffersWritten, type Draft } from './draft.ts'
import { formOf, type Rooted } from './draft-form.ts'
import { createKeptRoom, type KeptOperand } from './kept-operands.ts'
import { orderLoops } from './lanes.ts'
import { createLayout, type Layout } from './layout.ts'
import { behindAliases, type Stored } from './materialise.ts'
import { LARGEST_MEMORY, MemoryLimitError } from './memory-limit.ts'
import { kernelName, titleOf, uniqueName } from './naming.ts'
import { type GraphPlan, largestBytes, type PlanSettings, planGraph } from './plan-graph.ts'
import { poolingOf } from './pooling.ts'
import { createPreparations, type Preparations } from './preparations.ts'
import { narrowTile, type Tile } from './product-scratch.ts'
import type {
  AttentionCall,
  Call,
  CallOrigin,
  ConvolutionCall,
  Count,
  Entry,
  FiltersCall,
  IndexedCall,
  Kernel,
  KernelCall,
  LoopCall,
  PackCall,
  Panels,
  Place,
  PointerMove,
  PoolingCall,
  ProductCall,
  Program,
  SequentialCall,
} from './program.ts'
import { roll } from './roll.ts'
import { fixedVariables, separate } from './separate.ts'
import { isSequential, sequentialOf } from './sequential.ts'
import { slackOf } from './slack.ts'
import type { LoopStep, Step } from './step.ts'
import { convolutionWork, indexedWork, loopWork, productWork } from './work.ts'

interface FuseState {
  readonly layout: Layout
  readonly kernels: Kernel[]
  readonly kernelNumbers: Map<string, number>
  readonly names: Set<string>
  readonly variables: ReadonlyMap<string, Variable>
  /** Of the entry in hand, by the form of the draft. */
  readonly forms: Map<string, PlannedKernel>
  readonly preparations: Preparations
  /** The number of the entry in hand. */
  entry: number
  before: number
  after: number
}

/** What drafts alike have in common. */
interface PlannedKernel extends Pick<KernelCall, 'kernel' | 'places' | 'sizes' | 'work'> {
  /** Graph buffers of the first such draft, in order of appearance. */
  readonly buffers: readonly number[]
  /** Which of them were placed, in order. */
  readonly placed: readonly number[]
}

/** What is kept between calls takes at most as many bytes as the parameters and states, and these. */
const LEAST_ROOM = 2 ** 24

/**
 * Plans all entry points together: variables, inputs and the arena are shared.
 *
 * @param tile the largest of the builds to be made; one layout of memory serves them all
 * @param winograd false: every convolution is computed as it is written
 * @throws MemoryLimitError if memory for the largest sizes exceeds what a module can address.
 */
export function fuse(program: GraphProgram, tile: Tile = narrowTile, winograd = true): Program {
  try {
    const settings = { tile, winograd }
    const keeping = fuseGraphs(program, settings, LEAST_ROOM)
    // Where there is no room for what predictions keep, they compute it every time.
    const fits = keeping.memory.total <= LARGEST_MEMORY || keeping.preparations.length === 0
    const fused = roll(fits ? keeping : fuseGraphs(program, settings, undefined))
    const { total } = fused.memory
    if (total > LARGEST_MEMORY) throw new MemoryLimitError(`${(total / 2 ** 30).toFixed(1)} GiB`, program)
    return fused
  } catch (error) {
    if (error instanceof DimensionError) throw new MemoryLimitError('more than 8 GiB', program)
    throw error
  }
}

function fuseGraphs(
  whole: GraphProgram,
  kernels: Pick<PlanSettings, 'tile' | 'winograd'>,
  leastRoom: number | undefined,
): Program {
  const ranges: Record<string, DimRange> = {}
  for (const dim of [...whole.dims, ...whole.graphs.flatMap((graph) => graph.dims)]) ranges[dim.name] = dim
  const room = createKeptRoom(leastRoom === undefined ? 0 : leastRoom + roomToKeep(whole, ranges))
  const { program, prepared } = separate(whole, ranges, room)
  const names = new Set<string>()
  const entryNames = program.graphs.map((graph) => uniqueName(graph.name, names))
  const state: FuseState = {
    layout: createLayout(program, ranges, names),
    kernels: [],
    kernelNumbers: new Map(),
    names,
    variables: new Map(program.variables.map((variable) => [variable.name, variable])),
    forms: new Map(),
    preparations: createPreparations(new Map(prepared.flatMap(({ made, from }) => made.map((name) => [name, from])))),
    entry: 0,
    before: 0,
    after: 0,
  }
  const settings = { ...kernels, room }
  for (const { graph, users, from } of prepared) {
    const calls = (): Call[] => callsOfGraph(state, planGraph(graph, ranges, { ...settings, fixed: new Set() }))
    for (const entry of users) state.preparations.need(entry, { key: graph.name, variables: from, worth: [], calls })
  }
  const planned = program.graphs.map((graph, at) => {
    state.entry = at
    const fixed = graph.kind === 'infer' ? fixedVariables(program, graph) : new Set<string>()
    return planEntry(state, graph, { ...settings, fixed }, ranges, entryNames[at]!)
  })
  const { preparations, of } = state.preparations.finish((text) => uniqueName(text, names))
  const entries = planned.map((entry, at): Entry => {
    const changed = new Set(whole.graphs[at]!.updates.map(({ variable }) => variable))
    const outdates = preparations.flatMap(({ variables }, number) =>
      [...variables].some((name) => changed.has(name)) ? [number] : [],
    )
    return { ...entry, prepared: of(at), outdates }
  })
  return {
    name: program.name,
    dims: program.dims,
    trains: program.trains,
    kernels: state.kernels,
    entries,
    preparations,
    ...state.layout.finish(state, preparations.length),
  }
}

function roomToKeep({ variables }: GraphProgram, ranges: Readonly<Record<string, DimRange>>): number {
  return variables
    .filter(({ kind }) => kind === 'parameter' || kind === 'state')
    .reduce((total, { type }) => total + largestBytes(type.shape, ranges), 0)
}

/** The calls of an entry, or of the graph of values to be kept. */
function callsOfGraph(state: FuseState, plan: GraphPlan): Call[] {
  const { layout } = state
  state.forms.clear()
  const calls = callsOf(state, plan, plan.steps)
  for (const { variable, buffer } of plan.copies) {
    const { shape } = plan.typeOf(buffer)
    calls.push({
      kind: 'copy',
      title: `${variable} update`,
      target: layout.variable(variable),
      source: layout.place(plan, buffer).buffer,
      elements: product(shape),
      work: { flops: [], bytes: [[8, ...shape]] },
    })
  }
  return calls
}

function planEntry(
  state: FuseState,
  graph: Graph,
  settings: PlanSettings,
  ranges: Readonly<Record<string, DimRange>>,
  exportName: string,
): Entry {
  const { layout } = state
  const plan = planGraph(graph, ranges, settings)
  const calls = callsOfGraph(state, plan)
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
      buffer: layout.place(plan, plan.outputs.get(name)!).buffer,
    })),
    calls,
    runs: [],
    prepared: [],
    outdates: [],
    arenaBytes: plan.arenaBytes,
    liveBytes: plan.liveBytes,
  }
}

function isInput(node: GraphNode): node is GraphNode & { op: 'input' } {
  return node.op === 'input'
}

function callsOf(state: FuseState, plan: GraphPlan, steps: readonly Step[]): Call[] {
  return steps.flatMap((step): Call[] => {
    const calls = callsOfStep(state, plan, step)
    if (step.guard === undefined) return calls
    const when = state.layout.place(plan, step.guard)
    return calls.map((call) => ({ ...call, when }))
  })
}

function callsOfStep(state: FuseState, plan: GraphPlan, step: Step): Call[] {
  if (step.kind === 'draft') return [kernelCall(state, plan, step.draft)]
  if (step.kind === 'loop') {
    const packed = [...plan.packed].filter(([, { loop }]) => loop === step.loop)
    return [...packed.map(([node]) => packCall(state, plan, node)), loopCall(state, plan, step)]
  }
  const packing = plan.packed.get(step.node)
  const alone = packing && packing.loop === undefined
  return [...(alone ? [packCall(state, plan, step.node)] : []), libraryCall(state, plan, step.node)]
}

/** The buffer of an operand that is kept, noted as what the entry in hand needs. */
function keptOperand(state: FuseState, plan: GraphPlan, node: number, operand: KeptOperand): number {
  const { key, kind, variable, bytes, worth } = operand
  const buffer = state.layout.kept(key, `${kind}_${variable}`, bytes)
  state.preparations.need(state.entry, {
    ...{ key, worth },
    variables: [variable],
    calls: () => [
      kind === 'panels' ? packCall(state, plan, node, { buffer, worth: [] }) : filtersCall(state, plan, node, buffer),
    ],
  })
  return buffer
}

function filtersCall(state: FuseState, plan: GraphPlan, node: number, target: number): FiltersCall {
  const { w, groups, filters, channels, strides, axes } = plan.convolutions.get(node)!
  const [down, across] = axes.slice(1).map(({ filterDilation }) => filterDilation)
  const origin = originOf(plan, new Set([node]))
  return {
    kind: 'filters',
    ...origin,
    title: `filters of ${origin.title}`,
    ...{ target, groups, filters, channels, strides: strides.w },
    w: placeOf(state, plan, w),
    dilations: [down!, across!],
    work: {
      flops: [],
      bytes: [
        [4 * 9, groups, filters, channels],
        [4 * 36, groups, filters, channels],
      ],
    },
  }
}

function packCall(
  state: FuseState,
  plan: GraphPlan,
  node: number,
  panels: Panels = panelsOf(state, plan, node),
): PackCall {
  const { b, n, k } = plan.products.get(node)!
  const origin = originOf(plan, new Set([node]))
  return {
    kind: 'pack',
    ...origin,
    title: `right operand of ${origin.title}`,
    panels,
    b: placeOf(state, plan, b),
    n: n.extent,
    k: k.extent,
    bRow: k.b,
    bColumn: n.b,
    work: { flops: [], bytes: [[8, n.extent, k.extent]] },
  }
}

function panelsOf(state: FuseState, plan: GraphPlan, node: number): Panels {
  const kept = plan.kept.get(node)
  if (kept) return { buffer: keptOperand(state, plan, node, kept), worth: kept.worth, prepared: true }
  return { buffer: state.layout.panels(plan, node), worth: plan.packed.get(node)!.worth }
}

/** `elements` into a graph buffer. */
function placeOf(state: FuseState, plan: GraphPlan, { node, elements }: Stored): Place {
  const start = state.layout.place(plan, node)
  return { buffer: start.buffer, elements: add(start.elements, elements) }
}

function loopCall(state: FuseState, plan: GraphPlan, { loop: number, body: steps }: LoopStep): LoopCall {
  const { node, counter, count, reverse, until } = plan.graph.loops[number]!
  const place = (buffer: number): Place => state.layout.place(plan, buffer)
  const pointers = plan.loops.get(number)!.pointers.map((pointer): PointerMove => {
    const now = place(pointer.now).buffer
    if (pointer.kind === 'follow')
      return { kind: 'follow', now, first: place(pointer.first), next: place(pointer.next) }
    const elements = product(plan.typeOf(pointer.now).shape)
    return {
      kind: 'swap',
      now,
      next: place(pointer.next).buffer,
      home: place(pointer.home),
      other: place(pointer.other),
      ...(pointer.needed && { elements }),
    }
  })
  const body = callsOf(state, plan, steps)
  const total = (part: 'flops' | 'bytes'): Count =>
    body.flatMap(({ work }) => work[part].map((term) => [count, ...term]))
  const { op, span } = plan.graph.nodes[node]!
  return {
    kind: 'loop',
    title: `${op} of ${formatDim(count)} steps`,
    ...(span && { span }),
    counter,
    count,
    reverse,
    body,
    pointers,
    ...(until && {
      until: {
        moved: place(until.moved),
        tolerance: until.tolerance,
        ...(until.steps !== undefined && plan.storage.has(until.steps) && { steps: place(until.steps) }),
      },
    }),
    work: { flops: total('flops'), bytes: total('bytes') },
  }
}

function kernelCall(state: FuseState, plan: GraphPlan, draft: Draft): KernelCall {
  const updated = variablesWritten(state, plan, draft)
  const { kernel, places, sizes, work } = plannedKernel(state, plan, draft, updated)
  return { kind: 'kernel', kernel, places, sizes, ...originOf(plan, draft.nodes, updated), work }
}

/** Worked out once for drafts alike. */
function plannedKernel(
  state: FuseState,
  plan: GraphPlan,
  draft: Draft,
  updated: readonly Variable[],
): Pick<KernelCall, 'kernel' | 'places' | 'sizes' | 'work'> {
  const { key, buffers } = formOf(draft, plan.axes.extents, plan.typeOf, (buffer) => rootOf(plan, buffer))
  const known = state.forms.get(key)
  if (!known) {
    const planned = planKernel(state, plan, draft, updated, buffers)
    state.forms.set(key, planned)
    return planned
  }
  const place = (buffer: number): number => state.layout.place(plan, buffer).buffer
  const moved = new Map(known.placed.map((at) => [place(known.buffers[at]!), place(buffers[at]!)]))
  const places = known.places.map(({ buffer, elements }) => ({ buffer: moved.get(buffer)!, elements }))
  const { kernel, sizes, work } = known
  return { kernel, places, sizes, work }
}

function planKernel(
  state: FuseState,
  plan: GraphPlan,
  draft: Draft,
  updated: readonly Variable[],
  buffers: readonly number[],
): PlannedKernel {
  const { graph } = plan
  const loops = orderLoops(draft, plan.axes.extents)
  const slack = slackOf(loops, plan.ranges, plan.bytesOf)
  state.before = Math.max(state.before, slack.before)
  state.after = Math.max(state.after, slack.after)
  const placed = new Set<number>()
  const canonical = canonicalise(
    loops,
    (buffer) => {
      placed.add(buffer)
      return state.layout.place(plan, buffer)
    },
    (buffer) => plan.typeOf(buffer).dtype,
  )
  let kernel = state.kernelNumbers.get(canonical.key)
  if (kernel === undefined) {
    const wanted = kernelName(graph, draft.nodes, {
      entry: graph.kind,
      updates: updated.map(({ kind }) => kind),
      rows: canonical.structure.class === 'rows',
    })
    kernel = state.kernels.push({ name: uniqueName(wanted, state.names), ...canonical.structure }) - 1
    state.kernelNumbers.set(canonical.key, kernel)
  } else state.kernels[kernel] = sharedKernel(state.kernels[kernel]!, canonical.structure)
  const numbers = new Map(buffers.map((buffer, at) => [buffer, at]))
  return {
    kernel,
    places: canonical.places,
    sizes: canonical.sizes,
    work: loopWork(loops, (buffer) => plan.typeOf(buffer).shape),
    buffers,
    placed: [...placed].map((buffer) => numbers.get(buffer)!),
  }
}

/** The memory a graph buffer is part of. One without storage is no longer used. */
function rootOf(plan: GraphPlan, buffer: number): Rooted {
  const storage = plan.storage.get(buffer)
  if (storage === undefined || storage.kind === 'arena' || storage.kind === 'pointer')
    return { root: `${buffer}`, elements: 0 }
  if (storage.kind !== 'within') return { root: `${storage.kind} ${storage.name}`, elements: 0 }
  const around = rootOf(plan, storage.buffer)
  return { root: around.root, elements: add(around.elements, storage.elements) }
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

function attentionCall(
  state: FuseState,
  plan: GraphPlan,
  attention: AttentionPlan,
  target: Place,
): Omit<AttentionCall, 'scratch' | 'title'> {
  const { kind, sizes, scale, reach, strides, rows, parts, q, k, v, slopes, bias, kept } = attention
  const places: Place[] = []
  let elements = target.elements
  for (const part of parts) {
    places.push({ ...target, elements })
    elements = add(elements, part)
  }
  const at = (stored: Stored): Place => placeOf(state, plan, stored)
  const probabilities = kept === 'here' ? places[1] : kept && at(kept)
  return {
    ...{ kind, sizes, scale, reach, strides, rows },
    targets: kind === 'attention' ? places.slice(0, 1) : places,
    ...(probabilities && { kept: probabilities }),
    sources: [at(q), at(k), at(v)],
    ...(slopes && { slopes: at(slopes) }),
    ...(bias && { bias: at(bias) }),
    work: attentionWork(attention),
  }
}

function libraryCall(
  state: FuseState,
  plan: GraphPlan,
  id: number,
): ProductCall | ConvolutionCall | PoolingCall | AttentionCall | IndexedCall | SequentialCall {
  const { graph, products } = plan
  const node = graph.nodes[id]!
  const place = (buffer: number): Place => state.layout.place(plan, buffer)
  const permuted = node.op === 'permute' ? node.inputs[0]! : id
  const convolution = plan.convolutions.get(id)
  const origin = originOf(plan, new Set(convolution?.pools ? [behindAliases(graph, node.inputs[0]!), id] : [permuted]))
  const target = place(id)
  const planned = products.get(id)
  if (planned) {
    const { a, b, m, n, k, loops, onto } = planned
    return {
      kind: 'product',
      ...origin,
      c: target,
      a: placeOf(state, plan, a),
      b: placeOf(state, plan, b),
      m: m.extent,
      n: n.extent,
      k: k.extent,
      aRow: m.a,
      aColumn: k.a,
      bRow: k.b,
      bColumn: n.b,
      cRow: m.c,
      loops,
      ...(onto && { accumulate: onto === 'always' ? {} : { unless: place(onto.unless) } }),
      scratch: state.layout.scratch(plan, id),
      ...((plan.packed.has(id) || plan.kept.has(id)) && { panels: panelsOf(state, plan, id) }),
      work: productWork(planned),
    }
  }
  if (convolution) {
    const { x, w, pooled, ...rest } = convolution
    const kept = plan.kept.get(id)
    return {
      kind: 'convolution',
      ...origin,
      ...rest,
      y: target,
      x: placeOf(state, plan, x),
      w: placeOf(state, plan, w),
      ...(pooled && {
        pooled: { input: placeOf(state, plan, pooled.input), largest: placeOf(state, plan, pooled.largest) },
      }),
      ...(kept && { prepared: keptOperand(state, plan, id, kept) }),
      scratch: state.layout.scratch(plan, id),
      work: convolutionWork(convolution),
    }
  }
  const attention = plan.attentions.get(id)
  if (attention)
    return { ...origin, ...attentionCall(state, plan, attention, target), scratch: state.layout.scratch(plan, id) }
  if (node.op === 'pool_max' || node.op === 'pool_max_gradient') {
    const shapes = node.inputs.map((input) => graph.nodes[input]!.type.shape)
    const sources = node.inputs.map((input) => placeOf(state, plan, plan.stored(input)))
    return { ...origin, ...poolingOf(node, shapes), target, sources }
  }
  if (isSequential(node)) {
    const scratch = node.op === 'argsort' ? { scratch: state.layout.scratch(plan, id) } : {}
    const source = placeOf(state, plan, plan.stored(node.inputs[0]!))
    return { ...origin, ...sequentialOf(graph, node), ...scratch, target, source }
  }
  if (node.op !== 'gather' && node.op !== 'scatter_add') throw new Error(`internal: fuse: no call for ${node.op}`)
  const { axis } = node.attributes
  const table = node.op === 'gather' ? graph.nodes[node.inputs[0]!]!.type.shape : node.type.shape
  return {
    kind: node.op,
    ...origin,
    target,
    source: placeOf(state, plan, plan.stored(node.inputs[0]!)),
    indices: placeOf(state, plan, plan.stored(node.inputs[1]!)),
    count: product(graph.nodes[node.inputs[1]!]!.type.shape),
    rowElements: product(table.slice(axis + 1)),
    tableRows: table[axis]!,
    outer: product(table.slice(0, axis)),
    work: indexedWork(graph, id),
  }
}
