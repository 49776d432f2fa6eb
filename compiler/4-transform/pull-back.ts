import type { GraphBuilder } from '../3-graph/builder.ts'
import { expressions } from '../ops/expressions.ts'
import { isLoop } from '../ops/loops.ts'
import { definitionOf } from '../ops/registry.ts'
import { dependents } from './dependence.ts'
import { givenGradients } from './given-gradients.ts'
import { iterateGradient } from './iterate-gradient.ts'
import { scanGradient } from './scan-gradient.ts'
import { slopeFinder } from './slope.ts'

/**
 * One sweep of reverse-mode differentiation: from cotangents of some nodes (`seeds`), the cotangents of the sources,
 * by node. A source without an entry has the gradient zero.
 */
export function pullBack(
  builder: GraphBuilder,
  seeds: ReadonlyMap<number, number>,
  sources: readonly number[],
): Map<number, number> {
  const build = expressions(builder)
  const last = Math.max(...seeds.keys())
  const first = Math.min(last, ...sources)
  const onPath = dependents(builder, sources, last)
  const cotangents = new Map([...seeds].filter(([id]) => onPath.has(id)))
  const ofResults = new Map<number, Map<number, number>>()
  const contribute = (id: number, contribution: number | undefined): void => {
    if (contribution === undefined || !onPath.has(id)) return
    const total = cotangents.get(id)
    cotangents.set(id, total === undefined ? contribution : build.add(total, contribution))
  }
  const asked = new Set(sources)
  const slopes = slopeFinder(builder, onPath, (id) => asked.has(id) || cotangents.has(id))
  for (let id = last; id >= first; id--) {
    const node = builder.node(id)
    builder.span = node.span
    if (isLoop(node)) {
      const results = ofResults.get(id)
      if (!results) continue
      const wanted = node.inputs.map((input) => onPath.has(input) && builder.typeOf(input).dtype === 'f32')
      const contributions =
        node.op === 'scan'
          ? scanGradient(builder, node, results, wanted)
          : iterateGradient(builder, node, results, wanted)
      for (const [at, contribution] of contributions) contribute(node.inputs[at]!, contribution)
      continue
    }
    const cotangent = cotangents.get(id)
    if (cotangent === undefined) continue
    if (node.op === 'result') {
      const loop = node.inputs[0]!
      // A source may itself be the result of a loop nothing differentiable goes through.
      if (!onPath.has(loop)) continue
      const known = ofResults.get(loop)
      if (known) known.set(node.attributes.index, cotangent)
      else ofResults.set(loop, new Map([[node.attributes.index, cotangent]]))
      continue
    }
    const { inputs, attributes } = node
    const rule = definitionOf(node.op).gradient
    // A source may itself come from an op without a gradient.
    if (typeof rule !== 'function' || !inputs.some((input) => onPath.has(input))) continue
    const whole = slopes.slopeOf(id)
    if (whole) {
      contribute(whole.argument, build.mul(cotangent, whole.slope))
      continue
    }
    const contributions =
      node.op === 'with_gradient'
        ? givenGradients(builder, node, cotangent)
        : rule({ build, inputs, output: id, cotangent, attributes })
    inputs.forEach((input, at) => {
      contribute(input, contributions[at])
    })
  }
  const result = new Map<number, number>()
  for (const source of sources) {
    const gradient = cotangents.get(source)
    if (gradient !== undefined) result.set(source, gradient)
  }
  return result
}
