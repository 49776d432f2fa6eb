import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import { DataFault } from './data-fault.ts'
import { decimalNumber } from './decimal-number.ts'
import type { Computed, ComputedNumbers, ExpressionScope } from './expression.ts'
import { emptyNumbers } from './named-column.ts'
import { rowValues } from './row-values.ts'

/** `number(x)`: the number a text is; missing where it is none. Numbers stay as they are. Pure. */
export function numberInText(column: Computed, span: Span, { table }: ExpressionScope): ComputedNumbers {
  const input = rowValues(column, span, 'number')
  if (input.kind === 'number') return input
  if (input.empty) return emptyNumbers(input)
  const numberOf = (row: number): number | undefined => decimalNumber(input.compute(row).trim())
  return {
    kind: 'number',
    shape: [],
    absent: (row) => input.absent(row) || numberOf(row) === undefined,
    compute(row, target, at) {
      const value = numberOf(row)
      if (value === undefined)
        throw new DataFault(
          'NN0411',
          span,
          `\`${input.compute(row).slice(0, 40)}\` in ${table.describeRow(row)} is no number`,
          'leave such rows out with `drop missing`, or fill them in: `fill(number(…), median)`',
        )
      target[at] = value
    },
  }
}
