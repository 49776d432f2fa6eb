/** Tensors whose axes carry index names: what index notation is lowered through. */
import type { IndexVariable } from '../2-check/checked.ts'
import type { DimRange } from '../dimensions/bounds.ts'
import type { Dim } from '../dimensions/dimension.ts'
import type { Expressions } from '../ops/expressions.ts'
import type { NoAttributes, OpAttributes, OpName } from '../ops/op.ts'
import type { DType } from '../types.ts'

/** A node with a name for each axis, each name once. An index it does not depend on has no axis. */
export interface Labelled {
  readonly node: number
  readonly labels: readonly string[]
}

/** Where one value in index notation is built. */
export interface IndexSpace {
  readonly build: Expressions
  /** The node of a value of the entry. */
  readonly nodeOf: (value: number) => number
  /** The indices met so far, the result's first. Their order is the order axes take unless operands agree on another. */
  readonly extents: Map<string, Dim>
  readonly ranges: Readonly<Record<string, DimRange>>
}

type ElementwiseName = { [K in OpName]: NoAttributes extends OpAttributes[K] ? K : never }[OpName]

export function declare(space: IndexSpace, indices: readonly IndexVariable[]): void {
  for (const { name, extent } of indices) space.extents.set(name, extent)
}

export function extentOf(space: IndexSpace, label: string): Dim {
  const extent = space.extents.get(label)
  if (extent === undefined) throw new Error(`internal: build graph: the index ${label} is not declared`)
  return extent
}

/** The node of x with exactly the given axes in the given order; those it lacks repeat it. */
export function align(space: IndexSpace, x: Labelled, labels: readonly string[]): number {
  const position = new Map(labels.map((label, at) => [label, at]))
  const order = x.labels.map((_, axis) => axis)
  order.sort((a, b) => position.get(x.labels[a]!)! - position.get(x.labels[b]!)!)
  return space.build.expand(
    space.build.permute(x.node, order),
    labels.map((label) => extentOf(space, label)),
    order.map((axis) => position.get(x.labels[axis]!)!),
  )
}

/** The elementwise op on operands of any axes. */
export function combine(space: IndexSpace, op: ElementwiseName, operands: readonly Labelled[]): Labelled {
  const labels = commonLabels(space, operands)
  return {
    node: space.build.emit(
      op,
      operands.map((operand) => align(space, operand, labels)),
      {},
    ),
    labels,
  }
}

/** All axes of the operands: in the order of an operand that has them all, else in the order of the indices. */
function commonLabels(space: IndexSpace, operands: readonly Labelled[]): readonly string[] {
  const all = new Set(operands.flatMap((operand) => operand.labels))
  const whole = operands.find((operand) => operand.labels.length === all.size)
  return whole ? whole.labels : inOrder(space, all)
}

export function inOrder(space: IndexSpace, labels: ReadonlySet<string>): string[] {
  return [...space.extents.keys()].filter((label) => labels.has(label))
}

export function scalar(space: IndexSpace, value: number, dtype: DType): Labelled {
  return { node: space.build.constant(value, dtype), labels: [] }
}

/** A size as an i32 scalar. */
export function size(space: IndexSpace, dim: Dim): Labelled {
  return typeof dim === 'number' ? scalar(space, dim, 'i32') : { node: space.build.dimension(dim), labels: [] }
}

/** The axes of x among `labels`, reduced away. */
export function reduceLabels(
  x: Labelled,
  labels: ReadonlySet<string>,
  reduce: (node: number, axes: readonly number[]) => number,
): Labelled {
  const axes = x.labels.flatMap((label, axis) => (labels.has(label) ? [axis] : []))
  return { node: reduce(x.node, axes), labels: x.labels.filter((label) => !labels.has(label)) }
}
