import { describe, expect, test } from 'vitest'
import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { evaluateNodes, interpret } from '../../compiler/3-graph/interpret.ts'
import { buildGraphs } from '../../compiler/3-graph/lower.ts'
import { printGraph } from '../../compiler/3-graph/print.ts'
import { verifyGraph } from '../../compiler/3-graph/verify.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { erase } from '../../compiler/4-transform/erase.ts'
import { simplify } from '../../compiler/4-transform/simplify.ts'
import { symbol } from '../../compiler/dimensions/dimension.ts'
import { type Expressions, expressions } from '../../compiler/ops/expressions.ts'
import { programOf } from '../check/check-text.ts'

const dims = [{ name: 'Batch', minimum: 1, maximum: 64 }]

/** Differentiates a graph whose outputs are what `write` returns. */
function derive(write: (build: Expressions, builder: GraphBuilder) => Record<string, number>) {
  const builder = new GraphBuilder({ name: 'derive', kind: 'infer', dims })
  const outputs = Object.entries(write(expressions(builder), builder)).map(([name, node]) => ({ name, node }))
  const graph = builder.finish(outputs, [])
  const before = printGraph(graph)
  const result = differentiate(graph)
  expect(printGraph(graph)).toBe(before)
  verifyGraph(result.graph)
  expect(result.graph.nodes.some((node) => node.op === 'gradient')).toBe(false)
  return result
}

function valuesOf(graph: Graph, inputs: Record<string, number[]>, sizes: Record<string, number> = {}) {
  const { outputs } = interpret(graph, { inputs, dims: sizes })
  return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, [...value.data]]))
}

const vector = (size: number) => ({ dtype: 'f32' as const, shape: [size] })

describe('gradients', () => {
  test('of gradients of gradients', () => {
    const { graph, diagnostics } = derive((build) => {
      const x = build.input('x', vector(3))
      const y = build.mul(build.mul(x, x), build.mul(x, x))
      const first = build.gradient(y, x)
      const second = build.gradient(first, x)
      return { first, second, third: build.gradient(second, x) }
    })
    expect(diagnostics).toEqual([])
    const { first, second, third } = valuesOf(graph, { x: [1, 2, -3] })
    expect(first).toEqual([4, 32, -108])
    expect(second).toEqual([12, 48, 108])
    expect(third).toEqual([24, 48, -72])
  })

  test('second derivatives agree with differences of first ones', () => {
    const functions: Record<string, (build: Expressions, x: number) => number> = {
      exp: (build, x) => build.exp(x),
      log: (build, x) => build.log(x),
      sqrt: (build, x) => build.sqrt(x),
      rsqrt: (build, x) => build.rsqrt(x),
      reciprocal: (build, x) => build.reciprocal(x),
      sin: (build, x) => build.sin(x),
      cos: (build, x) => build.cos(x),
      tanh: (build, x) => build.tanh(x),
      sigmoid: (build, x) => build.sigmoid(x),
      erf: (build, x) => build.erf(x),
      div: (build, x) => build.div(build.sin(x), x),
      pow: (build, x) => build.pow(x, build.mul(x, x)),
      product: (build, x) => build.reduceProd(x, [0]),
      norm: (build, x) => build.sqrt(build.reduceSum(build.mul(x, x), [0])),
      contraction: (build, x) => build.contract(x, build.mul(x, x), { batch: [], contracted: [[0, 0]] }),
      outer: (build, x) => build.contract(build.exp(x), build.mul(x, x), { batch: [], contracted: [] }),
      window: (build, x) => {
        const read = build.window(x, { axis: 0, count: 2, size: 2, stride: 1, dilation: 1 })
        return build.reduceProd(read, [1])
      },
      softmax: (build, x) => {
        const largest = build.expand(build.reduceMax(x, [0]), build.shapeOf(x), [])
        const powers = build.exp(build.sub(x, largest))
        return build.div(powers, build.expand(build.reduceSum(powers, [0]), build.shapeOf(x), []))
      },
    }
    for (const [name, apply] of Object.entries(functions)) {
      const { graph, diagnostics } = derive((build) => {
        const x = build.input('x', vector(3))
        const y = apply(build, x)
        const weighted = build.mul(y, build.sin(build.add(y, build.like(y, 0.7))))
        const first = build.gradient(weighted, x)
        const direction = build.input('direction', vector(3))
        const slope = build.mul(first, direction)
        return { first, second: build.gradient(slope, x) }
      })
      expect(diagnostics).toEqual([])
      const direction = [0.6, -0.3, 0.8]
      const at = (step: number) => [0.5, 0.9, 1.3].map((value, place) => value + step * direction[place]!)
      const step = 1e-5
      const [after, before] = [step, -step].map((moved) => valuesOf(graph, { x: at(moved), direction }).first!)
      const { second } = valuesOf(graph, { x: at(0), direction })
      second!.forEach((element, place) => {
        expect(element, name).toBeCloseTo((after![place]! - before![place]!) / (2 * step), 5)
      })
    }
  })

  test('choose a side where a function has a corner', () => {
    const { graph } = derive((build) => {
      const x = build.input('x', vector(1))
      const zero = build.like(x, 0)
      return {
        relu: build.gradient(build.maximum(x, zero), x),
        minimum: build.gradient(build.minimum(x, zero), x),
        twice: build.gradient(build.maximum(x, build.mul(x, build.like(x, 1))), x),
        abs: build.gradient(build.abs(x), x),
        sqrt: build.gradient(build.sqrt(x), x),
        norm: build.gradient(build.sqrt(build.mul(x, x)), x),
        base: build.gradient(build.pow(x, build.like(x, 2)), x),
        flat: build.gradient(build.pow(x, zero), x),
        exponent: build.gradient(build.pow(zero, build.add(x, build.like(x, 1))), x),
      }
    })
    const values = valuesOf(graph, { x: [0] })
    const expected = { relu: 0, minimum: 0, twice: 1, abs: 0, sqrt: 0, norm: 0, base: 0, flat: 0, exponent: 0 }
    for (const [name, value] of Object.entries(expected)) expect(values[name]![0]! + 0, name).toBe(value)
  })

  test('of the largest elements are shared among equals', () => {
    const { graph } = derive((build) => {
      const x = build.input('x', vector(4))
      return { max: build.gradient(build.reduceMax(x, [0]), x), product: build.gradient(build.reduceProd(x, [0]), x) }
    })
    expect(valuesOf(graph, { x: [1, 3, 2, 3] }).max).toEqual([0, 0.5, 0, 0.5])
    expect(valuesOf(graph, { x: [2, 3, 0, 5] }).product).toEqual([0, 0, 30, 0])
    expect(valuesOf(graph, { x: [2, 0, 0, 5] }).product).toEqual([0, 0, 0, 0])
  })

  test('are zero where nothing depends, and behind stop_gradient', () => {
    const { graph, diagnostics } = derive((build) => {
      const x = build.input('x', vector(2))
      const z = build.input('z', vector(2))
      const y = build.add(build.mul(build.stopGradient(x), x), build.stopGradient(build.exp(z)))
      return { x: build.gradient(y, x), z: build.gradient(y, z), late: build.gradient(x, y) }
    })
    expect(diagnostics).toEqual([])
    expect(valuesOf(graph, { x: [3, 4], z: [1, 1] })).toEqual({ x: [3, 4], z: [0, 0], late: [0, 0] })
  })

  test('hold through values on the way as well as leaves', () => {
    const { graph } = derive((build) => {
      const x = build.input('x', vector(2))
      const hidden = build.sin(x)
      const y = build.mul(hidden, hidden)
      return { hidden: build.gradient(y, hidden), x: build.gradient(y, x) }
    })
    const { hidden, x } = valuesOf(graph, { x: [0.5, 2] })
    expect(hidden![1]).toBeCloseTo(2 * Math.sin(2), 12)
    expect(x![1]).toBeCloseTo(2 * Math.sin(2) * Math.cos(2), 12)
  })

  test('that cannot arrive are a diagnostic at the op in the way', () => {
    const span = { file: 'model.nn', start: 10, end: 20 }
    const taken = { file: 'model.nn', start: 30, end: 40 }
    const { diagnostics } = derive((build, builder) => {
      const w = build.variable('fc.w', vector(3))
      const b = build.variable('fc.b', vector(3))
      builder.span = span
      const class_ = build.argmax(build.add(build.exp(w), b), 0)
      builder.span = taken
      const loss = build.cast(class_, 'f32')
      return { w: build.gradient(loss, w), b: build.gradient(loss, b) }
    })
    expect(diagnostics).toEqual([
      {
        code: 'NN0301',
        severity: 'error',
        span,
        message:
          'no gradient reaches `fc.w`, `fc.b`: the value depends on it only through `argmax`, whose derivative is zero everywhere',
        labels: [{ span: taken, message: 'the gradient is taken here' }],
        hint: 'use a smooth expression in place of `argmax`, or stop_gradient(…) if nothing should be learned through it',
      },
    ])
  })

  test('of a relu network against its input may be flat in the biases', () => {
    const { diagnostics } = derive((build) => {
      const [x, w, b] = [build.input('x', vector(3)), build.variable('w', vector(3)), build.variable('b', vector(3))]
      const hidden = build.maximum(build.add(build.mul(x, w), b), build.like(x, 0))
      const slope = build.gradient(hidden, x)
      const penalty = build.reduceSum(build.mul(slope, slope), [0])
      return { w: build.gradient(penalty, w), b: build.gradient(penalty, b) }
    })
    expect(diagnostics).toEqual([])
  })

  test('of contractions are contractions', () => {
    const { graph } = derive((build) => {
      const batch = symbol('Batch')
      const x = build.input('x', { dtype: 'f32', shape: [batch, 5] })
      const w = build.variable('w', { dtype: 'f32', shape: [4, 5] })
      const y = build.contract(x, w, { batch: [], contracted: [[1, 1]] })
      const loss = build.reduceSum(build.mul(y, y), [0, 1])
      return { x: build.gradient(loss, x), w: build.gradient(loss, w) }
    })
    const simple = simplify(erase(graph))
    expect(simple.nodes.filter((node) => node.op === 'contract')).toHaveLength(3)
    expect(simple.nodes.some((node) => node.op === 'permute' || node.op === 'reduce_sum')).toBe(false)
  })

  test('of a chain of ten thousand ops take no stack and little time', () => {
    const started = performance.now()
    const { graph } = derive((build) => {
      const x = build.input('x', vector(1))
      let y = x
      for (let count = 0; count < 10_000; count++) y = build.sin(y)
      return { slope: build.gradient(y, x) }
    })
    expect(simplify(erase(graph)).nodes.length).toBeGreaterThan(20_000)
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})

describe('gradients of the library', () => {
  const functions = [
    'sum(log_softmax(x) * w)',
    'sum(softmax(x) * w)',
    'cross_entropy(x, label)',
    'binary_cross_entropy(x, w)',
    'sum(softplus(x))',
    'sum(gelu(x))',
    'sum(gelu_tanh(x))',
    'sum(silu(x))',
    'sum(elu(x))',
    'sum(sigmoid(x) * w)',
    'huber(x, w)',
    'sum(norm(x) * w)',
  ]
  test.each(functions)('%s is finite in float32 up to 10,000 and agrees with differences', (body) => {
    const text = `
model Normal(x: f32[3, 5]) -> f32[3, 5] {
  return x |> norm: LayerNorm
}
infer slope(x: f32[3, 5], w: f32[3, 5], label: i32[3]) -> f32[3, 5] {
  let y = ${body.replace('norm(x)', 'Normal(x)')}
  return gradient(y, x)
}
infer value(x: f32[3, 5], w: f32[3, 5], label: i32[3]) -> f32 {
  return ${body.replace('norm(x)', 'Normal(x)')}
}`
    const program = buildGraphs(programOf(text))
    const graphs = Object.fromEntries(
      program.graphs.map((graph) => [graph.name, simplify(erase(differentiate(graph).graph))]),
    )
    const w = Float64Array.from({ length: 15 }, (_, at) => ((at * 7) % 11) / 11)
    const variables = Object.fromEntries(
      program.variables.map(({ name }) => [name, name.endsWith('gamma') ? [1, 1, 1, 1, 1] : [0, 0, 0, 0, 0]]),
    )
    const environment = (x: Float64Array) => ({ inputs: { x, w, label: [0, 2, 4] }, variables })
    for (const scale of [1e4, 100, 1, 1e-4]) {
      const x = Float64Array.from({ length: 15 }, (_, at) => scale * (((at * 5) % 13) / 6 - 1))
      for (const equal of [false, true]) {
        const values = evaluateNodes(graphs.slope!, environment(equal ? x.fill(scale) : x))
        values.forEach(({ data, dtype }, node) => {
          const finite = dtype !== 'f32' || data.every((element) => Math.abs(element) <= 3.4e38)
          expect(finite, `%${node} of\n${printGraph(graphs.slope!)}`).toBe(true)
        })
      }
    }
    const x = Float64Array.from({ length: 15 }, (_, at) => ((at * 5) % 13) / 6 - 1.03)
    const { output: slope } = interpret(graphs.slope!, environment(x)).outputs
    slope!.data.forEach((element, at) => {
      const valueAt = (offset: number): number =>
        interpret(graphs.value!, environment(x.with(at, x[at]! + offset))).outputs.output!.data[0]!
      expect(element).toBeCloseTo((valueAt(1e-5) - valueAt(-1e-5)) / 2e-5, 6)
    })
  })
})
