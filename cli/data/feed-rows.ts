import type { Expression } from '../../compiler/1-parse/ast.ts'
import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import { UserError } from '../user-error.ts'
import type { FedInputs } from './dataset.ts'
import { fieldColumns, type LearnedFields, materialize, type WantedInput } from './fields.ts'
import type { DataPlan } from './plan.ts'
import { allRows } from './split.ts'
import type { Table } from './table.ts'

const NOWHERE: Span = { file: '', start: 0, end: 0 }
const NO_FILES = { format: 'csv', paths: [], span: NOWHERE } as const

/**
 * Rows for an entry. An input is computed by the data block's field of its name; a column of that name is taken as it
 * is when there is no such field, or when the field is made of other columns (the row was prepared already).
 */
export function feedRows(
  plan: DataPlan | undefined,
  table: Table,
  wanted: readonly WantedInput[],
  known: LearnedFields,
): FedInputs {
  const prepared = new Set(wanted.map(({ name }) => name).filter((name) => table.columns.has(name)))
  const fields = (plan?.fields ?? []).filter(({ name, value }) => !prepared.has(name) || mentions(value, name))
  const chosen = allRows(table.rows)
  const columns = fieldColumns(
    { name: '', span: NOWHERE, source: NO_FILES, filters: [], ...plan, fields },
    table,
    known,
  )
  for (const { name } of wanted) {
    if (!columns.names().includes(name))
      throw new UserError(
        `${table.origin} has nothing for the input \`${name}\``,
        `its columns are ${[...table.columns.keys()].join(', ')}`,
      )
  }
  return materialize(wanted, columns, table, chosen).inputs
}

function mentions(expression: Expression, name: string): boolean {
  switch (expression.kind) {
    case 'name':
      return expression.name === name
    case 'unary':
      return mentions(expression.operand, name)
    case 'binary':
      return mentions(expression.left, name) || mentions(expression.right, name)
    case 'list':
      return expression.items.some((item) => mentions(item, name))
    case 'call':
      return expression.arguments.some((argument) => mentions(argument.value, name))
    case 'string':
      return expression.value === name
    default:
      return false
  }
}
