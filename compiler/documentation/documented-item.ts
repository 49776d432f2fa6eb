/** What a file's `///` comments say about each of its declarations. */
import { formatSignatures } from '../1-parse/format.ts'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'

export interface DocumentedItem {
  readonly name: string
  readonly kind: string
  /** Where it is declared, the line counted from 1; absent for what is built into the language. */
  readonly file?: string
  readonly line?: number
  /** The declaration up to its body, as the formatter prints it. */
  readonly signature: string
  /** The paragraphs of the comment, apart from its labelled parts. */
  readonly text: readonly string[]
  /** What follows `Formula:`, `Shapes:` and `Source:` at the beginning of a line, up to the next one or an empty line. */
  readonly formula?: string
  readonly shapes?: string
  readonly source?: string
  /** Its parameters and states. */
  readonly variables: readonly { readonly text: string; readonly conditions: readonly string[] }[]
  /** The whole declaration as it is written. */
  readonly definition?: string
}

export interface DocumentedFile {
  readonly items: readonly DocumentedItem[]
  /** The paragraphs of the `//` comments before the first declaration. */
  readonly introduction: readonly string[]
  readonly diagnostics: readonly Diagnostic[]
}

/** Documents all that a file declares, in its order. Never throws; damaged declarations are left out. */
export function documentFile(text: string, file: string): DocumentedFile {
  const { ast, signatures, diagnostics } = formatSignatures(text, file)
  const items = signatures.map(({ declaration, text: signature, variables }): DocumentedItem => {
    const { name, kind, span, documentation } = declaration
    const line = text.slice(0, span.start).split(/\r\n|\r|\n/).length
    const definition = text.slice(span.start, span.end)
    return { name: name.text, kind, file, line, signature, ...readComment(documentation ?? ''), variables, definition }
  })
  const first = ast.declarations[0]?.span.start ?? text.length
  const above = ast.comments.filter(({ span, documentation }) => !documentation && span.end <= first)
  return { items, introduction: paragraphs(above.map((comment) => comment.text)), diagnostics }
}

/** What the list of items says of one: the first sentence of its text, or its formula. */
export function summaryOf({ text, formula }: DocumentedItem): string {
  const [first] = text
  return first === undefined ? (formula ?? '') : first.replace(/(?<!\bet al)(?<=[^.\s]{2})\. .*$/s, '.')
}

function readComment(comment: string): Pick<DocumentedItem, 'text' | 'formula' | 'shapes' | 'source'> {
  const prose: string[] = []
  const labelled = new Map<string, string[]>()
  let open: string[] = prose
  for (const line of comment.split('\n')) {
    const label = /^(Formula|Shapes|Source):\s*(.*)$/.exec(line)
    if (label) {
      open = [label[2]!]
      labelled.set(label[1]!.toLowerCase(), open)
    } else if (line === '') {
      prose.push('')
      open = prose
    } else open.push(line)
  }
  return {
    text: paragraphs(prose),
    ...Object.fromEntries([...labelled].map(([label, lines]) => [label, lines.join(' ')])),
  }
}

function paragraphs(lines: readonly string[]): string[] {
  return lines
    .join('\n')
    .split(/\n{2,}/)
    .map((paragraph) => paragraph.replaceAll('\n', ' ').trim())
    .filter((paragraph) => paragraph !== '')
}
