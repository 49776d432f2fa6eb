/** Index notation by nested loops over all indices: what lowering is compared with. */
import type { AffineSubscript, IndexedExpression, IndexedForm } from '../../compiler/2-check/checked.ts'
import { type Dim, evaluateDim } from '../../compiler/dimensions/dimension.ts'
import type { EvaluationContext, TensorValue } from '../../compiler/ops/definition.ts'
import { definitionOf } from '../../compiler/ops/registry.ts'
import { rowMajorStrides } from '../../compiler/ops/strides.ts'

type Positions = ReadonlyMap<string, number>

export function evaluateIndexed(
  form: IndexedForm,
  values: readonly TensorValue[],
  dims: Readonly<Record<string, number>>,
): number[] {
  const size = (dim: Dim): number => evaluateDim(dim, dims)
  const results: number[] = []
  eachPosition(form.indices, new Map(), (positions) => {
    results.push(evaluate(form.body, positions))
  })
  return results

  function eachPosition(
    indices: IndexedForm['indices'],
    outer: Positions,
    visit: (positions: Positions) => void,
  ): void {
    const [index, ...rest] = indices
    if (index === undefined) {
      visit(outer)
      return
    }
    for (let at = 0; at < size(index.extent); at++) eachPosition(rest, new Map(outer).set(index.name, at), visit)
  }

  function affine(subscript: AffineSubscript, positions: Positions): number {
    let total = size(subscript.constant)
    for (const [name, coefficient] of Object.entries(subscript.coefficients))
      if (coefficient !== 0) total += coefficient * positions.get(name)!
    return total
  }

  function evaluate(expression: IndexedExpression, positions: Positions): number {
    switch (expression.kind) {
      case 'constant':
        return expression.value
      case 'scalar':
        return values[expression.value]!.data[0]!
      case 'position':
        return affine(expression.subscript, positions)
      case 'read': {
        const x = values[expression.value]!
        const strides = rowMajorStrides(x.shape)
        let offset = 0
        for (const [axis, subscript] of expression.subscripts.entries()) {
          const at = 'kind' in subscript ? evaluate(subscript, positions) : affine(subscript, positions)
          if (at < 0 || at >= x.shape[axis]!) {
            if (expression.otherwise === undefined) throw new Error(`a read at ${at} of axis ${axis} is outside`)
            return expression.otherwise
          }
          offset += at * strides[axis]!
        }
        return x.data[offset]!
      }
      case 'elementwise': {
        const operands = expression.operands.map(
          (operand): TensorValue => ({
            dtype: 'f32',
            shape: [],
            data: Float64Array.of(evaluate(operand, positions)),
          }),
        )
        const nowhere = {} as EvaluationContext
        return definitionOf(expression.op).evaluate(operands, {}, nowhere).data[0]!
      }
      case 'cast': {
        const value = evaluate(expression.operand, positions)
        if (expression.dtype === 'bool') return value === 0 ? 0 : 1
        return expression.dtype === 'i32' ? Math.trunc(value) : value
      }
      case 'reduce': {
        const terms: number[] = []
        eachPosition(expression.indices, positions, (inner) => {
          terms.push(evaluate(expression.body, inner))
        })
        if (expression.reducer === 'max') return Math.max(...terms)
        if (expression.reducer === 'min') return Math.min(...terms)
        if (expression.reducer === 'sum') return terms.reduce((total, term) => total + term, 0)
        return terms.reduce((total, term) => total * term, 1)
      }
    }
  }
}
