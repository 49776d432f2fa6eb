import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import { DataFault } from './data-fault.ts'
import type { Computed, ComputedNumbers, ComputedText } from './expression.ts'

/** A column with one value, or one shape of values, in every row; sequences and windows are refused. */
export function rowValues(column: Computed, span: Span, user: string): ComputedNumbers | ComputedText {
  if (column.kind === 'number' || column.kind === 'text') return column
  throw new DataFault(
    'NN0412',
    span,
    `\`${user}\` needs values row by row, and ${column.kind === 'windows' ? 'these are windows' : 'this is a sequence of tokens'}`,
    column.kind === 'windows' ? 'cut windows last, from what is computed row by row' : undefined,
  )
}

/** A column as text: what is text, and numbers as the file writes them where it writes both alike. */
export function textOf(column: Computed): ComputedText | undefined {
  if (column.kind === 'text') return column
  return column.kind === 'number' ? column.written : undefined
}
