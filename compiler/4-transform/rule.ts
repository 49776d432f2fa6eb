/** The form of a rewrite rule: one line, named by its mathematics. */
import type { GraphNode } from '../3-graph/graph.ts'
import type { Expressions } from '../ops/expressions.ts'
import type { OpAttributes, OpName } from '../ops/op.ts'

/** An operation about to be added to a graph whose operands are simplified already. */
export interface Match<K extends OpName> {
  readonly op: K
  readonly attributes: OpAttributes[K]
  readonly inputs: readonly number[]
  /** The first three operands. Where there are fewer, a rule does not look at the others. */
  readonly x: number
  readonly y: number
  readonly z: number
  /** Builds the replacement; what it builds is simplified as it is added. */
  readonly build: Expressions
  node(id: number): GraphNode
  /** The node, if it is of the given op. */
  as<O extends OpName>(id: number, op: O): Extract<GraphNode, { op: O }> | undefined
  /** The one number in every element, if that is known. */
  constant(id: number): number | undefined
  is(id: number, value: number): boolean
}

export interface Rule {
  readonly name: string
  readonly ops: readonly OpName[]
  /** The node that takes the operation's place, or undefined where the rule does not apply. */
  readonly apply: (match: Match<OpName>) => number | undefined
}

export function rule<K extends OpName>(
  name: string,
  ops: K | readonly K[],
  apply: (match: Match<K>) => number | undefined,
): Rule {
  // The driver only offers a rule matches of its own ops.
  return { name, ops: typeof ops === 'string' ? [ops] : ops, apply: apply as unknown as Rule['apply'] }
}
