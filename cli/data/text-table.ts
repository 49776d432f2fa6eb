import type { RawColumn, Table } from './table.ts'

/** One text as a table of one row. */
export function textTable(text: string, origin: string): Table {
  return {
    rows: 1,
    columns: new Map<string, RawColumn>([['text', { kind: 'text', values: [text] }]]),
    describeRow: () => origin,
    origin,
  }
}
