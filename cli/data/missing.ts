const MISSING = new Set(['', 'na', 'n/a', '#n/a', '<na>', 'nan', '-nan', 'null', '\\n', 'none'])
const LONGEST = 4

/** Whether a cell says that there is no value. */
export function isMissing(cell: string): boolean {
  return cell.length <= LONGEST && MISSING.has(cell.toLowerCase())
}
