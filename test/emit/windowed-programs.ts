/** Programs over windows, compiled with the windows recognised and interpreted without. */
import { expect } from 'vitest'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { differentiate } from '../../compiler/4-transform/differentiate.ts'
import { erase } from '../../compiler/4-transform/erase.ts'
import { compile } from '../../compiler/index.ts'
import type { BuildName } from '../../runtime/manifest.ts'
import { environmentFor } from './environment.ts'
import { compileGraphs, difference, type Runner } from './run-wasm.ts'

export interface WindowedPrograms {
  readonly runner: Runner
  /** As compiled. */
  graph(name: string): Graph
  /** Compares wasm with the graph as it was written, at several batches. */
  check(name: string): void
}

export async function compileWindowed(source: string, build: BuildName): Promise<WindowedPrograms> {
  const graphsAfter = async (pass: string): Promise<readonly Graph[]> => {
    const compilation = await compile(source, { file: 'windows.nn', stopAfter: pass })
    expect(compilation.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
    return compilation.graphs!.graphs
  }
  const written = (await graphsAfter('graph')).map((graph) => erase(differentiate(graph).graph))
  const graphs = await graphsAfter('hoist')
  const runner = await compileGraphs(graphs, build)
  const graph = (name: string): Graph => graphs.find((candidate) => candidate.name === name)!
  return {
    runner,
    graph,
    check(name) {
      const reference = written.find((candidate) => candidate.name === name)!
      for (const Batch of [1, 4]) {
        const dims = { Batch, Time: 3 + 5 * Batch }
        const environment = environmentFor(reference, { dims, seed: Batch })
        const found = difference(runner.run(graph(name), environment), interpret(reference, environment))
        expect(found && `${name} at ${Batch}: ${found}`).toBeUndefined()
      }
    },
  }
}
