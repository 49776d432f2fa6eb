/**
 * Functions of one tensor, element by element: their slope is a tensor of its own, made where the function is, so that the backward pass
 * multiplies by it and needs nothing else of the forward pass. Taken rule by rule, x·σ(x) would keep x and σ(x), or make one of them again.
 */
import type { GraphBuilder } from '../3-graph/builder.ts'
import type { GraphNode } from '../3-graph/graph.ts'
import { type Expressions, expressions } from '../ops/expressions.ts'
import type { OpName } from '../ops/op.ts'
import { classOf, definitionOf } from '../ops/registry.ts'

/** One of these makes keeping a value cheaper than making it again. */
const costly: ReadonlySet<OpName> = new Set(['exp', 'log', 'tanh', 'sigmoid', 'erf', 'sin', 'cos', 'pow'])

/** Longer functions are differentiated rule by rule. */
const MOST_OPERATIONS = 32

export interface SlopeFinder {
  /** The argument that the node is a function of, and the slope; undefined where rule by rule is as good. */
  slopeOf(id: number): { readonly argument: number; readonly slope: number } | undefined
}

/**
 * @param onPath nodes that matter to a gradient, up to the last that is differentiated
 * @param taken whether a node's cotangent has parts from elsewhere, or is asked for
 */
export function slopeFinder(
  builder: GraphBuilder,
  onPath: ReadonlySet<number>,
  taken: (id: number) => boolean,
): SlopeFinder {
  const build = expressions(builder)
  const users = new Map<number, number[]>()
  for (const id of onPath) {
    for (const input of new Set(builder.node(id).inputs)) {
      if (!onPath.has(input)) continue
      const known = users.get(input)
      if (known) known.push(id)
      else users.set(input, [id])
    }
  }
  const ownInputs = (node: GraphNode): number[] => [...new Set(node.inputs.filter((input) => onPath.has(input)))]
  return {
    slopeOf(id) {
      const region = new Set<number>()
      const pending = new Set([id])
      while (region.size < MOST_OPERATIONS) {
        const at = Math.max(...pending)
        pending.delete(at)
        const node = builder.node(at)
        if (pending.size === 0 && at !== id && users.get(at)!.filter((user) => region.has(user)).length > 1)
          return isWorthwhile(builder, region)
            ? { argument: at, slope: slope(builder, build, region, id, at) }
            : undefined
        if (classOf(node.op) !== 'elementwise' || typeof definitionOf(node.op).gradient !== 'function') return undefined
        if (at !== id && (taken(at) || users.get(at)!.some((user) => !region.has(user)))) return undefined
        region.add(at)
        for (const input of ownInputs(node)) pending.add(input)
        if (pending.size === 0) return undefined
      }
      return undefined
    },
  }
}

function isWorthwhile(builder: GraphBuilder, region: ReadonlySet<number>): boolean {
  return [...region].some((id) => costly.has(builder.node(id).op))
}

/** The derivative of `result` by `argument`, element by element. */
function slope(
  builder: GraphBuilder,
  build: Expressions,
  region: ReadonlySet<number>,
  result: number,
  argument: number,
): number {
  const slopes = new Map([[result, build.like(result, 1)]])
  for (const id of [...region].sort((a, b) => b - a)) {
    const { op, inputs, attributes } = builder.node(id)
    const cotangent = slopes.get(id)
    const rule = definitionOf(op).gradient
    if (cotangent === undefined || typeof rule !== 'function') continue
    const contributions = rule({ build, inputs, output: id, cotangent, attributes })
    inputs.forEach((input, at) => {
      const contribution = contributions[at]
      if (contribution === undefined || (input !== argument && !region.has(input))) return
      const known = slopes.get(input)
      slopes.set(input, known === undefined ? contribution : build.add(known, contribution))
    })
  }
  return slopes.get(argument) ?? build.like(argument, 0)
}
