/** Which buffers live when, and from that their offsets in the arena. */
import { boundsOf } from '../dimensions/bounds.ts'
import { type Dim, isConstant } from '../dimensions/dimension.ts'
import { type AttentionPlan, attentionScratchBytes } from './attention.ts'
import type { ConvolutionPlan } from './convolution.ts'
import { convolutionScratchBytes } from './convolution-scratch.ts'
import type { KeptOperand } from './kept-operands.ts'
import type { Packing } from './packing.ts'
import type { ArenaRoom, Planning } from './plan-graph.ts'
import { type Lifetime, planArena } from './plan-memory.ts'
import type { ProductPlan } from './product.ts'
import { matmulScratchBytes, packedPanelsBytes } from './product-scratch.ts'
import { argsortScratchBytes, isSequential } from './sequential.ts'
import { readsOf, type Step, writesOf } from './step.ts'

export interface ArenaAssignment {
  /** Graph buffer → bytes into the arena, for those that lie there. */
  readonly offsets: ReadonlyMap<number, number>
  /** Product node → its packing space, and the panels packed before a loop. */
  readonly scratch: ReadonlyMap<number, ArenaRoom>
  readonly panels: ReadonlyMap<number, ArenaRoom>
  readonly bytes: number
  readonly liveBytes: number
}

/**
 * Time is the order of the steps, a loop's body between its beginning and its end: what the body takes from outside
 * lives from the one to the other. `packed`, `kept`: by product node. `last`: buffers read after the last
 * step.
 */
export function assignArena(
  { graph, storage, ranges, tile, bytesOf }: Planning,
  steps: readonly Step[],
  products: ReadonlyMap<number, ProductPlan>,
  {
    convolutions,
    attentions,
  }: {
    readonly convolutions: ReadonlyMap<number, ConvolutionPlan>
    readonly attentions: ReadonlyMap<number, AttentionPlan>
  },
  { packed, kept }: { readonly packed: ReadonlyMap<number, Packing>; readonly kept: ReadonlyMap<number, KeptOperand> },
  last: ReadonlySet<number>,
): ArenaAssignment {
  const spans = new Map<number, { first: number; last: number }>()
  const rooms: { readonly kind: 'scratch' | 'panels'; readonly node: number; readonly lifetime: Lifetime }[] = []
  let time = 0
  walk(steps)
  for (const buffer of last) if (spans.has(rootOf(buffer))) touch(buffer, time)

  const values = [...spans].map(([buffer, span]) => ({
    buffer,
    lifetime: { ...span, bytes: bytesOf(buffer) },
  }))
  const arena = planArena([...rooms, ...values].map(({ lifetime }) => lifetime))
  return {
    offsets: new Map(values.map(({ buffer }, at) => [buffer, arena.offsets[rooms.length + at]!])),
    scratch: roomsOf('scratch'),
    panels: roomsOf('panels'),
    bytes: arena.bytes,
    liveBytes: arena.liveBytes,
  }

  function walk(list: readonly Step[]): void {
    for (const step of list) {
      const first = time++
      if (step.kind === 'loop') walk(step.body)
      const end = step.kind === 'loop' ? time++ : first
      for (const buffer of [...readsOf(step), ...writesOf(step)]) {
        touch(buffer, first)
        touch(buffer, end)
      }
      if (step.kind === 'loop') {
        for (const [node, { loop }] of packed) {
          if (loop === step.loop) panelsOf(node, first, end)
        }
        continue
      }
      const bytes = step.kind === 'library' ? scratchBytes(step.node) : undefined
      if (bytes === undefined || step.kind !== 'library') continue
      rooms.push({ kind: 'scratch', node: step.node, lifetime: { bytes, first, last: end } })
      const packing = packed.get(step.node)
      if (packing && packing.loop === undefined) panelsOf(step.node, first, end)
    }
  }

  /** Packing space of a library call, if it needs some. */
  function scratchBytes(node: number): number | undefined {
    const convolution = convolutions.get(node)
    if (convolution) return convolutionScratchBytes(convolution, largest, tile)
    const attention = attentions.get(node)
    if (attention) return attentionScratchBytes(attention, largest, tile)
    const own = graph.nodes[node]
    if (own && isSequential(own)) return own.op === 'argsort' ? argsortScratchBytes(own, graph, largest) : undefined
    const plan = products.get(node)
    if (!plan) return undefined
    const { m, n, k } = plan
    const alwaysPacked = (packed.get(node) ?? kept.get(node))?.worth.length === 0
    const mayTurn = !alwaysPacked && (k.b === 1 || !isConstant(k.b))
    return matmulScratchBytes(largest(m.extent), largest(n.extent), largest(k.extent), tile, mayTurn)
  }

  function panelsOf(node: number, first: number, last: number): void {
    const { n, k } = products.get(node)!
    const bytes = packedPanelsBytes(largest(n.extent), largest(k.extent))
    rooms.push({ kind: 'panels', node, lifetime: { bytes, first, last } })
  }

  function roomsOf(kind: 'scratch' | 'panels'): Map<number, ArenaRoom> {
    return new Map(
      rooms.flatMap((room, at) =>
        room.kind === kind ? [[room.node, { offset: arena.offsets[at]!, bytes: room.lifetime.bytes }]] : [],
      ),
    )
  }

  function touch(buffer: number, at: number): void {
    const root = rootOf(buffer)
    if (storage.has(root)) return
    const span = spans.get(root)
    if (!span) spans.set(root, { first: at, last: at })
    else {
      span.first = Math.min(span.first, at)
      span.last = Math.max(span.last, at)
    }
  }

  function rootOf(buffer: number): number {
    const place = storage.get(buffer)
    return place?.kind === 'within' ? rootOf(place.buffer) : buffer
  }

  function largest(dim: Dim): number {
    return boundsOf(dim, ranges).maximum
  }
}
