import type { GraphBuilder } from '../3-graph/builder.ts'
import { graft, reach } from '../3-graph/graft.ts'
import type { GraphNode } from '../3-graph/graph.ts'
import { writeBody } from '../3-graph/loop-body.ts'
import { expressions } from '../ops/expressions.ts'
import { type BodyGradient, bodyGradient } from './body-gradient.ts'
import { carriesBehind, loopDependents } from './dependence.ts'
import { savedValues } from './saved-values.ts'

type ScanNode = Extract<GraphNode, { op: 'scan' }>

/**
 * The gradient of a scan is a scan the other way: its carries are the cotangents of the carries, and sums of what each
 * step adds to the cotangents of values from outside; it reads the cotangents of the stacked yields and yields those of
 * the elements. Values of the forward steps it needs are further yields of the forward scan, which is widened in place.
 * `cotangents` are those of results by index, `wanted` the operands asked for; returns cotangents by operand.
 */
export function scanGradient(
  builder: GraphBuilder,
  loop: ScanNode,
  cotangents: ReadonlyMap<number, number>,
  wanted: readonly boolean[],
): Map<number, number> {
  const { carries, elements, length, reverse, body } = loop.attributes
  const build = expressions(builder)
  const active = loopDependents(loop, wanted).inputs
  const behind = carriesBehind(
    loop,
    body.outputs.map((_, at) => cotangents.has(at)),
  )
  const places = loop.inputs.map((_, at) => at)
  const carried = places.slice(0, carries).filter((at) => behind[at] && active[at])
  const yields = body.outputs.flatMap((_, at) => (at >= carries && cotangents.has(at) ? [at] : []))
  const others = places.slice(carries).filter((at) => wanted[at])
  const step = bodyGradient(builder, loop, [...carried, ...yields], [...carried, ...others])
  const gradientOf = (at: number): number | undefined => step.gradients.get(at)
  const ofElements = others.filter((at) => at < carries + elements && gradientOf(at) !== undefined)
  const ofOutsides = others.filter((at) => at >= carries + elements && gradientOf(at) !== undefined)
  if (carried.length + ofElements.length + ofOutsides.length === 0) return new Map()

  const targets = [...carried, ...ofElements, ...ofOutsides].flatMap((at) => gradientOf(at) ?? [])
  const yielded = step.outputs.slice(carries)
  const given = new Set([...step.inputs.slice(carries), ...yielded])
  const needed = readByBackward(step, targets)
  const saved = [...new Set(yielded), ...savedValues(step.joint, needed, given, step.formulas)]
  const savedResults = save(builder, loop, step, saved)

  // What the backward step reads, as it is there and as it is outside.
  const standIns = new Set([...saved, ...step.inputs, ...step.cotangents.values()])
  const read = new Set(reach(step.joint, targets, (id) => standIns.has(id)))
  const stacked: (readonly [inside: number, outside: number])[] = [
    ...yields.map((at) => [step.cotangents.get(at)!, cotangents.get(at)!] as const),
    ...places.slice(carries, carries + elements).map((at) => [step.inputs[at]!, loop.inputs[at]!] as const),
    ...saved.map((id) => [id, savedResults.get(id)!] as const),
  ].filter(([inside], at, all) => read.has(inside) && all.findIndex(([other]) => other === inside) === at)
  const outsides = places.slice(carries + elements).filter((at) => read.has(step.inputs[at]!))

  builder.span = loop.span
  const starts = [
    ...carried.map((at) => cotangents.get(at) ?? build.like(loop.inputs[at]!, 0)),
    ...ofOutsides.map((at) => build.like(loop.inputs[at]!, 0)),
  ]
  const backward = writeBody(
    builder,
    {
      carries: starts.map(build.typeOf),
      elements: stacked.map(([inside]) => step.joint.typeOf(inside)),
      outsides: outsides.map((at) => build.typeOf(loop.inputs[at]!)),
    },
    (inner, inputs) => {
      const known = new Map<number, number>()
      carried.forEach((at, place) => {
        known.set(step.cotangents.get(at)!, inputs.carries[place]!)
      })
      stacked.forEach(([inside], place) => {
        known.set(inside, inputs.elements[place]!)
      })
      outsides.forEach((at, place) => {
        known.set(step.inputs[at]!, inputs.outsides[place]!)
      })
      graft(step.joint, targets, inner, known)
      const b = expressions(inner)
      const next = carried.map((at, place) => {
        const gradient = gradientOf(at)
        return gradient === undefined ? b.like(inputs.carries[place]!, 0) : known.get(gradient)!
      })
      const sums = ofOutsides.map((at, place) =>
        b.add(inputs.carries[carried.length + place]!, known.get(gradientOf(at)!)!),
      )
      return { carries: [...next, ...sums], yields: ofElements.map((at) => known.get(gradientOf(at)!)!) }
    },
  )
  builder.span = loop.span
  const scan = build.scan(
    [...starts, ...stacked.map(([, outside]) => outside), ...outsides.map((at) => loop.inputs[at]!)],
    {
      length,
      reverse: !reverse,
      carries: starts.length,
      elements: stacked.length,
      body: backward,
    },
  )
  const order = [...carried, ...ofOutsides, ...ofElements]
  return new Map(order.map((at, index) => [at, build.result(scan, index)]))
}

/** The values of the forward step that the backward step takes from it. */
function readByBackward({ joint, cotangents }: BodyGradient, targets: readonly number[]): number[] {
  const backward = new Set(cotangents.values())
  for (let id = 0; id < joint.size; id++)
    if (joint.node(id).inputs.some((input) => backward.has(input))) backward.add(id)
  return reach(joint, targets, (id) => !backward.has(id)).filter((id) => !backward.has(id))
}

/** Has the scan yield the values, each step's; returns the stacks, by value. */
function save(
  builder: GraphBuilder,
  loop: ScanNode,
  { joint, inputs, outputs }: BodyGradient,
  saved: readonly number[],
): Map<number, number> {
  const { carries, elements } = loop.attributes
  const yields = outputs.slice(carries)
  for (const id of saved) if (!yields.includes(id)) yields.push(id)
  if (yields.length > outputs.length - carries) {
    const types = inputs.map((input) => joint.typeOf(input))
    const body = writeBody(
      builder,
      {
        carries: types.slice(0, carries),
        elements: types.slice(carries, carries + elements),
        outsides: types.slice(carries + elements),
      },
      (inner, given) => {
        const ordered = [...given.carries, ...given.elements, ...given.outsides]
        const known = new Map(inputs.map((input, at) => [input, ordered[at]!]))
        graft(joint, [...outputs, ...yields], inner, known)
        return {
          carries: outputs.slice(0, carries).map((id) => known.get(id)!),
          yields: yields.map((id) => known.get(id)!),
        }
      },
    )
    builder.widen(loop.id, { ...loop.attributes, body })
  }
  return new Map(saved.map((id) => [id, builder.emit('result', [loop.id], { index: carries + yields.indexOf(id) })]))
}
