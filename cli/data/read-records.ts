/** JSON records as a table, for data files and for rows to predict. */
import { FormatError } from './format-error.ts'
import { isMissing } from './missing.ts'
import { sizeOf } from './shape.ts'
import type { RawColumn, Table } from './table.ts'

interface Cell {
  readonly shape: readonly number[]
  readonly values: readonly number[]
}

/** A table from JSON text that holds a list of objects, one for each row. Throws {@link FormatError} naming the row. */
export function readRecords(text: string, name: string): Table {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new FormatError(`${name} is not JSON: ${(error as Error).message}`)
  }
  if (!Array.isArray(value)) throw new FormatError(`${name} holds no list of records`)
  const odd = value.findIndex((record) => !isRecord(record))
  if (odd >= 0) throw new FormatError(`row ${odd + 1} of ${name} is no record with named values`)
  return tableOfRecords(value, name)
}

/** Whether a value is an object with names. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A table of records: a column for each name, in the order names first appear. `null` and absent names are missing. */
export function tableOfRecords(rows: readonly Record<string, unknown>[], name: string): Table {
  const names = new Set(rows.flatMap((row) => Object.keys(row)))
  const describeRow = (row: number): string => (rows.length === 1 ? name : `row ${row + 1} of ${name}`)
  const columns = new Map<string, RawColumn>()
  for (const column of names) {
    const values = rows.map((row) => present(row[column]))
    columns.set(column, columnOf(column, values, describeRow))
  }
  return { rows: rows.length, columns, describeRow, origin: name }
}

/** Undefined where there is no value, told as in CSV. */
function present(value: unknown): unknown {
  return value === null || (typeof value === 'string' && isMissing(value.trim())) ? undefined : value
}

function columnOf(name: string, values: readonly unknown[], describeRow: (row: number) => string): RawColumn {
  if (values.every((value) => value === undefined || typeof value === 'string'))
    return { kind: 'text', values: values as (string | undefined)[] }
  const cells = values.map((value, row) => (value === undefined ? undefined : cellOf(value, name, describeRow(row))))
  const shape = cells.find((cell) => cell !== undefined)!.shape
  const size = sizeOf(shape)
  const data = new Float64Array(values.length * size)
  const missing: number[] = []
  cells.forEach((cell, row) => {
    if (cell === undefined) missing.push(row)
    else if (cell.shape.join() !== shape.join())
      throw new FormatError(`\`${name}\` has the shape [${cell.shape}] in ${describeRow(row)}, and [${shape}] before`)
    else data.set(cell.values, row * size)
  })
  return { kind: 'number', shape, values: data, missing }
}

function cellOf(value: unknown, name: string, where: string): Cell {
  if (typeof value === 'number') return { shape: [], values: [value] }
  if (typeof value === 'boolean') return { shape: [], values: [value ? 1 : 0] }
  if (!Array.isArray(value)) throw new FormatError(`\`${name}\` in ${where} is ${typeof value}, and numbers are needed`)
  const cells = value.map((item) => cellOf(item, name, where))
  const inner = cells[0]?.shape ?? []
  if (cells.some((cell) => cell.shape.join() !== inner.join()))
    throw new FormatError(`\`${name}\` in ${where} is a list whose items have different lengths`)
  return { shape: [cells.length, ...inner], values: cells.flatMap((cell) => cell.values) }
}
