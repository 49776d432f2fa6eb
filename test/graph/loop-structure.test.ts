import { describe, expect, test } from 'vitest'
import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import { reach } from '../../compiler/3-graph/graft.ts'
import type { Graph, GraphNode } from '../../compiler/3-graph/graph.ts'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { writeBody } from '../../compiler/3-graph/loop-body.ts'
import { printGraph } from '../../compiler/3-graph/print.ts'
import { verifyGraph } from '../../compiler/3-graph/verify.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { erase } from '../../compiler/4-transform/erase.ts'
import { hoist } from '../../compiler/4-transform/hoist.ts'
import { simplify } from '../../compiler/4-transform/simplify.ts'
import type { Dim } from '../../compiler/dimensions/dimension.ts'
import { type Expressions, expressions } from '../../compiler/ops/expressions.ts'
import { isLoop } from '../../compiler/ops/loops.ts'
import type { OpName } from '../../compiler/ops/op.ts'
import { batch, elmanWith, type Network, networks, runtimeDims, tensor, time } from './loop-networks.ts'

type LoopNode = Extract<GraphNode, { op: 'scan' | 'iterate' }>

interface Asked {
  /** The outputs to keep; all if absent. */
  readonly outputs?: readonly string[]
  /** Inputs to derive the sum of these outputs by. */
  readonly gradients?: readonly string[]
}

function compiled(network: Network, { outputs, gradients = [] }: Asked = {}): Graph {
  const builder = new GraphBuilder({ name: 'loop', kind: 'infer', dims: runtimeDims })
  const build = expressions(builder)
  const made = Object.entries(network(build, builder)).filter(([name]) => outputs?.includes(name) ?? true)
  const loss = made.map(([, node]) => squares(build, node)).reduce(build.add)
  const inputs = Array.from({ length: builder.size }, (_, id) => builder.node(id))
  const derived = gradients.map((name) => {
    const input = inputs.find((node) => node.op === 'input' && node.attributes.name === name)!
    return { name: `d ${name}`, node: build.gradient(loss, input.id) }
  })
  const graph = builder.finish([...made.map(([name, node]) => ({ name, node })), ...derived], [])
  const result = differentiate(graph)
  expect(result.diagnostics).toEqual([])
  const optimised = hoist(simplify(erase(result.graph)))
  verifyGraph(optimised)
  return optimised
}

function squares(build: Expressions, x: number): number {
  const axes = build.shapeOf(x).map((_, axis) => axis)
  return build.reduceSum(build.mul(x, x), axes)
}

const loopsOf = (graph: Graph): LoopNode[] => graph.nodes.filter((node) => isLoop(node))

const count = (graph: Graph, op: OpName): number => graph.nodes.filter((node) => node.op === op).length

/** The products in a loop's body, and those of them that a step does not need from the one before for the next. */
function productsOf({ attributes: { body, carries } }: LoopNode): { all: number; stray: number } {
  const fromStepBefore = new Set<number>()
  for (const node of body.nodes) {
    const isCarry = node.op === 'input' && node.attributes.name.startsWith('carry')
    if (isCarry || node.inputs.some((input) => fromStepBefore.has(input))) fromStepBefore.add(node.id)
  }
  const ends = body.outputs.slice(0, carries).map(({ node }) => node)
  const forStepAfter = new Set(reach({ node: (id) => body.nodes[id]! }, ends, () => false))
  const products = body.nodes.filter((node) => node.op === 'contract')
  const stray = products.filter(({ id }) => !fromStepBefore.has(id) || !forStepAfter.has(id))
  return { all: products.length, stray: stray.length }
}

describe('motion out of loops', () => {
  test('leaves in a GRU one product a step each way, and makes the others of all steps at once', () => {
    const graph = compiled(networks.gru, { gradients: ['x', 'w', 'u', 'b', 'c', 'first0'] })
    const loops = loopsOf(graph)
    expect(loops.map(({ attributes }) => 'reverse' in attributes && attributes.reverse)).toEqual([false, true])
    expect(loops.map(productsOf)).toEqual([
      { all: 1, stray: 0 },
      { all: 1, stray: 0 },
    ])
    // x @ w, and the gradients of x, w and u.
    expect(count(graph, 'contract')).toBe(4)
    // Of the backward carries only the state's cotangent is left: no sum is made step by step.
    expect(loops[1]!.attributes.carries).toBe(1)
    expect(loops[1]!.attributes.body.nodes.some((node) => node.op === 'reduce_sum')).toBe(false)
  })

  test.each(['elman', 'elman reversed', 'lstm', 'nested'] as const)('leaves no stray product in %s', (name) => {
    const weights = name === 'nested' ? ['x', 'u', 'v'] : ['x', 'w', 'u', 'b']
    const graph = compiled(networks[name], { gradients: weights })
    const visit = (inner: Graph): number =>
      loopsOf(inner).reduce((sum, loop) => sum + productsOf(loop).stray + visit(loop.attributes.body), 0)
    expect(visit(graph)).toBe(0)
  })

  test('saves of an Elman step its two states and nothing else', () => {
    const graph = compiled(elmanWith(false), { outputs: ['last0'], gradients: ['x', 'w', 'u', 'b'] })
    const [forward, backward] = loopsOf(graph)
    expect(forward!.attributes.body.outputs.map(({ name }) => name)).toEqual(['carry0', 'yield0', 'yield1'])
    expect(backward!.attributes.body.nodes.some((node) => node.op === 'tanh')).toBe(false)
  })

  test('dissolves a loop without carries', () => {
    const graph = compiled(networks.map, { gradients: ['x', 'w', 'scale'] })
    expect(loopsOf(graph)).toEqual([])
    expect(count(graph, 'contract')).toBe(3)
  })

  test('computes what a fixed point is linearised by once, not in each iteration', () => {
    const graph = compiled(networks['fixed point'], { gradients: ['x', 'u'] })
    const [forward, backward] = loopsOf(graph)
    expect(forward!.op).toBe('iterate')
    const { nodes } = backward!.attributes.body
    expect(nodes.map(({ op }) => op).filter((op) => op === 'contract' || op === 'tanh')).toEqual(['contract'])
  })

  test('takes predictions and their loss out as well', () => {
    const graph = compiled(lossInside, { gradients: ['w', 'u', 'v'] })
    const loops = loopsOf(graph)
    expect(loops.map(productsOf)).toEqual([
      { all: 1, stray: 0 },
      { all: 1, stray: 0 },
    ])
    expect(loops.map(({ attributes }) => attributes.carries)).toEqual([1, 1])
    // x @ w and h @ v; the gradients of h, w, u and v.
    expect(count(graph, 'contract')).toBe(6)
    for (const { attributes } of loops) expect(attributes.body.nodes.some(({ op }) => op === 'reduce_sum')).toBe(false)
  })

  test('takes embeddings before the loop, and adds their gradients in one go', () => {
    const graph = compiled(embedded, { gradients: ['table', 'u'] })
    expect(count(graph, 'gather')).toBe(1)
    expect(count(graph, 'scatter_add')).toBe(1)
    for (const { attributes } of loopsOf(graph)) {
      expect(attributes.body.nodes.some((node) => node.op === 'gather' || node.op === 'scatter_add')).toBe(false)
      expect(attributes.carries).toBe(1)
    }
    const inputs = {
      ids: [2, 0, 1, 2, 2, 1],
      table: [1, 2, 3, 4, 5, 6, 7, 8, 9].map((value) => value / 10),
      u: [1, 0, 2, 0, 1, 0, 0, 0, 1].map((value) => value / 10),
    }
    const dims = { Time: 3, Batch: 2 }
    const slope = interpret(graph, { inputs, dims }).outputs['d table']!.data
    const lossAt = (place: number, step: number): number => {
      const table = inputs.table.with(place, inputs.table[place]! + step)
      const { last } = interpret(graph, { inputs: { ...inputs, table }, dims }).outputs
      return last!.data.reduce((sum, value) => sum + value * value, 0)
    }
    slope.forEach((value, place) => {
      expect(value).toBeCloseTo((lossAt(place, 1e-5) - lossAt(place, -1e-5)) / 2e-5, 7)
    })
  })
})

/** The squared error of each step's prediction, added up in the loop. */
const lossInside: Network = (build, builder) => {
  const [x, y] = [build.input('x', tensor(time, batch, 2)), build.input('y', tensor(time, batch, 5))]
  const [w, u, v] = [build.input('w', tensor(2, 3)), build.input('u', tensor(3, 3)), build.input('v', tensor(3, 5))]
  const body = writeBody(
    builder,
    {
      carries: [tensor(batch, 3), tensor()],
      elements: [tensor(batch, 2), tensor(batch, 5)],
      outsides: [w, u, v].map(build.typeOf),
    },
    (inner, { carries: [state, total], elements, outsides }) => {
      const b = expressions(inner)
      const product = (left: number, right: number) => b.contract(left, right, { batch: [], contracted: [[1, 0]] })
      const next = b.tanh(b.add(product(elements[0]!, outsides[0]!), product(state!, outsides[1]!)))
      const error = b.sub(product(next, outsides[2]!), elements[1]!)
      return { carries: [next, b.add(total!, b.scale(squares(b, error), 0.5))], yields: [] }
    },
  )
  const loop = build.scan([build.full(0, [batch, 3]), build.constant(0), x, y, w, u, v], {
    length: time,
    reverse: false,
    carries: 2,
    elements: 2,
    body,
  })
  return { loss: build.result(loop, 1) }
}

/** A running state fed by rows of a table that each step looks up. */
const embedded: Network = (build, builder) => {
  const ids = build.emit('input', [], { name: 'ids', type: { dtype: 'i32', shape: [time, batch] } })
  const [table, u] = [build.input('table', tensor(3, 3)), build.input('u', tensor(3, 3))]
  const body = writeBody(
    builder,
    {
      carries: [tensor(batch, 3)],
      elements: [{ dtype: 'i32', shape: [batch] }],
      outsides: [tensor(3, 3), tensor(3, 3)],
    },
    (inner, { carries, elements, outsides }) => {
      const b = expressions(inner)
      const row = b.gather(outsides[0]!, elements[0]!, 0)
      const kept = b.contract(carries[0]!, outsides[1]!, { batch: [], contracted: [[1, 0]] })
      return { carries: [b.tanh(b.add(row, kept))], yields: [] }
    },
  )
  const first = build.full(0, [batch, 3])
  const loop = build.scan([first, ids, table, u], { length: time, reverse: false, carries: 1, elements: 1, body })
  return { last: build.result(loop, 0) }
}

describe('the size of a graph', () => {
  test('does not depend on the length of its loops', () => {
    const sizeFor = (length: Dim): number =>
      printGraph(compiled(elmanWith(false, length), { gradients: ['x', 'w', 'u', 'b'] })).split('\n').length
    expect(sizeFor(1000)).toBe(sizeFor(7))
    expect(sizeFor(time)).toBeLessThanOrEqual(sizeFor(7) + 2)
  })

  test('and the time it takes grow with its bodies no faster than they do', () => {
    const chain =
      (steps: number): Network =>
      (build, builder) => {
        const x = build.input('x', tensor(time, 3))
        const body = writeBody(
          builder,
          { carries: [tensor(3)], elements: [tensor(3)], outsides: [] },
          (inner, { carries, elements }) => {
            let next = carries[0]!
            for (let at = 0; at < steps; at++) {
              const product = inner.emit('mul', [next, elements[0]!], {})
              next = inner.emit('sin', [product], {})
            }
            return { carries: [next], yields: [] }
          },
        )
        const zero = build.full(0, [3])
        return {
          last: build.result(build.scan([zero, x], { length: time, reverse: false, carries: 1, elements: 1, body }), 0),
        }
      }
    const started = performance.now()
    const graph = compiled(chain(1000), { gradients: ['x'] })
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(loopsOf(graph)).toHaveLength(2)
  })
})

describe('loops that are tidied', () => {
  test('lose results and carries that nobody reads', () => {
    const graph = compiled(networks.mixed, { outputs: ['shifted', 'constant'] })
    const [loop] = loopsOf(graph)
    // The counter and the entry before; the product, the last entry and the carry nobody reads are gone.
    expect(loop!.attributes.carries).toBe(2)
    expect(loop!.attributes.body.outputs.map(({ name }) => name)).toEqual(['carry0', 'carry1', 'yield0'])
    expect(loop!.attributes.body.nodes.some(({ op }) => op === 'exp' || op === 'sin')).toBe(false)
  })

  test('are none where only what goes through unchanged is read', () => {
    expect(loopsOf(compiled(networks.mixed, { outputs: ['constant'] }))).toEqual([])
  })

  test('take numbers and repeated values in as such', () => {
    const scaled: Network = (build, builder) => {
      const [x, row] = [build.input('x', tensor(time, 3)), build.input('row', tensor(3))]
      const body = writeBody(
        builder,
        { carries: [tensor(3)], elements: [tensor(3), tensor(3), tensor(3)], outsides: [tensor(3)] },
        (inner, { carries, elements, outsides }) => {
          const b = expressions(inner)
          const [first, second, third] = elements
          const sum = b.add(b.mul(first!, second!), b.mul(third!, outsides[0]!))
          const next = b.sin(b.add(carries[0]!, sum))
          return { carries: [next], yields: [next] }
        },
      )
      const elements = [x, x, build.expand(row, [time, 3], [1])]
      const loop = build.scan([row, ...elements, build.full(1, [3])], {
        length: time,
        reverse: false,
        carries: 1,
        elements: 3,
        body,
      })
      return { y: build.result(loop, 1) }
    }
    const [loop] = loopsOf(compiled(scaled))
    // One element x; the row, which is no stack, comes from outside; the factor one is gone.
    expect(loop!.inputs).toHaveLength(3)
    expect(loop!.op === 'scan' && loop!.attributes.elements).toBe(1)
  })
})

describe('gradients through loops', () => {
  const stepOf =
    (write: (b: Expressions, carry: number, element: number) => number): Network =>
    (build, builder) => {
      const x = build.input('x', tensor(time, 3))
      const body = writeBody(
        builder,
        { carries: [tensor(3)], elements: [tensor(3)], outsides: [] },
        (inner, { carries, elements }) => ({
          carries: [write(expressions(inner), carries[0]!, elements[0]!)],
          yields: [],
        }),
      )
      const zero = build.full(0, [3])
      return {
        y: build.result(build.scan([zero, x], { length: time, reverse: false, carries: 1, elements: 1, body }), 0),
      }
    }

  test('that cannot arrive are a diagnostic at the op inside', () => {
    const builder = new GraphBuilder({ name: 'loop', kind: 'infer', dims: runtimeDims })
    const build = expressions(builder)
    builder.span = { file: 'model.nn', start: 1, end: 2 }
    const { y } = stepOf((b, carry, element) => b.add(carry, b.floor(element)))(build, builder)
    const x = Array.from({ length: builder.size }, (_, id) => builder.node(id)).find(({ op }) => op === 'input')!
    const { diagnostics } = differentiate(builder.finish([{ name: 'd', node: build.gradient(y!, x.id) }], []))
    expect(diagnostics.map(({ code, message }) => [code, message])).toEqual([
      [
        'NN0301',
        'no gradient reaches `x`: the value depends on it only through `floor`, whose derivative is zero everywhere',
      ],
    ])
  })

  test('stopped inside are zero', () => {
    const graph = compiled(
      stepOf((b, carry, element) => b.add(carry, b.stopGradient(element))),
      { gradients: ['x'] },
    )
    const { outputs } = interpret(graph, { dims: { Time: 2 }, inputs: { x: [1, 2, 3, 4, 5, 6] } })
    expect([...outputs.y!.data]).toEqual([5, 7, 9])
    expect([...outputs['d x']!.data]).toEqual([0, 0, 0, 0, 0, 0])
  })

  test('taken inside a body are part of it, and have gradients themselves', () => {
    // Each step adds d sum(x³)/dx = 3x².
    const graph = compiled(
      stepOf((b, carry, element) => {
        const cube = b.mul(b.mul(element, element), element)
        return b.add(carry, b.gradient(cube, element))
      }),
      { gradients: ['x'] },
    )
    const { outputs } = interpret(graph, { dims: { Time: 2 }, inputs: { x: [1, 2, 0, 1, 1, 1] } })
    expect([...outputs.y!.data]).toEqual([6, 15, 3])
    expect([...outputs['d x']!.data]).toEqual([72, 360, 0, 72, 180, 36])
  })
})

test('what bounded promises of an element is checked of the input it steps through', () => {
  const builder = new GraphBuilder({ name: 'loop', kind: 'infer', dims: runtimeDims })
  const build = expressions(builder)
  const ids = build.emit('input', [], { name: 'ids', type: { dtype: 'i32', shape: [batch, time] } })
  const body = writeBody(
    builder,
    { carries: [tensor(batch, 3)], elements: [{ dtype: 'i32', shape: [batch] }], outsides: [tensor(7, 3)] },
    (inner, { carries, elements, outsides }) => {
      const b = expressions(inner)
      const row = b.gather(outsides[0]!, b.emit('bounded', [elements[0]!], { limit: 7 }), 0)
      return { carries: [b.add(carries[0]!, row)], yields: [] }
    },
  )
  const operands = [build.full(0, [batch, 3]), build.permute(ids, [1, 0]), build.input('table', tensor(7, 3))]
  const loop = build.scan(operands, { length: time, reverse: false, carries: 1, elements: 1, body })
  const graph = erase(builder.finish([{ name: 'y', node: build.result(loop, 0) }], []))
  expect(graph.limits).toEqual([{ input: 'ids', limit: 7 }])
  expect(printGraph(graph)).not.toContain('bounded')
})
