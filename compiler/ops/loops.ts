/** Loops whose body is a graph, and the taking apart of what they return. */
import type { Graph } from '../3-graph/graph.ts'
import { type Dim, formatDim, shapeEqual } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { type OpDef, ShapeError, type TensorValue } from './definition.ts'
import type { OpAttributes, Operation } from './op.ts'
import { formatType } from './requirements.ts'
import { elementCount } from './strides.ts'

export type LoopOperation = Extract<Operation, { op: 'scan' | 'iterate' }>

export function isLoop<T extends Operation>(operation: T): operation is Extract<T, { op: 'scan' | 'iterate' }> {
  return operation.op === 'scan' || operation.op === 'iterate'
}

/** The loop with another body. */
export function withBody(loop: LoopOperation, body: Graph): LoopOperation {
  return { op: loop.op, attributes: { ...loop.attributes, body } } as LoopOperation
}

/** The numbers of a loop's operands of each kind, which come in this order. */
export interface LoopOperands {
  readonly carries: number
  readonly elements: number
  readonly outsides: number
}

export function operandsOf(loop: LoopOperation, count: number): LoopOperands {
  const { carries } = loop.attributes
  const elements = loop.op === 'scan' ? loop.attributes.elements : 0
  return { carries, elements, outsides: count - carries - elements }
}

/** The names of a body's inputs, in the order of the loop's operands. */
export function bodyInputNames({ carries, elements, outsides }: LoopOperands): string[] {
  return [...numbered('carry', carries), ...numbered('element', elements), ...numbered('outside', outsides)]
}

/** The names of a body's outputs, in the order of the loop's results. */
export function bodyOutputNames(carries: number, yields: number): string[] {
  return [...numbered('carry', carries), ...numbered('yield', yields)]
}

function numbered(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${kind}${at}`)
}

/** The types of everything a loop returns, in the order of `result`'s index. */
export function resultTypes(loop: LoopOperation): TensorType[] {
  const { body, carries } = loop.attributes
  const types = body.outputs.map(({ node }) => body.nodes[node]!.type)
  if (loop.op === 'iterate') return [...types, { dtype: 'i32', shape: [] }]
  const { length } = loop.attributes
  return types.map(({ dtype, shape }, at) => ({ dtype, shape: at < carries ? shape : [length, ...shape] }))
}

/** Holds the body against the operands it will be run on, given as they are in one step. */
function requireBody(op: string, body: Graph, operands: LoopOperands, types: readonly TensorType[]): void {
  const wanted = bodyInputNames(operands)
  const inputs = new Map(body.nodes.flatMap((node) => (node.op === 'input' ? [[node.attributes.name, node.type]] : [])))
  wanted.forEach((name, at) => {
    const type = inputs.get(name)
    if (!type) throw new ShapeError(`the body of ${op} has no input ${name}`)
    if (!sameType(type, types[at]!))
      throw new ShapeError(`${name} of ${op} is ${formatType(types[at]!)}, but ${formatType(type)} in its body`)
  })
  if (inputs.size > wanted.length) throw new ShapeError(`the body of ${op} has inputs that are no operands`)
  const names = bodyOutputNames(operands.carries, body.outputs.length - operands.carries)
  const fits = names.length === body.outputs.length && body.outputs.every(({ name }, at) => name === names[at])
  if (!fits)
    throw new ShapeError(`the body of ${op} has the outputs ${body.outputs.map(({ name }) => name).join(', ')}`)
  if (body.updates.length > 0) throw new ShapeError(`the body of ${op} updates variables`)
  for (let at = 0; at < operands.carries; at++) {
    const next = body.nodes[body.outputs[at]!.node]!.type
    if (!sameType(next, types[at]!))
      throw new ShapeError(`carry${at} of ${op} starts as ${formatType(types[at]!)} and becomes ${formatType(next)}`)
  }
}

function sameType(left: TensorType, right: TensorType): boolean {
  return left.dtype === right.dtype && shapeEqual(left.shape, right.shape)
}

/** The type of one entry of a stacked tensor. */
function entryType(type: TensorType, length: Dim): TensorType {
  if (type.shape.length === 0 || !shapeEqual([type.shape[0]!], [length]))
    throw new ShapeError(
      `an element of a scan of ${formatDim(length)} steps has as many entries, not ${formatType(type)}`,
    )
  return { dtype: type.dtype, shape: type.shape.slice(1) }
}

function firstResult(loop: LoopOperation): TensorType {
  const type = resultTypes(loop)[0]
  if (!type) throw new ShapeError(`${loop.op} returns nothing`)
  return type
}

function requireCount(op: string, { outsides }: LoopOperands): void {
  if (outsides < 0) throw new ShapeError(`${op} has fewer operands than carries and elements`)
}

// c₀ given, (cₜ₊₁, yₜ) = body(cₜ, xₜ, outside), results (c of the end, stacked y)
const scan: OpDef<'scan'> = {
  arity: 'variadic',
  class: 'loop',
  infer: (inputs, attributes) => {
    const loop = { op: 'scan', attributes } as const
    const operands = operandsOf(loop, inputs.length)
    requireCount('scan', operands)
    const stacked = (at: number): boolean => at >= operands.carries && at < operands.carries + operands.elements
    const types = inputs.map((type, at) => (stacked(at) ? entryType(type, attributes.length) : type))
    requireBody('scan', attributes.body, operands, types)
    return firstResult(loop)
  },
  gradient: 'of the body',
  evaluate: (inputs, attributes, context) => {
    const { body, carries, reverse } = attributes
    const operands = operandsOf({ op: 'scan', attributes }, inputs.length)
    const names = bodyInputNames(operands)
    const length = context.size(attributes.length)
    const yields = body.outputs.slice(carries).map(({ node }): TensorValue => {
      const { dtype, shape } = body.nodes[node]!.type
      const sizes = [length, ...shape.map((dim) => context.size(dim))]
      return { dtype, shape: sizes, data: new Float64Array(elementCount(sizes)) }
    })
    let current = inputs.slice(0, carries)
    for (let step = 0; step < length; step++) {
      const at = reverse ? length - 1 - step : step
      const entries = inputs.slice(carries, carries + operands.elements).map((value) => entryOf(value, at))
      const given = [...current, ...entries, ...inputs.slice(carries + operands.elements)]
      const outputs = context.run(body, named(names, given))
      current = outputs.slice(0, carries)
      outputs.slice(carries).forEach(({ data }, index) => {
        yields[index]!.data.set(data, at * data.length)
      })
    }
    return together([...current, ...yields])
  },
  samples: () => [],
}

function entryOf({ dtype, shape, data }: TensorValue, at: number): TensorValue {
  const entry = shape.slice(1)
  const count = elementCount(entry)
  return { dtype, shape: entry, data: data.subarray(at * count, (at + 1) * count) }
}

function named(names: readonly string[], values: readonly TensorValue[]): Record<string, TensorValue> {
  return Object.fromEntries(names.map((name, at) => [name, values[at]!]))
}

function together(results: readonly TensorValue[]): TensorValue {
  return { ...results[0]!, results }
}

// c₀ given, cₙ₊₁ = body(cₙ, outside) until |cₙ₊₁ − cₙ| ≤ tolerance in every element
const iterate: OpDef<'iterate'> = {
  arity: 'variadic',
  class: 'loop',
  infer: (inputs, attributes) => {
    const loop = { op: 'iterate', attributes } as const
    const operands = operandsOf(loop, inputs.length)
    requireCount('iterate', operands)
    requireBody('iterate', attributes.body, operands, inputs)
    if (operands.carries === 0) throw new ShapeError('iterate has no carry')
    if (attributes.body.outputs.length > operands.carries) throw new ShapeError('the body of iterate has yields')
    return firstResult(loop)
  },
  gradient: 'of the body',
  evaluate: (inputs, attributes, context) => {
    const { tolerance, limit } = attributes
    const operands = operandsOf({ op: 'iterate', attributes }, inputs.length)
    const names = bodyInputNames(operands)
    let current = inputs.slice(0, operands.carries)
    let steps = 0
    for (let moved = true; moved && steps < limit; steps++) {
      const before = current
      current = context.run(attributes.body, named(names, [...before, ...inputs.slice(operands.carries)]))
      moved = current.some((value, at) => largestMove(value, before[at]!) > tolerance)
    }
    return together([...current, { dtype: 'i32', shape: [], data: Float64Array.of(steps) }])
  },
  samples: () => [],
}

function largestMove(after: TensorValue, before: TensorValue): number {
  return after.data.reduce((largest, value, at) => Math.max(largest, Math.abs(value - before.data[at]!)), 0)
}

const result: OpDef<'result'> = {
  arity: 1,
  class: 'loop',
  infer: (_, { index }: OpAttributes['result'], producers) => {
    const loop = producers[0]!
    if (!isLoop(loop)) throw new ShapeError(`result takes a scan or an iterate, not ${loop.op}`)
    const type = resultTypes(loop)[index]
    if (!type) throw new ShapeError(`${loop.op} has no result ${index}`)
    return type
  },
  gradient: 'of the body',
  evaluate: ([loop], { index }) => loop!.results![index]!,
  samples: () => [],
}

export const loops = { scan, iterate, result }
