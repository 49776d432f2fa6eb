import Papa from 'papaparse'
import { FormatError } from './format-error.ts'

/** One record and its number: a spreadsheet counts them like this, from 1, blank ones too. */
export type OnRecord = (cells: readonly string[], number: number) => void

/** Characters a record may have; an open quotation mark makes one of the whole rest of the file. */
const LONGEST_RECORD = 2 ** 26

/** Excel's note of its delimiter, above the header. */
const EXCEL_DELIMITER = /^sep=(.)\n/i

/**
 * Reads CSV piece by piece, so that a file need not fit into one string. Records are separated by \n, \r\n or \r, in the
 * same file too; the delimiter is found by itself. Throws {@link FormatError} naming the row.
 */
export function readCsvRecords(pieces: Iterable<string>, name: string, onRecord: OnRecord): void {
  let parser: Papa.Parser | undefined
  let rest = ''
  let records = 0
  const read = (text: string, last: boolean): string => {
    if (!parser) {
      const excel = EXCEL_DELIMITER.exec(text)
      if (excel) records++
      const from = excel ? text.slice(excel[0].length) : text
      // Blank lines would mislead the guess.
      const delimiter = excel?.[1] ?? Papa.parse(from, { preview: 20, skipEmptyLines: 'greedy' }).meta.delimiter
      parser = new Papa.Parser({ delimiter, newline: '\n' })
      return read(from, last)
    }
    const { data, errors, meta } = parser.parse(text, 0, !last) as Papa.ParseResult<string[]>
    const broken = errors.find((error) => error.type === 'Quotes' && (last || error.row! < data.length))
    if (broken)
      throw new FormatError(
        `${name} has an open or stray quotation mark in row ${records + (broken.row ?? 0) + 1}`,
        'a quotation mark within a quoted cell is written twice',
      )
    for (const cells of data) onRecord(cells, ++records)
    const left = text.slice(meta.cursor)
    if (left.length > LONGEST_RECORD)
      throw new FormatError(
        `row ${records + 1} of ${name} does not end within ${LONGEST_RECORD} characters`,
        'look for a quotation mark that is never closed',
      )
    return left
  }
  for (const piece of linesOf(pieces)) rest = read(rest + piece, false)
  if (rest !== '' || !parser) read(rest, true)
}

/** With \n at the end of every line; \r\n may be cut apart between two pieces. */
function* linesOf(pieces: Iterable<string>): Generator<string, void, void> {
  let hasReturn = false
  for (const piece of pieces) {
    const text: string = hasReturn ? `\r${piece}` : piece
    hasReturn = text.endsWith('\r')
    yield (hasReturn ? text.slice(0, -1) : text).replace(/\r\n?/g, '\n')
  }
  if (hasReturn) yield '\n'
}
