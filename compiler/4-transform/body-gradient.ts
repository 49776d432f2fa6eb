import type { GraphBuilder } from '../3-graph/builder.ts'
import { graft, nodesOf } from '../3-graph/graft.ts'
import { expressions } from '../ops/expressions.ts'
import { bodyInputNames, operandsOf } from '../ops/loops.ts'
import { bodyInputNodes, type LoopNode } from './dependence.ts'
import { pullBack } from './pull-back.ts'

/** One step of a loop with its vector–Jacobian product beside it, in a builder of their own. */
export interface BodyGradient {
  readonly joint: GraphBuilder
  /** The step's inputs and outputs, in the order of the loop's operands and of its results. */
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  /** The number of the first node that is not the step's. */
  readonly formulas: number
  /** Inputs that stand for the cotangents of the seeded outputs. */
  readonly cotangents: ReadonlyMap<number, number>
  /** The cotangents of the wanted inputs that are not zero. */
  readonly gradients: ReadonlyMap<number, number>
}

/** `seeded` are outputs of the body, `wanted` inputs, by their places among results and operands. */
export function bodyGradient(
  builder: GraphBuilder,
  loop: LoopNode,
  seeded: readonly number[],
  wanted: readonly number[],
): BodyGradient {
  const { body } = loop.attributes
  const joint = builder.body()
  const known = new Map<number, number>()
  const names = bodyInputNames(operandsOf(loop, loop.inputs.length))
  const inputs = bodyInputNodes(loop).map((node, at) => {
    const input = joint.emit('input', [], { name: names[at]!, type: body.nodes[node]!.type })
    known.set(node, input)
    return input
  })
  graft(
    nodesOf(body.nodes),
    body.outputs.map(({ node }) => node),
    joint,
    known,
  )
  const outputs = body.outputs.map(({ node }) => known.get(node)!)
  const formulas = joint.size
  const build = expressions(joint)
  const cotangents = new Map<number, number>()
  const seeds = new Map<number, number>()
  for (const output of seeded) {
    const node = outputs[output]!
    const cotangent = build.input(`cotangent${output}`, joint.typeOf(node))
    cotangents.set(output, cotangent)
    const other = seeds.get(node)
    seeds.set(node, other === undefined ? cotangent : build.add(other, cotangent))
  }
  const found = pullBack(
    joint,
    seeds,
    wanted.map((at) => inputs[at]!),
  )
  const gradients = new Map<number, number>()
  for (const at of wanted) {
    const gradient = found.get(inputs[at]!)
    if (gradient !== undefined) gradients.set(at, gradient)
  }
  return { joint, inputs, outputs, formulas, cotangents, gradients }
}
