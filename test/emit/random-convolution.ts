import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { simplify } from '../../compiler/4-transform/simplify.ts'
import { symbol } from '../../compiler/dimensions/dimension.ts'
import { expressions } from '../../compiler/ops/expressions.ts'
import { randomNumbers } from '../graph/sample-values.ts'

/** A convolution or pooling of random extents, with its gradients as further outputs. */
export function randomConvolution(name: string, seed: number): Graph {
  const random = randomNumbers(seed)
  const upTo = (limit: number): number => 1 + Math.floor(random() * limit)
  const between = (low: number, high: number): number => low + Math.floor(random() * (high - low + 1))
  const spatial = upTo(3)
  const each = <T>(make: () => T): T[] => Array.from({ length: spatial }, make)
  const small = [40, 15, 5][spatial - 1]!
  const builder = new GraphBuilder({
    name,
    kind: 'infer',
    dims: [{ name: 'Batch', minimum: 1, maximum: 4 }],
  })
  const build = expressions(builder)
  const batch = symbol('Batch')
  const thin = random() < 0.25
  const [groups, channels, filters] = thin ? [upTo(4), 1, 1] : [upTo(2), upTo(8), upTo(14)]
  const input = each(() => upTo(small))
  const pooled = random() < 0.25
  const x = build.input('x', { dtype: 'f32', shape: pooled ? [batch, ...input] : [batch, groups, channels, ...input] })
  let y: number
  if (pooled) {
    const window = each(() => upTo(3))
    const dilation = each(() => upTo(2))
    const strides = each(() => upTo(3))
    const size = each(() => upTo(small))
    y = build.emit('pool_max', [x], { strides, low: each(() => between(0, 1)), size, window, dilation })
  } else {
    // Half of the flat ones as Winograd's method has them, if there are channels enough.
    const usual = spatial === 2 && random() < 0.5
    const filter = each(() => (usual ? 3 : random() < 0.2 ? upTo(small) : upTo(4)))
    const w = build.input('w', { dtype: 'f32', shape: [groups, filters, channels, ...filter] })
    const step = () => (random() < 0.15 ? -1 : 1) * upTo(3)
    y = build.convolve(x, w, {
      strides: each(() => (usual || random() < 0.5 ? 1 : step())),
      low: each(() => between(-3, 4)),
      size: each(() => upTo(small)),
      inputDilation: each(() => (usual || random() < 0.6 ? 1 : upTo(3))),
      filterDilation: each(() => (usual ? (random() < 0.5 ? 1 : -1) : random() < 0.5 ? 1 : step())),
    })
  }
  const cotangent = build.input('g', builder.typeOf(y))
  const all = builder.typeOf(y).shape.map((_, axis) => axis)
  const gradients = [...builder.node(y).inputs].map((source) =>
    build.gradient(build.reduceSum(build.mul(y, cotangent), all), source),
  )
  const outputs = [{ name: 'y', node: y }, ...gradients.map((node, at) => ({ name: `d${at}`, node }))]
  return simplify(differentiate(builder.finish(outputs, [])).graph)
}
