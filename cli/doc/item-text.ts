import { type DocumentedItem, summaryOf } from '../../compiler/documentation/documented-item.ts'
import { styleFor } from '../style.ts'

export interface ItemGroup {
  readonly title: string
  readonly items: readonly DocumentedItem[]
}

export interface TextOptions {
  readonly color: boolean
  readonly columns: number
}

/** All that is known of an item, for reading. */
export function itemText(item: DocumentedItem, { color, columns }: TextOptions): string {
  const { signature, text, formula, shapes, source, variables, file, line } = item
  const style = styleFor(color)
  const lines = [style.bold(signature), '']
  for (const paragraph of text) lines.push(...wrapped(paragraph, columns, '  ', '  '), '')
  const fact = (label: string, content: string | undefined): void => {
    if (content === undefined) return
    const [first, ...rest] = wrapped(content, columns, `  ${label}  `, ' '.repeat(label.length + 4))
    lines.push(first!.replace(label, style.dim(label)), ...rest)
  }
  fact('formula', formula)
  fact('shapes ', shapes)
  for (const { text: variable, conditions } of variables) {
    const when = conditions.length === 0 ? '' : `, when ${conditions.join(' and ')}`
    fact(variable.slice(0, variable.indexOf(' ')).padEnd(7), `${variable.slice(variable.indexOf(' ') + 1)}${when}`)
  }
  fact('source ', source)
  fact('file   ', file === undefined ? undefined : `${file}:${line}`)
  return `${lines.join('\n').trimEnd()}\n`
}

/** One line an item, under the titles of their groups. */
export function listText(groups: readonly ItemGroup[], { color, columns }: TextOptions): string {
  const style = styleFor(color)
  const width = Math.max(0, ...groups.flatMap(({ items }) => items.map(({ name }) => name.length)))
  const room = columns - width - 4
  const blocks = groups.map(({ title, items }) => {
    const rows = items.map((item) => {
      const summary = summaryOf(item)
      const shown = summary.length > room ? `${summary.slice(0, Math.max(0, room - 1))}…` : summary
      return `  ${item.name.padEnd(width)}  ${style.dim(shown)}`.trimEnd()
    })
    return `${[style.bold(title), ...rows].join('\n')}\n`
  })
  return blocks.join('\n')
}

/** Words in lines of at most `columns`, the first after `first` and the others after `rest`. */
function wrapped(text: string, columns: number, first: string, rest: string): string[] {
  const lines: string[] = []
  let line = first
  let empty = true
  for (const word of text.split(' ')) {
    if (!empty && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = rest
      empty = true
    }
    line += empty ? word : ` ${word}`
    empty = false
  }
  return [...lines, line]
}
