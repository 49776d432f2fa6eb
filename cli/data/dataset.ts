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
import type { DataPlan, Part } from './plan.ts'
import { splitRows, strataOf } from './split.ts'
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
  const all = keptRows(plan, source, wanted)
  const { split } = plan
  const divided = split ? splitRows(all, split, strataOf(plan, source, all)) : { train: all }
  const main = fieldColumns(plan, source, known ?? { train: divided.train ?? all, all })
  // Every field, used or not: a mistake in one should show, and a later prediction may want it.
  for (const field of plan.fields) main.column(field.name)
  const parts: Partial<Record<Part, FedInputs>> = {}
  const rows: Partial<Record<Part, number>> = {}
  const feed = (part: Part, table: Table, columns: FieldColumns, chosen: Int32Array): void => {
    if (chosen.length === 0)
      throw new DataFault(
        'NN0416',
        plan.split?.span ?? plan.span,
        `${table.origin} has no rows for the part \`${part}\``,
      )
    parts[part] = Object.fromEntries(wanted.map((input) => [input.name, materialize(input, columns, table, chosen)]))
    rows[part] = chosen.length
  }
  for (const part of ['train', 'valid', 'test'] as const) {
    const chosen = divided[part]
    if (chosen) feed(part, source, main, chosen)
  }
  for (const part of ['valid', 'test'] as const) {
    const table = tables[part]
    if (table) feed(part, table, fieldColumns(plan, table, main.learned()), keptRows(plan, table, wanted))
  }
  return { parts, rows, learned: main.learned(), categories: categoriesOf(main, wanted) }
}

function categoriesOf(columns: FieldColumns, wanted: readonly WantedInput[]): Record<string, readonly string[]> {
  const found: Record<string, readonly string[]> = {}
  for (const { name } of wanted) {
    const column = columns.column(name)
    if (column?.kind === 'number' && column.categories) found[name] = column.categories
  }
  return found
}
