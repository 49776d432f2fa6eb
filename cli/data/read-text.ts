import type { DataFile } from './data-file.ts'
import { decodeBytes } from './decode-bytes.ts'
import type { RawColumn, Table } from './table.ts'
import { textTable } from './text-table.ts'

/** All files as one text, in order: a table of one row with the column `text`. */
export function readText(files: readonly DataFile[], origin: string): Table {
  return textTable(files.map(textOf).join('\n'), origin)
}

/** One row for each file: its `text`, its `file` name, and the `folder` it lies in. */
export function readDocuments(files: readonly DataFile[], origin: string): Table {
  const column = (values: readonly string[]): RawColumn => ({ kind: 'text', values })
  const folderOf = (path: string): string => path.split('/').at(-2) ?? ''
  return {
    rows: files.length,
    columns: new Map([
      ['text', column(files.map(textOf))],
      ['file', column(files.map(({ name }) => name))],
      ['folder', column(files.map(({ path }) => folderOf(path)))],
    ]),
    describeRow: (row) => files[row]!.path,
    origin,
  }
}

/** Lines end with \n alone. */
function textOf({ bytes }: DataFile): string {
  return decodeBytes(bytes).replaceAll('\r\n', '\n')
}
