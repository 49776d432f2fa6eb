/**
 * From tables to what a train block is fed. Pure: no file is opened here, so the same code can run in a browser.
 */
import { DataFault } from './data-fault.ts'
import {
  type FedTensor,
  type FieldColumns,
  fieldColumns,
  type LearnedFields,
  materialize,
  type WantedInput,
} from './fields.ts'
import { keptRows } from './filter.ts'
import { type FoldRows, foldRows, splitForFolds } from './folds.ts'
import type { DataPlan, Part } from './plan.ts'
import { type PartRows, rowRuns, splitKeys, splitRange, splitRows } from './split.ts'
import type { Table } from './table.ts'
import { textTable } from './text-table.ts'

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
  refuseEmpty(plan, tables)
  return assemble(plan, tables, wanted, divide(plan, tables.source, wanted), known)
}

/** The datasets of a cross-validation; each is made when it is asked for. Throws {@link DataFault}. */
export function buildFolds(
  plan: DataPlan,
  tables: SourceTables,
  wanted: readonly WantedInput[],
  { count, over }: { readonly count: number; readonly over: FoldRows },
): readonly (() => Dataset)[] {
  const split = splitForFolds(plan, over)
  refuseEmpty(plan, tables)
  const { source } = tables
  const kept = keptRows(plan, source, wanted)
  const learning = (): Int32Array => {
    const { test } = splitRows(kept, split, splitKeys(plan, source, kept))
    const left = new Set(test)
    return kept.filter((row) => !left.has(row))
  }
  const all = over === 'learning' ? learning() : kept
  return foldRows(all, split, splitKeys(plan, source, all), count).map(
    (rows) => () => assemble(plan, tables, wanted, partTables(rows, source, all)),
  )
}

function refuseEmpty(plan: DataPlan, { source }: SourceTables): void {
  if (source.rows === 0) throw new DataFault('NN0416', plan.source.span, `${source.origin} has no rows`)
}

function assemble(
  plan: DataPlan,
  tables: SourceTables,
  wanted: readonly WantedInput[],
  divided: readonly PartTable[],
  known?: LearnedFields,
): Dataset {
  const learnedFrom = divided.find(({ part }) => part === 'train') ?? divided[0]!
  const main = fieldColumns(plan, learnedFrom.table, known ?? { train: learnedFrom.rows, all: learnedFrom.all })
  // Every field, used or not: a mistake in one should show, and a later prediction may want it.
  for (const field of plan.fields) main.column(field.name)
  const parts: Partial<Record<Part, FedInputs>> = {}
  const rows: Partial<Record<Part, number>> = {}
  const feed = (part: Part, table: Table, columns: FieldColumns, chosen: Int32Array): void => {
    const fed =
      chosen.length > 0 ? materialize(wanted, columns, table, chosen, () => rowRuns(plan, table, chosen)) : undefined
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
  for (const { part, table, rows: chosen } of divided)
    feed(part, table, table === learnedFrom.table ? main : fieldColumns(plan, table, main.learned()), chosen)
  for (const part of ['valid', 'test'] as const) {
    const table = tables[part]
    if (table) feed(part, table, fieldColumns(plan, table, main.learned()), keptRows(plan, table, wanted))
  }
  return { parts, rows, learned: main.learned(), categories: categoriesOf(main, wanted) }
}

/** A part of the source: some rows of a table. */
interface PartTable {
  readonly part: Part
  readonly table: Table
  readonly rows: Int32Array
  /** The rows of the table in any part. */
  readonly all: Int32Array
}

/** The parts of the source: rows of its table, or, of one text, tables of their own, each with a piece of it. */
function divide(plan: DataPlan, source: Table, wanted: readonly WantedInput[]): readonly PartTable[] {
  const { split } = plan
  const column = source.columns.get('text')
  if (split && plan.source.format === 'text' && column?.kind === 'text') {
    const text = column.values[0]!
    return splitRange(text.length, split).map(({ part, from, to }) => {
      const table = textTable(text.slice(from, to), source.origin)
      const rows = keptRows(plan, table, wanted)
      return { part, table, rows, all: rows }
    })
  }
  const all = keptRows(plan, source, wanted)
  const divided = split ? splitRows(all, split, splitKeys(plan, source, all)) : { train: all }
  return partTables(divided, source, all)
}

function partTables(divided: PartRows, table: Table, all: Int32Array): readonly PartTable[] {
  return (['train', 'valid', 'test'] as const).flatMap((part) => {
    const rows = divided[part]
    return rows ? [{ part, table, rows, all }] : []
  })
}

function categoriesOf(columns: FieldColumns, wanted: readonly WantedInput[]): Record<string, readonly string[]> {
  const found: Record<string, readonly string[]> = {}
  for (const { name } of wanted) {
    const column = columns.column(name)
    if (column?.kind === 'number' && column.categories) found[name] = column.categories
  }
  return found
}
