import type { Expression } from '../../compiler/1-parse/ast.ts'
import { compileExpression } from './expression.ts'
import { fieldColumns } from './fields.ts'
import type { DataPlan, Part, SplitPlan } from './plan.ts'
import type { Table } from './table.ts'

/** Row numbers of each part. */
export type PartRows = Readonly<Partial<Record<Part, Int32Array>>>

/**
 * Divides rows by the percentages: shuffled, or in their order. With strata each stratum is divided by itself.
 * @param strata which rows belong together, each list in ascending order; all rows in one list otherwise
 */
export function splitRows(rows: Int32Array, split: SplitPlan, strata: readonly Int32Array[] = [rows]): PartRows {
  const result = new Map<Part, number[]>(split.parts.map(({ part }) => [part, []]))
  for (const stratum of strata) {
    const order = split.manner?.kind === 'in order' ? allRows(stratum.length) : shuffledRows(stratum.length, split.seed)
    let percent = 0
    let from = 0
    // The last part takes what rounding leaves.
    for (const part of split.parts) {
      percent += part.percent
      const to = Math.round((stratum.length * Math.min(100, percent)) / 100)
      for (let at = from; at < to; at++) result.get(part.part)!.push(stratum[order[at]!]!)
      from = to
    }
  }
  return Object.fromEntries([...result].map(([part, chosen]) => [part, Int32Array.from(chosen)]))
}

/** The rows of each value of what the split is stratified by, in the order the values first appear. */
export function strataOf(plan: DataPlan, table: Table, rows: Int32Array): readonly Int32Array[] {
  const { manner } = plan.split ?? {}
  if (manner?.kind !== 'stratified') return [rows]
  const keyOf = stratumKey(manner.by, plan, table, rows)
  const strata = new Map<string, number[]>()
  for (const row of rows) {
    const key = keyOf(row)
    const stratum = strata.get(key)
    if (stratum) stratum.push(row)
    else strata.set(key, [row])
  }
  return [...strata.values()].map((stratum) => Int32Array.from(stratum))
}

function stratumKey(by: Expression, plan: DataPlan, table: Table, rows: Int32Array): (row: number) => string {
  // What fields learn here is forgotten again: it only tells the strata apart.
  const columns = fieldColumns(plan, table, { train: rows, all: rows })
  const column = compileExpression(by, {
    table,
    field: (name) => columns.column(name),
    learned: (_, learn) => learn({ train: rows, all: rows }),
  })
  if (column.kind === 'text') return (row) => column.compute(row)
  const values = new Float64Array(column.shape.reduce((product, size) => product * size, 1))
  return (row) => {
    column.compute(row, values, 0)
    return values.join()
  }
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
