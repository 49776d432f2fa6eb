import type { GraphBuilder } from '../3-graph/builder.ts'
import { graft, reach } from '../3-graph/graft.ts'
import type { GraphNode } from '../3-graph/graph.ts'
import { writeBody } from '../3-graph/loop-body.ts'
import { expressions } from '../ops/expressions.ts'
import { bodyGradient } from './body-gradient.ts'
import { carriesBehind, loopDependents } from './dependence.ts'

/**
 * The gradient of a fixed point h* = f(h*, θ) by the implicit function theorem: u = ḡ + (∂f/∂h)ᵀ u is solved by another
 * iteration of the same tolerance and limit, and θ̄ = (∂f/∂θ)ᵀ u, both at h*. It is that of the exact fixed point, and
 * so presumes that the iteration reached one and that f contracts there (the spectral radius of ∂f/∂h is below one),
 * without which the iteration for u does not settle either. Where the iteration started has no influence.
 * Bai, Kolter and Koltun, "Deep equilibrium models", NeurIPS 2019, theorem 1.
 */
export function iterateGradient(
  builder: GraphBuilder,
  loop: Extract<GraphNode, { op: 'iterate' }>,
  cotangents: ReadonlyMap<number, number>,
  wanted: readonly boolean[],
): Map<number, number> {
  const { carries, tolerance, limit } = loop.attributes
  const build = expressions(builder)
  const active = loopDependents(loop, wanted).inputs
  const given = Array.from({ length: carries }, (_, at) => cotangents.has(at))
  const behind = carriesBehind(loop, given)
  const solved = given.flatMap((own, at) => ((own || behind[at]) && active[at] ? [at] : []))
  if (solved.length === 0) return new Map()
  const outsides = wanted.flatMap((wants, at) => (wants && at >= carries ? [at] : []))
  const step = bodyGradient(builder, loop, solved, [...solved, ...outsides])

  /** What stands for each input of the step outside: at the fixed point. */
  const point = step.inputs.map((_, at) => (at < carries ? build.result(loop.id, at) : loop.inputs[at]!))
  const transposed = solved.flatMap((at) => step.gradients.get(at) ?? [])
  const isInput = (id: number): boolean => step.joint.node(id).op === 'input'
  const read = new Set(reach(step.joint, transposed, isInput))
  const operands = step.inputs.flatMap((input, at) => (read.has(input) ? [at] : []))
  const starts = solved.map((at) => cotangents.get(at) ?? build.like(point[at]!, 0))
  const body = writeBody(
    builder,
    {
      carries: starts.map(build.typeOf),
      elements: [],
      outsides: [...starts, ...operands.map((at) => point[at]!)].map(build.typeOf),
    },
    (inner, inputs) => {
      const known = new Map<number, number>()
      solved.forEach((at, place) => {
        known.set(step.cotangents.get(at)!, inputs.carries[place]!)
      })
      operands.forEach((at, place) => {
        known.set(step.inputs[at]!, inputs.outsides[solved.length + place]!)
      })
      graft(step.joint, transposed, inner, known)
      const next = solved.map((at, place) => {
        const gradient = step.gradients.get(at)
        const start = inputs.outsides[place]!
        return gradient === undefined ? start : expressions(inner).add(start, known.get(gradient)!)
      })
      return { carries: next, yields: [] }
    },
  )
  builder.span = loop.span
  const solution = build.iterate([...starts, ...starts, ...operands.map((at) => point[at]!)], {
    tolerance,
    limit,
    carries: solved.length,
    body,
  })
  const known = new Map<number, number>(step.inputs.map((input, at) => [input, point[at]!]))
  solved.forEach((at, place) => {
    known.set(step.cotangents.get(at)!, build.result(solution, place))
  })
  const gradients = outsides.flatMap((at) => step.gradients.get(at) ?? [])
  graft(step.joint, gradients, builder, known)
  return new Map(
    outsides.flatMap((at) => {
      const gradient = step.gradients.get(at)
      return gradient === undefined ? [] : [[at, known.get(gradient)!]]
    }),
  )
}
