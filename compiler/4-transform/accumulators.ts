/** Carries that only add up what each step brings. */
import type { Graph } from '../3-graph/graph.ts'
import type { LoopNode } from './dependence.ts'
import { type StepSum, sumOverSteps } from './sum-over-steps.ts'

export interface Accumulator {
  readonly carry: number
  /** What is added (or subtracted) after the loop. */
  readonly sums: readonly { readonly sum: StepSum; readonly negative: boolean }[]
  /** Nodes of the body that each step still adds or subtracts. */
  readonly kept: readonly Term[]
}

/** The accumulators among a scan's carries of which at least one term is better summed after the loop. */
export function accumulatorsOf(
  loop: LoopNode,
  inputs: readonly number[],
  isFixed: (id: number) => boolean,
): Accumulator[] {
  const { body, carries } = loop.attributes
  const uses = new Int32Array(body.nodes.length)
  const user = new Int32Array(body.nodes.length).fill(-1)
  for (const node of body.nodes) {
    for (const input of node.inputs) {
      uses[input]!++
      user[input] = node.id
    }
  }
  for (const { node } of body.outputs) uses[node]!++
  const found: Accumulator[] = []
  for (let carry = 0; carry < carries; carry++) {
    const added = addedTerms(loop, inputs[carry]!, body.outputs[carry]!.node, uses, user)
    if (!added) continue
    const terms = leafTerms(body, added, uses)
    const sums: { sum: StepSum; negative: boolean }[] = []
    const kept: Term[] = []
    for (const { term, negative } of terms) {
      const sum = sumOverSteps(body.nodes, term, isFixed)
      if (sum) sums.push({ sum, negative })
      else kept.push({ term, negative })
    }
    if (sums.length > 0) found.push({ carry, sums, kept })
  }
  return found
}

/** A summand of what a step adds to a carry. */
interface Term {
  readonly term: number
  readonly negative: boolean
}

/** The terms with sums among them taken apart, unless they are used elsewhere too. */
function leafTerms(body: Graph, added: readonly Term[], uses: Int32Array): Term[] {
  const leaves: Term[] = []
  const pending = [...added]
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { op, inputs } = body.nodes[next.term]!
    if (uses[next.term] !== 1 || (op !== 'add' && op !== 'sub')) leaves.push(next)
    else {
      const second = { term: inputs[1]!, negative: next.negative !== (op === 'sub') }
      pending.push(second, { term: inputs[0]!, negative: next.negative })
    }
  }
  return leaves
}

/** The terms if the next carry is the carry with terms added, and neither is used for anything else. */
function addedTerms(
  { attributes: { body } }: LoopNode,
  input: number,
  output: number,
  uses: Int32Array,
  user: Int32Array,
): Term[] | undefined {
  const terms: Term[] = []
  let total = input
  while (total !== output) {
    const next = body.nodes[user[total]!]
    if (uses[total] !== 1 || !next) return undefined
    const negative = next.op === 'sub'
    const [x, y] = next.inputs
    if (next.op !== 'add' && !(negative && x === total)) return undefined
    terms.push({ term: x === total ? y! : x!, negative })
    total = next.id
  }
  return uses[output] === 1 ? terms : undefined
}
