import { FormatError } from '../data/format-error.ts'
import { sizeOf } from '../data/shape.ts'
import type { RawColumn, Table } from '../data/table.ts'

/** What to predict from: rows of columns, or whole inputs of the model by name. */
export type PredictInput =
  | { readonly kind: 'rows'; readonly table: Table }
  | { readonly kind: 'inputs'; readonly inputs: Readonly<Record<string, unknown>> }

interface Cell {
  readonly shape: readonly number[]
  readonly values: readonly number[]
}

/**
 * Reads JSON: an array of objects is rows; one object is whole inputs if it has all of `inputNames` and each holds a
 * list, else a single row. Throws {@link FormatError}.
 */
export function readJson(text: string, name: string, inputNames: readonly string[]): PredictInput {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new FormatError(`${name} is not JSON: ${(error as Error).message}`)
  }
  if (isRecord(value)) {
    const given = value
    if (inputNames.every((input) => Array.isArray(given[input]))) return { kind: 'inputs', inputs: given }
    return { kind: 'rows', table: tableOf([given], name) }
  }
  if (!Array.isArray(value) || !value.every(isRecord))
    throw new FormatError(`${name} holds neither an object nor a list of objects, one for each row`)
  return { kind: 'rows', table: tableOf(value, name) }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function tableOf(rows: readonly Record<string, unknown>[], name: string): Table {
  const names = new Set(rows.flatMap((row) => Object.keys(row)))
  const describeRow = (row: number): string => (rows.length === 1 ? name : `row ${row + 1} of ${name}`)
  const columns = new Map<string, RawColumn>()
  for (const column of names) {
    const values = rows.map((row) => row[column] ?? undefined)
    columns.set(column, columnOf(column, values, describeRow))
  }
  return { rows: rows.length, columns, describeRow, origin: name }
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
