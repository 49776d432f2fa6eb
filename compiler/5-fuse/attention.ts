/** Attention, or its gradient, as a call of asm/attention.ts: queries, keys and values read in place as strided views. */
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { add, type Dim, product } from '../dimensions/dimension.ts'
import {
  type AttentionSizes,
  attentionParts,
  attentionSizes,
  gradientParts,
  gradientRows,
  keptRow,
} from '../ops/attention.ts'
import { stridesOf } from './affine.ts'
import { type Materialisation, type Stored, storedAt } from './materialise.ts'
import { viewOf } from './product.ts'
import { stripWords, type Tile } from './product-scratch.ts'
import type { Work } from './program.ts'

export type AttentionNode = GraphNode & { readonly op: 'attention' | 'attention_gradient' }

export interface AttentionPlan {
  readonly kind: 'attention' | 'attention_gradient'
  readonly sizes: AttentionSizes
  readonly scale: number
  /** Query i sees the keys before i + reach. */
  readonly reach: Dim
  readonly q: Stored
  readonly k: Stored
  readonly v: Stored
  /** The cotangent of the mixtures. */
  readonly slopes?: Stored
  readonly bias?: Stored
  /** Probabilities are kept: as the second part of the result, or for the gradient where they lie. */
  readonly kept?: 'here' | Stored
  /** Sizes of the parts of the result, which begin one after the other, in elements. */
  readonly parts: readonly Dim[]
  /** From one row of the gradient to queries, keys and values to the next. */
  readonly rows: readonly Dim[]
  /** Strides in elements: of queries by b, g, r, t, e, of keys and values by b, g, s and e or f, of the bias by b, g, r, t. */
  readonly strides: Readonly<Record<'q' | 'k' | 'v' | 'bias', readonly Dim[]>>
}

export function isAttention(node: GraphNode | undefined): node is AttentionNode {
  return node?.op === 'attention' || node?.op === 'attention_gradient'
}

export function planAttention(graph: Graph, materialisation: Materialisation, node: AttentionNode): AttentionPlan {
  const [q, k, v] = node.inputs.slice(0, 3).map((input) => viewOf(graph, materialisation, input))
  const sizes = attentionSizes(q!.shape, k!.shape, v!.shape)
  const stored = (input: number): Stored => {
    const place = storedAt(graph, materialisation, input)
    if (!place) throw new Error(`internal: fuse: operand ${input} of ${node.op} lies nowhere`)
    return place
  }
  const { scale, causal, offset, keeps, packed } = node.attributes
  const gradient = node.op === 'attention_gradient'
  const more = node.inputs.slice(3)
  const slopes = gradient ? more.shift() : undefined
  const last = gradient && keeps ? more.shift() : undefined
  const [bias] = more
  const biasShape = bias === undefined ? [1, 1, 1, 1, 1] : graph.nodes[bias]!.type.shape
  const natural = stridesOf(biasShape)
  const [mixtures] = attentionParts(sizes, keeps)
  const result = last === undefined ? undefined : stored(last)
  const kept: AttentionPlan['kept'] = result ? { node: result.node, elements: add(result.elements, mixtures) } : 'here'
  return {
    kind: node.op,
    sizes,
    scale,
    reach: causal ? add(offset, 1) : sizes.s,
    q: { node: q!.node, elements: q!.start },
    k: { node: k!.node, elements: k!.start },
    v: { node: v!.node, elements: v!.start },
    ...(slopes !== undefined && { slopes: stored(slopes) }),
    ...(bias !== undefined && { bias: stored(bias) }),
    ...(keeps && { kept }),
    parts: gradient ? (packed ? gradientRows(sizes, false) : gradientParts(sizes)) : attentionParts(sizes, keeps),
    rows: gradient ? gradientRows(sizes, packed) : [],
    strides: {
      q: q!.strides,
      k: k!.strides,
      v: v!.strides,
      bias: [0, 1, 2, 3].map((axis) => (biasShape[axis] === 1 ? 0 : natural[axis]!)),
    },
  }
}

/** The buffers a plan reads. */
export function attentionReads({ q, k, v, slopes, bias, kept }: AttentionPlan): number[] {
  return [q, k, v, slopes, bias, kept === 'here' ? undefined : kept].flatMap((place) => place?.node ?? [])
}

// The same figures as in asm/attention.ts.
const blockWords = 65536
const fewestQueries = 12
const mostQueries = 96

/** Bytes of packing space asm/attention.ts needs, at the largest sizes; they cover all smaller ones. */
export function attentionScratchBytes(plan: AttentionPlan, largest: (dim: Dim) => number, tile: Tile): number {
  const { t, s, e, f } = plan.sizes
  const [queries, keys, width, features] = [largest(t), largest(s), largest(e), largest(f)]
  // Rows that lie a power of two apart are spaced.
  const row = largest(keptRow(s)) + 16
  const block = Math.min(queries, mostQueries)
  const panels = (n: number, k: number): number => (Math.ceil(n / 4) * 4 + 8) * k
  const scores = Math.min(queries * row, Math.max(blockWords, fewestQueries * row))
  // Rows of the gradients to keys and values come in groups as long.
  const strip = stripWords(tile, Math.max(block, fewestQueries))
  const parts =
    plan.kind === 'attention'
      ? [panels(keys, width), panels(features, keys), strip, scores]
      : [
          ...[
            panels(keys, features),
            panels(width, keys),
            panels(features, block),
            panels(width, block),
            strip,
            scores,
          ],
          ...(plan.kept === undefined ? [scores, panels(keys, width)] : []),
        ]
  return parts.reduce((bytes, words) => bytes + Math.ceil(words / 16) * 64 + 64, 64)
}

/** As if every query saw every key; the exponential counts as one operation. */
export function attentionWork({ kind, sizes, kept, bias }: AttentionPlan): Work {
  const { b, g, r, t, s, e, f } = sizes
  const pairs = [b, g, r, t, s]
  const [queries, keys, values, mixtures] = [
    [b, g, r, t, e],
    [b, g, s, e],
    [b, g, s, f],
    [b, g, r, t, f],
  ]
  const products = kind === 'attention' ? [[e], [f]] : [...(kept === undefined ? [[e]] : []), [e], [e], [f], [f]]
  const softmax = kind === 'attention' ? 5 : kept === undefined ? 10 : 5
  const tensors = [queries, keys, values, mixtures, ...(kind === 'attention' ? [] : [queries, keys, values])]
  return {
    flops: [...products.map((width) => [2, ...pairs, ...width]), [softmax, ...pairs]],
    bytes: [
      ...tensors.map((shape) => [4, ...shape]),
      ...(kept === undefined ? [] : [[4, product(pairs)]]),
      ...(bias ? [[4, t, s]] : []),
    ],
  }
}
