/** Graphs → ONNX → onnxruntime-web → numbers, to be compared with the interpreter's. */
import * as ort from 'onnxruntime-web'
import type { Graph } from '../../compiler/3-graph/graph.ts'
import { type GraphEnvironment, interpret } from '../../compiler/3-graph/interpret.ts'
import { evaluateDim } from '../../compiler/dimensions/dimension.ts'
import { type WrittenModel, writeOnnx } from '../../compiler/onnx/export.ts'
import type { TensorValue } from '../../compiler/ops/definition.ts'
import type { DType } from '../../compiler/types.ts'

ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

export type OnnxResult = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: number[] }>>

/** Runs a file on the inputs of an environment for the graph it was made of. */
export async function runOnnx(
  bytes: Uint8Array,
  graph: Graph,
  { inputs = {}, dims = {} }: GraphEnvironment,
): Promise<OnnxResult> {
  const session = await ort.InferenceSession.create(bytes)
  const feeds: Record<string, ort.Tensor> = {}
  for (const node of graph.nodes) {
    if (node.op !== 'input') continue
    const { name, type } = node.attributes
    const shape = type.shape.map((dim) => evaluateDim(dim, dims))
    feeds[name] = tensorOf(type.dtype, inputs[name]!, shape)
  }
  const fetched = await session.run(feeds)
  await session.release()
  return Object.fromEntries(
    Object.entries(fetched).map(([name, { dims: shape, data }]) => [
      name,
      { shape, data: Array.from(data as ArrayLike<number>, Number) },
    ]),
  )
}

function tensorOf(dtype: DType, data: ArrayLike<number>, shape: readonly number[]): ort.Tensor {
  if (dtype === 'f32') return new ort.Tensor('float32', Float32Array.from(data), shape)
  if (dtype === 'i32') return new ort.Tensor('int32', Int32Array.from(data), shape)
  return new ort.Tensor('bool', Uint8Array.from(data), shape)
}

/** The graph alone as a file, its variables and hypers with the environment's values. */
export function writeGraph(graph: Graph, { variables = {}, hypers = {} }: GraphEnvironment): Promise<WrittenModel> {
  return writeOnnx({
    ...{ graph, program: 'test', compiler: '0', place: () => ({ label: '' }) },
    variable: (name) => variables[name]!,
    hyper: (name) => hypers[name]!,
  })
}

/** How far the file's results are from the graph's at most, as a share of the output's largest value (at least 1). */
export async function largestDifference(
  bytes: Uint8Array,
  graph: Graph,
  environment: GraphEnvironment,
): Promise<number> {
  const results = await runOnnx(bytes, graph, environment)
  const names = new Set(Object.keys(environment.inputs ?? {}))
  let largest = 0
  for (const [name, expected] of Object.entries(interpret(graph, environment).outputs)) {
    const actual = results[names.has(name) ? `${name}_out` : name]
    if (!actual || String(actual.shape) !== String(expected.shape))
      throw new Error(`${name} has the shape [${actual?.shape}], not [${expected.shape}]`)
    largest = Math.max(largest, difference(actual.data, expected))
  }
  return largest
}

/** The largest f32. */
const LARGEST = (2 - 2 ** -23) * 2 ** 127

function difference(actual: readonly number[], { data }: TensorValue): number {
  const scale = data.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 1)
  return data.reduce((most, value, at) => {
    const got = actual[at]!
    if (Object.is(got, value) || got === value || (Number.isNaN(got) && Number.isNaN(value))) return most
    // Its poolings begin there, and so windows of padding alone have it.
    if (value === Number.NEGATIVE_INFINITY && got === -LARGEST) return most
    const error = Math.abs(got - value) / scale
    return Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(most, error)
  }, 0)
}
