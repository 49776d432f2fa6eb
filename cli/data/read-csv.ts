import Papa from 'papaparse'
import { FormatError } from './format-error.ts'
import { isMissing } from './missing.ts'
import type { RawColumn, Table } from './table.ts'

/**
 * A table from CSV text with a header row; the delimiter is found by itself. A column whose values are all numbers is
 * numeric. Throws {@link FormatError} naming the row.
 */
export function readCsv(text: string, name: string): Table {
  // The delimiter is guessed without the blank lines, which would mislead the guess.
  const { delimiter } = Papa.parse(text, { preview: 20, skipEmptyLines: 'greedy' }).meta
  const { data, errors } = Papa.parse<string[]>(text, { delimiter, skipEmptyLines: false })
  const broken = errors.find((error) => error.type === 'Quotes')
  if (broken) throw new FormatError(`${name} has an open or stray quotation mark in row ${(broken.row ?? 0) + 1}`)
  const isBlank = (cells: readonly string[]): boolean => cells.length === 1 && cells[0]!.trim() === ''
  const header = data[0]?.map((cell) => cell.trim()) ?? []
  if (header.length === 0 || (data.length === 1 && isBlank(header)))
    throw new FormatError(`${name} is empty; it needs a header row`)
  header.forEach((column, index) => {
    if (column === '') throw new FormatError(`column ${index + 1} of ${name} has no name in the header row`)
    if (header.indexOf(column) < index) throw new FormatError(`${name} has two columns named \`${column}\``)
  })
  // Blank lines are skipped but counted, so that row numbers are those a spreadsheet shows.
  const numbered = data.map((cells, index) => ({ cells, number: index + 1 })).slice(1)
  const records = numbered.filter(({ cells }) => !isBlank(cells) || (header.length === 1 && cells[0] !== ''))
  for (const { cells, number } of records) {
    if (cells.length !== header.length)
      throw new FormatError(`row ${number} of ${name} has ${cells.length} cells, and the header has ${header.length}`)
  }
  const columns = new Map<string, RawColumn>()
  header.forEach((column, index) => {
    const cells = records.map((record) => record.cells[index]!.trim())
    columns.set(column, columnOf(cells))
  })
  return {
    rows: records.length,
    columns,
    describeRow: (row) => `row ${records[row]!.number} of ${name}`,
    origin: name,
  }
}

function columnOf(cells: readonly string[]): RawColumn {
  const present = cells.filter((cell) => !isMissing(cell))
  const numeric = present.length > 0 && present.every((cell) => Number.isFinite(Number(cell)))
  if (!numeric) return { kind: 'text', values: cells.map((cell) => (isMissing(cell) ? undefined : cell)) }
  const missing = cells.flatMap((cell, row) => (isMissing(cell) ? [row] : []))
  return { kind: 'number', shape: [], values: Float64Array.from(cells, Number), missing }
}
