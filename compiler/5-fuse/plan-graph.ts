/** One graph → ordered steps with every result's storage decided, arena offsets included. */
import type { Graph } from '../3-graph/graph.ts'
import { boundsOf, type Dim, type DimRange, product } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { type AxisTable, buildDrafts, copyDraft, type DraftContext, packDraft } from './build-draft.ts'
import { type ConvolutionPlan, planConvolution } from './convolution.ts'
import { convolutionScratchBytes } from './convolution-scratch.ts'
import {
  behindAliases,
  chooseMaterialised,
  isLibraryOp,
  isSource,
  type Materialisation,
  productOf,
} from './materialise.ts'
import { mergeSteps, type Step } from './merge.ts'
import { type Lifetime, planArena } from './plan-memory.ts'
import { type ProductPlan, planProduct } from './product.ts'
import { matmulScratchBytes } from './product-scratch.ts'
import { dropDeadStores, readsOf, schedule, type UpdateCandidate, writesOf } from './schedule.ts'

export interface GraphPlan {
  readonly graph: Graph
  readonly materialisation: Materialisation
  readonly axes: AxisTable
  readonly steps: readonly Step[]
  readonly products: ReadonlyMap<number, ProductPlan>
  readonly convolutions: ReadonlyMap<number, ConvolutionPlan>
  /** Graph buffers: a node's number, or from `nodes.length` on a copy made for an output or update. */
  readonly storage: ReadonlyMap<number, Storage>
  /** Output name → graph buffer. */
  readonly outputs: ReadonlyMap<string, number>
  /** Variables to be overwritten at the end. */
  readonly copies: readonly { readonly variable: string; readonly buffer: number }[]
  /** Product node → arena offset of its packing space. */
  readonly scratch: ReadonlyMap<number, { readonly offset: number; readonly bytes: number }>
  readonly arenaBytes: number
  typeOf(buffer: number): TensorType
  /** The buffer an indexed operand lies in. */
  behind(node: number): number
  nameOf(buffer: number): string
}

export type Storage =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'hyper'; readonly name: string }
  | { readonly kind: 'output'; readonly name: string }
  | { readonly kind: 'arena'; readonly offset: number }

/** Bytes of a tensor at the largest sizes; every element takes four. */
export function largestBytes(shape: readonly Dim[], ranges: Readonly<Record<string, DimRange>>): number {
  return 4 * boundsOf(product(shape), ranges).maximum
}

export function planGraph(graph: Graph, ranges: Readonly<Record<string, DimRange>>): GraphPlan {
  const materialisation = chooseMaterialised(graph)
  const axes: AxisTable = { extents: [] }
  const context: DraftContext = { ...materialisation, graph, axes }
  const { nodes } = graph
  const extras: number[] = []
  const typeOf = (buffer: number): TensorType =>
    nodes[buffer < nodes.length ? buffer : extras[buffer - nodes.length]!]!.type
  const storage = new Map<number, Storage>()
  const variableNodes = new Map<string, number>()
  for (const node of nodes) {
    if (!isSource(node)) continue
    const { name } = node.attributes as { name: string }
    storage.set(node.id, { kind: node.op as 'input' | 'variable' | 'hyper', name })
    if (node.op === 'variable') variableNodes.set(name, node.id)
  }

  const products = new Map<number, ProductPlan>()
  const convolutions = new Map<number, ConvolutionPlan>()
  const steps: Step[] = []
  const packed = new Map<string, number>()
  const pack = (operand: number, order: readonly number[]): number => {
    const key = `${operand}: ${order.join()}`
    const known = packed.get(key)
    if (known !== undefined) return known
    const buffer = nodes.length + extras.push(operand) - 1
    packed.set(key, buffer)
    steps.push({ kind: 'draft', draft: packDraft(context, operand, order, buffer) })
    return buffer
  }
  for (const { id } of nodes) {
    if (!materialisation.materialised[id] || !materialisation.live[id]) continue
    const product = productOf(graph, materialisation, id)
    if (product !== undefined && nodes[product]!.op === 'convolve') {
      const plan = planConvolution(graph, materialisation, id)
      convolutions.set(id, plan)
      steps.push({ kind: 'library', node: id, reads: [plan.x.node, plan.w.node] })
    } else if (product !== undefined) {
      const plan = planProduct(graph, materialisation, id, pack)
      products.set(id, plan)
      steps.push({ kind: 'library', node: id, reads: [plan.a.node, plan.b.node] })
    } else if (isLibraryOp(nodes[id]!.op))
      steps.push({ kind: 'library', node: id, reads: nodes[id]!.inputs.map((input) => behindAliases(graph, input)) })
    else for (const draft of buildDrafts(context, id)) steps.push({ kind: 'draft', draft })
  }

  const taken = new Set<number>()
  /** The buffer that can hold a node's value for one purpose; a copy if the node's own is spoken for. */
  const claim = (node: number): number => {
    if (materialisation.materialised[node] && !taken.has(node)) {
      taken.add(node)
      return node
    }
    const buffer = nodes.length + extras.push(node) - 1
    steps.push({ kind: 'draft', draft: copyDraft(context, node, buffer) })
    return buffer
  }
  const outputs = new Map<string, number>()
  for (const { name, node } of graph.outputs) {
    const buffer = claim(node)
    outputs.set(name, buffer)
    storage.set(buffer, { kind: 'output', name })
  }
  const updates = graph.updates.map(({ variable, node }) => ({ variable, buffer: claim(node) }))

  const merged = mergeSteps(steps, { extents: axes.extents, ranges })
  const kept = new Set([...outputs.values(), ...updates.map(({ buffer }) => buffer)])
  const candidates: UpdateCandidate[] = updates.map(({ variable, buffer }) => ({
    buffer,
    old: variableNodes.get(variable),
  }))
  const scheduled = schedule(dropDeadStores(merged, kept), candidates)
  const copies = updates.filter(({ buffer }) => !scheduled.inPlace.has(buffer))
  for (const { variable, buffer } of updates)
    if (scheduled.inPlace.has(buffer)) storage.set(buffer, { kind: 'variable', name: variable })

  const { lifetimes, owners } = arenaLifetimes()
  const arena = planArena(lifetimes)
  const scratch = new Map<number, { offset: number; bytes: number }>()
  owners.forEach((owner, at) => {
    if (owner.kind === 'scratch') scratch.set(owner.node, { offset: arena.offsets[at]!, bytes: lifetimes[at]!.bytes })
    else storage.set(owner.node, { kind: 'arena', offset: arena.offsets[at]! })
  })
  return {
    graph,
    materialisation,
    axes,
    steps: scheduled.steps,
    products,
    convolutions,
    storage,
    outputs,
    copies,
    scratch,
    arenaBytes: arena.bytes,
    typeOf,
    behind: (node) => behindAliases(graph, node),
    nameOf: (buffer) => (buffer < nodes.length ? `${nodes[buffer]!.op}${buffer}` : `copy${buffer}`),
  }

  /** Packing space of a library call. */
  function scratchBytes(node: number): number {
    const largest = (dim: Dim): number => boundsOf(dim, ranges).maximum
    const convolution = convolutions.get(node)
    if (convolution) return convolutionScratchBytes(convolution, largest)
    const plan = products.get(node)
    return plan ? matmulScratchBytes(largest(plan.m.extent), largest(plan.n.extent), largest(plan.k.extent)) : 0
  }

  function arenaLifetimes(): { lifetimes: Lifetime[]; owners: { kind: 'value' | 'scratch'; node: number }[] } {
    const spans = new Map<number, { first: number; last: number }>()
    const touch = (buffer: number, at: number): void => {
      const span = spans.get(buffer)
      if (span) span.last = at
      else spans.set(buffer, { first: at, last: at })
    }
    const lifetimes: Lifetime[] = []
    const owners: { kind: 'value' | 'scratch'; node: number }[] = []
    scheduled.steps.forEach((step, at) => {
      for (const buffer of [...readsOf(step), ...writesOf(step)]) if (!storage.has(buffer)) touch(buffer, at)
      if (step.kind !== 'library') return
      const bytes = scratchBytes(step.node)
      if (bytes === 0) return
      lifetimes.push({ bytes, first: at, last: at })
      owners.push({ kind: 'scratch', node: step.node })
    })
    for (const { buffer } of copies) if (spans.has(buffer)) touch(buffer, scheduled.steps.length)
    for (const [node, span] of spans) {
      lifetimes.push({ ...span, bytes: largestBytes(typeOf(node).shape, ranges) })
      owners.push({ kind: 'value', node })
    }
    return { lifetimes, owners }
  }
}
