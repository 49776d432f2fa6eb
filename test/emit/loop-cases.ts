/** Loops that meet every way a value can come into a body, live there and leave it. */
import type { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import { type BodyInputs, type BodyOutputs, writeBody } from '../../compiler/3-graph/loop-body.ts'
import type { Dim } from '../../compiler/dimensions/dimension.ts'
import { type Expressions, expressions } from '../../compiler/ops/expressions.ts'
import { batch, linear, type Network, tensor, time, times } from '../graph/loop-networks.ts'

interface Parts {
  readonly carries?: readonly number[]
  readonly elements?: readonly number[]
  readonly outsides?: readonly number[]
  readonly reverse?: boolean
}

type Step = (build: Expressions, given: BodyInputs<number>, builder: GraphBuilder) => BodyOutputs

function bodyOf(builder: GraphBuilder, { carries = [], elements = [], outsides = [] }: Parts, step: Step) {
  const type = (node: number) => builder.typeOf(node)
  const entry = (node: number) => ({ ...type(node), shape: type(node).shape.slice(1) })
  const types = { carries: carries.map(type), elements: elements.map(entry), outsides: outsides.map(type) }
  return writeBody(builder, types, (inner, given) => step(expressions(inner), given, inner))
}

/** The results of a scan: the last carries, then the stacked yields. */
export function scan(builder: GraphBuilder, length: Dim, parts: Parts, step: Step): number[] {
  const { carries = [], elements = [], outsides = [], reverse = false } = parts
  const build = expressions(builder)
  const body = bodyOf(builder, parts, step)
  const counts = { carries: carries.length, elements: elements.length }
  const loop = build.scan([...carries, ...elements, ...outsides], { length, reverse, ...counts, body })
  return body.outputs.map((_, at) => build.result(loop, at))
}

/** The results of an iteration: the last carries, then the number of steps. */
export function iterate(
  builder: GraphBuilder,
  end: { readonly tolerance: number; readonly limit: number },
  parts: Parts,
  step: Step,
): number[] {
  const { carries = [], outsides = [] } = parts
  const build = expressions(builder)
  const body = bodyOf(builder, parts, step)
  const loop = build.iterate([...carries, ...outsides], { ...end, carries: carries.length, body })
  return [...carries, undefined].map((_, at) => build.result(loop, at))
}

const width = 5

/** x[Batch, Time, …] read along its second axis, as it lies. */
const batchFirst: Network = (build, builder) => {
  const x = build.input('x', tensor(batch, time, width))
  const [w, u, h] = [tensor(width, width), tensor(width, width), tensor(batch, width)].map((type, at) =>
    build.input(`p${at}`, type),
  ) as [number, number, number]
  const parts = { carries: [h], elements: [build.permute(x, [1, 0, 2])], outsides: [w, u] }
  const [last, states] = scan(builder, time, parts, (b, { carries, elements, outsides }) => {
    const moved = b.add(times(b, elements[0]!, outsides[0]!), times(b, carries[0]!, outsides[1]!))
    const next = b.tanh(b.add(moved, elements[0]!))
    return { carries: [next], yields: [next] }
  })
  return { last: last!, states: build.permute(states!, [1, 0, 2]) }
}

/** Elements that are padded, reversed in part, computed cheaply or dearly outside, and one of a constant. */
const views: Network = (build, builder) => {
  const x = build.input('x', tensor(time, batch, width))
  const shape = [time, batch, width]
  const later = build.slice(build.pad(x, [1, 0, 0], [0, 0, 0], 0.5), [0, 0, 0], shape)
  const cheap = build.add(x, build.like(x, 1))
  const dear = build.exp(build.sin(x))
  const fixed = build.full(2, [time, width])
  const count = build.cast(build.iota([time], 0), 'f32')
  const elements = [later, cheap, dear, fixed, count]
  const outside = build.exp(build.input('scale', tensor(width)))
  const parts = { carries: [build.full(0, [batch, width])], elements, outsides: [outside], reverse: true }
  const [total, a, b] = scan(
    builder,
    time,
    parts,
    (e, { carries, elements: [before, plus, exp, two, at], outsides }) => {
      const spread = (v: number, axes: number[]) => e.expand(v, [batch, width], axes)
      const product = e.mul(e.mul(before!, plus!), e.mul(exp!, spread(two!, [1])))
      const scaled = e.mul(e.mul(product, spread(outsides[0]!, [1])), spread(at!, []))
      return { carries: [e.add(e.scale(carries[0]!, 0.5), scaled)], yields: [scaled, carries[0]!] }
    },
  )
  return { total: total!, a: a!, b: b! }
}

/** Carries that change places, stand still, come from outside, are dropped; yields of all of these. */
const exchanges: Network = (build, builder) => {
  const [a, b, c] = [0, 1, 2].map((at) => build.input(`c${at}`, tensor(width))) as [number, number, number]
  const x = build.input('x', tensor(time, width))
  const parts = { carries: [a, b, c, a, b], elements: [x], outsides: [c] }
  const results = scan(builder, time, parts, (e, { carries: [p, q, still, given, twin], elements, outsides }) => {
    const next = e.add(q!, elements[0]!)
    return {
      carries: [next, p!, still!, outsides[0]!, next],
      yields: [next, next, q!, outsides[0]!, still!, e.mul(twin!, given!), e.constant(3), elements[0]!],
    }
  })
  return Object.fromEntries(results.map((node, at) => [`r${at}`, node]))
}

/** Only the last carries, of which one shifts along its axis; the last of them is an output twice. */
const carriesOnly: Network = (build, builder) => {
  const x = build.input('x', tensor(time, width))
  const parts = { carries: [build.full(0, [width]), build.full(1, [])], elements: [x] }
  const [line, scalar] = scan(builder, time, parts, (e, { carries: [delayed, total], elements: [entry] }) => {
    const first = e.slice(entry!, [0], [1])
    const shifted = e.concat([first, e.slice(delayed!, [0], [width - 1])], 0)
    return { carries: [shifted, e.add(total!, e.reduceSum(e.mul(entry!, shifted), [0]))], yields: [] }
  })
  return { line: line!, scalar: scalar!, again: line!, twice: build.add(line!, line!) }
}

/** Gathers, reductions, softmax, a window and a reshape that merges axes, in the body. */
const everyKind: Network = (build, builder) => {
  const ids = build.cast(build.floor(build.abs(build.input('x', tensor(time, batch)))), 'i32')
  const index = build.emit('minimum', [ids, build.like(ids, 3)], {})
  const table = build.input('table', tensor(4, 6))
  const picture = build.input('picture', tensor(batch, time, 2, 3))
  const parts = {
    carries: [build.full(0, [batch, 6])],
    elements: [index, build.permute(picture, [1, 0, 2, 3])],
    outsides: [table],
  }
  const [last, picked, scattered] = scan(builder, time, parts, (e, { carries, elements: [at, image], outsides }) => {
    const row = e.gather(outsides[0]!, at!, 0)
    const flat = e.reshape(e.mul(image!, image!), [batch, 6])
    const sum = e.add(e.add(row, flat), e.scale(carries[0]!, 0.5))
    const shifted = e.exp(e.sub(sum, e.expand(e.reduceMax(sum, [1]), [batch, 6], [0])))
    const soft = e.div(shifted, e.expand(e.reduceSum(shifted, [1]), [batch, 6], [0]))
    const windows = e.window(soft, { axis: 1, count: 2, size: 3, stride: 2, dilation: 1 })
    const best = e.cast(e.argmax(e.reshape(image!, [batch, 6]), 1), 'f32')
    const added = e.scatterAdd(sum, at!, 0, 4)
    const next = e.add(soft, e.expand(e.reduceSum(windows, [1, 2]), [batch, 6], [0]))
    return { carries: [next], yields: [e.reduceSum(e.gather(flat, at!, 1), [1]), added, best] }
  })
  return { last: last!, picked: picked!, scattered: scattered! }
}

/** A loop over the rows of each step, another that depends on nothing of the outer one, and one after the other. */
const loopsInLoops: Network = (build, builder) => {
  const x = build.input('x', tensor(time, batch, width))
  const w = build.input('w', tensor(width, width))
  const parts = { carries: [build.full(0, [width])], elements: [x], outsides: [w, x] }
  const [last, sums] = scan(builder, time, parts, (e, { carries, elements, outsides }, outer) => {
    const rows = { carries: [carries[0]!], elements: [elements[0]!], outsides: [outsides[0]!, carries[0]!] }
    const [end, states] = scan(outer, batch, rows, (b, given) => {
      const moved = b.reshape(times(b, b.reshape(given.carries[0]!, [1, width]), given.outsides[0]!), [width])
      const next = b.tanh(b.add(b.add(moved, given.elements[0]!), given.outsides[1]!))
      return { carries: [next], yields: [next] }
    })
    const apart = { carries: [e.full(1, [batch, width])], elements: [outsides[1]!], reverse: true }
    const [invariant] = scan(outer, time, apart, (b, given) => ({
      carries: [b.sin(b.add(given.carries[0]!, given.elements[0]!))],
      yields: [],
    }))
    const total = e.reduceSum(e.mul(states!, invariant!), [0])
    return { carries: [e.add(e.scale(end!, 0.5), e.scale(total, 0.1))], yields: [total] }
  })
  const after = scan(builder, time, { carries: [last!], elements: [sums!] }, (e, { carries, elements }) => {
    const next = e.add(e.scale(carries[0]!, 0.5), elements[0]!)
    return { carries: [next], yields: [next] }
  })
  return { last: last!, end: after[0]!, states: after[1]! }
}

/** Square roots by Newton's method, which meets the tolerance, and an iteration that ends at its limit. */
const iterations: Network = (build, builder) => {
  const x = build.input('x', tensor(batch, width))
  const positive = build.add(build.mul(x, x), build.like(x, 1))
  const [root, taken] = iterate(
    builder,
    { tolerance: 1e-3, limit: 50 },
    { carries: [build.like(x, 4)], outsides: [positive] },
    (e, { carries: [y], outsides: [a] }) => ({
      carries: [e.scale(e.add(y!, e.div(a!, y!)), 0.5)],
      yields: [],
    }),
  )
  const [count, sum, cut] = iterate(
    builder,
    { tolerance: 0.5, limit: 7 },
    { carries: [build.constant(0, 'i32'), x], outsides: [x] },
    (e, { carries: [at, total], outsides: [entry] }) => ({
      carries: [e.add(at!, e.constant(1, 'i32')), e.add(e.scale(total!, 0.5), entry!)],
      yields: [],
    }),
  )
  return { root: root!, taken: taken!, count: count!, sum: sum!, cut: cut! }
}

/** Products with what the loop does not change on either side, stacked results as operands, and lengths that are numbers. */
const products: Network = (build, builder) => {
  const x = build.input('x', tensor(7, batch, 3))
  const [w, v] = [build.input('w', tensor(3, 16)), build.input('v', tensor(16, 3))]
  const b = build.input('b', tensor(16))
  const parts = { carries: [build.full(0.5, [batch, 3])], elements: [x], outsides: [w, v, b] }
  const [, wide, back] = scan(builder, 7, parts, (e, { carries, elements, outsides: [into, from, bias] }) => {
    const hidden = e.tanh(linear(e, e.add(carries[0]!, elements[0]!), into!, bias!))
    const turned = e.permute(e.contract(from!, hidden, { batch: [], contracted: [[0, 1]] }), [1, 0])
    return { carries: [e.scale(turned, 0.25)], yields: [hidden, turned] }
  })
  const gram = build.contract(wide!, back!, {
    batch: [],
    contracted: [
      [0, 0],
      [1, 1],
    ],
  })
  return { gram, wide: wide! }
}

export const loopCases = {
  'batch first': batchFirst,
  views,
  exchanges,
  'carries only': carriesOnly,
  'every kind of op': everyKind,
  'loops in loops': loopsInLoops,
  iterations,
  products,
} satisfies Record<string, Network>
