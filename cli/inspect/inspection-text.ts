import { formatBytes, formatCount } from '../numbers.ts'
import { styleFor } from '../style.ts'
import type { CallInspection, EntryInspection, Inspection } from './inspection.ts'

const TITLE_WIDTH = 76

/** An inspection for reading: parameters, entries with their calls, kernels, memory. */
export function inspectionText(inspection: Inspection, file: string, color: boolean): string {
  const style = styleFor(color)
  const { parameters, parameterCount, entries, prepared, kernels, memory, sizes } = inspection
  const at = Object.entries(sizes).map(([name, size]) => `${name} ${size}`)
  const lines = [
    `${style.bold(file)}  ${formatCount(parameterCount)} parameters${at.length > 0 ? style.dim(`, work counted at ${at.join(', ')}`) : ''}`,
    '',
    style.bold('parameters'),
    ...table(parameters.map(({ name, shape, count }) => [name, `[${shape.join(', ')}]`, formatCount(count)])),
    '',
    style.bold('entries'),
  ]
  for (const entry of entries) lines.push(...entryLines(entry, style.dim))
  if (prepared.length > 0) lines.push(style.bold('prepared, and kept until a variable it comes from changes'))
  for (const { entries: users, variables, calls } of prepared)
    lines.push(
      `  for ${users.join(', ')} ${style.dim(`from ${variables.join(', ') || 'numbers alone'}`)}`,
      ...callLines(calls, style.dim),
      '',
    )
  lines.push(
    style.bold('kernels'),
    ...table(kernels.map(({ name, class: kind, calls }) => [name, kind, `${calls} ${calls === 1 ? 'call' : 'calls'}`])),
    '',
    style.bold('memory'),
    ...table(Object.entries(memory).map(([part, bytes]) => [part, formatBytes(bytes)])),
    '',
  )
  return lines.join('\n')
}

function entryLines(entry: EntryInspection, dim: (text: string) => string): string[] {
  const head = `  ${entry.name} ${dim(`(${entry.inputs.join(', ')}) → ${entry.outputs.join(', ') || 'nothing'}`)}`
  const work = `    ${formatFlops(entry.flops)} in ${entry.calls.length} calls, ${formatBytes(entry.traffic)} of memory traffic, arena ${formatBytes(entry.arenaBytes)}, ${formatBytes(entry.liveBytes)} alive at once`
  return [head, work, ...callLines(entry.calls, dim), '']
}

function callLines(calls: readonly CallInspection[], dim: (text: string) => string): string[] {
  return calls.map(({ kind, title, flops, depth }) =>
    dim(`    ${formatFlops(flops).padStart(12)}  ${'  '.repeat(depth)}${kind.padEnd(7)}  ${shortened(title)}`),
  )
}

/** What a call computes comes first and its shape last; a long list of operations loses its middle. */
function shortened(title: string): string {
  if (title.length <= TITLE_WIDTH) return title
  const end = title.slice(title.lastIndexOf(' · '))
  return `${title.slice(0, TITLE_WIDTH - end.length - 1)}…${end}`
}

/** 13107200 → "13.1 MFLOP" */
function formatFlops(flops: number): string {
  const units = ['FLOP', 'kFLOP', 'MFLOP', 'GFLOP', 'TFLOP']
  const unit = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, flops)) / 3)))
  const value = flops / 1000 ** unit
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`
}

/** Left-aligned columns, the last one right-aligned. */
function table(rows: readonly (readonly string[])[]): string[] {
  const columns = rows[0]?.length ?? 0
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map(
    (row) =>
      `  ${row.map((cell, column) => (column === columns - 1 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join('  ')}`,
  )
}
