import { beforeAll, describe, expect, test } from 'vitest'
import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { printGraph } from '../../compiler/3-graph/print.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { erase } from '../../compiler/4-transform/erase.ts'
import { simplify } from '../../compiler/4-transform/simplify.ts'
import { fuse } from '../../compiler/5-fuse/fuse.ts'
import type { Call, LoopCall } from '../../compiler/5-fuse/program.ts'
import { evaluateCount } from '../../compiler/5-fuse/work.ts'
import { emit } from '../../compiler/6-emit/emit.ts'
import { type Expressions, expressions } from '../../compiler/ops/expressions.ts'
import { batch, linear, type Network, tensor, time, times, networks as written } from '../graph/loop-networks.ts'
import { environmentFor } from './environment.ts'
import { loopCases, scan } from './loop-cases.ts'
import { compileGraphs, difference, programOf, type Runner } from './run-wasm.ts'

const dims = [
  { name: 'Batch', minimum: 1, maximum: 9 },
  { name: 'Time', minimum: 1, maximum: 12 },
]
const sizes = [
  { Batch: 1, Time: 1 },
  { Batch: 3, Time: 2 },
  { Batch: 4, Time: 7 },
  { Batch: 9, Time: 12 },
]
const domains = () => ({ low: -1, high: 1 })

function graphOf(name: string, network: Network): Graph {
  const builder = new GraphBuilder({ name, kind: 'infer', dims })
  const outputs = Object.entries(network(expressions(builder), builder))
  return builder.finish(
    outputs.map(([output, node]) => ({ name: output, node })),
    [],
  )
}

/** The network with a weighted sum of its outputs as loss, and the gradient of each input. */
function withGradients(network: Network): Network {
  return (build, builder) => {
    const outputs = Object.entries(network(build, builder)).filter(([, node]) => build.typeOf(node).dtype === 'f32')
    const inputs = Array.from({ length: builder.size }, (_, id) => builder.node(id)).filter(
      (node) => node.op === 'input',
    )
    const loss = outputs
      .map(([name, node]) => sumOf(build, build.mul(node, build.input(`weight of ${name}`, build.typeOf(node)))))
      .reduce(build.add)
    const gradients = inputs.map(({ id, attributes: { name } }) => [`d ${name}`, build.gradient(loss, id)] as const)
    return { ...Object.fromEntries(outputs), loss, ...Object.fromEntries(gradients) }
  }
}

function sumOf(build: Expressions, x: number): number {
  return build.reduceSum(
    x,
    build.shapeOf(x).map((_, axis) => axis),
  )
}

/** Compares wasm with the interpreter at every size, twice with the same bits. */
function compare(runner: Runner, graph: Graph): void {
  for (const dims of sizes) {
    const environment = environmentFor(graph, { dims, seed: dims.Time, domains })
    const result = runner.run(graph, environment)
    const found = difference(result, interpret(graph, environment))
    if (found) throw new Error(`${found} at ${JSON.stringify(dims)}\n${printGraph(graph)}`)
    expect(runner.run(graph, environment)).toEqual(result)
  }
}

const networks = { ...written, ...loopCases }
const names = Object.keys(networks) as (keyof typeof networks)[]
// Where an iteration ends early, rounding decides when, and the gradient of the steps taken is another.
const differentiable = names.filter((name) => name !== 'iterations')

describe('loops as wasm mean what the interpreter says', () => {
  const values = names.map((name) => graphOf(name, networks[name]))
  const gradients = differentiable.map((name) =>
    erase(differentiate(graphOf(`${name} backwards`, withGradients(networks[name]))).graph),
  )
  const simplified = gradients.map((graph) => simplify({ ...graph, name: `${graph.name} simplified` }))
  let runner: Runner

  beforeAll(async () => {
    runner = await compileGraphs([...values, ...gradients, ...simplified])
  }, 60_000)

  test.each(names)('%s', (name) => compare(runner, values[names.indexOf(name)]!))
  test.each(differentiable)('gradients of %s', (name) => compare(runner, gradients[differentiable.indexOf(name)]!))
  test.each(differentiable)('simplified gradients of %s', (name) =>
    compare(runner, simplified[differentiable.indexOf(name)]!),
  )
})

describe('what a loop comes to', () => {
  const single = (name: string, network: Network, lengths = 12): Graph => {
    const builder = new GraphBuilder({
      name,
      kind: 'infer',
      dims: dims.map((dim) => (dim.name === 'Time' ? { ...dim, maximum: lengths } : dim)),
    })
    const outputs = Object.entries(network(expressions(builder), builder))
    return builder.finish(
      outputs.map(([output, node]) => ({ name: output, node })),
      [],
    )
  }
  const loopOf = (network: Network): LoopCall => {
    const calls = fuse(programOf([single('loop', network)])).entries[0]!.calls
    return calls.find((call) => call.kind === 'loop')!
  }
  const kinds = (calls: readonly Call[]): string[] => calls.map(({ kind }) => kind)
  const size = 128

  /** A cell with its input's product taken out; its state is yielded too. */
  const gruCell: Network = (build, builder) => {
    const x = build.input('x', tensor(time, batch, 3 * size))
    const [u, c] = [build.input('u', tensor(size, 3 * size)), build.input('c', tensor(3 * size))]
    const parts = { carries: [build.full(0, [batch, size])], elements: [x], outsides: [u, c] }
    const [, states] = scan(
      builder,
      time,
      parts,
      (e, { carries: [state], elements: [fromInput], outsides: [w, bias] }) => {
        const fromState = linear(e, state!, w!, bias!)
        const part = (of: number, gate: number): number => e.slice(of, [0, gate * size], [batch, size])
        const gate = (at: number): number => e.sigmoid(e.add(part(fromInput!, at), part(fromState, at)))
        const [update, reset] = [gate(0), gate(1)]
        const candidate = e.tanh(e.add(part(fromInput!, 2), e.mul(reset, part(fromState, 2))))
        const next = e.add(e.mul(update, state!), e.mul(e.sub(e.like(update, 1), update), candidate))
        return { carries: [next], yields: [next, update, reset] }
      },
    )
    return { states: states! }
  }

  test('a step of a GRU is one product, packed before, and one kernel that writes the stack the next step reads', () => {
    const program = fuse(programOf([single('loop', gruCell)]))
    const { calls } = program.entries[0]!
    expect(kinds(calls)).toEqual(['kernel', 'pack', 'loop'])
    const loop = calls[2] as LoopCall
    expect(kinds(loop.body)).toEqual(['product', 'kernel'])
    expect(loop.pointers.map(({ kind }) => kind)).toEqual(['follow'])
    expect(loop.body[0]).toHaveProperty('panels')
    expect(evaluateCount(loop.work.flops, { Time: 10, Batch: 2 })).toBe(
      10 * evaluateCount(loop.work.flops, { Time: 1, Batch: 2 }),
    )
  })

  test('a carry that is not stacked is overwritten where everything else reads it first, or two buffers swap', () => {
    const sum: Network = (build, builder) => {
      const x = build.input('x', tensor(time, size))
      const [total] = scan(
        builder,
        time,
        { carries: [build.full(0, [size])], elements: [x] },
        (e, { carries, elements }) => ({
          carries: [e.add(carries[0]!, elements[0]!)],
          yields: [],
        }),
      )
      return { total: total! }
    }
    expect(loopOf(sum).pointers).toEqual([])
    expect(kinds(loopOf(sum).body)).toEqual(['kernel'])
    const power: Network = (build, builder) => {
      const [first, w] = [build.input('first', tensor(batch, size)), build.input('w', tensor(size, size))]
      const [last] = scan(builder, time, { carries: [first], outsides: [w] }, (e, { carries, outsides }) => ({
        carries: [times(e, carries[0]!, outsides[0]!)],
        yields: [],
      }))
      return { last: last! }
    }
    expect(loopOf(power).pointers.map(({ kind }) => kind)).toEqual(['swap'])
    expect(kinds(loopOf(power).body)).toEqual(['product'])
  })

  test('elements are read where they lie, through permutations, reshapes and slices', () => {
    expect(kinds(loopOf(loopCases['batch first']).body)).toEqual(['product', 'product', 'kernel'])
    const merged: Network = (build, builder) => {
      const x = build.input('x', tensor(time, batch, 2, 3))
      const index = build.input('index', { dtype: 'i32', shape: [time, batch] })
      const [w, table] = [build.input('w', tensor(6, 4)), build.input('table', tensor(9, 4))]
      const [y] = scan(builder, time, { elements: [x, index], outsides: [w, table] }, (e, { elements, outsides }) => {
        const product = times(e, e.reshape(elements[0]!, [batch, 6]), outsides[0]!)
        return { carries: [], yields: [e.add(product, e.gather(outsides[1]!, elements[1]!, 0))] }
      })
      return { y: y! }
    }
    expect(kinds(loopOf(merged).body)).toEqual(['product', 'gather', 'kernel'])
  })

  test('what does not depend on a loop is computed before it', () => {
    const { calls } = fuse(programOf([single('loop', loopCases['loops in loops'])])).entries[0]!
    const loops = calls.filter((call) => call.kind === 'loop')
    expect(loops).toHaveLength(3)
    expect(loops.map(({ body }) => body.filter(({ kind }) => kind === 'loop').length)).toEqual([0, 1, 0])
  })

  test('a thousand steps take the code and, without stacks, the memory of ten', async () => {
    const [short, long] = [10, 1000].map((length) => {
      const program = fuse(programOf([single('loop', loopCases.iterations, length), single('gru', gruCell, length)]))
      return { program, source: emit(program).source }
    })
    expect(long!.source.replaceAll(/\d+/g, '0')).toBe(short!.source.replaceAll(/\d+/g, '0'))
    const arena = (entry: number) => [short, long].map((made) => made!.program.entries[entry]!.arenaBytes)
    expect(arena(0)[1]).toBe(arena(0)[0])
  })
})
