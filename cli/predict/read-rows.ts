import { FormatError } from '../data/format-error.ts'
import { readJson } from '../data/read-json.ts'
import { isRecord, tableOfRecords } from '../data/read-records.ts'
import type { Table } from '../data/table.ts'

/** What to predict from: rows of columns, or whole inputs of the model by name. */
export type PredictInput =
  | { readonly kind: 'rows'; readonly table: Table }
  | { readonly kind: 'inputs'; readonly inputs: Readonly<Record<string, unknown>> }

/**
 * Reads JSON: an array of objects, or an object on each line, is rows; one object is whole inputs if it has all of `inputNames` and each holds a
 * list, else a single row. Throws {@link FormatError}.
 */
export function readInput(bytes: Uint8Array, name: string, inputNames: readonly string[]): PredictInput {
  const value = readJson(bytes, name)
  if (isRecord(value)) {
    const given = value
    if (inputNames.every((input) => Array.isArray(given[input]))) return { kind: 'inputs', inputs: given }
    return { kind: 'rows', table: tableOfRecords([given], name) }
  }
  if (!Array.isArray(value) || !value.every(isRecord))
    throw new FormatError(`${name} holds neither an object nor a list of objects, one for each row`)
  return { kind: 'rows', table: tableOfRecords(value, name) }
}
