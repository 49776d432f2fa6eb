import type { Span } from '../../compiler/diagnostics/diagnostic.ts'
import { UserError } from '../user-error.ts'
import type { FedInputs } from './dataset.ts'
import { fieldColumns, type LearnedFields, materialize, type WantedInput } from './fields.ts'
import { namesIn, refusedRows } from './filter.ts'
import type { DataPlan, FilterPlan } from './plan.ts'
import { allRows, rowRuns } from './split.ts'
import type { Table } from './table.ts'

const NOWHERE: Span = { file: '', start: 0, end: 0 }
const NO_FILES = { format: 'csv', paths: [], span: NOWHERE } as const

/** Rows ready for an entry, and those the data block leaves out. */
export interface PredictedRows {
  /** Of the rows that are not left out. */
  readonly inputs: FedInputs
  /** The statement that leaves a row out, by the row's number. */
  readonly skipped: ReadonlyMap<number, FilterPlan>
}

/**
 * Rows for an entry. An input is computed by the data block's field of its name; a column of that name is taken as it
 * is when there is no such field, or when the field is made of other columns (the row was prepared already). Rows a `where` does not hold for are left out, and, where the block
 * has `drop missing`, rows that lack a value an input is made of; duplicates are not.
 */
export function feedRows(
  plan: DataPlan | undefined,
  table: Table,
  wanted: readonly WantedInput[],
  known: LearnedFields,
): PredictedRows {
  const prepared = new Set(wanted.map(({ name }) => name).filter((name) => table.columns.has(name)))
  const fields = (plan?.fields ?? []).filter(
    ({ name, value }) => !prepared.has(name) || [...namesIn(value)].includes(name),
  )
  const used: DataPlan = { name: '', span: NOWHERE, source: NO_FILES, filters: [], ...plan, fields }
  const columns = fieldColumns(used, table, known)
  for (const { name } of wanted) {
    if (!columns.names().includes(name))
      throw new UserError(
        `${table.origin} has nothing for the input \`${name}\``,
        `its columns are ${[...table.columns.keys()].join(', ')}`,
      )
  }
  const needed = wanted.map(({ name }) => columns.column(name)!)
  const skipped = refusedRows(used, table, needed)
  const chosen = allRows(table.rows).filter((row) => !skipped.has(row))
  if (chosen.length === 0)
    throw new UserError(
      `no row of ${table.origin} is left to predict: \`data ${used.name}\` leaves out every one`,
      'its `where` and `drop missing` hold for predictions too',
    )
  const { inputs, rows } = materialize(wanted, columns, table, chosen, () => rowRuns(used, table, chosen))
  const ofRows = needed.some((column) => column.kind === 'windows' && column.sequence.kind === 'number')
  if (ofRows && rows === 0) throw new UserError(`${table.origin} is shorter than one window`)
  // A window is no row of the table, and has its prediction wherever rows were left out.
  return { inputs, skipped: ofRows ? new Map() : skipped }
}
