/** One graph → ordered steps with every result's storage decided, arena offsets included. */
import type { Graph } from '../3-graph/graph.ts'
import { boundsOf, type DimRange } from '../dimensions/bounds.ts'
import { type Dim, product } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { addInPlace } from './add-in-place.ts'
import { assignArena } from './assign-arena.ts'
import { type AttentionPlan, attentionReads, isAttention, planAttention } from './attention.ts'
import { type AxisTable, buildDrafts, copyDraft, type DraftContext, packDraft } from './build-draft.ts'
import { type ConvolutionPlan, operandsOfConvolution, planConvolution } from './convolution.ts'
import { type FlatGraph, flatten } from './flatten.ts'
import { assumeGuard, withGuards } from './guard.ts'
import { interleave } from './interleave.ts'
import { joinProducers } from './join-producers.ts'
import { type KeptOperand, type KeptRoom, keptOperands } from './kept-operands.ts'
import {
  chooseMaterialised,
  isLibraryOp,
  isSource,
  type Materialisation,
  productOf,
  type Stored,
  storedAt,
} from './materialise.ts'
import { mergeSteps } from './merge.ts'
import { type Packing, packedOnce } from './packing.ts'
import { type LoopPlan, planLoop } from './plan-loop.ts'
import { type ProductPlan, planProduct } from './product.ts'
import type { Tile } from './product-scratch.ts'
import { dropDeadStores, type Schedule, schedule, type UpdateCandidate } from './schedule.ts'
import type { Step } from './step.ts'

export interface GraphPlan {
  readonly graph: FlatGraph
  /** Bounds of the dimensions, loop counters among them. */
  readonly ranges: Readonly<Record<string, DimRange>>
  readonly axes: AxisTable
  readonly steps: readonly Step[]
  readonly products: ReadonlyMap<number, ProductPlan>
  readonly convolutions: ReadonlyMap<number, ConvolutionPlan>
  readonly attentions: ReadonlyMap<number, AttentionPlan>
  /** By a loop's number. */
  readonly loops: ReadonlyMap<number, LoopPlan>
  /** Graph buffers: a node's number, or from `nodes.length` on one made for an output, an update or a loop. */
  readonly storage: ReadonlyMap<number, Storage>
  /** Output name → graph buffer. */
  readonly outputs: ReadonlyMap<string, number>
  /** Variables to be overwritten at the end. */
  readonly copies: readonly { readonly variable: string; readonly buffer: number }[]
  /** Product or convolution node → its packing space. */
  readonly scratch: ReadonlyMap<number, ArenaRoom>
  /** Product node → before which loop its right operand is packed, and where. */
  readonly packed: ReadonlyMap<number, Packing>
  readonly panels: ReadonlyMap<number, ArenaRoom>
  /** Product or convolution node → its operand as it is kept between calls. */
  readonly kept: ReadonlyMap<number, KeptOperand>
  readonly arenaBytes: number
  /** The most bytes alive at one step. */
  readonly liveBytes: number
  typeOf(buffer: number): TensorType
  /** At the largest sizes. */
  bytesOf(buffer: number): number
  /** Where an indexed operand lies. */
  stored(node: number): Stored
  nameOf(buffer: number): string
}

export interface ArenaRoom {
  readonly offset: number
  readonly bytes: number
}

export type Storage =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'hyper'; readonly name: string }
  | { readonly kind: 'output'; readonly name: string }
  | { readonly kind: 'arena'; readonly offset: number }
  /** Inside another graph buffer. */
  | { readonly kind: 'within'; readonly buffer: number; readonly elements: Dim }
  /** Where a pointer points that a loop moves. */
  | { readonly kind: 'pointer' }

/** A graph while it is planned. */
export interface Planning {
  readonly graph: FlatGraph
  readonly context: DraftContext
  readonly ranges: Readonly<Record<string, DimRange>>
  /** The largest of the builds. */
  readonly tile: Tile
  readonly storage: Map<number, Storage>
  /** The steps of each region so far, in the order of their nodes. */
  readonly steps: Step[][]
  typeOf(buffer: number): TensorType
  /** At the largest sizes. */
  bytesOf(buffer: number): number
  regionOf(buffer: number): number
  /** A buffer beside those of the nodes, of the type of `node`. */
  extra(node: number, region: number): number
  /** The buffer that holds a node's value for one purpose; a copy if the node's own is spoken for. */
  claim(node: number, region: number): number
  /** Evaluates a node into a buffer. */
  fill(node: number, buffer: number, region: number): void
  /** Merges and orders the steps of a region. */
  order(region: number, kept: ReadonlySet<number>, candidates: readonly UpdateCandidate[]): Schedule
}

/** Bytes of a tensor at the largest sizes; every element takes four. */
export function largestBytes(shape: readonly Dim[], ranges: Readonly<Record<string, DimRange>>): number {
  return 4 * boundsOf(product(shape), ranges).maximum
}

export interface PlanSettings {
  /** The largest of the builds. */
  readonly tile: Tile
  readonly winograd: boolean
  /** The variables that stay the same from call to call, and room to keep what follows from them. */
  readonly fixed: ReadonlySet<string>
  readonly room: KeptRoom
}

export function planGraph(
  entry: Graph,
  entryRanges: Readonly<Record<string, DimRange>>,
  { tile, winograd, fixed, room }: PlanSettings,
): GraphPlan {
  const graph = flatten(entry, entryRanges)
  const { nodes } = graph
  const ranges = { ...entryRanges }
  for (const { counter, count } of graph.loops)
    ranges[counter] = { minimum: 0, maximum: Math.max(0, boundsOf(count, ranges).maximum - 1) }
  const materialisation = chooseMaterialised(graph, { winograd })
  const planning = startPlanning(graph, ranges, materialisation, tile)
  const { storage, steps } = planning
  const variableNodes = new Map<string, number>()
  for (const node of nodes) {
    if (!isSource(node) || graph.regions[node.id] !== 0) continue
    const { name } = node.attributes as { name: string }
    storage.set(node.id, { kind: node.op as 'input' | 'variable' | 'hyper', name })
    if (node.op === 'variable') variableNodes.set(name, node.id)
  }

  const stored = (node: number): Stored => {
    const place = storedAt(graph, materialisation, node)
    if (!place) throw new Error(`internal: fuse: operand ${node} of ${graph.name} lies nowhere`)
    return place
  }
  const products = new Map<number, ProductPlan>()
  const convolutions = new Map<number, ConvolutionPlan>()
  const attentions = new Map<number, AttentionPlan>()
  const loops = new Map<number, LoopPlan>()
  const loopAt = new Map(graph.loops.map(({ node }, at) => [node, at]))
  const laidOut = new Map<string, number>()
  const layOut = (operand: number, order: readonly number[]): number => {
    const key = `${operand}: ${order.join()}`
    const known = laidOut.get(key)
    if (known !== undefined) return known
    const region = graph.regions[operand]!
    const buffer = planning.extra(operand, region)
    laidOut.set(key, buffer)
    steps[region]!.push({ kind: 'draft', draft: packDraft(planning.context, operand, order, buffer) })
    return buffer
  }
  for (const node of nodes) {
    const { id, op, inputs } = node
    if (!materialisation.live[id]) continue
    const loop = loopAt.get(id)
    if (loop !== undefined) loops.set(loop, planLoop(planning, loop))
    if (!materialisation.materialised[id] || op === 'result') continue
    const own = steps[graph.regions[id]!]!
    const product = productOf(graph, materialisation, id)
    if (product !== undefined && nodes[product]!.op === 'convolve') {
      const plan = planConvolution(graph, materialisation, id, { winograd })
      convolutions.set(id, plan)
      own.push({ kind: 'library', node: id, reads: operandsOfConvolution(plan) })
    } else if (product !== undefined) {
      const plan = planProduct(graph, materialisation, id, layOut)
      products.set(id, plan)
      own.push({ kind: 'library', node: id, reads: [plan.a.node, plan.b.node] })
    } else if (isAttention(node)) {
      const plan = planAttention(graph, materialisation, node)
      attentions.set(id, plan)
      own.push({ kind: 'library', node: id, reads: attentionReads(plan) })
    } else if (isLibraryOp(op))
      own.push({ kind: 'library', node: id, reads: inputs.map((input) => stored(input).node) })
    else for (const draft of buildDrafts(planning.context, id)) own.push({ kind: 'draft', draft })
  }

  const outputs = new Map<string, number>()
  for (const { name, node } of graph.outputs) {
    const buffer = planning.claim(node, 0)
    outputs.set(name, buffer)
    storage.set(buffer, { kind: 'output', name })
  }
  const updates = graph.updates.map(({ variable, node }) => ({ variable, buffer: planning.claim(node, 0) }))
  const kept = new Set([...outputs.values(), ...updates.map(({ buffer }) => buffer)])
  const candidates = updates.map(({ variable, buffer }) => ({ buffer, old: variableNodes.get(variable) }))
  steps[0] = withGuards(steps[0]!, candidates, kept, planning.typeOf)
  const ordered = planning.order(0, kept, candidates)
  const overwriting = candidates.filter(({ buffer }) => ordered.inPlace.has(buffer))
  const scheduled = { ...ordered, steps: withGuards(ordered.steps, overwriting, kept, planning.typeOf) }
  scheduled.steps.forEach(assumeGuard)
  const copies = updates.filter(({ buffer }) => !scheduled.inPlace.has(buffer))
  for (const { variable, buffer } of updates)
    if (scheduled.inPlace.has(buffer)) storage.set(buffer, { kind: 'variable', name: variable })

  const nameOf = (buffer: number): string => {
    const node = nodes[buffer]
    if (!node) return `copy${buffer}`
    return `${node.op === 'input' ? node.attributes.name : node.op}${buffer}`
  }
  const operands = keptOperands(products, convolutions, storage, fixed, room)
  const packed = new Map([...packedOnce(graph, products, planning.regionOf)].filter(([node]) => !operands.has(node)))
  const old = new Map(overwriting.flatMap((update) => (update.old === undefined ? [] : [[update.buffer, update.old]])))
  const added = addInPlace(scheduled.steps, { products, storage, old, kept })
  const interleaved = interleave(added, kept, {
    axes: planning.context.axes,
    products,
    storage,
    typeOf: planning.typeOf,
    loops: graph.loops.length,
  })
  const blocks = new Map<number, TensorType>()
  for (const { loop, product, type } of interleaved.found) {
    const number = graph.loops.length + blocks.size
    ranges[loop.counter] = { minimum: 0, maximum: (loop.count as number) - 1 }
    products.set(loop.node, product)
    packed.set(loop.node, { loop: number, worth: [] })
    loops.set(number, { pointers: [] })
    blocks.set(loop.node, type)
  }
  const typeOf = (buffer: number): TensorType => blocks.get(buffer) ?? planning.typeOf(buffer)
  const bytesOf = (buffer: number): number => {
    const block = blocks.get(buffer)
    return block ? largestBytes(block.shape, ranges) : planning.bytesOf(buffer)
  }
  const arena = assignArena(
    { ...planning, typeOf, bytesOf },
    interleaved.steps,
    products,
    { convolutions, attentions },
    { packed, kept: operands },
    new Set(copies.map(({ buffer }) => buffer)),
  )
  for (const [buffer, offset] of arena.offsets) storage.set(buffer, { kind: 'arena', offset })
  return {
    graph: { ...graph, loops: [...graph.loops, ...interleaved.found.map(({ loop }) => loop)] },
    ranges,
    axes: planning.context.axes,
    steps: interleaved.steps,
    products,
    convolutions,
    attentions,
    loops,
    storage,
    outputs,
    copies,
    scratch: arena.scratch,
    packed,
    panels: arena.panels,
    kept: operands,
    arenaBytes: arena.bytes,
    liveBytes: arena.liveBytes,
    typeOf,
    bytesOf,
    stored,
    nameOf,
  }
}

function startPlanning(
  graph: FlatGraph,
  ranges: Readonly<Record<string, DimRange>>,
  materialisation: Materialisation,
  tile: Tile,
): Planning {
  const { nodes } = graph
  const context: DraftContext = { ...materialisation, graph, axes: { extents: [] }, memo: new Map() }
  const steps: Step[][] = [[], ...graph.loops.map(() => [])]
  const extras: { readonly node: number; readonly region: number }[] = []
  const taken = new Set<number>()
  const extra = (node: number, region: number): number => nodes.length + extras.push({ node, region }) - 1
  const fill = (node: number, buffer: number, region: number): void => {
    steps[region]!.push({ kind: 'draft', draft: copyDraft(context, node, buffer) })
  }
  const storage = new Map<number, Storage>()
  const typeOf = (buffer: number): TensorType =>
    nodes[buffer < nodes.length ? buffer : extras[buffer - nodes.length]!.node]!.type
  const bytes = new Map<number, number>()
  const bytesOf = (buffer: number): number => {
    const found = bytes.get(buffer) ?? largestBytes(typeOf(buffer).shape, ranges)
    bytes.set(buffer, found)
    return found
  }
  return {
    graph,
    context,
    ranges,
    tile,
    storage,
    steps,
    typeOf,
    bytesOf,
    regionOf: (buffer) => (buffer < nodes.length ? graph.regions[buffer]! : extras[buffer - nodes.length]!.region),
    extra,
    claim(node, region) {
      if (materialisation.materialised[node] && graph.regions[node] === region && !taken.has(node)) {
        taken.add(node)
        return node
      }
      const buffer = extra(node, region)
      fill(node, buffer, region)
      return buffer
    },
    fill,
    order(region, kept, candidates) {
      const merging = { extents: context.axes.extents, ranges }
      const joined = joinProducers(mergeSteps(steps[region]!, merging), merging)
      const taken = (buffer: number): number => (storage.has(buffer) ? 0 : bytesOf(buffer))
      return schedule(dropDeadStores(joined, kept), candidates, kept, taken)
    },
  }
}
