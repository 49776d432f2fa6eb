import { type Dim, dimKey } from '../dimensions/dimension.ts'
import type { Attributes, Initializer, OnnxNode, OnnxType, Place, Scope, Subgraph, Tensor } from './onnx-graph.ts'
import { isSubgraph } from './onnx-graph.ts'

/** What the writer is told of a result, since it infers no types. */
export interface ResultType {
  readonly dtype: OnnxType
  readonly shape: readonly Dim[]
  readonly reshapedFrom?: Tensor
}

/**
 * Collects ONNX nodes. Equal ones merge, and each goes to the outermost graph that has all it reads, so that what a loop
 * does not change is computed before it. What nothing reads is left out in the end.
 */
export class OnnxWriter {
  readonly root: Scope = { depth: 0, nodes: [] }
  /** Where nodes made from now on come from. */
  place: Place = { label: '' }
  private readonly known = new Map<string, OnnxNode>()
  private readonly constants = new Map<string, Tensor>()
  private count = 0

  input(name: string, dtype: OnnxType, shape: readonly Dim[], scope = this.root): Tensor {
    return this.tensor({ dtype, shape }, scope, { kind: 'input', name })
  }

  /** A parameter, state or hyper, under its name. */
  named(name: string, type: ResultType, elements: ArrayLike<number>, overridable = false): Tensor {
    return this.tensor(type, this.root, {
      ...{ kind: 'initializer', name, elements },
      ...(overridable && { overridable }),
    })
  }

  constant(dtype: OnnxType, shape: readonly number[], elements: ArrayLike<number>): Tensor {
    const origin: Initializer = { kind: 'initializer', elements }
    const text = Array.from(elements, (value) => (Object.is(value, -0) ? '-0' : String(value))).join()
    const key = `${dtype} [${shape}] ${text}`
    const existing = this.constants.get(key)
    if (existing) return existing
    const tensor = this.tensor({ dtype, shape }, this.root, origin)
    this.constants.set(key, tensor)
    return tensor
  }

  scalar(dtype: OnnxType, value: number): Tensor {
    return this.constant(dtype, [], [value])
  }

  integers(values: readonly number[]): Tensor {
    return this.constant('i64', [values.length], values)
  }

  emit(op: string, inputs: readonly (Tensor | undefined)[], attributes: Attributes, result: ResultType): Tensor {
    return this.emitAll(op, inputs, attributes, [result])[0]!
  }

  /** A node of several results. `scope`: the graph it must be in, if not the outermost one possible. */
  emitAll(
    op: string,
    inputs: readonly (Tensor | undefined)[],
    attributes: Attributes,
    results: readonly ResultType[],
    scope?: Scope,
  ): readonly Tensor[] {
    if (scope || Object.values(attributes).some(isSubgraph))
      return this.append(op, inputs, attributes, results, scope).outputs
    const shapes = results.map(({ dtype, shape }) => `${dtype} ${shape.map(dimKey)}`).join('; ')
    const key = `${op} ${inputs.map((input) => input?.id ?? '').join()} ${JSON.stringify(attributes)} ${shapes}`
    const node = this.known.get(key) ?? this.append(op, inputs, attributes, results)
    this.known.set(key, node)
    return node.outputs
  }

  /** A graph inside that of `outer`. */
  body(outer: Scope): Scope {
    return { depth: outer.depth + 1, nodes: [] }
  }

  private append(
    op: string,
    inputs: readonly (Tensor | undefined)[],
    attributes: Attributes,
    results: readonly ResultType[],
    wanted?: Scope,
  ): OnnxNode {
    const node: OnnxNode = { op, inputs, attributes, outputs: [], place: this.place }
    const scope = wanted ?? deepest(this.root, [...presentIn(inputs), ...Object.values(attributes).flatMap(readByBody)])
    for (const [output, result] of results.entries())
      node.outputs.push(this.tensor(result, scope, { kind: 'node', node, output }))
    scope.nodes.push(node)
    return node
  }

  private tensor(type: ResultType, scope: Scope, origin: Tensor['origin']): Tensor {
    return { id: this.count++, scope, origin, ...type }
  }
}

function presentIn(inputs: readonly (Tensor | undefined)[]): Tensor[] {
  return inputs.filter((input) => input !== undefined)
}

/** What a body reads of the graphs around it. */
function readByBody(attribute: Attributes[string]): Tensor[] {
  if (!isSubgraph(attribute)) return []
  return readInside(attribute).filter(({ scope }) => scope.depth < attribute.scope.depth)
}

function readInside({ scope, outputs }: Subgraph): Tensor[] {
  return [
    ...outputs,
    ...scope.nodes.flatMap(({ inputs, attributes }) => [
      ...presentIn(inputs),
      ...Object.values(attributes).flatMap(readByBody),
    ]),
  ]
}

function deepest(root: Scope, tensors: readonly Tensor[]): Scope {
  return tensors.reduce((scope, tensor) => (tensor.scope.depth > scope.depth ? tensor.scope : scope), root)
}
