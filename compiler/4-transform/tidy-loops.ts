/**
 * Loops without what nobody reads and without what need not go through them: dead results and carries go, operands are
 * passed once, what a step only hands on is taken from where it came from.
 */
import type { GraphBuilder } from '../3-graph/builder.ts'
import { graft, nodesOf } from '../3-graph/graft.ts'
import type { Graph } from '../3-graph/graph.ts'
import { writeBody } from '../3-graph/loop-body.ts'
import { expressions } from '../ops/expressions.ts'
import { bodyInputNodes, type LoopNode } from './dependence.ts'
import { rewriteLoops } from './rewrite-loops.ts'
import { repeated } from './stacked.ts'

/** Tidies all loops of the graph, inner ones too; `changed` is called for each that is not as it was. */
export function tidyLoops(graph: Graph, changed: () => void): Graph {
  return rewriteLoops(graph, (...loop) => tidyLoop(...loop, changed))
}

/** Adds the loop as it should be; returns what stands for each of its used results. */
function tidyLoop(
  builder: GraphBuilder,
  loop: LoopNode,
  operands: readonly number[],
  used: ReadonlySet<number>,
  changed: () => void,
): Map<number, number> {
  const { body, carries } = loop.attributes
  const build = expressions(builder)
  const inputs = bodyInputNodes(loop)
  // Of an iteration all carries stay, since it ends when all of them rest.
  const fixed = inputs.map((node, at) => loop.op === 'scan' && at < carries && body.outputs[at]!.node === node)
  const results = new Map<number, number>()
  const unchanged = unchangedValues(builder, loop, operands, fixed)
  const kept = [...used].filter((index) => {
    const output = body.outputs[index]
    // The number of steps an iteration took comes after all carries.
    if (!output) return false
    const value = index >= carries ? unchanged(output.node) : fixed[index] ? operands[index] : undefined
    if (value !== undefined) results.set(index, value)
    return value === undefined
  })
  const live = liveNodes(loop, kept, inputs, fixed)
  const isLiveCarry = (at: number): boolean =>
    !fixed[at] && (loop.op === 'iterate' || live.has(inputs[at]!) || kept.includes(at))
  const carried = inputs.flatMap((_, at) => (at < carries && isLiveCarry(at) ? [at] : []))
  const yields = [...new Set(kept.filter((index) => index >= carries).map((index) => body.outputs[index]!.node))]
  if (carried.length + yields.length === 0) {
    changed()
    return results
  }

  const passing = passOperands(builder, loop, operands, (at) => !carried.includes(at) && live.has(inputs[at]!))
  const inner = writeBody(
    builder,
    {
      carries: carried.map((at) => builder.typeOf(operands[at]!)),
      elements: passing.elements.map((operand) => {
        const { dtype, shape } = builder.typeOf(operand)
        return { dtype, shape: shape.slice(1) }
      }),
      outsides: passing.outsides.map(build.typeOf),
    },
    (within, given) => {
      const known = new Map(carried.map((at, place) => [inputs[at]!, given.carries[place]!]))
      passing.within.forEach((make, at) => {
        known.set(inputs[at]!, make(within, given.elements, given.outsides))
      })
      const next = carried.map((at) => body.outputs[at]!.node)
      graft(nodesOf(body.nodes), [...next, ...yields], within, known)
      return { carries: next.map((node) => known.get(node)!), yields: yields.map((node) => known.get(node)!) }
    },
  )
  const newOperands = [...carried.map((at) => operands[at]!), ...passing.elements, ...passing.outsides]
  const same = newOperands.length === operands.length && newOperands.every((operand, at) => operand === operands[at])
  if (!same || inner.outputs.length !== body.outputs.length) changed()
  const tidied = tidyLoops(inner, changed)
  builder.span = loop.span
  const node =
    loop.op === 'scan'
      ? build.scan(newOperands, {
          ...loop.attributes,
          carries: carried.length,
          elements: passing.elements.length,
          body: tidied,
        })
      : build.iterate(newOperands, { ...loop.attributes, carries: carried.length, body: tidied })
  for (const index of used) {
    if (results.has(index)) continue
    const output = body.outputs[index]
    if (!output) results.set(index, build.result(node, carried.length))
    else if (index < carries) results.set(index, build.result(node, carried.indexOf(index)))
    else results.set(index, build.result(node, carried.length + yields.indexOf(output.node)))
  }
  return results
}

/** Finds what a scan yields as it is without the loop, if each step hands on an element or what does not vary. */
function unchangedValues(
  builder: GraphBuilder,
  loop: LoopNode,
  operands: readonly number[],
  fixed: readonly boolean[],
): (output: number) => number | undefined {
  if (loop.op !== 'scan') return () => undefined
  const { body, carries, elements, length } = loop.attributes
  const inputs = bodyInputNodes(loop)
  const known = new Map<number, number>()
  inputs.forEach((node, at) => {
    if (fixed[at] || at >= carries + elements) known.set(node, operands[at]!)
  })
  const varying = new Set(inputs.filter((node) => !known.has(node)))
  for (const node of body.nodes) if (node.inputs.some((input) => varying.has(input))) varying.add(node.id)
  return (output) => {
    const element = inputs.indexOf(output)
    if (element >= carries && element < carries + elements) return operands[element]
    if (varying.has(output)) return undefined
    graft(nodesOf(body.nodes), [output], builder, known)
    builder.span = loop.span
    return repeated(expressions(builder), known.get(output)!, length)
  }
}

/** The body's nodes that the kept results depend on, through steps before as well. */
function liveNodes(
  loop: LoopNode,
  kept: readonly number[],
  inputs: readonly number[],
  fixed: readonly boolean[],
): Set<number> {
  const { body, carries } = loop.attributes
  const carryOf = new Map(inputs.slice(0, carries).map((node, at) => [node, at]))
  const own = loop.op === 'iterate' ? inputs.slice(0, carries).map((_, at) => at) : []
  const live = new Set([...kept, ...own].map((index) => body.outputs[index]!.node))
  // A set goes through what is added to it on the way.
  for (const id of live) {
    for (const input of body.nodes[id]!.inputs) live.add(input)
    const carry = carryOf.get(id)
    if (carry !== undefined && !fixed[carry]) live.add(body.outputs[carry]!.node)
  }
  return live
}

/** Makes a value in the body from the inputs for elements and for values from outside. */
type Maker = (within: GraphBuilder, elements: readonly number[], outsides: readonly number[]) => number

interface Passing {
  readonly elements: number[]
  readonly outsides: number[]
  /** By operand: what it is in the body. */
  readonly within: Map<number, Maker>
}

/**
 * How operands get into the body: each once; numbers are written there; what is repeated comes as it was before, so
 * that a stack of equal entries is no stack.
 */
function passOperands(
  builder: GraphBuilder,
  loop: LoopNode,
  operands: readonly number[],
  isPassed: (at: number) => boolean,
): Passing {
  const { carries } = loop.attributes
  const elements = loop.op === 'scan' ? loop.attributes.elements : 0
  const passing: Passing = { elements: [], outsides: [], within: new Map() }
  const placeIn = (list: number[], operand: number): number => {
    const place = list.indexOf(operand)
    return place < 0 ? list.push(operand) - 1 : place
  }
  const fromOutside = (operand: number): Maker => {
    const node = builder.node(operand)
    if (node.op === 'constant' || node.op === 'dimension') return (within) => within.add(node, [])
    if (node.op === 'expand') {
      const source = fromOutside(node.inputs[0]!)
      return (within, ...given) => within.add(node, [source(within, ...given)])
    }
    const place = placeIn(passing.outsides, operand)
    return (_within, _elements, outsides) => outsides[place]!
  }
  const fromElement = (operand: number): Maker => {
    const node = builder.node(operand)
    if (node.op === 'expand') {
      const { shape, axes } = node.attributes
      const source = axes[0] === 0 ? fromElement(node.inputs[0]!) : fromOutside(node.inputs[0]!)
      const own = axes.filter((axis) => axis > 0).map((axis) => axis - 1)
      return (within, ...given) => expressions(within).expand(source(within, ...given), shape.slice(1), own)
    }
    const place = placeIn(passing.elements, operand)
    return (_within, given) => given[place]!
  }
  operands.forEach((operand, at) => {
    if (!isPassed(at)) return
    const isElement = at >= carries && at < carries + elements
    passing.within.set(at, isElement ? fromElement(operand) : fromOutside(operand))
  })
  return passing
}
