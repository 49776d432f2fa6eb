/** One materialised value → the loop nest that computes it, everything without a buffer inlined. */
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import type { Dim } from '../dimensions/dimension.ts'
import { opDefinitions } from '../ops/registry.ts'
import { type Affine, affineKey, along, fixed, offsetOf, scale, stridesOf, sum } from './affine.ts'
import { type Draft, type DraftStore, emptyDraft, intern, type Reducer } from './draft.ts'
import { behindAliases, isSource, type Materialisation, storedAt } from './materialise.ts'
import { mergeIndex, moveIndex } from './movement.ts'

/** Numbers the loop axes of one graph and remembers their extents. */
export interface AxisTable {
  readonly extents: Dim[]
}

export interface DraftContext extends Materialisation {
  readonly graph: Graph
  readonly axes: AxisTable
  /** Node and index → value of the draft that is being built. */
  readonly memo: Map<string, number>
}

/** The drafts that fill the buffer of a materialised node; several for a concatenation. */
export function buildDrafts(context: DraftContext, id: number): Draft[] {
  const node = context.graph.nodes[id]!
  switch (node.op) {
    case 'concat':
      return concatDrafts(context, node)
    case 'fold':
      return [foldDraft(context, node)]
    case 'reduce_sum':
      return [reduceDraft(context, node, 'sum', node.attributes.axes)]
    case 'reduce_max':
      return [reduceDraft(context, node, 'max', node.attributes.axes)]
    case 'reduce_min':
      return [reduceDraft(context, node, 'min', node.attributes.axes)]
    case 'reduce_prod':
      return [reduceDraft(context, node, 'prod', node.attributes.axes)]
    case 'argmax':
      return [reduceDraft(context, node, 'argmax', [node.attributes.axis])]
    default:
      return [copyDraft(context, id, id)]
  }
}

/** A draft that evaluates `source` and stores it in `buffer`, contiguous. */
export function copyDraft(context: DraftContext, source: number, buffer: number): Draft {
  const { graph } = context
  // Behind a reshape the elements are in the same order, so the kernel may as well run over the shape behind it.
  let at = source
  const own = source === buffer
  while (graph.nodes[at]!.op === 'reshape' && (own || !hasBuffer(context, at))) {
    const input = graph.nodes[at]!.inputs[0]!
    at = input
    if (hasBuffer(context, input)) break
  }
  const { shape } = graph.nodes[at]!.type
  const index = newAxes(context.axes, shape)
  const draft = startDraft(context)
  const value = at === source && own ? evaluate(context, draft, at, index) : elementOf(context, draft, at, index)
  draft.nodes.add(source)
  draft.stages.push({ inner: axesOf(index), reductions: [], stores: [store(buffer, offsetOf(index, shape), value)] })
  return draft
}

/** A draft that stores `operand` in `buffer`, its axes in the order given. */
export function packDraft(context: DraftContext, operand: number, order: readonly number[], buffer: number): Draft {
  const { shape } = context.graph.nodes[operand]!.type
  const packedIndex = newAxes(
    context.axes,
    order.map((axis) => shape[axis]!),
  )
  const index: Affine[] = []
  order.forEach((axis, position) => {
    index[axis] = packedIndex[position]!
  })
  const draft = startDraft(context)
  const value = elementOf(context, draft, operand, index)
  draft.nodes.add(operand)
  const offset = offsetOf(
    packedIndex,
    order.map((axis) => shape[axis]!),
  )
  draft.stages.push({ inner: axesOf(packedIndex), reductions: [], stores: [store(buffer, offset, value)] })
  return draft
}

function startDraft({ memo }: DraftContext): Draft {
  memo.clear()
  return emptyDraft()
}

function reduceDraft(context: DraftContext, node: GraphNode, reducer: Reducer, axes: readonly number[]): Draft {
  const { graph } = context
  let operand = node.inputs[0]!
  let reduced = axes
  const whole = axes.length === graph.nodes[operand]!.type.shape.length && reducer !== 'argmax'
  if (whole && !context.materialised[operand]) {
    operand = behindAliases(graph, operand)
    reduced = graph.nodes[operand]!.type.shape.map((_, axis) => axis)
  }
  const { shape } = graph.nodes[operand]!.type
  const index = newAxes(context.axes, shape)
  const draft = startDraft(context)
  const keptAxes = shape.map((_, axis) => axis).filter((axis) => !reduced.includes(axis))
  const outer = axesOf(keptAxes.map((axis) => index[axis]!))
  const inner = axesOf(reduced.map((axis) => index[axis]!))
  let value = elementOf(context, draft, operand, index)
  draft.nodes.add(node.id)
  const target = offsetOf(
    keptAxes.map((axis) => index[axis]!),
    keptAxes.map((axis) => shape[axis]!),
  )
  if (inner.length === 0) {
    if (reducer === 'argmax') value = intern(draft, { kind: 'constant', dtype: 'i32', value: 0 })
    draft.stages.push({ inner: outer, reductions: [], stores: [store(node.id, target, value)] })
    return draft
  }
  const result = intern(draft, {
    kind: 'reduction',
    dtype: node.type.dtype,
    reducer,
    operands: [value],
    axes: inner,
  })
  draft.flexible = false
  draft.outer = outer
  draft.stages.push({ inner, reductions: [result], stores: [] })
  draft.stages.push({ inner: [], reductions: [], stores: [store(node.id, target, result)] })
  return draft
}

function concatDrafts(context: DraftContext, node: GraphNode & { op: 'concat' }): Draft[] {
  const { axis } = node.attributes
  const strides = stridesOf(node.type.shape)
  let before: Affine = fixed(0)
  return node.inputs.map((input) => {
    const { shape } = context.graph.nodes[input]!.type
    const draft = startDraft(context)
    const { value, index, inner } = pieceOf(context, draft, input)
    draft.nodes.add(node.id)
    const offset = index.reduce((total, map, at) => sum(total, scale(map, strides[at]!)), before)
    before = sum(before, fixed(scale(fixed(shape[axis]!), strides[axis]!).constant))
    draft.stages.push({ inner, reductions: [], stores: [store(node.id, offset, value)] })
    return draft
  })
}

/** A piece of a concatenation: behind a reshape that merges axes the loops run over the axes before merging. */
function pieceOf(
  context: DraftContext,
  draft: Draft,
  piece: number,
): { value: number; index: readonly Affine[]; inner: number[] } {
  const node = context.graph.nodes[piece]!
  const behind = node.op === 'reshape' ? node.inputs[0]! : piece
  if (behind !== piece && !storedAt(context.graph, context, piece)) {
    const { shape } = context.graph.nodes[behind]!.type
    const inside = newAxes(context.axes, shape)
    const index = mergeIndex(shape, node.type.shape, inside)
    if (index) return { value: elementOf(context, draft, behind, inside), index, inner: axesOf(inside) }
  }
  const index = newAxes(context.axes, node.type.shape)
  return { value: elementOf(context, draft, piece, index), index, inner: axesOf(index) }
}

/** Zeroes the result, then adds each window's elements where they came from. */
function foldDraft(context: DraftContext, node: GraphNode & { op: 'fold' }): Draft {
  const { axis, stride, dilation } = node.attributes
  const draft = startDraft(context)
  draft.nodes.add(node.id)
  draft.flexible = false
  const target = newAxes(context.axes, node.type.shape)
  const zero = intern(draft, { kind: 'constant', dtype: node.type.dtype, value: 0 })
  draft.stages.push({
    inner: axesOf(target),
    reductions: [],
    stores: [store(node.id, offsetOf(target, node.type.shape), zero)],
  })
  const operand = context.graph.nodes[node.inputs[0]!]!
  const index = newAxes(context.axes, operand.type.shape)
  const value = elementOf(context, draft, operand.id, index)
  const position = sum(scale(index[axis]!, stride), scale(index[axis + 1]!, dilation))
  const moved = [...index.slice(0, axis), position, ...index.slice(axis + 2)]
  draft.stages.push({
    inner: axesOf(index),
    reductions: [],
    stores: [{ ...store(node.id, offsetOf(moved, node.type.shape), value), accumulate: true }],
  })
  return draft
}

function store(buffer: number, offset: Affine, value: number): DraftStore {
  return { buffer, offset, value, accumulate: false }
}

function hasBuffer(context: DraftContext, id: number): boolean {
  return context.materialised[id]! || isSource(context.graph.nodes[id]!)
}

function newAxes(table: AxisTable, shape: readonly Dim[]): Affine[] {
  return shape.map((extent) => {
    if (extent === 1) return fixed(0)
    table.extents.push(extent)
    return along(table.extents.length - 1)
  })
}

function axesOf(index: readonly Affine[]): number[] {
  return index.flatMap((map) => map.terms.map(({ axis }) => axis))
}

/** A node's value at an index: a load if it has a buffer (through aliases), else computed. */
function elementOf(context: DraftContext, draft: Draft, id: number, index: readonly Affine[]): number {
  const node = context.graph.nodes[id]!
  if (hasBuffer(context, id)) return load(context, draft, id, offsetOf(index, node.type.shape))
  if (node.op === 'reshape') {
    const stored = storedAt(context.graph, context, id)
    if (stored) return load(context, draft, stored.node, sum(offsetOf(index, node.type.shape), fixed(stored.elements)))
  }
  return evaluate(context, draft, id, index)
}

function load(context: DraftContext, draft: Draft, id: number, offset: Affine): number {
  return intern(draft, { kind: 'load', dtype: context.graph.nodes[id]!.type.dtype, buffer: id, offset })
}

/** Recursion depth is bounded: `chooseMaterialised` cuts long chains. */
function evaluate(context: DraftContext, draft: Draft, id: number, index: readonly Affine[]): number {
  const { graph, memo } = context
  const node = graph.nodes[id]!
  const key = `${id}@${index.map(affineKey).join()}`
  const known = memo.get(key)
  if (known !== undefined) return known
  const value = compute()
  memo.set(key, value)
  return value

  function compute(): number {
    switch (node.op) {
      case 'constant':
        return intern(draft, { kind: 'constant', dtype: node.attributes.dtype, value: node.attributes.value })
      case 'dimension':
        return intern(draft, { kind: 'size', dtype: 'i32', dim: node.attributes.dim })
      case 'iota':
        return intern(draft, { kind: 'position', dtype: 'i32', offset: index[node.attributes.axis]! })
      case 'uniform':
      case 'normal':
        draft.nodes.add(id)
        return intern(draft, {
          kind: 'random',
          dtype: 'f32',
          distribution: node.op,
          site: node.attributes.site,
          element: offsetOf(index, node.type.shape),
        })
      case 'stop_gradient':
      case 'bounded':
        return elementOf(context, draft, node.inputs[0]!, index)
    }
    if (opDefinitions[node.op].class === 'movement') {
      const input = graph.nodes[node.inputs[0]!]!
      const moved = moveIndex(node, input.type.shape, index)
      if (!moved) throw new Error(`internal: fuse: node ${id} (${node.op}) reads an operand without a buffer`)
      let value = elementOf(context, draft, input.id, moved.index)
      if (moved.guards.length === 0) return value
      const otherwise = intern(draft, { kind: 'constant', dtype: node.type.dtype, value: moved.otherwise })
      let inside: number | undefined
      for (const guard of moved.guards) {
        const holds = intern(draft, { kind: 'inside', dtype: 'bool', ...guard })
        inside = inside === undefined ? holds : operation('and', 'bool', 'bool', [inside, holds])
      }
      value = operation('select', node.type.dtype, node.type.dtype, [inside!, value, otherwise])
      return value
    }
    if (opDefinitions[node.op].class !== 'elementwise')
      throw new Error(`internal: fuse: node ${id} (${node.op}) cannot be inlined`)
    draft.nodes.add(id)
    const operands = node.inputs.map((input) => elementOf(context, draft, input, index))
    const operandType = graph.nodes[node.op === 'select' ? node.inputs[1]! : node.inputs[0]!]!.type.dtype
    return operation(node.op, node.type.dtype, operandType, operands)
  }

  function operation(
    op: GraphNode['op'],
    dtype: GraphNode['type']['dtype'],
    operandType: GraphNode['type']['dtype'],
    operands: number[],
  ): number {
    return intern(draft, { kind: 'operation', op, dtype, operandType, operands })
  }
}
