/**
 * Motion out of loops. What no step changes is computed before the loop; products and sums of what a loop only reads, one
 * large product or sum before it; products of what it computes that no later step needs, after it; and so are products
 * that steps add up, as the gradients of weights are. 1,000 steps then do 1,000 times only what depends on the step before.
 */
import type { GraphBuilder } from '../3-graph/builder.ts'
import { graft, nodesOf, reach } from '../3-graph/graft.ts'
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { writeBody } from '../3-graph/loop-body.ts'
import { expressions } from '../ops/expressions.ts'
import { isLoop, withBody } from '../ops/loops.ts'
import { classOf } from '../ops/registry.ts'
import { type Accumulator, accumulatorsOf } from './accumulators.ts'
import { bodyInputNodes, type LoopNode } from './dependence.ts'
import { rewriteLoops } from './rewrite-loops.ts'
import { simplify } from './simplify.ts'
import { canStack, repeated, stacked } from './stacked.ts'

/** Moves what can leave out of every loop, from the innermost outward. The graph must be simplified, and comes back so. */
export function hoist(graph: Graph): Graph {
  if (!graph.nodes.some((node) => isLoop(node))) return graph
  const moved = rewriteLoops(graph, (builder, loop, operands, used) => {
    const inner = { ...loop, ...withBody(loop, hoist(loop.attributes.body)) } as LoopNode
    builder.span = loop.span
    return moveOut(builder, inner, operands, used)
  })
  return simplify(moved)
}

/**
 * How a node of a body depends on the loop: not at all; only on the step's elements, by ops that can be done for all
 * steps at once; or on the steps before it (or on elements by an op that cannot).
 */
type Dependence = 'none' | 'elements' | 'steps'

interface Motion {
  readonly loop: LoopNode
  readonly inputs: readonly number[]
  readonly dependence: readonly Dependence[]
  /** Where each node is computed instead of in the loop, if it is. */
  readonly before: ReadonlySet<number>
  readonly after: ReadonlySet<number>
  readonly accumulators: ReadonlyMap<number, Accumulator>
  /** Nodes computed in the loop whose stacks are needed after it. */
  readonly yields: readonly number[]
}

function moveOut(
  builder: GraphBuilder,
  loop: LoopNode,
  operands: readonly number[],
  used: ReadonlySet<number>,
): ReadonlyMap<number, number> {
  const motion = planMotion(loop, used)
  const { inputs, dependence, before, after, accumulators, yields } = motion
  const { body, carries } = loop.attributes
  const nodes = nodesOf(body.nodes)
  const build = expressions(builder)
  const length = loop.op === 'scan' ? loop.attributes.length : 1

  const fixed = new Map<number, number>()
  const stacks = new Map<number, number>()
  inputs.forEach((node, at) => {
    if (dependence[node] === 'none') fixed.set(node, operands[at]!)
    else if (at >= carries) stacks.set(node, operands[at]!)
  })
  const outer = (id: number): number => {
    graft(nodes, [id], builder, fixed)
    return fixed.get(id)!
  }
  const stack = (id: number): number =>
    dependence[id] === 'none' ? repeated(build, outer(id), length) : stacks.get(id)!
  const stackNode = (id: number): void => {
    const node = body.nodes[id]!
    const isStacked = node.inputs.map((input) => dependence[input] !== 'none')
    const values = node.inputs.map((input, at) => (isStacked[at] ? stacks.get(input)! : outer(input)))
    builder.span = node.span
    stacks.set(id, stacked(build, node, values, isStacked, length))
  }
  const ascending = (ids: ReadonlySet<number>): number[] => [...ids].sort((a, b) => a - b)

  for (const id of ascending(before)) {
    if (dependence[id] === 'none') outer(id)
    else stackNode(id)
  }

  const results = new Map<number, number>()
  const kept = keptCarries(motion)
  if (kept.length + yields.length > 0) {
    const ends = kept.flatMap((carry) => endsOf(motion, carry))
    const isRead = new Set(reach(nodes, [...ends, ...yields], (id) => before.has(id)))
    const among = (ids: Iterable<number>): number[] => [...ids].filter((id) => isRead.has(id))
    const outside = inputs.filter((_, at) => at >= carries)
    const elements = among([...outside, ...ascending(before)].filter((id) => dependence[id] === 'elements'))
    const outsides = among([...outside, ...ascending(before)].filter((id) => dependence[id] === 'none'))
    const inner = writeBody(
      builder,
      {
        carries: kept.map((carry) => builder.typeOf(operands[carry]!)),
        elements: elements.map((id) => body.nodes[id]!.type),
        outsides: outsides.map((id) => body.nodes[id]!.type),
      },
      (within, given) => {
        const known = new Map(kept.map((carry, place) => [inputs[carry]!, given.carries[place]!]))
        elements.forEach((id, place) => {
          known.set(id, given.elements[place]!)
        })
        outsides.forEach((id, place) => {
          known.set(id, given.outsides[place]!)
        })
        graft(nodes, [...ends, ...yields], within, known)
        const b = expressions(within)
        const next = kept.map((carry, place) => {
          const accumulator = accumulators.get(carry)
          if (!accumulator) return known.get(body.outputs[carry]!.node)!
          return accumulator.kept.reduce(
            (total, { term, negative }) => (negative ? b.sub : b.add)(total, known.get(term)!),
            given.carries[place]!,
          )
        })
        return { carries: next, yields: yields.map((id) => known.get(id)!) }
      },
    )
    builder.span = loop.span
    const values = [
      ...kept.map((carry) => operands[carry]!),
      ...elements.map((id) => stacks.get(id)!),
      ...outsides.map((id) => fixed.get(id)!),
    ]
    const moved =
      loop.op === 'scan'
        ? build.scan(values, { ...loop.attributes, carries: kept.length, elements: elements.length, body: inner })
        : build.iterate(values, { ...loop.attributes, carries: kept.length, body: inner })
    kept.forEach((carry, place) => {
      results.set(carry, build.result(moved, place))
    })
    yields.forEach((id, place) => {
      stacks.set(id, build.result(moved, kept.length + place))
    })
    if (loop.op === 'iterate') results.set(carries, build.result(moved, carries))
  }

  for (const id of ascending(after)) stackNode(id)
  builder.span = loop.span
  for (const { carry, sums } of accumulators.values()) {
    if (!used.has(carry)) continue
    const total = sums.reduce(
      (sum, { sum: added, negative }) => (negative ? build.sub : build.add)(sum, added.build(build, stack, outer)),
      results.get(carry) ?? operands[carry]!,
    )
    results.set(carry, total)
  }
  for (const index of used)
    if (index >= carries && index < body.outputs.length) results.set(index, stack(body.outputs[index]!.node))
  return results
}

/** The carries the loop still has. */
function keptCarries({ loop, accumulators }: Pick<Motion, 'loop' | 'accumulators'>): number[] {
  return Array.from({ length: loop.attributes.carries }, (_, carry) => carry).filter(
    (carry) => accumulators.get(carry)?.kept.length !== 0,
  )
}

/** The nodes that a carry of the next step is made of. */
function endsOf({ loop, accumulators }: Pick<Motion, 'loop' | 'accumulators'>, carry: number): number[] {
  const accumulator = accumulators.get(carry)
  return accumulator ? accumulator.kept.map(({ term }) => term) : [loop.attributes.body.outputs[carry]!.node]
}

function planMotion(loop: LoopNode, used: ReadonlySet<number>): Motion {
  const { body, carries } = loop.attributes
  const inputs = bodyInputNodes(loop)
  const dependence = dependenceOf(loop, inputs)
  const isFixed = (id: number): boolean => dependence[id] === 'none'
  const found = loop.op === 'scan' ? accumulatorsOf(loop, inputs, isFixed) : []
  const accumulators = new Map(found.map((accumulator) => [accumulator.carry, accumulator]))
  const nodes = nodesOf(body.nodes)
  const ends = keptCarries({ loop, accumulators }).flatMap((carry) => endsOf({ loop, accumulators }, carry))
  const stackedResults = body.outputs.flatMap(({ node }, at) => (at >= carries && used.has(at) ? [node] : []))
  const summed = found.flatMap(({ sums }) => sums.flatMap(({ sum }) => sum.operands))
  const wanted = new Set([...stackedResults, ...summed])
  const live = reach(nodes, [...ends, ...wanted], () => false)
  const forNextStep = new Set(reach(nodes, ends, () => false))

  const after = computedAfter(body.nodes, live, dependence, forNextStep)
  for (const id of after) for (const input of body.nodes[id]!.inputs) wanted.add(input)
  const before = computedBefore(body.nodes, live, dependence, wanted)
  const yields = [...wanted].filter((id) => dependence[id] === 'steps' && !after.has(id)).sort((a, b) => a - b)
  return { loop, inputs, dependence, before, after, accumulators, yields }
}

function dependenceOf(loop: LoopNode, inputs: readonly number[]): Dependence[] {
  const { body, carries } = loop.attributes
  const elements = loop.op === 'scan' ? loop.attributes.elements : 0
  const place = new Map(inputs.map((node, at) => [node, at]))
  const dependence: Dependence[] = []
  for (const node of body.nodes) {
    const at = place.get(node.id)
    if (at !== undefined) dependence.push(at < carries ? 'steps' : at < carries + elements ? 'elements' : 'none')
    else {
      const varies = node.inputs.map((input) => dependence[input] !== 'none')
      const onSteps = node.inputs.some((input) => dependence[input] === 'steps')
      if (!varies.includes(true)) dependence.push('none')
      else dependence.push(onSteps || !canStack(node, varies) ? 'steps' : 'elements')
    }
  }
  return dependence
}

/**
 * Products that depend on earlier steps but that no later step needs, with all that is made of them. Other work stays,
 * to share a kernel with what it is made of.
 */
function computedAfter(
  nodes: readonly GraphNode[],
  live: readonly number[],
  dependence: readonly Dependence[],
  forNextStep: ReadonlySet<number>,
): Set<number> {
  // First those that can, with all that uses them, then of these what is worth it.
  const blocked = new Set(forNextStep)
  for (const id of live.toReversed()) {
    const node = nodes[id]!
    const varies = node.inputs.map((input) => dependence[input] !== 'none')
    const stays = dependence[id] !== 'steps' || node.op === 'input' || !canStack(node, varies) || blocked.has(id)
    if (!stays) continue
    blocked.add(id)
    for (const input of node.inputs) blocked.add(input)
  }
  const after = new Set<number>()
  for (const id of live) {
    if (blocked.has(id)) continue
    const node = nodes[id]!
    if (classOf(node.op) === 'contraction' || node.inputs.some((input) => after.has(input))) after.add(id)
  }
  return after
}

/**
 * What is computed before the loop: of what no step changes, all but reading it in another arrangement; of what depends
 * on elements, products, sums and the like, elementwise work on these, and all that is wanted outside.
 */
function computedBefore(
  nodes: readonly GraphNode[],
  live: readonly number[],
  dependence: readonly Dependence[],
  wanted: ReadonlySet<number>,
): Set<number> {
  const pays = new Set<number>()
  /** Values made of no operand of the loop: numbers and positions, which cost nothing where they are used. */
  const free = new Set<number>()
  for (const id of live) {
    const node = nodes[id]!
    const kind = classOf(node.op)
    if (kind === 'leaf') {
      if (node.op !== 'input') free.add(id)
      continue
    }
    const light = kind === 'elementwise' || kind === 'movement'
    if (light && node.inputs.every((input) => free.has(input))) free.add(id)
    else if (dependence[id] === 'none') {
      if (kind !== 'movement' || node.inputs.some((input) => pays.has(input))) pays.add(id)
    } else if (dependence[id] === 'elements') {
      const spreads = node.op === 'expand' || node.op === 'pad' || node.op === 'window'
      if (!light || (!spreads && node.inputs.some((input) => pays.has(input)))) pays.add(id)
    }
  }
  const before = new Set<number>()
  const outside = new Set(wanted)
  for (const id of live.toReversed()) {
    const node = nodes[id]!
    if (node.op === 'input' || dependence[id] === 'steps') continue
    const arranges = classOf(node.op) === 'movement'
    if (!(outside.has(id) && dependence[id] === 'elements') && !(pays.has(id) && !arranges)) continue
    if (isLoop(node)) continue
    before.add(id)
    for (const input of node.inputs) outside.add(input)
  }
  return before
}
