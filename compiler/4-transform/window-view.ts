/** Reading a tensor through windows, slices, permutations and zero padding: where each of its axes is read. */
import type { GraphNode } from '../3-graph/graph.ts'
import { add, type Dim, dimEqual, isConstant, multiply, subtract } from '../dimensions/dimension.ts'
import type { Expressions } from '../ops/expressions.ts'
import { axisGroups } from './axis-groups.ts'

/**
 * A node and how its axes are read: `plain` as one axis of the operand, or at constant + Σ coefficient·axis, which may
 * lie outside, where padding is read. Operand axes of size one may be missing.
 */
export interface WindowView {
  readonly node: number
  readonly axes: readonly AxisView[]
}

export type AxisView =
  | { readonly kind: 'plain'; readonly axis: number }
  | {
      readonly kind: 'affine'
      readonly terms: readonly { readonly axis: number; readonly coefficient: number }[]
      readonly constant: Dim
      /** Every element is read exactly once. */
      readonly whole: boolean
    }

interface Position {
  readonly constant: Dim
  readonly terms: readonly { readonly axis: number; readonly coefficient: Dim }[]
}

interface Level {
  readonly node: number
  readonly positions: readonly Position[]
}

/**
 * All tensors an operand is a view of, the one furthest back first. `nodeOf` says what may be looked through, `slides`
 * which pairs of operand axes are a window's; others that count through one axis are that axis split.
 */
export function* viewsOf(
  operand: number,
  build: Expressions,
  nodeOf: (id: number) => GraphNode | undefined,
  slides: (axes: readonly number[]) => boolean,
  outside = 0,
): Generator<WindowView> {
  const shape = build.shapeOf(operand)
  let level: Level = {
    node: operand,
    positions: shape.map((_, axis) => ({ constant: 0, terms: [{ axis, coefficient: 1 }] })),
  }
  const levels = [level]
  let padded = false
  for (;;) {
    const node = nodeOf(level.node)
    const next = node && behind(level, node, build, padded, outside)
    if (!next) break
    padded ||= node.op === 'pad'
    level = next
    levels.push(level)
  }
  for (const found of levels.reverse()) {
    const view = describe(found, shape, build, slides)
    if (view) yield view
  }
}

/** The level one op further back. Behind padding only what keeps zeros outside the tensor goes on. */
function behind(
  level: Level,
  node: GraphNode,
  build: Expressions,
  padded: boolean,
  outside: number,
): Level | undefined {
  const { positions } = level
  const input = node.inputs[0]!
  switch (node.op) {
    case 'permute': {
      const moved: Position[] = []
      node.attributes.order.forEach((from, axis) => {
        moved[from] = positions[axis]!
      })
      return { node: input, positions: moved }
    }
    case 'pad': {
      const { low, value } = node.attributes
      if (value !== outside) return undefined
      return { node: input, positions: positions.map((position, axis) => shifted(position, multiply(-1, low[axis]!))) }
    }
    case 'window': {
      if (padded) return undefined
      const { axis, stride, dilation } = node.attributes
      const position = sum(scaled(positions[axis]!, stride), scaled(positions[axis + 1]!, dilation))
      return { node: input, positions: positions.toSpliced(axis, 2, position) }
    }
    case 'slice': {
      if (padded) return undefined
      const { start, stride } = node.attributes
      return {
        node: input,
        positions: positions.map((position, axis) => shifted(scaled(position, stride[axis]!), start[axis]!)),
      }
    }
    case 'reshape': {
      if (padded) return undefined
      const from = build.shapeOf(input)
      const split = splitPositions(from, node.attributes.shape, positions)
      return split && { node: input, positions: split }
    }
    default:
      return undefined
  }
}

/** Positions behind a reshape that splits axes, or adds or drops axes of size one. */
function splitPositions(
  from: readonly Dim[],
  to: readonly Dim[],
  positions: readonly Position[],
): Position[] | undefined {
  const groups = axisGroups(from, to)
  if (!groups?.every((group) => group.from.length <= 1)) return undefined
  const split: Position[] = from.map(() => ({ constant: 0, terms: [] }))
  for (const group of groups) {
    let step: Dim = 1
    for (const axis of [...group.to].reverse()) {
      if (group.from.length > 0) split[group.from[0]!] = sum(split[group.from[0]!]!, scaled(positions[axis]!, step))
      step = multiply(step, to[axis]!)
    }
  }
  return split
}

function shifted({ constant, terms }: Position, by: Dim): Position {
  return { constant: add(constant, by), terms }
}

function scaled({ constant, terms }: Position, by: Dim): Position {
  return {
    constant: multiply(constant, by),
    terms: terms.map(({ axis, coefficient }) => ({ axis, coefficient: multiply(coefficient, by) })),
  }
}

function sum(one: Position, other: Position): Position {
  return { constant: add(one.constant, other.constant), terms: [...one.terms, ...other.terms] }
}

/** The view of a level, axes that several operand axes tile split in two; undefined if some axis is none. */
function describe(
  { node, positions }: Level,
  shape: readonly Dim[],
  build: Expressions,
  slides: (axes: readonly number[]) => boolean,
): WindowView | undefined {
  const own = build.shapeOf(node)
  const axes: AxisView[] = []
  const sizes: Dim[] = []
  for (const [at, position] of positions.entries()) {
    const terms = position.terms
      .filter(({ axis }) => !dimEqual(shape[axis]!, 1))
      .sort((a, b) => byStep(a.coefficient, b.coefficient))
    const size = own[at]!
    const tiled = dimEqual(position.constant, 0) && tiles(terms, shape, size)
    if (terms.length === 0) {
      if (!dimEqual(size, 1)) return undefined
      continue
    }
    if (tiled && !slides(terms.map(({ axis }) => axis))) {
      for (const { axis } of terms) {
        axes.push({ kind: 'plain', axis })
        sizes.push(shape[axis]!)
      }
      continue
    }
    const numbers = terms.flatMap(({ axis, coefficient }) => (isConstant(coefficient) ? [{ axis, coefficient }] : []))
    if (numbers.length < terms.length) return undefined
    axes.push({ kind: 'affine', terms: numbers, constant: position.constant, whole: tiled })
    sizes.push(size)
  }
  return { node: build.reshape(node, sizes), axes }
}

/** Larger steps first; one that depends on a name counts as large. */
function byStep(one: Dim, other: Dim): number {
  if (isConstant(one) && isConstant(other)) return other - one
  return Number(isConstant(one)) - Number(isConstant(other))
}

/** Whether the operand axes, outermost first, count through the axis without gap or overlap. */
function tiles(terms: Position['terms'], shape: readonly Dim[], size: Dim): boolean {
  let step: Dim = 1
  for (const { axis, coefficient } of [...terms].reverse()) {
    if (!dimEqual(coefficient, step)) return false
    step = multiply(step, shape[axis]!)
  }
  return dimEqual(subtract(step, size), 0)
}
