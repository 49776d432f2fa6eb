/** Names people meet in the generated code: buffers, kernels, titles of calls. */
import type { Graph } from '../3-graph/graph.ts'
import { formatShape } from '../dimensions/dimension.ts'
import { opDefinitions } from '../ops/registry.ts'
import type { EntryKind, Variable } from '../types.ts'

const RESERVED = new Set([
  ...['break', 'case', 'class', 'const', 'default', 'do', 'else', 'enum', 'export', 'for', 'function', 'if', 'import'],
  ...[
    'in',
    'let',
    'new',
    'null',
    'return',
    'switch',
    'this',
    'true',
    'false',
    'type',
    'var',
    'void',
    'while',
    'memory',
  ],
  ...['exp', 'log', 'tanh', 'sigmoid', 'erf', 'sin', 'cos', 'pow', 'sign', 'abs', 'min', 'max', 'load', 'store'],
  ...[
    'attention',
    'attentionGradient',
    'attentionUnits',
    'poolMax',
    'poolMaxGradient',
    'convolve',
    'convolveLarge',
    'depthwise',
    'depthwiseLarge',
    'winograd',
    'winogradFilters',
    'winogradLarge',
    'pooledGradient',
    'matmul',
    'packPanels',
    'rsqrt',
    'reciprocal',
    'choose',
    'select',
    'usize',
    'bool',
    'step',
    'seed',
    'SEED',
    'STEP',
    'PREPARED',
    'mark',
    'floorDivide',
  ],
  ...['madd', 'nmadd', 'sum4', 'max4', 'min4', 'prod4', 'sum4i', 'max4i', 'min4i', 'storePartial', 'storeStrided4'],
  ...[
    'loadStrided4',
    'laneMask',
    'laneIndices',
    'uniform4',
    'normal4',
    'gatherRows',
    'scatterAddRows',
    'scatterAddRowsInteger',
    'argsort',
    'cumulativeSum',
    'cumulativeSumInteger',
  ],
  ...['matmulShare', 'claim', 'partStart', 'partEnd', 'own', 'barrier', 'begin', 'next', 'setSize', 'size'],
  ...['thread', 'active', 'work'],
])

/** `text` as an identifier no other name in `taken` has; added to it. */
export function uniqueName(text: string, taken: Set<string>): string {
  const cleaned = text.replace(/[^A-Za-z0-9_]+/g, '_').replace(/^(?=\d)/, '_') || '_'
  const base =
    RESERVED.has(cleaned) || /^(f32|i32|v128)|^(j|at|steps|turn|row|table|draw)\d*$/.test(cleaned)
      ? `${cleaned}_`
      : cleaned
  let name = base
  for (let number = 2; taken.has(name); number++) name = `${base}_${number}`
  taken.add(name)
  return name
}

/** What a group of nodes computes: its ops in order, repeats counted, and the shape of the last one. */
export function titleOf(graph: Graph, nodes: Iterable<number>): string {
  const ids = [...nodes].sort((a, b) => a - b)
  const counts = new Map<string, number>()
  for (const id of ids) {
    const { op } = graph.nodes[id]!
    counts.set(op, (counts.get(op) ?? 0) + 1)
  }
  const ops = [...counts].map(([op, count]) => (count > 1 ? `${op} ×${count}` : op))
  const largest = ids.reduce((best, id) => (rank(graph, id) >= rank(graph, best) ? id : best), ids[0]!)
  const { type } = graph.nodes[largest]!
  return `${ops.join(', ')} · ${type.dtype}${formatShape(type.shape)}`
}

function rank(graph: Graph, id: number): number {
  return graph.nodes[id]!.type.shape.length
}

export interface KernelTraits {
  readonly entry: EntryKind
  /** Kinds of the variables it writes. */
  readonly updates: readonly Variable['kind'][]
  /** Several stages for each row. */
  readonly rows: boolean
}

const CHARACTERISTIC = [
  ...['fold', 'concat', 'argmax', 'reduce_max', 'reduce_min', 'reduce_prod', 'reduce_sum', 'normal', 'uniform'],
  ...['exp', 'log', 'tanh', 'sigmoid', 'erf', 'sin', 'cos', 'pow', 'maximum', 'minimum', 'select'],
] as const

/** A stable name for a kernel by what is characteristic of it: `parameter_update`, `softmax_rows`, `tanh_map`. */
export function kernelName(graph: Graph, nodes: ReadonlySet<number>, { entry, updates, rows }: KernelTraits): string {
  const ops = new Set<string>([...nodes].map((id) => graph.nodes[id]!.op))
  if (updates.length > 0) {
    if (entry === 'init') return 'initialize'
    if (updates.includes('prepared')) return 'prepare'
    const what = updates.includes('parameter') ? 'parameter_update' : 'state_update'
    return ops.has('reduce_sum') ? `${what}_with_sum` : what
  }
  const softmax = rows && ops.has('exp') && ops.has('reduce_max')
  const word = softmax ? 'softmax' : (CHARACTERISTIC.find((op) => ops.has(op)) ?? firstElementwise(graph, nodes))
  return `${word.replace('reduce_', '')}_${rows ? 'rows' : 'map'}`
}

function firstElementwise(graph: Graph, nodes: ReadonlySet<number>): string {
  for (const id of nodes) {
    const { op } = graph.nodes[id]!
    if (opDefinitions[op].class === 'elementwise') return op
  }
  return 'copy'
}
