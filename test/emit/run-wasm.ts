/** Graphs → wasm → numbers, to be compared with the interpreter's. */
import type { Graph, GraphProgram } from '../../compiler/3-graph/graph.ts'
import type { GraphEnvironment, GraphResult } from '../../compiler/3-graph/interpret.ts'
import { fuse } from '../../compiler/5-fuse/fuse.ts'
import { largestTile } from '../../compiler/5-fuse/product-scratch.ts'
import type { Program } from '../../compiler/5-fuse/program.ts'
import { assemble } from '../../compiler/6-emit/assemble.ts'
import { emit } from '../../compiler/6-emit/emit.ts'
import { evaluateDim } from '../../compiler/dimensions/dimension.ts'
import { kernelLibrary } from '../../compiler/generated/library.ts'
import type { DType, TensorType, Variable } from '../../compiler/types.ts'
import type { BuildName } from '../../runtime/manifest.ts'
import { compileModule } from '../compile-module.ts'

/** One program of several graphs; variables and hypers are what the graphs mention. */
export function programOf(graphs: readonly Graph[]): GraphProgram {
  const variables = new Map<string, Variable>()
  const hypers = new Set<string>()
  const dims = new Map(graphs.flatMap((graph) => graph.dims.map((dim) => [dim.name, dim] as const)))
  const declare = (name: string, type: TensorType): void => {
    if (!variables.has(name)) variables.set(name, { name, kind: 'state', type })
  }
  for (const graph of graphs) {
    for (const node of graph.nodes) {
      if (node.op === 'variable') declare(node.attributes.name, node.attributes.type)
      if (node.op === 'hyper') hypers.add(node.attributes.name)
    }
    for (const { variable, node } of graph.updates) declare(variable, graph.nodes[node]!.type)
  }
  return {
    name: 'test',
    dims: [...dims.values()],
    hypers: [...hypers].map((name) => ({ name, default: 0, scale: 'linear' })),
    variables: [...variables.values()],
    graphs,
    trains: [],
    data: [],
  }
}

export interface Runner {
  readonly program: Program
  readonly source: string
  readonly wasm: Uint8Array
  /** Writes the environment, calls the entry, reads outputs and updated variables. */
  run(graph: Graph, environment: GraphEnvironment): WasmResult
}

export type WasmResult = Readonly<Record<'outputs' | 'updates', Readonly<Record<string, Float32Array | Int32Array>>>>

export async function compileGraphs(graphs: readonly Graph[], build: BuildName = 'plain', level = 1): Promise<Runner> {
  const program = fuse(programOf(graphs), largestTile([build]))
  const { source, manifest, dataOffset, constants } = emit(program)
  const { wasm } = await assemble(source, {
    build,
    manifest: manifest(build),
    kernels: kernelLibrary,
    constants,
    memoryBytes: program.memory.total,
    optimizeLevel: level,
    ...(dataOffset !== undefined && { dataOffset }),
  })
  const { exports } = new WebAssembly.Instance(compileModule(wasm as BufferSource))
  const memory = (exports.memory as WebAssembly.Memory).buffer
  const view = (buffer: number, dtype: DType, length: number): Float32Array | Int32Array => {
    const { offset } = program.buffers[buffer]!
    return dtype === 'f32' ? new Float32Array(memory, offset, length) : new Int32Array(memory, offset, length)
  }
  const slots = (offset: number): Int32Array => new Int32Array(memory, offset, 1)

  return {
    program,
    source,
    wasm,
    run(graph, { dims = {}, inputs = {}, variables = {}, hypers = {}, seed = 0, step = 0 }) {
      const entry = program.entries.find(({ name }) => name === graph.name)!
      const length = ({ shape }: TensorType): number => shape.reduce<number>((n, dim) => n * evaluateDim(dim, dims), 1)
      slots(program.seedOffset)[0] = seed
      slots(program.stepOffset)[0] = step
      for (const { name, type, buffer } of entry.inputs) view(buffer, type.dtype, length(type)).set(inputs[name]!)
      for (const { variable, buffer } of program.variables)
        if (variables[variable.name])
          view(buffer, variable.type.dtype, length(variable.type)).set(variables[variable.name]!)
      for (const { hyper, buffer } of program.hypers) view(buffer, 'f32', 1)[0] = hypers[hyper.name] ?? 0
      new Int32Array(memory, program.preparedOffset, program.preparations.length).fill(0)
      const call = exports[entry.export] as (...sizes: number[]) => void
      call(...entry.dims.map(({ name }) => dims[name]!))
      const outputs = entry.outputs.map(({ name, type, buffer }) => [
        name,
        view(buffer, type.dtype, length(type)).slice(),
      ])
      const updates = graph.updates.map(({ variable, node }) => {
        const { type } = graph.nodes[node]!
        const { buffer } = program.variables.find((candidate) => candidate.variable.name === variable)!
        return [variable, view(buffer, type.dtype, length(type)).slice()]
      })
      return { outputs: Object.fromEntries(outputs), updates: Object.fromEntries(updates) }
    },
  }
}

/** What differs between wasm and interpreter beyond f32 rounding, in words; undefined if nothing does. */
export function difference(result: WasmResult, expected: GraphResult, tolerance = 2e-4): string | undefined {
  for (const part of ['outputs', 'updates'] as const) {
    for (const [name, { data }] of Object.entries(expected[part])) {
      const actual = result[part][name]!
      // Values around one cancel to about 1e-7 in f32 (1 − tanh² far out, say), whatever is left of them.
      let scale = 2e-2
      for (const value of data) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value))
      for (const [at, value] of data.entries()) {
        const got = actual[at]!
        if (Object.is(got, value) || got === value || (Number.isNaN(got) && Number.isNaN(value))) continue
        // The largest f32 is the boundary of infinity.
        if (Math.fround(value) === got) continue
        const error = Math.abs(got - value)
        if (error <= tolerance * Math.abs(value) + 0.05 * tolerance * scale) continue
        return `${part} ${name}[${at}]: wasm ${got}, interpreter ${value}`
      }
    }
  }
  return undefined
}
