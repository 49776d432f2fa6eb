// Tables of the reports, and where they go in the documentation.
import { readFileSync, writeFileSync } from 'node:fs'

/** A table in Markdown: the first row is the head; the first column is text, the others are numbers. */
export function table([head, ...rows]) {
  const line = (cells) => `| ${cells.map((cell) => cell ?? '–').join(' | ')} |`
  const rule = head.map((_, column) => (column === 0 ? '---' : '--:'))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

/** 0.01234 → "0.0123", 123.4 → "123"; nothing for what was not measured. */
export function figure(value, digits = 3) {
  if (value === undefined || !Number.isFinite(value)) return undefined
  return value >= 10 ** (digits - 1) ? value.toFixed(0) : value.toPrecision(digits)
}

/** A ratio: "0.84", "12.3", "140". */
export function times(value) {
  if (value === undefined) return undefined
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0)
}

export function percent(value) {
  return value === undefined ? undefined : `${(100 * value).toFixed(0)} %`
}

export function mebibytes(bytes) {
  return bytes === undefined ? undefined : `${(bytes / 2 ** 20).toFixed(0)} MiB`
}

/** Puts `text` between the lines `<!-- measured: name -->` and `<!-- end: name -->` of a page. */
export function replaceBlock(page, name, text) {
  const [begin, end] = [`<!-- measured: ${name} -->`, `<!-- end: ${name} -->`]
  const before = readFileSync(page, 'utf8')
  const [from, to] = [before.indexOf(begin), before.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${page} has no lines ${begin} and ${end}`)
  writeFileSync(page, `${before.slice(0, from + begin.length)}\n\n${text}\n\n${before.slice(to)}`)
}
