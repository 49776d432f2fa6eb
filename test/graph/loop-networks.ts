/** Loops written by hand: each returns its outputs by name, made from f32 inputs. */
import type { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import { writeBody } from '../../compiler/3-graph/loop-body.ts'
import { type Dim, symbol } from '../../compiler/dimensions/dimension.ts'
import { type Expressions, expressions } from '../../compiler/ops/expressions.ts'
import type { TensorType } from '../../compiler/types.ts'

export const time = symbol('Time')
export const batch = symbol('Batch')
export const runtimeDims = [
  { name: 'Batch', minimum: 1, maximum: 64 },
  { name: 'Time', minimum: 1, maximum: 1000 },
]

export const tensor = (...shape: Dim[]): TensorType => ({ dtype: 'f32', shape })

/** x @ w for x[…, k] and w[k, j]. */
export const times = (build: Expressions, x: number, w: number): number =>
  build.contract(x, w, { batch: [], contracted: [[build.shapeOf(x).length - 1, 0]] })

export const plusBias = (build: Expressions, x: number, bias: number): number => {
  const shape = build.shapeOf(x)
  return build.add(x, build.expand(bias, shape, [shape.length - 1]))
}

/** x @ w + bias. */
export const linear = (build: Expressions, x: number, w: number, bias: number): number =>
  plusBias(build, times(build, x, w), bias)

export type Network = (build: Expressions, builder: GraphBuilder) => Record<string, number>

const [inputs, hidden] = [2, 3]

/** A recurrent cell run over x[length, Batch, 2] from carries of [Batch, 3]; yields its first carry. */
const recurrent =
  (
    weights: Readonly<Record<string, TensorType>>,
    carries: number,
    reverse: boolean,
    step: (build: Expressions, x: number, state: readonly number[], weights: Record<string, number>) => number[],
    length: Dim = time,
  ): Network =>
  (build, builder) => {
    const x = build.input('x', tensor(length, batch, inputs))
    const first = Array.from({ length: carries }, (_, at) => build.input(`first${at}`, tensor(batch, hidden)))
    const names = Object.keys(weights)
    const outsides = names.map((name) => build.input(name, weights[name]!))
    const body = writeBody(
      builder,
      {
        carries: first.map(build.typeOf),
        elements: [tensor(batch, inputs)],
        outsides: outsides.map(build.typeOf),
      },
      (inner, given) => {
        const named = Object.fromEntries(names.map((name, at) => [name, given.outsides[at]!]))
        const next = step(expressions(inner), given.elements[0]!, given.carries, named)
        return { carries: next, yields: [next[0]!] }
      },
    )
    const loop = build.scan([...first, x, ...outsides], { length, reverse, carries, elements: 1, body })
    const last = first.map((_, at) => [`last${at}`, build.result(loop, at)])
    return { ...Object.fromEntries(last), states: build.result(loop, carries) }
  }

export const elmanWith = (reverse: boolean, length: Dim = time): Network =>
  recurrent(
    { w: tensor(inputs, hidden), u: tensor(hidden, hidden), b: tensor(hidden) },
    1,
    reverse,
    (build, x, [state], { w, u, b }) => [build.tanh(build.add(linear(build, x, w!, b!), times(build, state!, u!)))],
    length,
  )

const gru = recurrent(
  { w: tensor(inputs, 3 * hidden), u: tensor(hidden, 3 * hidden), b: tensor(3 * hidden), c: tensor(3 * hidden) },
  1,
  false,
  (build, x, [state], { w, u, b, c }) => {
    const [fromInput, fromState] = [linear(build, x, w!, b!), linear(build, state!, u!, c!)]
    const part = (of: number, gate: number): number => build.slice(of, [0, gate * hidden], [batch, hidden])
    const gate = (at: number): number => build.sigmoid(build.add(part(fromInput, at), part(fromState, at)))
    const [update, reset] = [gate(0), gate(1)]
    const candidate = build.tanh(build.add(part(fromInput, 2), build.mul(reset, part(fromState, 2))))
    const kept = build.mul(update, state!)
    return [build.add(kept, build.mul(build.sub(build.like(update, 1), update), candidate))]
  },
)

const lstm = recurrent(
  { w: tensor(inputs, 4 * hidden), u: tensor(hidden, 4 * hidden), b: tensor(4 * hidden) },
  2,
  false,
  (build, x, [state, cell], { w, u, b }) => {
    const gates = build.add(linear(build, x, w!, b!), times(build, state!, u!))
    const part = (at: number): number => build.slice(gates, [0, at * hidden], [batch, hidden])
    const [input, forget, output] = [0, 1, 2].map((at) => build.sigmoid(part(at)))
    const next = build.add(build.mul(forget!, cell!), build.mul(input!, build.tanh(part(3))))
    return [build.mul(output!, build.tanh(next)), next]
  },
)

/** yₜ = x₀ + … + xₜ, as a carry. */
const cumulativeSum: Network = (build, builder) => {
  const x = build.input('x', tensor(time, hidden))
  const body = writeBody(
    builder,
    { carries: [tensor(hidden)], elements: [tensor(hidden)], outsides: [] },
    (inner, { carries, elements }) => {
      const total = inner.emit('add', [carries[0]!, elements[0]!], {})
      return { carries: [total], yields: [total] }
    },
  )
  const zero = build.full(0, [hidden])
  const loop = build.scan([zero, x], { length: time, reverse: false, carries: 1, elements: 1, body })
  return { sums: build.result(loop, 1) }
}

/** A loop without carries: yₜ = sin(xₜ @ w) and yₜ² · scale. */
const map: Network = (build, builder) => {
  const x = build.input('x', tensor(time, batch, inputs))
  const [w, scale] = [build.input('w', tensor(inputs, hidden)), build.input('scale', tensor(hidden))]
  const body = writeBody(
    builder,
    { carries: [], elements: [tensor(batch, inputs)], outsides: [tensor(inputs, hidden), tensor(hidden)] },
    (inner, { elements, outsides }) => {
      const b = expressions(inner)
      const y = b.sin(times(b, elements[0]!, outsides[0]!))
      const scaled = b.mul(b.mul(y, y), b.expand(outsides[1]!, b.shapeOf(y), [1]))
      return { carries: [], yields: [y, scaled] }
    },
  )
  const loop = build.scan([x, w, scale], { length: time, reverse: false, carries: 0, elements: 1, body })
  return { y: build.result(loop, 0), scaled: build.result(loop, 1) }
}

/** Outer steps over Time, inner steps over two rows of each entry; the inner state starts from the outer one. */
const nested: Network = (build, builder) => {
  const x = build.input('x', tensor(time, 2, batch, hidden))
  const first = build.input('first0', tensor(batch, hidden))
  const [u, v] = [build.input('u', tensor(hidden, hidden)), build.input('v', tensor(hidden, hidden))]
  const matrix = tensor(hidden, hidden)
  const state = tensor(batch, hidden)
  const outer = writeBody(
    builder,
    { carries: [state], elements: [tensor(2, batch, hidden)], outsides: [matrix, matrix] },
    (middle, { carries, elements, outsides }) => {
      const m = expressions(middle)
      const inner = writeBody(
        middle,
        { carries: [state], elements: [state], outsides: [matrix, state] },
        (innermost, given) => {
          const b = expressions(innermost)
          const moved = b.add(times(b, given.carries[0]!, given.outsides[0]!), given.elements[0]!)
          const next = b.tanh(b.mul(moved, given.outsides[1]!))
          return { carries: [next], yields: [b.mul(next, next)] }
        },
      )
      const scale = m.cos(carries[0]!)
      const loop = m.scan([carries[0]!, elements[0]!, outsides[0]!, scale], {
        length: 2,
        reverse: true,
        carries: 1,
        elements: 1,
        body: inner,
      })
      const next = m.tanh(times(m, m.result(loop, 0), outsides[1]!))
      return { carries: [next], yields: [m.result(loop, 1)] }
    },
  )
  const loop = build.scan([first, x, u, v], { length: time, reverse: false, carries: 1, elements: 1, body: outer })
  return { last: build.result(loop, 0), squares: build.result(loop, 1) }
}

/** h = tanh(h @ u / 4 + x), a contraction for the weights tests use. */
const fixedPoint: Network = (build, builder) => {
  const [x, u] = [build.input('x', tensor(batch, hidden)), build.input('u', tensor(hidden, hidden))]
  const body = writeBody(
    builder,
    { carries: [tensor(batch, hidden)], elements: [], outsides: [tensor(batch, hidden), tensor(hidden, hidden)] },
    (inner, { carries, outsides }) => {
      const b = expressions(inner)
      const next = b.tanh(b.add(b.scale(times(b, carries[0]!, outsides[1]!), 0.25), outsides[0]!))
      return { carries: [next], yields: [] }
    },
  )
  const loop = build.iterate([build.full(0, [batch, hidden]), x, u], { tolerance: 1e-13, limit: 200, carries: 1, body })
  return { point: build.result(loop, 0) }
}

/**
 * In each step of a scan, an iteration of three carries: one drives another, which alone is read on, and one, of
 * integers, rests from the first.
 */
const fixedPoints: Network = (build, builder) => {
  const [x, first] = [build.input('x', tensor(time, hidden)), build.input('first0', tensor(hidden))]
  const u = build.input('u', tensor(hidden, hidden))
  const steady: TensorType = { dtype: 'i32', shape: [] }
  const body = writeBody(
    builder,
    { carries: [tensor(hidden)], elements: [tensor(hidden)], outsides: [tensor(hidden, hidden)] },
    (middle, { carries: [state], elements: [entry], outsides: [matrix] }) => {
      const m = expressions(middle)
      const inner = writeBody(
        middle,
        {
          carries: [tensor(hidden), tensor(hidden), steady],
          elements: [],
          outsides: [tensor(hidden), tensor(hidden, hidden)],
        },
        (innermost, { carries: [driving, driven, count], outsides }) => {
          const b = expressions(innermost)
          const next = b.tanh(b.add(b.scale(times(b, driving!, outsides[1]!), 0.25), outsides[0]!))
          const factor = b.expand(b.cast(count!, 'f32'), [hidden], [])
          const following = b.sin(b.add(b.scale(driven!, 0.3), b.mul(driving!, factor)))
          return { carries: [next, following, b.minimum(count!, b.constant(2, 'i32'))], yields: [] }
        },
      )
      const operands = [state!, state!, m.constant(2, 'i32'), entry!, matrix!]
      const loop = m.iterate(operands, { tolerance: 1e-14, limit: 300, carries: 3, body: inner })
      const next = m.sin(m.add(m.result(loop, 1), state!))
      return { carries: [next], yields: [next, m.result(loop, 0)] }
    },
  )
  const loop = build.scan([first, x, u], { length: time, reverse: false, carries: 1, elements: 1, body })
  return { states: build.result(loop, 1), driving: build.result(loop, 2) }
}

/**
 * Carries of several dtypes: a counter, a running product, what came one step before, and one that nothing reads;
 * yields a value of the outside beside them.
 */
const mixed: Network = (build, builder) => {
  const x = build.input('x', tensor(time, hidden))
  const [first, scale] = [build.input('first0', tensor(hidden)), build.input('scale', tensor(hidden))]
  const counter: TensorType = { dtype: 'i32', shape: [] }
  const body = writeBody(
    builder,
    {
      carries: [counter, ...[1, 2, 3].map(() => tensor(hidden))],
      elements: [tensor(hidden)],
      outsides: [tensor(hidden)],
    },
    (inner, { carries: [count, product, before, unread], elements: [entry], outsides: [factor] }) => {
      const b = expressions(inner)
      const step = b.expand(b.cast(count!, 'f32'), [hidden], [])
      const next = b.mul(product!, b.add(b.mul(entry!, factor!), b.like(entry!, 1)))
      const carries = [b.add(count!, b.constant(1, 'i32')), next, entry!, b.exp(unread!)]
      return { carries, yields: [b.mul(before!, step), b.sin(factor!)] }
    },
  )
  const one = build.like(first, 1)
  const loop = build.scan([build.constant(3, 'i32'), one, first, one, x, scale], {
    length: time,
    reverse: false,
    carries: 4,
    elements: 1,
    body,
  })
  const results = { product: build.result(loop, 1), last: build.result(loop, 2) }
  return { ...results, shifted: build.result(loop, 4), constant: build.result(loop, 5) }
}

export const networks = {
  elman: elmanWith(false),
  'elman reversed': elmanWith(true),
  gru,
  lstm,
  'cumulative sum': cumulativeSum,
  map,
  nested,
  mixed,
  'fixed point': fixedPoint,
  'fixed points': fixedPoints,
} satisfies Record<string, Network>
