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
      for (const part of graph.dims.length > 0 ? [0, 0.5, 1] : [0]) {
        const dims = Object.fromEntries(graph.dims.map(({ name, maximum }) => [name, Math.ceil(part * maximum) || 1]))
        const environment = environmentFor(graph, { dims, seed: 1 + 2 * part, hypers: { lr: 0.01 }, domains })
        const found = difference(runner.run(graph, environment), interpret(graph, environment), 1e-3)
        expect(found && `${graph.name} at ${JSON.stringify(dims)}: ${found}`).toBeUndefined()
      }
    }
  })
})
