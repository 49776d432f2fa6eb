import type { DataFile } from './data-file.ts'
import type { RawColumn, Table } from './table.ts'

/** All files as one text, in order: a table of one row with the column `text`. */
export function readText(files: readonly DataFile[], origin: string): Table {
  return textTable(files.map(({ bytes }) => decodeText(bytes)).join('\n'), origin)
}

/** One text as a table of one row. */
export function textTable(text: string, origin: string): Table {
  return {
    rows: 1,
    columns: new Map<string, RawColumn>([['text', { kind: 'text', values: [text] }]]),
    describeRow: () => origin,
    origin,
  }
}

/** One row for each file: its `text`, its `file` name, and the `folder` it lies in. */
export function readDocuments(files: readonly DataFile[], origin: string): Table {
  const column = (values: readonly string[]): RawColumn => ({ kind: 'text', values })
  const folderOf = (path: string): string => path.split('/').at(-2) ?? ''
  return {
    rows: files.length,
    columns: new Map([
      ['text', column(files.map(({ bytes }) => decodeText(bytes)))],
      ['file', column(files.map(({ name }) => name))],
      ['folder', column(files.map(({ path }) => folderOf(path)))],
    ]),
    describeRow: (row) => files[row]!.path,
    origin,
  }
}

/** UTF-8, or, where that fails, Windows-1252, as old mail is written. Lines end with \n alone. */
function decodeText(bytes: Uint8Array): string {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    text = new TextDecoder('windows-1252').decode(bytes)
  }
  return text.replaceAll('\r\n', '\n')
}
