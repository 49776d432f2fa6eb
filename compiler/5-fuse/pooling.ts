/** A pooling, or its gradient, as a call of asm/pooling.ts. */
import type { GraphNode } from '../3-graph/graph.ts'
import type { Dim } from '../dimensions/dimension.ts'
import type { PoolingAxis, PoolingCall } from './program.ts'

/** `shapes` are the operands'. */
export function poolingOf(
  node: GraphNode & { op: 'pool_max' | 'pool_max_gradient' },
  shapes: readonly (readonly Dim[])[],
): Pick<PoolingCall, 'kind' | 'count' | 'axes' | 'work'> {
  const { strides, low, size, window, dilation } = node.attributes
  const x = shapes[0]!
  const axes = strides.map(
    (stride, at): PoolingAxis => ({
      result: size[at]!,
      input: x[1 + at]!,
      window: window[at]!,
      stride,
      low: low[at]!,
      dilation: dilation[at]!,
    }),
  )
  while (axes.length < 3) axes.unshift({ result: 1, input: 1, window: 1, stride: 1, low: 0, dilation: 1 })
  const tensors = [...shapes, node.type.shape]
  return {
    kind: node.op,
    count: x[0]!,
    axes,
    work: { flops: [[x[0]!, ...size, ...window]], bytes: tensors.map((shape) => [4, ...shape]) },
  }
}
