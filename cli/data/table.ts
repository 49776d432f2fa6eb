/** What a source yields: columns of the same number of rows, values as they stand in the file. */
export interface Table {
  readonly rows: number
  readonly columns: ReadonlyMap<string, RawColumn>
  /** Where a row is, for messages: "row 7 of iris.csv". */
  describeRow(row: number): string
  /** The file, or files, for messages. */
  readonly origin: string
}

export type RawColumn = NumberColumn | TextColumn | UnfitColumn

/** Numbers of one shape per row, in C order. */
export interface NumberColumn {
  readonly kind: 'number'
  readonly shape: readonly number[]
  readonly values: ArrayLike<number>
  /** Rows without a value, ascending. */
  readonly missing: readonly number[]
  /** The same cells as they are written, where the file writes numbers and text alike. */
  readonly texts?: () => readonly (string | undefined)[]
}

/** Text, one per row; `undefined` where there is none. */
export interface TextColumn {
  readonly kind: 'text'
  readonly values: readonly (string | undefined)[]
}

/** Values that are neither numbers of one shape nor text; only a use of them is a mistake. */
export interface UnfitColumn {
  readonly kind: 'unfit'
  readonly values: readonly unknown[]
  /** What is wrong with them, and where. */
  readonly reason: string
}
