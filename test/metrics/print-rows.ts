/** Prints the rows of the test as JSON, for scikit_learn.py. */
import { makeRows } from './program.ts'

const rows = makeRows(203)
process.stdout.write(
  JSON.stringify(Object.fromEntries(Object.entries(rows).map(([name, data]) => [name, Array.from(data)]))),
)
