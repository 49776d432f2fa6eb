/** JSON records as a table, for data files and for rows to predict. */
import { FormatError } from './format-error.ts'
import { isMissing } from './missing.ts'
import { readJson } from './read-json.ts'
import { sizeOf } from './shape.ts'
import type { RawColumn, Table } from './table.ts'

/** A table from JSON that holds a list of objects, one for each row, or from an object on each line. Throws {@link FormatError} naming the row. */
export function readRecords(bytes: Uint8Array, name: string): Table {
  const value = readJson(bytes, name)
  if (!Array.isArray(value)) {
    const list = isRecord(value) ? Object.keys(value).find((key) => Array.isArray(value[key])) : undefined
    throw new FormatError(
      `${name} holds no list of records`,
      list === undefined
        ? 'it should be a list of objects, `[{…}, {…}]`, or have an object on each line'
        : `it holds one object; save the records by themselves, \`[{…}, {…}]\`, an object for each row`,
    )
  }
  const odd = value.findIndex((record) => !isRecord(record))
  if (odd >= 0)
    throw new FormatError(
      `row ${odd + 1} of ${name} is no record with named values`,
      'each row is an object, `{"name": value, …}`',
    )
  return tableOfRecords(value, name)
}

/** Whether a value is an object with names. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * A table of records: a column for each name, in the order names first appear; what is within an object has both names,
 * `address.city`. `null` and absent names are missing.
 */
export function tableOfRecords(rows: readonly Record<string, unknown>[], name: string): Table {
  const describeRow = (row: number): string => (rows.length === 1 ? name : `row ${row + 1} of ${name}`)
  const found = new Map<string, unknown[]>()
  rows.forEach((record, row) => void collect(record, '', row, rows.length, found))
  const columns = new Map<string, RawColumn>()
  for (const [column, values] of found) columns.set(column, columnOf(column, values, describeRow))
  return { rows: rows.length, columns, describeRow, origin: name }
}

function collect(
  record: Record<string, unknown>,
  prefix: string,
  row: number,
  rows: number,
  found: Map<string, unknown[]>,
): void {
  for (const [key, value] of Object.entries(record)) {
    const name = prefix + key
    if (isRecord(value)) {
      collect(value, `${name}.`, row, rows, found)
      continue
    }
    let values = found.get(name)
    if (!values) {
      values = new Array<unknown>(rows).fill(undefined)
      found.set(name, values)
    }
    values[row] = present(value)
  }
}

/** Undefined where there is no value, told as in CSV. */
function present(value: unknown): unknown {
  return value === null || (typeof value === 'string' && isMissing(value.trim())) ? undefined : value
}

function columnOf(name: string, values: readonly unknown[], describeRow: (row: number) => string): RawColumn {
  const kinds = new Set(values.map((value) => (value === undefined ? 'undefined' : typeof value)))
  if (!kinds.has('object')) {
    // Text among numbers makes all of it text, as in CSV.
    if (kinds.has('string') || !(kinds.has('number') || kinds.has('boolean')))
      return { kind: 'text', values: values.map((value) => (value === undefined ? undefined : String(value))) }
  }
  const unfit = (reason: string): RawColumn => ({ kind: 'unfit', values, reason })
  let shape: readonly number[] | undefined
  let data = new Float64Array()
  const missing: number[] = []
  for (const [row, value] of values.entries()) {
    if (value === undefined) {
      missing.push(row)
      continue
    }
    const cell = cellOf(value)
    if (typeof cell === 'string') return unfit(`\`${name}\` in ${describeRow(row)} ${cell}`)
    if (!shape) {
      shape = cell.shape
      data = new Float64Array(values.length * sizeOf(shape))
    }
    if (cell.shape.join() !== shape.join())
      return unfit(`\`${name}\` has the shape [${cell.shape}] in ${describeRow(row)}, and [${shape}] before`)
    data.set(cell.values, row * sizeOf(shape))
  }
  return { kind: 'number', shape: shape!, values: data, missing }
}

interface Cell {
  readonly shape: readonly number[]
  readonly values: readonly number[]
}

/** Numbers of a shape, or what is wrong with the value. */
function cellOf(value: unknown): Cell | string {
  if (typeof value === 'number') return { shape: [], values: [value] }
  if (typeof value === 'boolean') return { shape: [], values: [value ? 1 : 0] }
  if (!Array.isArray(value)) return 'has in a list what is no number'
  const cells: Cell[] = []
  for (const item of value) {
    const cell = cellOf(item)
    if (typeof cell === 'string') return cell
    cells.push(cell)
  }
  const inner = cells[0]?.shape ?? []
  if (cells.some((cell) => cell.shape.join() !== inner.join())) return 'is a list whose items have different lengths'
  return { shape: [cells.length, ...inner], values: cells.flatMap((cell) => cell.values) }
}
