import { decimalNumber } from './decimal-number.ts'
import { isMissing } from './missing.ts'
import type { RawColumn } from './table.ts'

/** A column that grows cell by cell: of numbers, 8 bytes each, as long as every value is one. */
export interface ColumnBuilder {
  add(cell: string): void
  /** The column; undefined where values before the first text were taken for numbers, so that it has to be read again as text. */
  finish(): RawColumn | undefined
}

export function numbersOrText(): ColumnBuilder {
  let values = new Float64Array(64)
  let rows = 0
  const missing: number[] = []
  let texts: ColumnBuilder | undefined
  let isLost = false
  return {
    add(cell) {
      if (isLost) return
      if (texts) return texts.add(cell)
      const absent = isMissing(cell)
      const value = absent ? Number.NaN : decimalNumber(cell)
      if (value === undefined) {
        isLost = missing.length < rows
        texts = textOnly()
        for (let row = 0; row < rows && !isLost; row++) texts.add('')
        return texts.add(cell)
      }
      if (rows === values.length) {
        const larger = new Float64Array(2 * rows)
        larger.set(values)
        values = larger
      }
      if (absent) missing.push(rows)
      values[rows++] = value
    },
    finish() {
      if (isLost) return undefined
      // Without any value it may as well hold text.
      if (texts || missing.length === rows) return (texts ?? emptyTexts(rows)).finish()
      return { kind: 'number', shape: [], values: values.subarray(0, rows), missing }
    },
  }
}

/** A column of text, whatever its cells hold. */
export function textOnly(): ColumnBuilder {
  const values: (string | undefined)[] = []
  return {
    add: (cell) => void values.push(isMissing(cell) ? undefined : cell),
    finish: () => ({ kind: 'text', values }),
  }
}

function emptyTexts(rows: number): ColumnBuilder {
  const texts = textOnly()
  for (let row = 0; row < rows; row++) texts.add('')
  return texts
}
