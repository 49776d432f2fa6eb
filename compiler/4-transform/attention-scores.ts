/** The scores of attention: a product of queries and keys, scaled, with something added and some of them hidden, in any order. */
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { boundsOf, type DimRange } from '../dimensions/bounds.ts'
import { add, type Dim, dimEqual, multiply, subtract } from '../dimensions/dimension.ts'
import { HIDDEN } from '../ops/attention.ts'
import { contractionAxes } from '../ops/contraction.ts'
import type { Expressions } from '../ops/expressions.ts'
import { pick } from '../ops/strides.ts'

export interface Scores {
  readonly shape: readonly Dim[]
  /** What each axis of the scores is, and which one of the operands; the last one counts keys. */
  readonly axes: readonly ScoreAxis[]
  readonly query: number
  readonly key: number
  readonly summed: { readonly query: number; readonly key: number }
  readonly scale: number
  /** Queries, along the axis `query`, see the keys up to their own position plus `offset`. */
  readonly causal?: Causal
  /** What is added: an expression over those of the given axes along which it varies, the last one always among them. */
  bias(order: readonly number[]): { readonly node: number; readonly varies: ReadonlySet<number> } | undefined
}

export interface ScoreAxis {
  readonly kind: 'batch' | 'row' | 'key'
  readonly query?: number
  readonly key?: number
}

export interface ScoreContext {
  readonly nodeOf: (id: number) => GraphNode | undefined
  readonly ranges: Readonly<Record<string, DimRange>>
  readonly build: Expressions
  /** Nodes of the new graph by those of the old one. */
  readonly nodes: readonly number[]
}

/** An old node whose axes are some of the scores'. */
interface Part {
  readonly node: number
  readonly axes: readonly number[]
}

/** What is added to scores: a value times a factor, or one that hides them where a condition is as `when` says. */
type Addend =
  | (Part & { readonly kind: 'value'; readonly factor: number })
  | (Condition & { readonly kind: 'hidden'; readonly value: number })

interface Condition extends Part {
  readonly when: boolean
}

interface Causal {
  readonly query: number
  readonly offset: Dim
}

/** Reads scores from the node the softmax is taken of. */
export function readScores(graph: Graph, id: number, context: ScoreContext): Scores | undefined {
  const { nodeOf, ranges } = context
  const shape = graph.nodes[id]!.type.shape
  const keyAxis = shape.length - 1
  const addends: Addend[] = []
  const causals: { readonly mask: Causal; readonly hidden: Addend & { readonly kind: 'hidden' } }[] = []
  const products = new Map<number, boolean>()
  let scale = 1
  let at = nodeOf(id)
  while (at && at.op !== 'contract' && at.op !== 'permute') {
    const next = inside(at)
    if (next === undefined) return undefined
    at = nodeOf(next)
  }
  const product = at && productOf(graph, at, nodeOf)
  if (!product) return undefined
  // One causal mask is the op's own. It must hide more than others do: a query for which they hide all keys it may see has no weight elsewhere.
  const deepest = Math.min(0, ...addends.map((addend) => (addend.kind === 'hidden' ? addend.value : 0)))
  const first = causals.findIndex(({ hidden }) => hidden.value <= 4 * deepest)
  const causal = causals[first]?.mask
  causals.forEach(({ hidden }, place) => {
    if (place !== first) addends.push(hidden)
  })
  return {
    ...product,
    shape,
    scale,
    ...(causal && { causal }),
    bias: (order) => (addends.length === 0 ? undefined : biasOf(addends, shape, order, context)),
  }

  /** Notes what one operation does to the scores and gives those inside, if it is one of a score's. */
  function inside(node: GraphNode): number | undefined {
    switch (node.op) {
      case 'mul':
      case 'div': {
        const [left, right] = [node.inputs[0]!, node.inputs[1]!]
        const factor = constantOf(right)
        if (factor !== undefined) return scaled(left, node.op === 'mul' ? factor : 1 / factor)
        const leading = node.op === 'mul' ? constantOf(left) : undefined
        return leading === undefined ? undefined : scaled(right, leading)
      }
      case 'add':
      case 'sub': {
        const [left, right] = [node.inputs[0]!, node.inputs[1]!]
        const inLeft = holdsProduct(left)
        if (inLeft === (node.op === 'add' && holdsProduct(right))) return undefined
        const other = inLeft ? right : left
        if (node.op === 'sub' && !inLeft) return undefined
        if (constantOf(other) !== 0)
          addends.push({ kind: 'value', ...behindExpansions(other), factor: node.op === 'sub' ? -scale : scale })
        return inLeft ? left : right
      }
      case 'select': {
        const [condition, then, otherwise] = node.inputs as [number, number, number]
        const [hiddenThen, hiddenElse] = [constantOf(then), constantOf(otherwise)]
        const value = hiddenThen ?? hiddenElse
        if (value === undefined || !(value * scale <= HIDDEN)) return undefined
        hide(condition, hiddenThen !== undefined, value * scale)
        return hiddenThen === undefined ? then : otherwise
      }
      case 'reshape':
        return node.type.shape.length === graph.nodes[node.inputs[0]!]!.type.shape.length &&
          node.type.shape.every((size, axis) => dimEqual(size, graph.nodes[node.inputs[0]!]!.type.shape[axis]!))
          ? node.inputs[0]!
          : undefined
      default:
        return undefined
    }
  }

  function scaled(rest: number, factor: number): number | undefined {
    if (!Number.isFinite(factor) || factor <= 0) return undefined
    scale *= factor
    return rest
  }

  /** Splits a condition into causal masks and others. */
  function hide(condition: number, when: boolean, value: number): void {
    for (const part of conditionsOf({ node: condition, when, axes: shape.map((_, axis) => axis) })) {
      if (constantOf(part.node) === (part.when ? 0 : 1)) continue
      const hidden = { kind: 'hidden', ...part, value } as const
      const mask = causalOf(part)
      if (mask) causals.push({ mask, hidden })
      else addends.push(hidden)
    }
  }

  /** Conditions any one of which hides, over as few axes as they have. */
  function conditionsOf({ node: id, when, axes }: Condition): Condition[] {
    const node = nodeOf(id)
    if (node?.op === 'expand')
      return conditionsOf({ node: node.inputs[0]!, when, axes: pick(axes, node.attributes.axes) })
    if (node?.op === 'not') return conditionsOf({ node: node.inputs[0]!, when: !when, axes })
    if (node?.op === (when ? 'or' : 'and'))
      return node.inputs.flatMap((input) => conditionsOf({ node: input, when, axes }))
    return [{ node: id, when, axes }]
  }

  function behindExpansions(id: number): Part {
    let at = id
    let axes = shape.map((_, axis) => axis)
    for (let node = nodeOf(at); node?.op === 'expand'; node = nodeOf(at)) {
      axes = pick(axes, node.attributes.axes)
      at = node.inputs[0]!
    }
    return { node: at, axes }
  }

  function causalOf({ node, when, axes }: Condition): Causal | undefined {
    const difference = comparisonOf(node)
    if (!difference) return undefined
    // Hidden where it is at least 0: seen where its negative, less 1, is.
    const { terms, constant } = movedTo(when ? negatedLess(difference) : difference, axes)
    const rows = [...terms].filter(([axis, factor]) => axis !== keyAxis && factor === 1)
    if (terms.size !== 2 || rows.length !== 1 || terms.get(keyAxis) !== -1) return undefined
    return boundsOf(constant, ranges).minimum >= 0 ? { query: rows[0]![0], offset: constant } : undefined
  }

  /** What is at least 0 where a comparison of positions is true. */
  function comparisonOf(condition: number): Linear | undefined {
    const node = nodeOf(condition)
    if (node?.op !== 'less' && node?.op !== 'less_equal') return undefined
    const [left, right] = node.inputs.map(linearOf)
    if (!left || !right) return undefined
    return sum(right, times(left, -1), node.op === 'less' ? -1 : 0)
  }

  function linearOf(position: number): Linear | undefined {
    const node = nodeOf(position)
    switch (node?.op) {
      case 'iota':
        return { terms: new Map([[node.attributes.axis, 1]]), constant: 0 }
      case 'dimension':
        return { terms: new Map(), constant: node.attributes.dim }
      case 'constant':
        return Number.isInteger(node.attributes.value)
          ? { terms: new Map(), constant: node.attributes.value }
          : undefined
      case 'expand': {
        const own = linearOf(node.inputs[0]!)
        return own && movedTo(own, node.attributes.axes)
      }
      case 'add':
      case 'sub': {
        if (node.type.dtype !== 'i32') return undefined
        const [left, right] = node.inputs.map(linearOf)
        return left && right && sum(left, times(right, node.op === 'add' ? 1 : -1), 0)
      }
      default:
        return undefined
    }
  }

  function constantOf(value: number): number | undefined {
    let node = nodeOf(value)
    while (node?.op === 'expand' || node?.op === 'reshape') node = nodeOf(node.inputs[0]!)
    return node?.op === 'constant' ? node.attributes.value : undefined
  }

  /** Whether the scores' product lies behind operations of a score's. */
  function holdsProduct(id: number): boolean {
    const known = products.get(id)
    if (known !== undefined) return known
    const node = nodeOf(id)
    const inner = (): readonly number[] => {
      switch (node?.op) {
        case 'permute':
        case 'reshape':
        case 'mul':
        case 'div':
        case 'add':
        case 'sub':
          return node.inputs
        case 'select':
          return node.inputs.slice(1)
        default:
          return []
      }
    }
    const holds = node?.op === 'contract' || inner().some(holdsProduct)
    products.set(id, holds)
    return holds
  }
}

/** Σ factor·position along an axis, and a constant. */
interface Linear {
  readonly terms: ReadonlyMap<number, number>
  readonly constant: Dim
}

function movedTo({ terms, constant }: Linear, axes: readonly number[]): Linear {
  return { terms: new Map([...terms].map(([axis, factor]) => [axes[axis]!, factor])), constant }
}

function times({ terms, constant }: Linear, factor: number): Linear {
  return {
    terms: new Map([...terms].map(([axis, own]) => [axis, own * factor])),
    constant: multiply(constant, factor),
  }
}

function sum(left: Linear, right: Linear, more: number): Linear {
  const terms = new Map(left.terms)
  for (const [axis, factor] of right.terms) {
    const total = (terms.get(axis) ?? 0) + factor
    if (total === 0) terms.delete(axis)
    else terms.set(axis, total)
  }
  return { terms, constant: add(add(left.constant, right.constant), more) }
}

function negatedLess(linear: Linear): Linear {
  const { terms, constant } = times(linear, -1)
  return { terms, constant: subtract(constant, 1) }
}

/** The product of queries and keys, its last axis the keys': a contraction, or the permutation of one. */
function productOf(
  graph: Graph,
  top: GraphNode,
  nodeOf: (id: number) => GraphNode | undefined,
): Pick<Scores, 'axes' | 'query' | 'key' | 'summed'> | undefined {
  const contract = top.op === 'permute' ? nodeOf(top.inputs[0]!) : top
  if (contract?.op !== 'contract') return undefined
  const { batch, contracted } = contract.attributes
  if (contracted.length !== 1) return undefined
  const [left, right] = contract.inputs as [number, number]
  const rank = (id: number): number => graph.nodes[id]!.type.shape.length
  const { leftFree, rightFree } = contractionAxes(contract.attributes, rank(left), rank(right))
  const natural = [
    ...batch.map(([l, r]) => ({ left: l, right: r })),
    ...leftFree.map((l) => ({ left: l, right: undefined })),
    ...rightFree.map((r) => ({ left: undefined, right: r })),
  ]
  const order = top.op === 'permute' ? top.attributes.order : natural.map((_, axis) => axis)
  const axes = order.map((axis) => natural[axis]!)
  const last = axes.at(-1)
  if (!last || (last.left !== undefined && last.right !== undefined)) return undefined
  const keysRight = last.left === undefined
  if ((keysRight ? rightFree : leftFree).length !== 1) return undefined
  const [summedLeft, summedRight] = contracted[0]!
  return {
    axes: axes.map((axis): ScoreAxis => {
      const [query, key] = keysRight ? [axis.left, axis.right] : [axis.right, axis.left]
      const kind = query === undefined ? 'key' : key === undefined ? 'row' : 'batch'
      return { kind, ...(query !== undefined && { query }), ...(key !== undefined && { key }) }
    }),
    query: keysRight ? left : right,
    key: keysRight ? right : left,
    summed: keysRight ? { query: summedLeft, key: summedRight } : { query: summedRight, key: summedLeft },
  }
}

/** The sum of all addends over the axes along which some of them varies, in the order given. */
function biasOf(
  addends: readonly Addend[],
  shape: readonly Dim[],
  order: readonly number[],
  { build, nodes }: ScoreContext,
): { node: number; varies: Set<number> } {
  const varies = new Set([...addends.flatMap(({ axes }) => axes), shape.length - 1])
  const own = order.filter((axis) => varies.has(axis))
  const sizes = pick(shape, own)
  const parts = addends.map((addend) => {
    const places = addend.axes.map((axis) => own.indexOf(axis))
    const ascending = places.map((_, at) => at).sort((one, other) => places[one]! - places[other]!)
    const value = build.expand(build.permute(nodes[addend.node]!, ascending), sizes, pick(places, ascending))
    if (addend.kind === 'value') return addend.factor === 1 ? value : build.scale(value, addend.factor)
    const [hidden, none] = [build.full(addend.value, sizes), build.full(0, sizes)]
    return addend.when ? build.select(value, hidden, none) : build.select(value, none, hidden)
  })
  return { node: parts.reduce((total, part) => build.add(total, part)), varies }
}
