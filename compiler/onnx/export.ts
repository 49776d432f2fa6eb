import type { Graph, GraphNode } from '../3-graph/graph.ts'
import type { Diagnostic, Span } from '../diagnostics/diagnostic.ts'
import { formatDim } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { finish } from './finish.ts'
import { layoutsOf } from './layout.ts'
import { nameAll } from './names.ts'
import { isSubgraph, type OnnxNode, type Place, type Tensor } from './onnx-graph.ts'
import { prepare } from './prepare.ts'
import { activationTemplates } from './recognise-activation.ts'
import { sizesOf } from './sizes.ts'
import { translateGraph } from './translate.ts'
import type { Context } from './translation.ts'
import { isStatic, type View, whole } from './view.ts'
import { OnnxWriter } from './writer.ts'

/** What of an ONNX model is not in the graph of its entry. */
export interface OnnxSource {
  /** A prediction entry without gradients or marks, simplified. */
  readonly graph: Graph
  /** The program's name, for the file's description. */
  readonly program: string
  readonly compiler: string
  /** Row-major elements. */
  readonly variable: (name: string) => ArrayLike<number>
  readonly hyper: (name: string) => number
  readonly place: (graph: Graph, node: GraphNode) => Place
}

export interface WrittenModel {
  readonly bytes: Uint8Array
  /** How often each operator occurs, those in loops too. */
  readonly operators: Readonly<Record<string, number>>
}

/** A construct of the entry that ONNX does not have. */
export class NotInOnnxError extends Error {
  readonly diagnostic: Diagnostic

  constructor(diagnostic: Diagnostic) {
    super(diagnostic.message)
    this.diagnostic = diagnostic
  }
}

/**
 * The entry as the bytes of an ONNX file.
 *
 * @throws NotInOnnxError if the entry holds what ONNX does not have
 */
export async function writeOnnx(source: OnnxSource): Promise<WrittenModel> {
  const graph = prepare(source.graph)
  const writer = new OnnxWriter()
  const refuse: Context['refuse'] = (node, what, remedy) => {
    throw new NotInOnnxError({
      code: 'NN0303',
      severity: 'error',
      span: node.span ?? nowhere,
      message: `\`${graph.name}\` holds ${what}`,
      labels: [],
      hint: remedy,
    })
  }
  const outside = outsideOf(graph, source, writer, refuse)
  const ranges = Object.fromEntries(graph.dims.map((dim) => [dim.name, dim]))
  const sizes = sizesOf(
    writer,
    outside.inputs.map(({ tensor }) => tensor),
  )
  const layouts = layoutsOf(writer, sizes, ranges)
  const read: Context['outside'] = (kind, name) => outside.views.get(`${kind} ${name}`)!
  const activations = activationTemplates()
  const surroundings = { writer, sizes, layouts, ranges, refuse, activations, place: source.place }
  const results = translateGraph(graph, writer.root, read, surroundings)
  const outputs = ownOutputs(graph, results, writer, layouts)
  const finished = finish(
    writer.root,
    outputs.map(({ tensor }) => tensor),
  )
  const bytesStored = finished.stored.reduce((sum, { elements }) => sum + 4 * elements.length, 0)
  if (bytesStored > LARGEST_FILE)
    return refuse(graph.nodes[0]!, 'more than 2 GiB of parameters, which no ONNX file can', 'make the model smaller')
  const names = nameAll(
    finished,
    outside.inputs.map(({ tensor }) => tensor),
    outputs,
  )
  const { encodeModel } = await import('./encode.ts')
  const overridable = finished.stored.filter((stored) => stored.overridable)
  const bytes = encodeModel({
    graph: finished,
    names,
    name: graph.name,
    inputs: [...outside.inputs, ...overridable.map(({ tensor }) => ({ tensor }))],
    outputs,
    description: `${graph.name} of ${source.program}`,
    producerVersion: source.compiler,
  })
  return { bytes, operators: countOperators(finished.nodes) }
}

function countOperators(nodes: readonly OnnxNode[], counts: Record<string, number> = {}): Record<string, number> {
  for (const { op, attributes } of nodes) {
    counts[op] = (counts[op] ?? 0) + 1
    for (const attribute of Object.values(attributes))
      if (isSubgraph(attribute)) countOperators(attribute.scope.nodes, counts)
  }
  return counts
}

/** What protobuf, the encoding of ONNX, can measure. */
const LARGEST_FILE = 2 ** 31 - 1

const nowhere: Span = { file: '', start: 0, end: 0 }

/** The values a graph is given, as tensors. */
function outsideOf(
  graph: Graph,
  { variable, hyper }: OnnxSource,
  writer: OnnxWriter,
  refuse: Context['refuse'],
): {
  readonly views: ReadonlyMap<string, View>
  readonly inputs: readonly { readonly tensor: Tensor; readonly description?: string }[]
} {
  const views = new Map<string, View>()
  const inputs: { tensor: Tensor; description?: string }[] = []
  for (const node of graph.nodes) {
    if (node.op === 'input') {
      const { name, type } = node.attributes
      const tensor = writer.input(name, type.dtype, type.shape)
      const limits = (graph.limits ?? []).filter(({ input }) => input === name)
      const description = limits.map(({ limit }) => `0 ≤ ${name} < ${formatDim(limit)}`).join(', ')
      inputs.push({ tensor, ...(description !== '' && { description }) })
      views.set(`input ${name}`, whole(tensor))
    } else if (node.op === 'variable') {
      const { name, type } = node.attributes
      if (!isStatic(type.shape))
        return refuse(node, `\`${name}\`, whose size is set at run time`, 'give it to the entry as an input')
      views.set(`variable ${name}`, whole(writer.named(name, type, variable(name))))
    } else if (node.op === 'hyper') {
      const { name } = node.attributes
      const type: TensorType = { dtype: 'f32', shape: [] }
      views.set(`hyper ${name}`, whole(writer.named(name, type, [hyper(name)], true)))
    }
  }
  return { views, inputs }
}

/** A tensor of its own for each output, and its name; an output called as an input is gets another. */
function ownOutputs(
  graph: Graph,
  results: readonly View[],
  writer: OnnxWriter,
  layouts: Context['layouts'],
): { readonly name: string; readonly tensor: Tensor }[] {
  const inputs = new Set(graph.nodes.flatMap((node) => (node.op === 'input' ? [node.attributes.name] : [])))
  const taken = new Set<Tensor>()
  return graph.outputs.map(({ name }, at) => {
    let tensor = layouts.exact(results[at]!)
    if (tensor.origin.kind !== 'node' || taken.has(tensor)) {
      const { dtype, shape } = tensor
      tensor = writer.emitAll('Identity', [tensor], {}, [{ dtype, shape }], writer.root)[0]!
    }
    taken.add(tensor)
    return { name: inputs.has(name) ? `${name}_out` : name, tensor }
  })
}
