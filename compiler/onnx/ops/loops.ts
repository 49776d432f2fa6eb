import { bodyInputNames, type LoopOperation, operandsOf, resultTypes } from '../../ops/loops.ts'
import type { Scope, Subgraph, Tensor } from '../onnx-graph.ts'
import { type Context, type NodeOf, operand, type Translation } from '../translation.ts'
import { type View, whole } from '../view.ts'
import type { ResultType } from '../writer.ts'
import { converted } from './elementwise.ts'
import { reversed } from './movement.ts'

const result: Translation<'result'> = (node, context) => context.results(node.inputs[0]!)[node.attributes.index]!

/** All results of a loop. */
export function translateLoop(node: NodeOf<'scan'> | NodeOf<'iterate'>, context: Context): readonly View[] {
  if (node.op === 'iterate') return translateIterate(node, context)
  return node.attributes.elements > 0 ? translateScan(node, context) : translateCounted(node, context)
}

/** A loop that reads an entry of something in each step. */
function translateScan(node: NodeOf<'scan'>, context: Context): readonly View[] {
  const { writer } = context
  const { carries, elements, reverse } = node.attributes
  const given = node.inputs.slice(0, carries + elements).map((_, at) => operand(node, at, context))
  const body = translateBody(node, context, (inputs, outputs) => ({ inputs, outputs }))
  const yields = body.outputs.length - carries
  const directions = (count: number): number[] => Array.from({ length: count }, () => 1)
  const attributes = {
    body,
    num_scan_inputs: elements,
    ...(reverse && { scan_input_directions: directions(elements) }),
    ...(reverse && yields > 0 && { scan_output_directions: directions(yields) }),
  }
  return writer.emitAll('Scan', given, attributes, resultTypes(node)).map(whole)
}

/** A loop that only counts. */
function translateCounted(node: NodeOf<'scan'>, context: Context): readonly View[] {
  const { writer, sizes } = context
  const { carries, reverse, length } = node.attributes
  const given = node.inputs.slice(0, carries).map((_, at) => operand(node, at, context))
  const body = translateBody(node, context, (inputs, outputs, scope) => withCondition(inputs, outputs, scope, context))
  const forever = writer.scalar('bool', 1)
  const results = writer.emitAll('Loop', [sizes.size(length), forever, ...given], { body }, resultTypes(node))
  return results.map((value, at) => whole(reverse && at >= carries ? reversed(value, [0], context) : value))
}

/** A loop that ends when nothing moves any more, counting its steps. */
function translateIterate(node: NodeOf<'iterate'>, context: Context): readonly View[] {
  const { writer } = context
  const { carries, limit, tolerance } = node.attributes
  const given = node.inputs.slice(0, carries).map((_, at) => operand(node, at, context))
  const scalar = { dtype: 'i32', shape: [] } as const
  const body = translateBody(node, context, (inputs, outputs, scope) => {
    const steps = writer.input('steps', 'i32', [], scope)
    const next = writer.emitAll('Add', [steps, writer.scalar('i32', 1)], {}, [scalar], scope)
    const moves = outputs.map((after, at) => moved(after, inputs[at]!, tolerance, scope, context))
    const any = moves.reduce((left, right) => writer.emit('Or', [left, right], {}, { dtype: 'bool', shape: [] }))
    const { inputs: all, outputs: results } = withCondition([...inputs, steps], [...outputs, ...next], scope, context)
    return { inputs: all, outputs: [ownResult(any, scope, context), ...results.slice(1)] }
  })
  const begun = [writer.scalar('i64', limit), writer.scalar('bool', 1), ...given, writer.scalar('i32', 0)]
  return writer.emitAll('Loop', begun, { body }, resultTypes(node)).map(whole)
}

/** Whether any element of a carry is more than the tolerance from where it was. */
function moved(after: Tensor, before: Tensor, tolerance: number, scope: Scope, context: Context): Tensor {
  const { writer } = context
  const { shape } = after
  const [to, from] = [after, before].map((tensor) => converted(tensor, 'f32', context)) as [Tensor, Tensor]
  const type = { dtype: 'f32', shape } as const
  const distance = writer.emit('Abs', [writer.emit('Sub', [to, from], {}, type)], {}, type)
  const [largest] =
    shape.length === 0
      ? [distance]
      : writer.emitAll('ReduceMax', [distance], { keepdims: 0 }, [{ dtype: 'f32', shape: [] }], scope)
  return writer.emit('Greater', [largest, writer.scalar('f32', tolerance)], {}, { dtype: 'bool', shape: [] })
}

/** The inputs and outputs of the body of a Loop that goes on: it is given the step and whether to go on, and says so. */
function withCondition(
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  scope: Scope,
  context: Context,
): Pick<Subgraph, 'inputs' | 'outputs'> {
  const { writer } = context
  const step = writer.input('step', 'i64', [], scope)
  const condition = writer.input('condition', 'bool', [], scope)
  return { inputs: [step, condition, ...inputs], outputs: [ownResult(condition, scope, context), ...outputs] }
}

/**
 * The body with inputs for carries and elements. What is outside of it is read where it is. An output must be the result
 * of a node of the body, and of its own.
 */
function translateBody(
  node: LoopOperation & { readonly inputs: readonly number[] },
  context: Context,
  frame: (inputs: readonly Tensor[], outputs: readonly Tensor[], scope: Scope) => Pick<Subgraph, 'inputs' | 'outputs'>,
): Subgraph {
  const { writer } = context
  const { body, carries } = node.attributes
  const scope = writer.body(context.scope)
  const counts = operandsOf(node, node.inputs.length)
  const names = bodyInputNames(counts)
  const own = carries + counts.elements
  const types = new Map(
    body.nodes.flatMap((inner) => (inner.op === 'input' ? [[inner.attributes.name, inner.type] as const] : [])),
  )
  const inputs = names.slice(0, own).map((name) => {
    const { dtype, shape } = types.get(name)!
    return writer.input(name, dtype, shape, scope)
  })
  const values = new Map<string, View>([
    ...inputs.map((input, at) => [names[at]!, whole(input)] as const),
    ...names.slice(own).map((name, at) => [name, context.value(node.inputs[own + at]!)] as const),
  ])
  const results = context.translateBody(body, scope, values)
  const taken = new Set<Tensor>()
  const outputs = results.map((view) => {
    const tensor = context.layouts.exact(view)
    const again = taken.has(tensor)
    taken.add(tensor)
    return ownResult(tensor, scope, context, again)
  })
  return { name: 'body', scope, ...frame(inputs, outputs, scope) }
}

/** The tensor as the result of a node in the scope. */
function ownResult(tensor: Tensor, scope: Scope, { writer }: Context, copy = false): Tensor {
  if (!copy && tensor.scope === scope && tensor.origin.kind === 'node') return tensor
  const type: ResultType = { dtype: tensor.dtype, shape: tensor.shape }
  return writer.emitAll('Identity', [tensor], {}, [type], scope)[0]!
}

export const loops = { result }
