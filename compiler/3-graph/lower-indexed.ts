/**
 * Index notation into tensor operations. Every subexpression becomes a tensor over just the indices it depends on;
 * axes are aligned where operands meet, and sums of products become contractions.
 */
import type { AffineSubscript, IndexedExpression, IndexedForm } from '../2-check/checked.ts'
import type { DimRange } from '../dimensions/bounds.ts'
import type { Expressions } from '../ops/expressions.ts'
import type { DType } from '../types.ts'
import { align, combine, declare, type IndexSpace, type Labelled, reduceLabels, scalar, size } from './labelled.ts'
import { lowerRead } from './lower-read.ts'
import { lowerSum } from './lower-sum.ts'

export function lowerIndexed(
  form: IndexedForm,
  build: Expressions,
  nodeOf: (value: number) => number,
  ranges: Readonly<Record<string, DimRange>>,
): number {
  const space: IndexSpace = { build, nodeOf, extents: new Map(), ranges }
  declare(space, form.indices)
  declareReduced(space, form.body)
  return align(
    space,
    lowerExpression(space, form.body),
    form.indices.map((index) => index.name),
  )
}

/** Reduced indices come after the result's, outer before inner. */
function declareReduced(space: IndexSpace, expression: IndexedExpression): void {
  if (expression.kind === 'reduce') declare(space, expression.indices)
  for (const operand of operandsOf(expression)) declareReduced(space, operand)
}

export function operandsOf(expression: IndexedExpression): readonly IndexedExpression[] {
  switch (expression.kind) {
    case 'constant':
    case 'scalar':
    case 'position':
      return []
    case 'read':
      return expression.subscripts.filter((subscript) => 'kind' in subscript)
    case 'elementwise':
      return expression.operands
    case 'cast':
      return [expression.operand]
    case 'reduce':
      return [expression.body]
  }
}

export function lowerExpression(space: IndexSpace, expression: IndexedExpression): Labelled {
  switch (expression.kind) {
    case 'constant':
      return scalar(space, expression.value, expression.dtype)
    case 'scalar':
      return { node: space.nodeOf(expression.value), labels: [] }
    case 'position':
      return lowerPosition(space, expression.subscript)
    case 'read':
      return lowerRead(space, expression)
    case 'elementwise':
      return combine(
        space,
        expression.op,
        expression.operands.map((operand) => lowerExpression(space, operand)),
      )
    case 'cast': {
      const { node, labels } = lowerExpression(space, expression.operand)
      return { node: space.build.cast(node, expression.dtype), labels }
    }
    case 'reduce':
      return lowerReduction(space, expression)
  }
}

/** Σ coefficient·index + constant as i32. */
export function lowerPosition(space: IndexSpace, { coefficients, constant }: AffineSubscript): Labelled {
  let total: Labelled | undefined = constant === 0 ? undefined : size(space, constant)
  for (const [label, coefficient] of Object.entries(coefficients)) {
    if (coefficient === 0) continue
    const extent = space.extents.get(label)!
    const index: Labelled = { node: space.build.iota([extent], 0), labels: [label] }
    const term = coefficient === 1 ? index : combine(space, 'mul', [index, scalar(space, coefficient, 'i32')])
    total = total ? combine(space, 'add', [term, total]) : term
  }
  return total ?? scalar(space, 0, 'i32')
}

function lowerReduction(space: IndexSpace, expression: Extract<IndexedExpression, { kind: 'reduce' }>): Labelled {
  if (expression.reducer === 'sum') return lowerSum(space, expression)
  const { build } = space
  const body = lowerExpression(space, expression.body)
  const reduced = new Set(expression.indices.map((index) => index.name))
  switch (expression.reducer) {
    case 'max':
      return reduceLabels(body, reduced, build.reduceMax)
    case 'min':
      return reduceLabels(body, reduced, build.reduceMin)
    case 'prod': {
      // The product over an index the body does not depend on is a power: repeat the body.
      const labels = [...body.labels, ...[...reduced].filter((label) => !body.labels.includes(label))]
      return reduceLabels({ node: align(space, body, labels), labels }, reduced, build.reduceProd)
    }
  }
}

export function dtypeOf(space: IndexSpace, expression: IndexedExpression): DType {
  switch (expression.kind) {
    case 'constant':
    case 'cast':
      return expression.dtype
    case 'scalar':
    case 'read':
      return space.build.typeOf(space.nodeOf(expression.value)).dtype
    case 'position':
      return 'i32'
    case 'reduce':
      return dtypeOf(space, expression.body)
    case 'elementwise':
      if (/^(less|equal|not|and|or)/.test(expression.op)) return 'bool'
      return dtypeOf(space, expression.operands[expression.op === 'select' ? 1 : 0]!)
  }
}
