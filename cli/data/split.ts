import type { Expression } from '../../compiler/1-parse/ast.ts'
import { DataFault } from './data-fault.ts'
import { type Computed, compileExpression } from './expression.ts'
import { fieldColumns } from './fields.ts'
import type { DataPlan, Part, SplitPlan } from './plan.ts'
import { sizeOf } from './shape.ts'
import type { Table } from './table.ts'

/** Row numbers of each part. */
export type PartRows = Readonly<Partial<Record<Part, Int32Array>>>

/** What a split goes by. */
export interface SplitKeys {
  /** Rows that are divided by themselves, each list in ascending order. */
  readonly strata?: readonly Int32Array[]
  /** By row: rows of the same group stay in one part. */
  readonly groupOf?: (row: number) => string
  /** By row: those with smaller values come first. */
  readonly orderOf?: (row: number) => number
}

/**
 * Divides rows by the percentages: shuffled, or in their order. A group goes where its first row goes, so parts may
 * be a little larger or smaller than asked for; the last part takes what rounding leaves.
 */
export function splitRows(rows: Int32Array, split: SplitPlan, keys: SplitKeys = {}): PartRows {
  const result = new Map<Part, number[]>(split.parts.map(({ part }) => [part, []]))
  for (const stratum of keys.strata ?? [rows]) {
    const units = unitsOf(stratum, keys)
    const order = split.manner?.kind === 'in order' ? allRows(units.length) : shuffledRows(units.length, split.seed)
    const ends = cumulativeEnds(stratum.length, split)
    let taken = 0
    let part = 0
    for (const unit of order) {
      while (part < ends.length - 1 && taken >= ends[part]!) part++
      for (const row of units[unit]!) result.get(split.parts[part]!.part)!.push(row)
      taken += units[unit]!.length
    }
  }
  return Object.fromEntries([...result].map(([part, chosen]) => [part, Int32Array.from(chosen)]))
}

/** Cuts one sequence of so many elements into parts, in order. */
export function splitRange(length: number, split: SplitPlan): { part: Part; from: number; to: number }[] {
  const ends = cumulativeEnds(length, split)
  return split.parts.map(({ part }, index) => ({ part, from: ends[index - 1] ?? 0, to: ends[index]! }))
}

function cumulativeEnds(count: number, split: SplitPlan): number[] {
  let percent = 0
  return split.parts.map((part) => {
    percent += part.percent
    return Math.round((count * Math.min(100, percent)) / 100)
  })
}

/** Rows that stay together, in the order of their first rows. */
export function unitsOf(rows: Int32Array, { groupOf, orderOf }: SplitKeys): readonly (readonly number[])[] {
  const sorted = Array.from(rows)
  if (orderOf) {
    const keys = new Map(sorted.map((row) => [row, orderOf(row)]))
    sorted.sort((a, b) => keys.get(a)! - keys.get(b)! || a - b)
  }
  if (!groupOf) return sorted.map((row) => [row])
  return [...grouped(sorted, groupOf).values()]
}

function grouped(rows: Iterable<number>, keyOf: (row: number) => string): Map<string, number[]> {
  const groups = new Map<string, number[]>()
  for (const row of rows) {
    const key = keyOf(row)
    const group = groups.get(key)
    if (group) group.push(row)
    else groups.set(key, [row])
  }
  return groups
}

/**
 * Rows that follow one another, for windows of rows: all in the split's order, or each of its groups by itself. Throws
 * {@link DataFault} where the split scatters them.
 */
export function rowRuns(plan: DataPlan, table: Table, rows: Int32Array): readonly Int32Array[] {
  const { split } = plan
  const keys = splitKeys(plan, table, rows)
  if (split && split.manner?.kind !== 'in order' && !keys.groupOf)
    throw new DataFault(
      'NN0407',
      split.span,
      'windows are cut from rows that follow one another, and this split scatters them',
      'end it with `in order`, or with `by` the column that tells several series apart',
    )
  const units = unitsOf(rows, keys)
  return (keys.groupOf ? units : [units.flat()]).map((run) => Int32Array.from(run))
}

/** What the rows of a table are split by, as the plan says. */
export function splitKeys(plan: DataPlan, table: Table, rows: Int32Array): SplitKeys {
  const { manner } = plan.split ?? {}
  if (!manner) return {}
  if (manner.kind === 'stratified') {
    const strata = grouped(rows, keyOfRow(manner.by, plan, table, rows))
    return { strata: [...strata.values()].map((stratum) => Int32Array.from(stratum)) }
  }
  const groupOf = manner.by && keyOfRow(manner.by, plan, table, rows)
  const orderOf = manner.kind === 'in order' && manner.of ? numberOfRow(manner.of, plan, table, rows) : undefined
  return { ...(groupOf && { groupOf }), ...(orderOf && { orderOf }) }
}

function keyOfRow(by: Expression, plan: DataPlan, table: Table, rows: Int32Array): (row: number) => string {
  const column = columnOf(by, plan, table, rows)
  if (column.kind === 'text') return (row) => column.compute(row)
  if (column.kind !== 'number')
    throw new DataFault('NN0407', by.span, 'rows are split by numbers or text, and this is a sequence')
  const values = new Float64Array(sizeOf(column.shape))
  return (row) => {
    column.compute(row, values, 0)
    return values.join()
  }
}

function numberOfRow(of: Expression, plan: DataPlan, table: Table, rows: Int32Array): (row: number) => number {
  const column = columnOf(of, plan, table, rows)
  if (column.kind !== 'number' || column.shape.length > 0)
    throw new DataFault(
      'NN0407',
      of.span,
      'rows go in order of one number each, and this is none',
      column.kind === 'text' ? 'a date becomes one with `time(…)`' : undefined,
    )
  const value = new Float64Array(1)
  return (row) => {
    column.compute(row, value, 0)
    return value[0]!
  }
}

function columnOf(expression: Expression, plan: DataPlan, table: Table, rows: Int32Array): Computed {
  // What fields learn here is forgotten again: it only tells the rows apart.
  const columns = fieldColumns(plan, table, { train: rows, all: rows })
  return compileExpression(expression, {
    table,
    field: (name) => columns.column(name),
    learned: (_, learn) => learn({ train: rows, all: rows }),
  })
}

/** 0 … rows − 1 in an order that depends on the seed only: Fisher–Yates with SplitMix32 (Steele, Lea and Flood 2014). */
export function shuffledRows(rows: number, seed: number): Int32Array {
  const order = allRows(rows)
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0
    let word = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
    return (word ^ (word >>> 16)) >>> 0
  }
  for (let last = rows - 1; last > 0; last--) {
    const chosen = Math.floor((next() / 2 ** 32) * (last + 1))
    const value = order[last]!
    order[last] = order[chosen]!
    order[chosen] = value
  }
  return order
}

export function allRows(rows: number): Int32Array {
  return Int32Array.from({ length: rows }, (_, row) => row)
}
