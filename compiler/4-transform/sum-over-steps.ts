/** Sums that a loop adds up step by step, as one computation after it. */
import type { GraphNode } from '../3-graph/graph.ts'
import type { Expressions } from '../ops/expressions.ts'

/** A value of the body added up over all steps, without the loop. */
export interface StepSum {
  /** Values of the body whose stacks it is made of. */
  readonly operands: readonly number[]
  /** `stack` finds the stack of a value of the body, `outer` a value that no step changes. */
  build(build: Expressions, stack: (id: number) => number, outer: (id: number) => number): number
}

/** Linear ops around a sum are followed no further than this. */
const deepest = 32

/**
 * How to sum a term over the steps at once where that is the better way: a product of what varies becomes one product
 * that contracts the steps too (the gradient of a weight), a sum one sum over the steps too (the gradient of a bias),
 * added rows are added in one go (the gradient of an embedding). Ops that are linear in these are done afterwards.
 */
export function sumOverSteps(
  nodes: readonly GraphNode[],
  term: number,
  isFixed: (id: number) => boolean,
  depth = 0,
): StepSum | undefined {
  const node = nodes[term]!
  if (isFixed(term) || depth > deepest) return undefined
  const sumOf = (id: number): StepSum | undefined => sumOverSteps(nodes, id, isFixed, depth + 1)
  const later = (axis: number): number => axis + 1
  const x = node.inputs[0]!
  switch (node.op) {
    case 'contract': {
      const y = node.inputs[1]!
      const { attributes } = node
      const pairs = (list: typeof attributes.batch): [number, number][] => list.map(([l, r]) => [l + 1, r + 1])
      const [batch, contracted] = [pairs(attributes.batch), pairs(attributes.contracted)]
      if (!isFixed(x) && !isFixed(y))
        return {
          operands: [x, y],
          build: (build, stack) => build.contract(stack(x), stack(y), { batch, contracted: [[0, 0], ...contracted] }),
        }
      const varying = isFixed(x) ? y : x
      return {
        operands: [varying],
        build: (build, stack, outer) => {
          const of = (id: number): number => (id === varying ? build.reduceSum(stack(id), [0]) : outer(id))
          return build.contract(of(x), of(y), attributes)
        },
      }
    }
    case 'reduce_sum': {
      const { axes } = node.attributes
      return { operands: [x], build: (build, stack) => build.reduceSum(stack(x), [0, ...axes.map(later)]) }
    }
    case 'scatter_add': {
      const indices = node.inputs[1]!
      const { axis, size } = node.attributes
      if (isFixed(x) || isFixed(indices)) return undefined
      return {
        operands: [x, indices],
        build: (build, stack) => {
          // The axis of steps joins those of the indices.
          const order = nodes[x]!.type.shape.map((_, at) => at + 1).toSpliced(axis, 0, 0)
          return build.scatterAdd(build.permute(stack(x), order), stack(indices), axis, size)
        },
      }
    }
    case 'neg':
    case 'permute':
    case 'reshape':
    case 'slice':
    case 'window':
    case 'fold':
    case 'expand':
      return wrapped(node, [sumOf(x)])
    case 'pad':
      return node.attributes.value === 0 ? wrapped(node, [sumOf(x)]) : undefined
    case 'concat':
      return wrapped(node, node.inputs.map(sumOf))
    case 'mul': {
      const fixed = node.inputs.find(isFixed)
      const varying = node.inputs.find((id) => !isFixed(id))!
      const sum = fixed === undefined ? undefined : sumOf(varying)
      if (fixed === undefined || !sum) return undefined
      return {
        operands: sum.operands,
        build: (build, stack, outer) => build.mul(sum.build(build, stack, outer), outer(fixed)),
      }
    }
    default:
      return undefined
  }
}

function wrapped(node: GraphNode, sums: readonly (StepSum | undefined)[]): StepSum | undefined {
  const known = sums.filter((sum) => sum !== undefined)
  if (known.length < sums.length) return undefined
  return {
    operands: known.flatMap(({ operands }) => operands),
    build: (build, stack, outer) =>
      build.emit(
        node.op,
        known.map((sum) => sum.build(build, stack, outer)),
        node.attributes,
      ),
  }
}
