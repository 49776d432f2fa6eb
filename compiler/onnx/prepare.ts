import { builderLike } from '../3-graph/builder.ts'
import type { Graph } from '../3-graph/graph.ts'
import { add, type Dim, isConstant, multiply, subtract } from '../dimensions/dimension.ts'
import { type Expressions, expressions } from '../ops/expressions.ts'
import { isLoop, withBody } from '../ops/loops.ts'
import type { PoolingAttributes } from '../ops/op.ts'
import { spreadWindows } from '../ops/pooling.ts'

/** The graph in terms of ops that ONNX has: the gradient of a pooling, which it has not, by windows. */
export function prepare(graph: Graph): Graph {
  const builder = builderLike(graph)
  const build = expressions(builder)
  const nodes: number[] = []
  for (const node of graph.nodes) {
    builder.span = node.span
    const inputs = node.inputs.map((input) => nodes[input]!)
    if (node.op === 'pool_max_gradient') nodes.push(poolingGradient(build, inputs, node.attributes))
    else if (isLoop(node)) nodes.push(builder.add(withBody(node, prepare(node.attributes.body)), inputs))
    else nodes.push(builder.add(node, inputs))
  }
  return builder.finish(
    graph.outputs.map(({ name, node }) => ({ name, node: nodes[node]! })),
    graph.updates.map(({ variable, node }) => ({ variable, node: nodes[node]! })),
  )
}

// (x, y, g) → for each element of x the sum over the windows it is a largest element of, of g shared among these
function poolingGradient(build: Expressions, inputs: readonly number[], attributes: PoolingAttributes): number {
  const [x, y, g] = inputs as [number, number, number]
  const { size, window, strides, dilation, low } = attributes
  const windows = spreadWindows(build, x, attributes, Number.NaN)
  const padded = paddedShape(build.shapeOf(x), attributes)
  const shape = build.shapeOf(windows)
  const kept = [0, ...size.map((_, axis) => 1 + 2 * axis)]
  const chosen = build.equal(windows, build.expand(y, shape, kept))
  const count = build.reduceSum(
    build.cast(chosen, 'f32'),
    size.map((_, axis) => 2 + 2 * axis),
  )
  const share = build.div(g, build.maximum(count, build.like(count, 1)))
  let sum = build.select(chosen, build.expand(share, shape, kept), build.full(0, shape))
  size.forEach((results, axis) => {
    // Back from [n, done…, results, window, …]: the axes before are folded already.
    const at = 1 + axis
    const length = padded[at]!
    sum = build.fold(sum, {
      ...{ axis: at, count: results, size: window[axis]! },
      ...{ stride: strides[axis]!, dilation: dilation[axis]!, length },
    })
  })
  return build.slice(sum, [0, ...low], build.shapeOf(x))
}

/** Of the tensor that windows are taken from: long enough for all of them. */
function paddedShape([n, ...spatial]: readonly Dim[], attributes: PoolingAttributes): Dim[] {
  const { size, window, strides, dilation, low } = attributes
  const lengths = spatial.map((length, axis) => {
    const last = add(multiply(subtract(size[axis]!, 1), strides[axis]!), (window[axis]! - 1) * dilation[axis]! + 1)
    const beyond = subtract(last, add(length, low[axis]!))
    return isConstant(beyond) && beyond <= 0 ? add(length, low[axis]!) : last
  })
  return [n!, ...lengths]
}
