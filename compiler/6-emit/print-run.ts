/** A run of calls as a loop over the addresses they are made with. */
import type { Entry, Run, Walk } from '../5-fuse/program.ts'
import { block, type Lines, line } from './lines.ts'
import { type CallPrinter, printCalls } from './print-call.ts'

/** The run's table as static data, outside any function. */
export function printTable(entry: Pick<Entry, 'name' | 'export'>, run: Run, lines: Lines): void {
  if (run.table.length === 0) return
  line(lines, `/** Addresses of ${entry.name}, a row for each turn of its loop ${run.number}. */`)
  line(lines, `const ${tableName(entry, run)}: usize = memory.data<u32>([`)
  for (const row of run.table) line(lines, `  ${row.map((word) => `${word >>> 0},`).join(' ')}`)
  line(lines, `], ${DATA_ALIGNMENT})`)
}

const DATA_ALIGNMENT = 16

export function printRun(printer: CallPrinter, entry: Pick<Entry, 'name' | 'export'>, run: Run): void {
  const { program, lines } = printer
  const turn = `turn${run.number}`
  const row = `row${run.number}`
  const size = run.end - run.first
  const locals = new Map(printer.locals)
  for (const { name } of run.numbers) locals.set(name, name)
  line(
    lines,
    `// ${size / run.turns} calls, ${run.turns} times on other tensors; named here after those of the first turn.`,
  )
  block(lines, `for (let ${turn}: i32 = 0; ${turn} < ${run.turns}; ${turn}++)`, () => {
    if (run.table.length > 0)
      line(lines, `const ${row}: usize = ${tableName(entry, run)} + <usize>(${turn} * ${4 * run.table[0]!.length})`)
    for (const { buffer, from, walk } of run.pointers) {
      const value = walked(walk, 'usize', `${program.buffers[from]!.name} + `)
      line(lines, `const ${program.buffers[buffer]!.name}: usize = ${value}`)
    }
    for (const { name, first, walk } of run.numbers)
      line(lines, `const ${name}: i32 = ${walked(walk, 'i32', `${first} + `)}`)
    printCalls({ ...printer, locals }, run.body)
  })

  function walked(walk: Walk, type: string, start: string): string {
    if (walk.kind === 'even') return `${start}<${type}>(${turn} * ${walk.step})`
    return `load<${type}>(${row}, ${4 * walk.column})`
  }
}

function tableName(entry: Pick<Entry, 'name' | 'export'>, run: Run): string {
  return `${entry.export}_table${run.number}`
}
