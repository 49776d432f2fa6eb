/**
 * From tables to what a train block is fed. Pure: no file is opened here, so the same code can run in a browser.
 */
import type { Name } from '../../compiler/1-parse/ast.ts'
import { suggest } from '../../compiler/diagnostics/suggest.ts'
import { DataFault } from './data-fault.ts'
import type { Computed } from './expression.ts'
import {
  type FedTensor,
  type FieldColumns,
  fieldColumns,
  type LearnedFields,
  materialize,
  type WantedInput,
} from './fields.ts'
import type { DataPlan, Part } from './plan.ts'
import { textTable } from './read-text.ts'
import { allRows, type SplitKeys, splitRange, splitRows } from './split.ts'
import type { Table } from './table.ts'

export type FedInputs = Readonly<Record<string, FedTensor>>

export interface Dataset {
  readonly parts: Readonly<Partial<Record<Part, FedInputs>>>
  /** Number of rows. */
  readonly rows: Readonly<Partial<Record<Part, number>>>
  readonly learned: LearnedFields
  /** Names of the classes, for inputs that are categories. */
  readonly categories: Readonly<Record<string, readonly string[]>>
}

/** One table for each source of the plan. */
export interface SourceTables {
  readonly source: Table
  readonly valid?: Table
  readonly test?: Table
}

/**
 * Evaluates a data block over its tables for the inputs of a train block. Statistics are learned from the training
 * rows only, unless `known` brings what an earlier run learned. Throws {@link DataFault}.
 */
export function buildDataset(
  plan: DataPlan,
  tables: SourceTables,
  wanted: readonly WantedInput[],
  known?: LearnedFields,
): Dataset {
  const { source } = tables
  if (source.rows === 0) throw new DataFault('NN0416', plan.source.span, `${source.origin} has no rows`)
  const divided = divide(plan, source)
  const learnedFrom = divided.find(({ part }) => part === 'train') ?? divided[0]!
  const all = learnedFrom.table === source ? allRows(source.rows) : learnedFrom.rows
  const main = fieldColumns(plan, learnedFrom.table, known ?? { train: learnedFrom.rows, all })
  // Every field, used or not: a mistake in one should show, and a later prediction may want it.
  for (const field of plan.fields) main.column(field.name)
  const parts: Partial<Record<Part, FedInputs>> = {}
  const rows: Partial<Record<Part, number>> = {}
  const feed = ({ part, table, rows: chosen }: PartTable, columns: FieldColumns): void => {
    const fed = chosen.length > 0 ? materialize(wanted, columns, table, chosen) : undefined
    if (!fed || fed.rows === 0)
      throw new DataFault(
        'NN0416',
        plan.split?.span ?? plan.span,
        fed
          ? `${table.origin} is shorter than one window in the part \`${part}\``
          : `${table.origin} has no rows for the part \`${part}\``,
      )
    parts[part] = fed.inputs
    rows[part] = fed.rows
  }
  for (const own of divided)
    feed(own, own.table === learnedFrom.table ? main : fieldColumns(plan, own.table, main.learned()))
  for (const part of ['valid', 'test'] as const) {
    const table = tables[part]
    if (table) feed({ part, table, rows: allRows(table.rows) }, fieldColumns(plan, table, main.learned()))
  }
  return { parts, rows, learned: main.learned(), categories: categoriesOf(main, wanted) }
}

/** A part of the data: some rows of a table. */
interface PartTable {
  readonly part: Part
  readonly table: Table
  readonly rows: Int32Array
}

/** The parts of the source: rows of its table, or, of one text, tables of their own, each with a piece of it. */
function divide(plan: DataPlan, source: Table): readonly PartTable[] {
  const { split } = plan
  if (!split) return [{ part: 'train', table: source, rows: allRows(source.rows) }]
  const column = source.columns.get('text')
  if (plan.source.format === 'text' && column?.kind === 'text') {
    const text = column.values[0]!
    return splitRange(text.length, split).map(({ part, from, to }) => {
      const piece = textTable(text.slice(from, to), source.origin)
      return { part, table: piece, rows: allRows(to > from ? 1 : 0) }
    })
  }
  const divided = splitRows(source.rows, split, splitKeys(plan, source))
  return (['train', 'valid', 'test'] as const).flatMap((part) => {
    const rows = divided[part]
    return rows ? [{ part, table: source, rows }] : []
  })
}

/** The values a split goes by, over all rows: what they are made of may not depend on the split. */
function splitKeys({ split, ...plan }: DataPlan, table: Table): SplitKeys {
  if (!split?.by && !split?.inOrder?.of) return {}
  const all = allRows(table.rows)
  const columns = fieldColumns(plan, table, { train: all, all })
  const found = ({ text, span }: Name): Computed => {
    const column = columns.column(text)
    if (column) return column
    const near = suggest(text, columns.names())
    throw new DataFault('NN0406', span, `nothing here is called \`${text}\``, near && `did you mean \`${near}\`?`)
  }
  const { by, inOrder } = split
  return {
    ...(by && { groups: Array.from(all, textOf(found(by), by)) }),
    ...(inOrder?.of && { order: numbersOf(found(inOrder.of), inOrder.of, all) }),
  }
}

function textOf(column: Computed, name: Name): (row: number) => string {
  if (column.kind === 'text') return (row) => column.compute(row)
  const numbers = numbersOf.bind(undefined, column, name)
  return (row) => String(numbers([row])[0])
}

function numbersOf(column: Computed, { text, span }: Name, rows: ArrayLike<number>): Float64Array {
  if (column.kind !== 'number' || column.shape.length > 0)
    throw new DataFault(
      'NN0407',
      span,
      `\`${text}\` has no single number per row to go by`,
      column.kind === 'text' ? 'a date becomes one with `time(…)`' : undefined,
    )
  const values = new Float64Array(rows.length)
  for (let n = 0; n < rows.length; n++) column.compute(rows[n]!, values, n)
  return values
}

function categoriesOf(columns: FieldColumns, wanted: readonly WantedInput[]): Record<string, readonly string[]> {
  const found: Record<string, readonly string[]> = {}
  for (const { name } of wanted) {
    const column = columns.column(name)
    if (column?.kind === 'number' && column.categories) found[name] = column.categories
  }
  return found
}
