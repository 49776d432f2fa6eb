/** What a source yields: columns of the same number of rows, values as they stand in the file. */
export interface Table {
  readonly rows: number
  readonly columns: ReadonlyMap<string, RawColumn>
  /** Where a row is, for messages: "row 7 of iris.csv". */
  describeRow(row: number): string
  /** The file, or files, for messages. */
  readonly origin: string
}

export type RawColumn = NumberColumn | TextColumn

/** Numbers of one shape per row, in C order. */
export interface NumberColumn {
  readonly kind: 'number'
  readonly shape: readonly number[]
  readonly values: ArrayLike<number>
  /** Rows without a value, ascending. */
  readonly missing: readonly number[]
}

/** Text, one per row; `undefined` where there is none. */
export interface TextColumn {
  readonly kind: 'text'
  readonly values: readonly (string | undefined)[]
}
