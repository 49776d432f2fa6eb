/** Text under construction, two spaces a level. */
export interface Lines {
  readonly text: string[]
  level: number
}

export function emptyLines(): Lines {
  return { text: [], level: 0 }
}

export function line(lines: Lines, text: string): void {
  lines.text.push(text === '' ? '' : '  '.repeat(lines.level) + text)
}

/** `head {`, the body one level deeper, `}`; the braces alone if the head is empty. */
export function block(lines: Lines, head: string, body: () => void): void {
  line(lines, head === '' ? '{' : `${head} {`)
  lines.level++
  body()
  lines.level--
  line(lines, '}')
}
