import { GraphBuilder } from '../3-graph/builder.ts'
import type { Graph, GraphNode } from '../3-graph/graph.ts'
import { simplify } from '../4-transform/simplify.ts'
import { type Expressions, expressions } from '../ops/expressions.ts'
import type { OpName } from '../ops/op.ts'
import { nodeAt } from './match.ts'
import type { Attributes } from './onnx-graph.ts'
import type { Context } from './translation.ts'
import type { View } from './view.ts'

/** A function of one number that ONNX has an operator for, as the library writes it. */
interface Activation {
  readonly operator: string
  readonly attributes?: Attributes
  readonly write: (build: Expressions, x: number) => number
}

const activations: readonly Activation[] = [
  {
    operator: 'Gelu',
    write: (b, x) => b.mul(b.scale(x, 0.5), b.add(b.constant(1), b.erf(b.scale(x, Math.SQRT1_2)))),
  },
  {
    operator: 'Gelu',
    attributes: { approximate: 'tanh' },
    write(b, x) {
      const slope = b.add(b.constant(1.5957691216057308), b.scale(b.mul(x, x), 0.07135481627260025))
      return b.mul(x, b.sigmoid(b.mul(x, slope)))
    },
  },
  {
    operator: 'Elu',
    write(b, x) {
      const above = b.less(b.constant(0), x)
      return b.select(above, x, b.sub(b.exp(b.select(above, b.constant(0), x)), b.constant(1)))
    },
  },
  {
    operator: 'HardSigmoid',
    attributes: { alpha: { float: 1 / 6 }, beta: { float: 0.5 } },
    write: hardSigmoid,
  },
  { operator: 'HardSwish', write: (b, x) => b.mul(x, hardSigmoid(b, x)) },
  { operator: 'Softsign', write: (b, x) => b.div(x, b.add(b.constant(1), b.abs(x))) },
]

function hardSigmoid(b: Expressions, x: number): number {
  const line = b.add(b.div(x, b.constant(6)), b.constant(0.5))
  return b.minimum(b.maximum(line, b.constant(0)), b.constant(1))
}

interface Template extends Activation {
  readonly graph: Graph
  readonly result: GraphNode
}

/** The activations in the form the graph has them in: simplified by the same rules. */
export function activationTemplates(): readonly Template[] {
  return activations.map((activation) => {
    const builder = new GraphBuilder({ name: activation.operator, kind: 'infer', dims: [] })
    const build = expressions(builder)
    const x = build.input('x', { dtype: 'f32', shape: [] })
    const graph = simplify(builder.finish([{ name: 'y', node: activation.write(build, x) }], []))
    return { ...activation, graph, result: graph.nodes[graph.outputs[0]!.node]! }
  })
}

const commutative: ReadonlySet<OpName> = new Set(['add', 'mul', 'maximum', 'minimum'])

/** The node as one of the activations. */
export function activation(node: GraphNode, context: Context): View | undefined {
  for (const template of context.activations) {
    const found: { x?: number } = {}
    if (!matches(template, template.result, node, context, found) || found.x === undefined) continue
    const view = context.value(found.x)
    const { dtype, shape } = view.tensor
    const { operator, attributes } = template
    return { ...view, tensor: context.writer.emit(operator, [view.tensor], attributes ?? {}, { dtype, shape }) }
  }
  return undefined
}

function matches(
  template: Template,
  pattern: GraphNode,
  node: GraphNode,
  context: Context,
  found: { x?: number },
): boolean {
  if (pattern.op === 'input') {
    found.x ??= node.id
    return found.x === node.id
  }
  if (pattern.op === 'constant') return context.numberOf(node.id) === Math.fround(pattern.attributes.value)
  if (pattern.op !== node.op) return false
  const before = found.x
  const orders = commutative.has(node.op) ? [node.inputs, [...node.inputs].reverse()] : [node.inputs]
  return orders.some((inputs) => {
    if (before === undefined) delete found.x
    return inputs.every((input, at) =>
      matches(template, template.graph.nodes[pattern.inputs[at]!]!, nodeAt(input, context), context, found),
    )
  })
}
