import { shapeEqual } from '../dimensions/dimension.ts'
import { ShapeError } from '../ops/definition.ts'
import { isLoop } from '../ops/loops.ts'
import { classOf, inferType } from '../ops/registry.ts'
import { formatType } from '../ops/requirements.ts'
import type { TensorType, Variable } from '../types.ts'
import { dimensionNames } from './builder.ts'
import type { Graph, GraphNode } from './graph.ts'
import { printNode } from './print.ts'

/**
 * Throws an error that begins `internal:` unless the graph keeps every promise of its type: nodes in order, operands
 * that fit, types as inferred, one type for each outside name, existing outputs and updates, all dimensions declared;
 * loops read by `result` alone, their bodies graphs that keep the same promises and read nothing but their operands.
 * With the program's variables given, reads and updates are held against those too.
 */
export function verifyGraph(graph: Graph, variables?: readonly Variable[]): void {
  const outside = new Map<string, TensorType>()
  for (const variable of variables ?? []) outside.set(`variable ${variable.name}`, variable.type)
  const fail = (message: string): never => {
    throw new Error(`internal: verify: graph ${graph.name}: ${message}`)
  }
  graph.nodes.forEach((node, position) => {
    const complain = (message: string): never => fail(`${message} in \`${printNode(node)}\``)
    if (node.id !== position) complain(`node ${position} is numbered ${node.id}`)
    for (const input of node.inputs)
      if (!Number.isInteger(input) || input < 0 || input >= position) complain(`operand %${input} does not come before`)
    if (isLoop(node)) verifyBody(node.attributes.body, complain)
    if (node.op !== 'result' && node.inputs.some((input) => isLoop(graph.nodes[input]!)))
      complain('a loop is read only by result')
    const inferred = inferNode(graph, node, complain)
    if (!sameType(inferred, node.type)) complain(`the type should be ${formatType(inferred)}`)
    if (node.op === 'input' || node.op === 'variable') {
      const key = `${node.op} ${node.attributes.name}`
      const declared = outside.get(key)
      if (declared && !sameType(declared, node.type)) complain(`${key} is ${formatType(declared)}`)
      if (!declared && node.op === 'variable' && variables) complain(`${key} is not declared`)
      outside.set(key, node.type)
    }
  })
  const exists = (id: number, what: string): GraphNode => {
    const node = graph.nodes[id] ?? fail(`${what} is the missing node %${id}`)
    return isLoop(node) ? fail(`${what} is a loop, not one of its results`) : node
  }
  const names = new Set<string>()
  for (const { name, node } of graph.outputs) {
    exists(node, `output ${name}`)
    if (names.has(name)) fail(`there are two outputs ${name}`)
    names.add(name)
  }
  const updated = new Set<string>()
  for (const { variable, node } of graph.updates) {
    const { type } = exists(node, `the update of ${variable}`)
    if (updated.has(variable)) fail(`${variable} is updated twice`)
    updated.add(variable)
    const declared = outside.get(`variable ${variable}`)
    if (declared && !sameType(declared, type))
      fail(`${variable} is ${formatType(declared)}, but its update is ${formatType(type)}`)
    if (!declared && variables) fail(`${variable} is updated but not declared`)
  }
  const declared = new Set(graph.dims.map((dim) => dim.name))
  for (const name of dimensionNames(graph.nodes, graph.limits ?? []))
    if (!declared.has(name)) fail(`the dimension ${name} is not declared`)
  for (const { input } of graph.limits ?? [])
    if (!outside.has(`input ${input}`)) fail(`a limit names the missing input ${input}`)
}

/** Bodies read their inputs; random numbers are drawn before the loop, as every step would draw the same. */
function verifyBody(body: Graph, complain: (message: string) => never): void {
  verifyGraph(body)
  for (const { op } of body.nodes)
    if (op === 'variable' || op === 'hyper' || classOf(op) === 'random') complain(`there is a ${op} in the body`)
}

function inferNode(graph: Graph, node: GraphNode, complain: (message: string) => never): TensorType {
  try {
    return inferType(
      node,
      node.inputs.map((input) => graph.nodes[input]!),
    )
  } catch (error) {
    if (error instanceof ShapeError) return complain(error.message)
    throw error
  }
}

function sameType(left: TensorType, right: TensorType): boolean {
  return left.dtype === right.dtype && shapeEqual(left.shape, right.shape)
}
