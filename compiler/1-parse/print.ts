/** The syntax tree as indented text, one node a line, for `--dump`. */
import type { SourceFile } from './ast.ts'

/** Kind, scalar properties and span of each node; children below it under the name of their field. */
export function printAst(ast: SourceFile): string {
  const lines = [`file ${ast.file}`]
  for (const declaration of ast.declarations) printValue('', declaration, 1, lines)
  return `${lines.join('\n')}\n`
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A node's own text: a name, an operator, a number, with the range of offsets it comes from. */
function heading(value: Record<string, unknown>): string {
  const words: string[] = []
  for (const [key, item] of Object.entries(value)) {
    if (key === 'kind') words.unshift(String(item))
    else if (typeof item === 'string')
      words.push(key === 'operator' || key === 'text' ? item : `${key}=${JSON.stringify(item)}`)
    else if (typeof item === 'number' || typeof item === 'boolean')
      words.push(key === 'value' ? String(item) : `${key}=${item}`)
    else if (isRecord(item) && typeof item.text === 'string')
      words.push(key === 'name' ? item.text : `${key}=${item.text}`)
  }
  const { span } = value
  if (isRecord(span)) words.push(`@${span.start}..${span.end}`)
  return words.join(' ')
}

function isInline(key: string, value: unknown): boolean {
  return (
    key === 'span' ||
    key === 'operatorSpan' ||
    !(typeof value === 'object' && value !== null) ||
    (isRecord(value) && typeof value.text === 'string')
  )
}

function printValue(label: string, value: unknown, depth: number, lines: string[]): void {
  if (Array.isArray(value)) {
    for (const item of value) printValue(label, item, depth, lines)
    return
  }
  if (!isRecord(value)) return
  const prefix = label === '' ? '' : `${label}: `
  lines.push(`${'  '.repeat(depth)}${prefix}${heading(value)}`)
  for (const [key, item] of Object.entries(value)) {
    if (!isInline(key, item)) printValue(key, item, depth + 1, lines)
  }
}
