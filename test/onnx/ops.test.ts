import { describe, expect, test } from 'vitest'
import { GraphBuilder } from '../../compiler/3-graph/builder.ts'
import { symbol } from '../../compiler/dimensions/dimension.ts'
import type { OpSample } from '../../compiler/ops/definition.ts'
import type { Operation, OpName } from '../../compiler/ops/op.ts'
import { definitionOf, opDefinitions } from '../../compiler/ops/registry.ts'
import { sampleElements } from '../graph/sample-values.ts'
import { largestDifference, writeGraph } from './run-onnx.ts'

/** Gone once a graph is simplified, or loops, whose bodies are graphs; random numbers are refused. */
const gone = new Set(['pseudo', 'loop', 'random'])
/** What attention is recognised as on the way to WebAssembly; the graph to export still has its products and its softmax. */
const compiledOnly = new Set<OpName>(['attention', 'attention_gradient'])
const ops = (Object.keys(opDefinitions) as OpName[]).filter(
  (op) => !gone.has(definitionOf(op).class) && !compiledOnly.has(op),
)

describe('every op means in onnxruntime what it means in the interpreter', () => {
  test.each(ops)('%s', async (op) => {
    const samples = definitionOf(op).samples() as readonly OpSample<object>[]
    const builder = new GraphBuilder({ name: op, kind: 'infer', dims: [{ name: 'Batch', minimum: 1, maximum: 64 }] })
    const dims = Object.assign({ Batch: 5 }, ...samples.map((sample) => sample.dims ?? {})) as Record<string, number>
    // What gives the dimension its size where no operand has it.
    builder.emit('input', [], { name: 'rows', type: { dtype: 'f32', shape: [symbol('Batch')] } })
    const inputs: Record<string, Float64Array> = { rows: new Float64Array(dims.Batch!) }
    const variables: Record<string, Float64Array> = {}
    const outputs = samples.map((sample, at) => {
      const elements = sampleElements(sample, at)
      const operands = sample.inputs.map((type, operand) => {
        // onnxruntime multiplies i32 as f32: no product may overflow.
        const small = op === 'reduce_prod' && type.dtype === 'i32'
        inputs[`x${at}_${operand}`] = small
          ? elements[operand]!.map((value) => Math.sign(value) || 1)
          : elements[operand]!
        return builder.emit('input', [], { name: `x${at}_${operand}`, type })
      })
      const attributes =
        op === 'input' || op === 'variable' ? { ...sample.attributes, name: `own${at}` } : sample.attributes
      const node = builder.add({ op, attributes } as Operation, operands)
      const count = builder
        .typeOf(node)
        .shape.reduce<number>((n, dim) => n * (typeof dim === 'number' ? dim : dims.Batch!), 1)
      if (op === 'input') inputs[`own${at}`] = new Float64Array(count).fill(1)
      if (op === 'variable') variables[`own${at}`] = new Float64Array(count).fill(1)
      return { name: `y${at}`, node }
    })
    const graph = builder.finish(outputs, [])
    const environment = { dims, inputs, variables, hypers: { lr: 0.125 } }
    const { bytes } = await writeGraph(graph, environment)
    expect(await largestDifference(bytes, graph, environment)).toBeLessThan(2e-6)
  })
})
