/** Where offsets of a source text stand on the lines of a terminal. */

export interface SourceText {
  readonly text: string
  /** Offset of the first character of each line. */
  readonly starts: readonly number[]
}

export interface Position {
  /** From 0. */
  readonly line: number
  /** UTF-16 units from the start of the line. */
  readonly column: number
}

export function sourceText(text: string): SourceText {
  const starts = [0]
  for (const match of text.matchAll(/\r\n|\r|\n/g)) starts.push(match.index + match[0].length)
  return { text, starts }
}

export function positionOf({ text, starts }: SourceText, offset: number): Position {
  const place = Math.max(0, Math.min(offset, text.length))
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (starts[middle]! <= place) low = middle
    else high = middle - 1
  }
  return { line: low, column: place - starts[low]! }
}

/** A line without its end. */
export function lineText({ text, starts }: SourceText, line: number): string {
  return text.slice(starts[line], starts[line + 1] ?? text.length).replace(/[\r\n]+$/, '')
}

const tabWidth = 4

/** Wide by Unicode's East Asian Width, and pictures; a close enough set for source code. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u
const widthless = /\p{Mn}|\p{Me}/u

/** A piece of text as it is shown: no character that moves the cursor or commands the terminal. */
export interface Cell {
  readonly shown: string
  readonly width: number
  /** UTF-16 units of the source it stands for. */
  readonly length: number
}

/** What each character of a line becomes in a terminal: tabs to multiples of four, control characters to U+FFFD. */
export function cells(line: string): Cell[] {
  const result: Cell[] = []
  let column = 0
  for (const character of line) {
    const cell = cellOf(character, column)
    column += cell.width
    result.push(cell)
  }
  return result
}

function cellOf(character: string, column: number): Cell {
  const { length } = character
  if (character === '\t') {
    const width = tabWidth - (column % tabWidth)
    return { shown: ' '.repeat(width), width, length }
  }
  if (/\p{C}|\p{Zl}|\p{Zp}/u.test(character)) return { shown: '\uFFFD', width: 1, length }
  if (widthless.test(character)) return { shown: character, width: 0, length }
  return { shown: character, width: wide.test(character) ? 2 : 1, length }
}

/** A message without what a terminal might obey; line ends stay. */
export function printable(text: string): string {
  return text.replace(/[^\P{C}\n]|\p{Zl}|\p{Zp}/gu, '\uFFFD')
}
