/**
 * Rewrites a graph to an equal, cheaper one, the bodies of its loops too. Rules are tried whenever a node is about to be added, so a single pass
 * over the graph in order comes close to the fixed point; passes repeat until one changes nothing.
 *
 * What "equal" means for special values: a factor that is literally zero makes a product zero and a zero numerator
 * makes a quotient zero, whatever the other operand (`weight_decay = 0.0` switches decay off, even beside an
 * infinity); rows of a table that nothing looks up count as finite; −0 may become 0; sums and products may be regrouped, which moves where they round, and where they
 * overflow by as much as a constant factor or the other factors are large.
 */
import { builderLike, type GraphBuilder } from '../3-graph/builder.ts'
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { type Expressions, expressions, type OpEmitter } from '../ops/expressions.ts'
import { isLoop, withBody } from '../ops/loops.ts'
import type { OpAttributes, Operation, OpName } from '../ops/op.ts'
import { arithmeticRules } from './arithmetic-rules.ts'
import { contractionRules } from './contraction-rules.ts'
import { lookupRules } from './lookup-rules.ts'
import { movementRules } from './movement-rules.ts'
import { reductionRules } from './reduction-rules.ts'
import type { Match, Rule } from './rule.ts'
import { spreadingRules } from './spreading-rules.ts'
import { tidyLoops } from './tidy-loops.ts'

export interface SimplifyOptions {
  /** Apply no more than this many rules, to find by bisection the one that goes wrong. */
  readonly limit?: number
  /** Called with the name of each rule applied. */
  readonly trace?: (rule: string) => void
}

const maximumPasses = 12

/** The rules in the order they are tried. */
export const rules: readonly Rule[] = [
  ...arithmeticRules,
  ...movementRules,
  ...reductionRules,
  ...contractionRules,
  ...lookupRules,
  ...spreadingRules,
]

const commutative: ReadonlySet<OpName> = new Set(['add', 'mul', 'equal', 'not_equal', 'and', 'or'])

/** Simplifies a graph without gradients (a gradient's x is a node, which rewriting would not keep apart). */
export function simplify(graph: Graph, options: SimplifyOptions = {}): Graph {
  const table = rulesByOp()
  let current = graph
  let applied = 0
  const attempt = (rule: Rule, match: Match<OpName>): number | undefined => {
    if (applied >= (options.limit ?? Number.POSITIVE_INFINITY)) return undefined
    // Counted before it builds anything, since what it builds is simplified too.
    applied++
    const replacement = rule.apply(match)
    if (replacement === undefined) applied--
    else options.trace?.(rule.name)
    return replacement
  }
  const tidied = (): void => {
    applied++
    options.trace?.('a loop without what need not go through it')
  }
  for (let pass = 0; pass < maximumPasses; pass++) {
    const before = applied
    if (applied < (options.limit ?? Number.POSITIVE_INFINITY)) current = tidyLoops(current, tidied)
    current = rebuild(current, table, attempt)
    if (applied === before) break
  }
  return current
}

function rulesByOp(): ReadonlyMap<OpName, readonly Rule[]> {
  const table = new Map<OpName, Rule[]>()
  for (const rule of rules) {
    for (const op of rule.ops) {
      const list = table.get(op)
      if (list) list.push(rule)
      else table.set(op, [rule])
    }
  }
  return table
}

function rebuild(
  graph: Graph,
  table: ReadonlyMap<OpName, readonly Rule[]>,
  attempt: (rule: Rule, match: Match<OpName>) => number | undefined,
): Graph {
  const builder = builderLike(graph)
  const add = (operation: Operation, inputs: readonly number[]): number => {
    const operands = commutative.has(operation.op) ? constantsLast(builder, inputs) : inputs
    const match = matchOf(operation, operands, builder, build)
    for (const rule of table.get(operation.op) ?? []) {
      const replacement = attempt(rule, match)
      if (replacement !== undefined) return replacement
    }
    return builder.add(operation, operands)
  }
  const emitter: OpEmitter = {
    emit: <K extends OpName>(op: K, inputs: readonly number[], attributes: OpAttributes[K]) =>
      add({ op, attributes } as Operation, inputs),
    typeOf: (node) => builder.typeOf(node),
  }
  const build = expressions(emitter)
  const nodes = new Int32Array(graph.nodes.length)
  for (const node of graph.nodes) {
    if (node.op === 'gradient') throw new Error('internal: simplify: gradients must be differentiated first')
    builder.span = node.span
    nodes[node.id] = add(
      isLoop(node) ? withBody(node, rebuild(node.attributes.body, table, attempt)) : node,
      node.inputs.map((input) => nodes[input]!),
    )
  }
  return builder.finish(
    graph.outputs.map(({ name, node }) => ({ name, node: nodes[node]! })),
    graph.updates.map(({ variable, node }) => ({ variable, node: nodes[node]! })),
  )
}

/** Operands in one order whatever way round they were written: constants last, else as they were made. */
function constantsLast(builder: GraphBuilder, inputs: readonly number[]): readonly number[] {
  const [x, y] = [inputs[0]!, inputs[1]!]
  const [xConstant, yConstant] = [constantOf(builder, x) !== undefined, constantOf(builder, y) !== undefined]
  const swap = xConstant === yConstant ? x > y : xConstant
  return swap ? [y, x] : inputs
}

function constantOf(builder: GraphBuilder, id: number): number | undefined {
  let node = builder.node(id)
  if (node.op === 'expand') node = builder.node(node.inputs[0]!)
  return node.op === 'constant' ? node.attributes.value : undefined
}

function matchOf(
  operation: Operation,
  inputs: readonly number[],
  builder: GraphBuilder,
  build: Expressions,
): Match<OpName> {
  return {
    op: operation.op,
    attributes: operation.attributes,
    inputs,
    x: inputs[0]!,
    y: inputs[1]!,
    z: inputs[2]!,
    build,
    node: (id) => builder.node(id),
    as: <O extends OpName>(id: number, op: O) => {
      const node = builder.node(id)
      return node.op === op ? (node as Extract<GraphNode, { op: O }>) : undefined
    },
    constant: (id) => constantOf(builder, id),
    is: (id, value) => constantOf(builder, id) === value,
  }
}
