/** Programs with loops, from their text to numbers: gradients against finite differences, wasm against the interpreter. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { type GraphEnvironment, interpret } from '../../compiler/3-graph/interpret.ts'
import { evaluateDim } from '../../compiler/dimensions/dimension.ts'
import { compile } from '../../compiler/index.ts'
import type { Variable } from '../../compiler/types.ts'
import { environmentFor } from '../emit/environment.ts'
import { compileGraphs, difference } from '../emit/run-wasm.ts'

const folder = new URL('../fixtures/language/', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, folder), 'utf8')
/** A step of gradient descent at rate 1 subtracts exactly the gradient. */
const plain = (text: string): string =>
  text.replace(/^ {2}clip .*\n/m, '').replace(/^ {2}optimizer .*$/m, '  optimizer sgd(1.0)')

const programs = new Map([
  ...readdirSync(new URL('loops/', folder)).map((file) => [file, read(`loops/${file}`)] as const),
  ['names.nn', plain(read('names.nn'))] as const,
])

async function graphsOf(text: string): Promise<{ graphs: readonly Graph[]; variables: readonly Variable[] }> {
  const { graphs, diagnostics } = await compile(text, { file: 'loops.nn', stopAfter: 'hoist' })
  expect(diagnostics).toEqual([])
  return graphs!
}

function environment(graph: Graph, dims: Readonly<Record<string, number>>, seed: number): GraphEnvironment {
  const limits = new Map((graph.limits ?? []).map(({ input, limit }) => [input, evaluateDim(limit, dims)]))
  const domains = (name: string) => ({
    low: limits.has(name) ? 0 : -0.8,
    high: limits.has(name) ? limits.get(name)! - 1 : 0.8,
  })
  return environmentFor(graph, { dims, seed, hypers: { scale: 0.3 }, domains })
}

/** Sizes for the graph's dimensions: all smallest, all largest, and something between. */
function sizesOf(graph: Graph): Record<string, number>[] {
  const at = (fraction: number) =>
    Object.fromEntries(
      graph.dims.map(({ name, minimum, maximum }, position) => [
        name,
        Math.round(minimum + (maximum - minimum) * fraction ** (1 + position)),
      ]),
    )
  return [at(0), at(0.7), at(1)]
}

const STEP = 1e-5

describe.each([...programs])('%s', (_, text) => {
  test('gradients agree with finite differences', async () => {
    const { graphs, variables } = await graphsOf(text)
    const parameters = variables.flatMap(({ name, kind }) => (kind === 'parameter' ? [name] : []))
    for (const step of graphs.filter(({ kind }) => kind === 'step')) {
      const given = environment(step, sizesOf(step)[1]!, 5)
      const { updates } = interpret(step, given)
      const lossWith = (name: string, elements: Float64Array): number =>
        interpret(step, { ...given, variables: { ...given.variables, [name]: elements } }).outputs.loss!.data[0]!
      let largest = 0
      for (const name of parameters) {
        const before = Float64Array.from(given.variables![name]!)
        for (const at of new Set([0, Math.floor(before.length / 2), before.length - 1])) {
          const shifted = (by: number): number => lossWith(name, before.with(at, before[at]! + by))
          const slope = (shifted(STEP) - shifted(-STEP)) / (2 * STEP)
          largest = Math.max(largest, Math.abs(slope))
          const derived = before[at]! - updates[name]!.data[at]!
          expect(Math.abs(derived - slope), `${step.name}, ${name}[${at}]: ${derived}, not ${slope}`).toBeLessThan(
            1e-8 + 1e-6 * Math.abs(slope),
          )
        }
      }
      expect(largest, `${step.name} depends on its parameters`).toBeGreaterThan(1e-3)
    }
  })

  test('every entry point compiled to wasm agrees with the interpreter at every size', async () => {
    const { graphs } = await graphsOf(text)
    const runner = await compileGraphs(graphs)
    for (const graph of graphs) {
      for (const [seed, dims] of sizesOf(graph).entries()) {
        const given = environment(graph, dims, seed)
        const found = difference(runner.run(graph, given), interpret(graph, given), 1e-3)
        expect(found && `${graph.name} at ${JSON.stringify(dims)}: ${found}`).toBeUndefined()
      }
    }
  })
})
