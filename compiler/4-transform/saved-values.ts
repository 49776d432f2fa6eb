import type { GraphBuilder } from '../3-graph/builder.ts'
import type { GraphNode } from '../3-graph/graph.ts'
import { classOf } from '../ops/registry.ts'

/**
 * Which values of a forward step its backward step should find stacked up. `needed` are the values it reads; it can
 * compute again whatever is elementwise in what it has, which costs less than reading another tensor, but no product, no
 * reduction and no inner loop. Values that are only arranged anew are not saved but what they arrange; nor is what a
 * derivative's formula makes of one value of the step (1 − y² of y = tanh x), but the value. `given` are values that the
 * backward step can read without saving, `formulas` the number of the first node that came with the derivative.
 */
export function savedValues(
  step: GraphBuilder,
  needed: readonly number[],
  given: ReadonlySet<number>,
  formulas: number,
): number[] {
  const constants = new Set<number>()
  const last = Math.max(-1, ...needed)
  for (let id = 0; id <= last; id++) {
    const node = step.node(id)
    if (node.op !== 'input' && node.inputs.every((input) => constants.has(input))) constants.add(id)
  }
  const roots = new Set<number>()
  const visited = new Set(needed)
  for (const id of visited) {
    const node = step.node(id)
    const varying = [...new Set(node.inputs)].filter((input) => !constants.has(input) && !given.has(input))
    const follow = isArrangement(node) || (id >= formulas && isCheap(node) && varying.length < 2)
    if (follow) for (const input of node.inputs) visited.add(input)
    else roots.add(id)
  }
  const saved: number[] = []
  const available = new Set(given)
  for (let id = 0; id <= last; id++) {
    const node = step.node(id)
    if (available.has(id)) continue
    if (isCheap(node) && node.inputs.every((input) => available.has(input))) available.add(id)
    else if (roots.has(id)) {
      saved.push(id)
      available.add(id)
    }
  }
  return saved
}

/** Whether the op's result is made of its one operand, which is no larger. */
function isArrangement({ op }: GraphNode): boolean {
  return op === 'expand' || op === 'reshape' || op === 'permute' || op === 'pad' || op === 'window'
}

function isCheap({ op }: GraphNode): boolean {
  if (op === 'input' || op === 'fold') return false
  const kind = classOf(op)
  return kind === 'elementwise' || kind === 'movement' || kind === 'leaf' || kind === 'pseudo'
}
