import { bodyInputNames, bodyOutputNames } from '../ops/loops.ts'
import type { TensorType } from '../types.ts'
import type { GraphBuilder } from './builder.ts'
import type { Graph } from './graph.ts'

/** What a body reads, by kind; as types before it is written (an element's is that of one step), then as nodes. */
export interface BodyInputs<T> {
  readonly carries: readonly T[]
  readonly elements: readonly T[]
  readonly outsides: readonly T[]
}

export interface BodyOutputs {
  readonly carries: readonly number[]
  readonly yields: readonly number[]
}

/**
 * The body of a loop in the graph of `outer`. `write` is given a builder for the body, in which the inputs are made, and
 * says what leaves it.
 */
export function writeBody(
  outer: GraphBuilder,
  types: BodyInputs<TensorType>,
  write: (builder: GraphBuilder, inputs: BodyInputs<number>) => BodyOutputs,
): Graph {
  const builder = outer.body()
  const { carries, elements, outsides } = types
  const counts = { carries: carries.length, elements: elements.length, outsides: outsides.length }
  const ordered = [...carries, ...elements, ...outsides]
  const inputs = bodyInputNames(counts).map((name, at) => builder.emit('input', [], { name, type: ordered[at]! }))
  const outputs = write(builder, {
    carries: inputs.slice(0, counts.carries),
    elements: inputs.slice(counts.carries, counts.carries + counts.elements),
    outsides: inputs.slice(counts.carries + counts.elements),
  })
  const nodes = [...outputs.carries, ...outputs.yields]
  const names = bodyOutputNames(outputs.carries.length, outputs.yields.length)
  return builder.finish(
    nodes.map((node, at) => ({ name: names[at]!, node })),
    [],
  )
}
