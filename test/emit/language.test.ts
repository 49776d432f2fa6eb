import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from '../../compiler/1-parse/parse.ts'
import { check } from '../../compiler/2-check/check.ts'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { buildGraphs } from '../../compiler/3-graph/lower.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { erase } from '../../compiler/4-transform/erase.ts'
import { simplify } from '../../compiler/4-transform/simplify.ts'
import { evaluateDim } from '../../compiler/dimensions/dimension.ts'
import { standardLibrary } from '../../compiler/generated/library.ts'
import type { RuntimeDim } from '../../compiler/types.ts'
import { environmentFor } from './environment.ts'
import { compileGraphs, difference } from './run-wasm.ts'

const folder = join(import.meta.dirname, 'programs')

/** Every entry point of a file, with gradients; once as the differentiated graph and once simplified. */
function graphsOf(file: string): Graph[] {
  const library = Object.entries(standardLibrary).map(([name, text]) => parse(text, `std/${name}`).ast)
  const { ast } = parse(readFileSync(join(folder, file), 'utf8'), file)
  const { program, diagnostics } = check(ast, { library })
  expect(diagnostics).toEqual([])
  const graphs = buildGraphs(program!).graphs.map((graph) => erase(differentiate(graph).graph))
  return [...graphs, ...graphs.map((graph) => ({ ...simplify(graph), name: `${graph.name}.simplified` }))]
}

/** All run-time dimensions at their least, in the middle, at their largest, and each alone at its largest. */
function sizesOf({ dims }: Graph): Record<string, number>[] {
  const sizes = (pick: (dim: RuntimeDim, at: number) => number): Record<string, number> =>
    Object.fromEntries(dims.map((dim, at) => [dim.name, pick(dim, at)]))
  const least = sizes((dim) => dim.minimum)
  if (dims.length === 0) return [least]
  const alone = dims.map((_, only) => sizes((dim, at) => (at === only ? dim.maximum : dim.minimum)))
  const middle = sizes((dim) => Math.ceil((dim.minimum + dim.maximum) / 2))
  return [least, middle, sizes((dim) => dim.maximum), ...(dims.length > 1 ? alone : [])]
}

describe.each(readdirSync(folder))('%s', (file) => {
  test('every entry point agrees with the interpreter', async () => {
    const graphs = graphsOf(file)
    const runner = await compileGraphs(graphs)
    for (const graph of graphs) {
      const limits = Object.fromEntries((graph.limits ?? []).map(({ input, limit }) => [input, evaluateDim(limit, {})]))
      const domains = (name: string) => {
        if (limits[name]) return { low: 0, high: limits[name] - 1 }
        if (/\/(v|step)$/.test(name) || name.includes('var')) return { low: 0.1, high: 0.5 }
        return { low: -0.5, high: 0.5 }
      }
      for (const [seed, dims] of sizesOf(graph).entries()) {
        const environment = environmentFor(graph, { dims, seed: seed + 1, hypers: { lr: 0.01 }, domains })
        const found = difference(runner.run(graph, environment), interpret(graph, environment), 1e-3)
        expect(found && `${graph.name} at ${JSON.stringify(dims)}: ${found}`).toBeUndefined()
      }
    }
  })
})
