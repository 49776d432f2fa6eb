import { type ColumnBuilder, numbersOrText, textOnly } from './column-builder.ts'
import { readCsvRecords } from './csv-records.ts'
import { decimalNumber } from './decimal-number.ts'
import { decodePieces, refuseBinary } from './decode-bytes.ts'
import { FormatError } from './format-error.ts'
import type { RawColumn, Table, TextColumn } from './table.ts'

/**
 * A table from CSV with a header row; the delimiter is found by itself. A column whose values are all numbers is
 * numeric, and keeps its text at hand. A column without a name is called by its place: `column 3`. Throws {@link FormatError} naming the row.
 */
export function readCsv(bytes: Uint8Array, name: string): Table {
  refuseBinary(bytes, name)
  const pieces = (): Iterable<string> => decodePieces(bytes)
  let header: readonly string[] | undefined
  let builders: ColumnBuilder[] = []
  let numbers: number[] = []
  readCsvRecords(pieces(), name, (cells, number) => {
    if (!header) {
      header = headerOf(cells, name)
      builders = header.map(numbersOrText)
      return
    }
    if (isBlank(cells, header.length)) return
    if (!fits(cells, header.length)) throw ragged(cells, header, number, name)
    builders.forEach((builder, index) => void builder.add(cells[index]!.trim()))
    numbers.push(number)
  })
  if (!header) throw new FormatError(`${name} is empty`, 'it needs a header row, the names of its columns')
  const names = header
  // Rows are numbered one after the other unless lines between them are blank.
  const first = numbers[0] ?? 2
  if (numbers.every((number, row) => number === first + row)) numbers = []

  const textOf = (wanted: readonly number[]): readonly TextColumn[] => {
    const texts = wanted.map(textOnly)
    let isHeader = true
    readCsvRecords(pieces(), name, (cells) => {
      if (!isHeader && !isBlank(cells, names.length))
        texts.forEach((text, at) => void text.add(cells[wanted[at]!]!.trim()))
      isHeader = false
    })
    return texts.map((text) => text.finish() as TextColumn)
  }
  const found = builders.map((builder) => builder.finish())
  const again = [...found.keys()].filter((index) => found[index] === undefined)
  const texts = new Map(again.length > 0 ? textOf(again).map((column, at) => [again[at]!, column]) : [])
  const columns = new Map<string, RawColumn>()
  names.forEach((column, index) => {
    const raw = found[index] ?? texts.get(index)!
    columns.set(column, raw.kind === 'number' ? { ...raw, texts: once(() => textOf([index])[0]!.values) } : raw)
  })
  return {
    rows: columns.get(names[0]!)!.values.length,
    columns,
    describeRow: (row) => `row ${numbers[row] ?? first + row} of ${name}`,
    origin: name,
  }
}

function headerOf(cells: readonly string[], name: string): readonly string[] {
  const names = cells.map((cell) => cell.trim())
  if (names.every((column) => column === ''))
    throw new FormatError(`the first row of ${name} is empty`, 'it needs a header row, the names of its columns')
  if (/^<(!doctype|html|\?xml)/i.test(names[0]!))
    throw new FormatError(
      `${name} is a web page or XML, not CSV`,
      'it may be the answer of a server that has no such file',
    )
  const twice = names.find((column, index) => column !== '' && names.indexOf(column) < index)
  if (
    names.every((column) => decimalNumber(column) !== undefined) &&
    (twice !== undefined || names.some((column) => column.includes('.')))
  )
    throw new FormatError(
      `the first row of ${name} holds numbers, not the names of its columns`,
      `put a header above it, as in \`${names
        .slice(0, 3)
        .map((_, index) => `x${index + 1}`)
        .join(',')}${names.length > 3 ? ',…' : ''}\``,
    )
  if (twice !== undefined) throw new FormatError(`${name} has two columns named \`${twice}\``, 'rename one of them')
  return names.map((column, index) => (column === '' ? `column ${index + 1}` : column))
}

function isBlank(cells: readonly string[], width: number): boolean {
  return cells.length === 1 && cells[0]!.trim() === '' && (width > 1 || cells[0] === '')
}

/** Empty cells behind the last column are a delimiter at the end of the line. */
function fits(cells: readonly string[], width: number): boolean {
  return cells.length >= width && cells.slice(width).every((cell) => cell.trim() === '')
}

function ragged(cells: readonly string[], header: readonly string[], number: number, name: string): FormatError {
  const count = `${cells.length} ${cells.length === 1 ? 'cell' : 'cells'}`
  const hint =
    header.length === 1
      ? `the first row, \`${header[0]!.slice(0, 60)}\`, is taken for the header`
      : cells.length > header.length
        ? 'a cell with the delimiter in it goes in quotation marks'
        : 'give it a cell for every column; one without a value is left empty'
  return new FormatError(`row ${number} of ${name} has ${count}, and the header has ${header.length}`, hint)
}

function once<Value>(make: () => Value): () => Value {
  let value: Value | undefined
  return () => (value ??= make())
}
