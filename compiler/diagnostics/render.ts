/**
 * Diagnostics for reading, in the manner of Elm and Rust: the message, where it is, the source with the places
 * underlined, and what to do about it.
 */
import type { Diagnostic, DiagnosticLabel, Span } from './diagnostic.ts'
import { type Cell, cells, lineText, positionOf, printable, type SourceText, sourceText } from './source-text.ts'

/** Source columns shown of a line; longer lines are cut around what is underlined. */
const windowWidth = 120
/** A span over more lines than this is shown by its first and last. */
const wholeSpanLines = 4

type Style = (text: string) => string

interface Styles {
  readonly error: Style
  readonly warning: Style
  readonly secondary: Style
  readonly frame: Style
  readonly strong: Style
}

function styles(color: boolean): Styles {
  const style = (code: string) => (text: string) => (color && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text)
  return {
    error: style('1;31'),
    warning: style('1;33'),
    secondary: style('36'),
    frame: style('34'),
    strong: style('1'),
  }
}

/**
 * All diagnostics in source order, files in the order of their first diagnostic, a blank line between them.
 *
 * @param sources the text of each file by the name its spans carry; without it only the place is named
 * @param options.color escape codes for a terminal
 */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  sources: ReadonlyMap<string, string>,
  options: { color?: boolean } = {},
): string {
  const paint = styles(options.color ?? false)
  const texts = new Map<string, SourceText>()
  const textOf = (file: string) => {
    const text = sources.get(file)
    if (text === undefined) return undefined
    let cut = texts.get(file)
    if (cut === undefined) {
      cut = sourceText(text)
      texts.set(file, cut)
    }
    return cut
  }
  return sortDiagnostics(diagnostics)
    .map((diagnostic) => renderOne(diagnostic, textOf, paint))
    .join('\n')
}

/** In source order within each file; files in the order they first appear. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const files = [...new Set(diagnostics.map((diagnostic) => diagnostic.span.file))]
  const rank = new Map(files.map((file, index) => [file, index]))
  return [...diagnostics].sort(
    (a, b) => rank.get(a.span.file)! - rank.get(b.span.file)! || a.span.start - b.span.start || a.span.end - b.span.end,
  )
}

function renderOne(diagnostic: Diagnostic, textOf: (file: string) => SourceText | undefined, paint: Styles): string {
  const { code, severity, span, message, labels, hint } = diagnostic
  const lines = [`${paint[severity](`${severity}[${code}]`)}${paint.strong(`: ${printable(message)}`)}`]
  const files = [...new Set([span.file, ...labels.map((label) => label.span.file)])]
  const width = Math.max(
    ...files.map((file) => gutterWidth([span, ...labels.map((label) => label.span)], file, textOf)),
  )
  for (const file of files) {
    const marks = marksIn(file, diagnostic)
    const text = textOf(file)
    const first = marks[0]?.span ?? span
    const arrow = paint.frame(`${' '.repeat(width)}${file === span.file ? '-->' : ':::'}`)
    const place = file === span.file ? span : first
    lines.push(`${arrow} ${printable(file)}${text === undefined ? '' : lineAndColumn(text, place)}`)
    if (text !== undefined) lines.push(...renderFrame(text, marks, width, severity, paint))
  }
  if (hint !== undefined) lines.push(`${paint.secondary('help')}: ${printable(hint)}`)
  return `${lines.join('\n')}\n`
}

function lineAndColumn(text: SourceText, span: Span): string {
  const { line, column } = positionOf(text, span.start)
  const shown = lineText(text, line).slice(0, column)
  return `:${line + 1}:${[...shown].length + 1}`
}

/** Room for the largest line number shown, with a space before it. */
function gutterWidth(spans: readonly Span[], file: string, textOf: (file: string) => SourceText | undefined): number {
  const text = textOf(file)
  if (text === undefined) return 2
  const last = Math.max(
    ...spans
      .filter((span) => span.file === file)
      .map((span) => positionOf(text, Math.max(span.start, span.end - 1)).line),
  )
  return Math.max(2, String(last + 1).length + 1)
}

interface Mark {
  readonly span: Span
  readonly message: string
  readonly primary: boolean
}

/** The places to underline; a label on the primary span itself gives the primary mark its words. */
function marksIn(file: string, { span, labels }: Diagnostic): Mark[] {
  const own = labels.find((label) => sameSpan(label, span))
  const marks: Mark[] = [{ span, message: own?.message ?? '', primary: true }]
  for (const label of labels) {
    if (label !== own) marks.push({ span: label.span, message: label.message, primary: false })
  }
  return marks.filter((mark) => mark.span.file === file).sort((a, b) => a.span.start - b.span.start)
}

function sameSpan(label: DiagnosticLabel, span: Span): boolean {
  return label.span.file === span.file && label.span.start === span.start && label.span.end === span.end
}

/** One underline on one line, in UTF-16 columns. */
interface Underline {
  readonly from: number
  readonly to: number
  readonly message: string
  readonly primary: boolean
}

function renderFrame(
  text: SourceText,
  marks: readonly Mark[],
  width: number,
  severity: Diagnostic['severity'],
  paint: Styles,
): string[] {
  const byLine = new Map<number, Underline[]>()
  for (const mark of marks) {
    for (const { line, ...underline } of underlines(text, mark)) {
      byLine.set(line, [...(byLine.get(line) ?? []), underline])
    }
  }
  const numbers = [...byLine.keys()].sort((a, b) => a - b)
  const bar = paint.frame(`${' '.repeat(width)} |`)
  const result: string[] = []
  let before: number | undefined
  for (const line of numbers) {
    if (before !== undefined && line === before + 2)
      result.push(...sourceLine(text, before + 1, [], width, severity, paint))
    else if (before !== undefined && line > before + 2) result.push(paint.frame(`${' '.repeat(width)}...`))
    const marked = byLine.get(line)!
    result.push(
      ...sourceLine(text, line, marked, width, severity, paint).map((row, i) => (i === 0 ? row : `${bar}${row}`)),
    )
    before = line
  }
  return result
}

function underlines(text: SourceText, { span, message, primary }: Mark): (Underline & { line: number })[] {
  const start = positionOf(text, span.start)
  const end = positionOf(text, span.end)
  if (start.line === end.line) return [{ line: start.line, from: start.column, to: end.column, message, primary }]
  const shown: number[] = []
  for (let line = start.line; line <= end.line; line++) {
    if (end.line - start.line < wholeSpanLines || line === start.line || line === end.line) shown.push(line)
  }
  return shown
    .map((line) => {
      const content = lineText(text, line)
      const from = line === start.line ? start.column : content.length - content.trimStart().length
      const to = line === end.line ? end.column : content.trimEnd().length
      return { line, from, to, message: line === end.line ? message : '', primary }
    })
    .filter(({ line, from, to }) => to > from || line === start.line)
}

/** The line itself, then a row for each group of underlines that do not get in each other's way. */
function sourceLine(
  text: SourceText,
  line: number,
  marked: readonly Underline[],
  width: number,
  severity: Diagnostic['severity'],
  paint: Styles,
): string[] {
  const content = cells(lineText(text, line))
  const placed = marked.map((underline) => ({ underline, ...columnsOf(content, underline) }))
  const focus = placed.find(({ underline }) => underline.primary) ?? placed[0]
  const { shown, shift, limit } = cut(content, focus?.from ?? 0, focus?.to ?? 0)
  const number = paint.frame(`${String(line + 1).padStart(width)} |`)
  const rows: { text: string; plain: number }[] = []
  // Rightmost first, so that a message always has room to its right.
  for (const { underline, from, to } of placed.sort((a, b) => b.from - a.from)) {
    const left = Math.max(0, Math.min(from - shift, limit))
    const right = Math.max(left + 1, Math.min(to - shift, limit))
    const sign = (underline.primary ? '^' : '-').repeat(right - left)
    const style = underline.primary ? paint[severity] : paint.secondary
    const words = underline.message === '' ? '' : ` ${printable(underline.message)}`
    const next = rows.find((row) => words === '' && row.plain > right)
    if (next !== undefined) {
      next.text = `${' '.repeat(left + 1)}${style(sign)}${next.text.slice(right + 1)}`
      next.plain = left
    } else rows.push({ text: `${' '.repeat(left + 1)}${style(`${sign}${words}`)}`, plain: left })
  }
  return [`${number}${shown === '' ? '' : ` ${shown}`}`, ...rows.map((row) => row.text)]
}

function columnsOf(content: readonly Cell[], { from, to }: Underline): { from: number; to: number } {
  let unit = 0
  let column = 0
  let start: number | undefined
  let end: number | undefined
  for (const cell of content) {
    if (start === undefined && unit + cell.length > from) start = column
    if (end === undefined && unit >= to) end = column
    unit += cell.length
    column += cell.width
  }
  start ??= column
  return { from: start, to: Math.max(end ?? column, start + 1) }
}

/** The part of a long line around what matters, with `…` where something is left out. */
function cut(content: readonly Cell[], from: number, to: number): { shown: string; shift: number; limit: number } {
  const total = content.reduce((sum, cell) => sum + cell.width, 0)
  if (total <= windowWidth) {
    return {
      shown: content
        .map((cell) => cell.shown)
        .join('')
        .trimEnd(),
      shift: 0,
      limit: windowWidth + 1,
    }
  }
  const middle = Math.floor((from + Math.min(to, from + windowWidth)) / 2)
  const left = Math.max(0, Math.min(middle - windowWidth / 2, total - windowWidth))
  let column = 0
  let shown = ''
  let first: number | undefined
  let last = left
  for (const cell of content) {
    if (column >= left && column + cell.width <= left + windowWidth) {
      first ??= column
      shown += cell.shown
      last = column + cell.width
    }
    column += cell.width
  }
  const opening = left > 0 ? '…' : ''
  const closing = last < total ? '…' : ''
  const shift = (first ?? left) - opening.length
  return { shown: `${opening}${shown}${closing}`, shift, limit: last - shift }
}
