/** Random loops: several carries, elements and values from outside, bodies of random ops, loops within. */
import type { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import { type BodyInputs, writeBody } from '../../compiler/3-graph/loop-body.ts'
import { type Expressions, expressions } from '../../compiler/ops/expressions.ts'
import type { TensorType } from '../../compiler/types.ts'
import { batch, type Network, tensor, time } from './loop-networks.ts'
import { randomNumbers } from './sample-values.ts'

const width = 3
const state = tensor(batch, width)
const matrix = tensor(width, width)
const vector = tensor(width)
const indices: TensorType = { dtype: 'i32', shape: [batch] }

/** Values a body can use, by type. */
interface Pool {
  readonly states: number[]
  readonly matrices: number[]
  readonly vectors: number[]
  readonly indices: number[]
}

/** A network that is one scan over Time, the same for the same seed. */
export function randomLoop(seed: number): Network {
  return (build, builder) => {
    const random = randomNumbers(seed)
    const below = (count: number): number => Math.floor(random() * count)
    const carries = below(3)
    const reverse = random() < 0.5
    const first = Array.from({ length: carries }, (_, at) => build.input(`first${at}`, state))
    const stacked = build.input('x', tensor(time, batch, width))
    const rows = build.emit('input', [], { name: 'rows', type: { dtype: 'i32', shape: [time, batch] } })
    const pool: Pool = {
      states: [build.input('s', state)],
      matrices: [build.input('u', matrix), build.input('v', matrix)],
      vectors: [build.input('b', vector)],
      indices: [],
    }
    const outsides = [...pool.states, ...pool.matrices, ...pool.vectors]
    const elements = [stacked, rows]
    const body = writeBody(
      builder,
      { carries: first.map(build.typeOf), elements: [state, indices], outsides: outsides.map(build.typeOf) },
      (inner, inputs) => writeRandomBody(inner, inputs, pool, random, 1),
    )
    const loop = build.scan([...first, ...elements, ...outsides], { length: time, reverse, carries, elements: 2, body })
    const outputs = body.outputs.map(({ name }, at) => [name, build.result(loop, at)] as const)
    const used = outputs.filter(() => random() < 0.8)
    return Object.fromEntries(used.length > 0 ? used : outputs)
  }
}

function writeRandomBody(
  builder: GraphBuilder,
  inputs: BodyInputs<number>,
  { states, matrices }: Pool,
  random: () => number,
  depth: number,
): { carries: number[]; yields: number[] } {
  const build = expressions(builder)
  const below = (count: number): number => Math.floor(random() * count)
  const { carries, elements, outsides } = inputs
  const pool: Pool = {
    states: [...carries, ...(elements.length > 0 ? [elements[0]!] : []), ...outsides.slice(0, states.length)],
    matrices: outsides.slice(states.length, states.length + matrices.length),
    vectors: outsides.slice(states.length + matrices.length),
    indices: elements.slice(1),
  }
  const count = 3 + below(8)
  for (let made = 0; made < count; made++) pool.states.push(randomState(build, builder, pool, random, depth))
  // Late values most of all, so that much is alive; carries are kept small.
  const late = (): number => pool.states.at(-1 - below(Math.min(4, pool.states.length)))!
  const next = carries.map((carry) => {
    const kind = below(6)
    if (kind === 0) return carry
    if (kind === 1) return build.add(carry, build.scale(late(), 0.25))
    return build.tanh(late())
  })
  return { carries: next, yields: Array.from({ length: 1 + below(3) }, late) }
}

function randomState(
  build: Expressions,
  builder: GraphBuilder,
  pool: Pool,
  random: () => number,
  depth: number,
): number {
  const below = (count: number): number => Math.floor(random() * count)
  const oneOf = (list: readonly number[]): number => list[below(list.length)]!
  const x = oneOf(pool.states)
  const times = (left: number, right: number, axis: number): number =>
    build.scale(build.contract(left, right, { batch: [], contracted: [[1, axis]] }), 0.5)
  switch (below(13)) {
    case 0:
      return build.add(x, oneOf(pool.states))
    case 1:
      return build.sub(x, oneOf(pool.states))
    case 2:
      return build.mul(x, build.sin(oneOf(pool.states)))
    case 3:
      return build.tanh(x)
    case 4:
    case 5:
      return times(x, oneOf(pool.matrices), below(2))
    case 6:
      return build.add(x, build.expand(oneOf(pool.vectors), build.shapeOf(x), [1]))
    case 7:
      return build.expand(build.scale(build.reduceSum(x, [1]), 0.3), build.shapeOf(x), [0])
    case 8:
      // Attention of rows to rows: a product of two values of the step.
      return times(build.sin(build.contract(x, oneOf(pool.states), { batch: [], contracted: [[1, 1]] })), x, 0)
    case 9: {
      const [left, right] = [build.slice(x, [0, 0], [batch, 1]), build.slice(x, [0, 1], [batch, 2])]
      return build.concat([right, left], 1)
    }
    case 10:
      return pool.indices.length === 0 ? build.neg(x) : build.gather(oneOf(pool.matrices), pool.indices[0]!, 0)
    case 11: {
      // A batched product, one outer product for each row.
      const other = oneOf(pool.states)
      const outer = build.contract(x, other, { batch: [[0, 0]], contracted: [] })
      return build.scale(build.reduceSum(build.sin(outer), [2]), 0.5)
    }
    default:
      return depth === 0 ? build.cos(x) : innerLoop(build, builder, pool, x, random, depth)
  }
}

function innerLoop(
  build: Expressions,
  builder: GraphBuilder,
  pool: Pool,
  first: number,
  random: () => number,
  depth: number,
): number {
  const outer: Pool = { ...pool, states: pool.states.slice(-2), indices: [] }
  const outsides = [...outer.states, ...outer.matrices, ...outer.vectors]
  const body = writeBody(
    builder,
    { carries: [state], elements: [], outsides: outsides.map(build.typeOf) },
    (inner, inputs) => writeRandomBody(inner, inputs, outer, random, depth - 1),
  )
  const loop = build.scan([first, ...outsides], {
    length: 2,
    reverse: random() < 0.5,
    carries: 1,
    elements: 0,
    body,
  })
  return random() < 0.5 ? build.result(loop, 0) : build.reduceSum(build.result(loop, 1), [0])
}
