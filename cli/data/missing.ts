const MISSING = new Set(['', 'na', 'n/a', 'nan', 'null', 'none'])

/** Whether a cell says that there is no value. */
export function isMissing(cell: string): boolean {
  return MISSING.has(cell.toLowerCase())
}
