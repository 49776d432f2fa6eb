/** Sums of products are added up where they lie, in the products themselves. */
import { describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { everyCall, type ProductCall, type Program } from '../../compiler/5-fuse/program.ts'
import { compile } from '../../compiler/index.ts'
import { load } from '../../runtime/index.ts'
import { environmentFor } from './environment.ts'
import { compileGraphs, difference } from './run-wasm.ts'

const threefold = `
dim Batch in 1..5
model Net(x: f32[Batch, 7, 12]) -> f32[Batch, 7, 12] {
  let h = x |> first: Linear(12)
  let (a, b, c) = (h |> a: Linear(12, bias = false), h |> b: Linear(9, bias = false), h |> c: Linear(9, bias = false))
  let y[n, t, i] = a[n, t, i] * sum[k](b[n, t, k] * c[n, t, k])
  return y
}
train fit(x: f32[Batch, 7, 12], y: f32[Batch, 7, 12]) {
  loss mean_squared_error(Net(x), y)
  optimizer sgd(lr = 0.25)
}
infer both(x: f32[Batch, 8], u: f32[8, 5], y: f32[Batch, 3], v: f32[3, 5]) -> f32[Batch, 5] { return x @ u + y @ v }
infer doubled(x: f32[Batch, 8], u: f32[8, 5]) -> f32[Batch, 5] { let p = x @ u return p * (x @ u + 1.0 + p) }
infer chain(x: f32[Batch, 4, 6], u: f32[6, 6], v: f32[6, 6], w: f32[6, 6]) -> f32[Batch, 4, 6] {
  let start: f32[Batch, 6] = zeros
  let (hs, _last) = scan step in x over 4 carry h = start {
    let next = tanh(h @ u + h @ v + step @ w)
    yield next carry next
  }
  return hs
}
`

async function compiled(source: string): Promise<{ graphs: readonly Graph[]; program: Program }> {
  const { program, graphs, diagnostics } = await compile(source, { file: 'sums.nn', stopAfter: 'fuse' })
  expect(diagnostics).toEqual([])
  return { graphs: graphs!.graphs, program: program! }
}

function productsOf(program: Program, name: string): readonly ProductCall[] {
  const entry = program.entries.find((own) => own.name === name)!
  return everyCall(entry.calls).filter((call) => call.kind === 'product')
}

describe('sums of products', () => {
  test('mean what they meant', async () => {
    const { graphs } = await compiled(threefold)
    const runner = await compileGraphs(graphs, 'plain')
    for (const graph of graphs.filter(({ kind }) => kind !== 'init')) {
      for (const Batch of [5, 1]) {
        const environment = environmentFor(graph, { dims: { Batch }, seed: 3 })
        expect(difference(runner.run(graph, environment), interpret(graph, environment)), graph.name).toBeUndefined()
      }
    }
  }, 120_000)

  test('need neither a tensor for each nor a map', async () => {
    const { program } = await compiled(threefold)
    const step = productsOf(program, 'fit.step')
    const added = step.filter(({ accumulate }) => accumulate)
    expect(added).toHaveLength(2)
    const targets = new Set(added.map(({ c }) => program.buffers[c.buffer]!.name))
    expect(targets.size).toBe(1)
    expect(
      step.filter(({ c, accumulate }) => !accumulate && targets.has(program.buffers[c.buffer]!.name)),
    ).toHaveLength(1)
    const both = program.entries.find(({ name }) => name === 'both')!
    expect(both.calls.map(({ kind }) => kind)).toEqual(['product', 'product'])
    expect(productsOf(program, 'doubled').some(({ accumulate }) => accumulate)).toBe(false)
  })
})

describe('gradients of several steps', () => {
  const source = (settings: string): string => `
dim Batch in 1..6
model Net(x: f32[Batch, 20]) -> f32[Batch, 3] { return x |> a: Linear(16) |> relu |> b: Linear(3) }
train fit(x: f32[Batch, 20], y: f32[Batch, 3]) {
  loss mean_squared_error(Net(x), y)
  optimizer sgd(lr = 0.5)
  ${settings}
}`

  test('are added up by the products that make them', async () => {
    const { program } = await compiled(source('accumulate 3'))
    const onto = productsOf(program, 'fit.step').filter(({ accumulate }) => accumulate?.unless)
    expect(onto.map(({ c }) => program.buffers[c.buffer]!.name).sort()).toEqual([
      'fit_a_w_gradient_sum',
      'fit_b_w_gradient_sum',
    ])
  })

  test('make the update of all rows at once, and begin anew', async () => {
    const numbers = (count: number, key: number): Float32Array =>
      Float32Array.from({ length: count }, (_, index) => Math.sin((index + 1) * 12.9898 + key * 78.233))
    const [whole, parts] = await Promise.all(
      ['', 'accumulate 3'].map(async (settings) => {
        const { modules } = await compile(source(settings), { file: 'steps.nn', builds: ['plain'] })
        return load(modules!.plain!)
      }),
    )
    for (const model of [whole!, parts!]) model.init(4)
    for (let update = 0; update < 3; update++) {
      const [x, y] = [numbers(120, update), numbers(18, update + 5)]
      whole!.step('fit', { x, y })
      for (const part of [0, 1, 2])
        parts!.step('fit', { x: x.subarray(40 * part, 40 * part + 40), y: y.subarray(6 * part, 6 * part + 6) })
      for (const name of whole!.parameters.names)
        whole!.parameters.get(name).forEach((value, at) => {
          expect(parts!.parameters.get(name)[at]).toBeCloseTo(value, 5)
        })
    }
  })
})
