/** Groups of graph nodes that ONNX has one operator for. What the operator replaces is left out in the end if nothing else reads it. */
import type { GraphNode } from '../3-graph/graph.ts'
import { as, bothWays, nodeAt } from './match.ts'
import { withBias } from './ops/contraction.ts'
import { averagePooling, withChannelBias } from './ops/convolution.ts'
import { combined, reduced } from './ops/reductions.ts'
import { activation } from './recognise-activation.ts'
import { batchNormalization, layerNormalization } from './recognise-normalization.ts'
import { logSoftmax, softmax } from './recognise-softmax.ts'
import type { Context } from './translation.ts'
import type { View } from './view.ts'

type Recogniser = (node: GraphNode, context: Context) => View | undefined

/** In the order they are tried. */
const recognisers: readonly Recogniser[] = [
  activation,
  softmax,
  logSoftmax,
  layerNormalization,
  batchNormalization,
  biasedProduct,
  mean,
  averagePool,
]

export function recognise(node: GraphNode, context: Context): View | undefined {
  for (const recogniser of recognisers) {
    const view = recogniser(node, context)
    if (view) return view
  }
  return undefined
}

// x·w + b
function biasedProduct(node: GraphNode, context: Context): View | undefined {
  if (node.op !== 'add' || node.type.dtype !== 'f32') return undefined
  const [left, right] = node.inputs as [number, number]
  for (const [product, bias] of [
    [left, right],
    [right, left],
  ] as const) {
    const [x, b] = [context.value(product), context.value(bias)]
    const found = withBias(x, b, context) ?? withChannelBias(x, b, context)
    if (found) return found
  }
  return undefined
}

// Σx·(1/n)
function mean(node: GraphNode, context: Context): View | undefined {
  if (node.op !== 'mul') return undefined
  for (const [at, input] of node.inputs.entries()) {
    const sum = context.graph.nodes[input]!
    const factor = context.numberOf(node.inputs[1 - at]!)
    if (sum.op !== 'reduce_sum' || factor === undefined) continue
    const count = combined(sum, context)
    if (count !== undefined && count > 1 && Math.fround(1 / count) === factor)
      return reduced({ ...sum, id: node.id }, 'ReduceMean', context)
  }
  return undefined
}

// factor·Σ x over windows
function averagePool(node: GraphNode, context: Context): View | undefined {
  if (node.op !== 'mul') return undefined
  for (const [product, other] of bothWays(node)) {
    const factor = context.numberOf(other)
    const shaped = nodeAt(product, context)
    const sum = as(shaped.op === 'reshape' ? shaped.inputs[0]! : product, 'convolve', context)
    const view = sum && factor !== undefined ? averagePooling(sum, factor, context) : undefined
    if (view) return context.layouts.reshape(view, node.type.shape)
  }
  return undefined
}
