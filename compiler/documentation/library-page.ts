/** The standard library as a Markdown page, for `docs/library.md`. */
import type { DocumentedItem } from './documented-item.ts'
import { libraryFamilies } from './library.ts'

const head = `# The standard library

Everything here is written in the language itself, in [\`compiler/stdlib\`](../compiler/stdlib), and is in scope in every file.
\`nnc doc NAME\` prints an item on the terminal, \`nnc doc NAME --definition\` its text. What lies below it, the functions built into the
language, is in [language.md](language.md#built-in-functions).

In signatures \`...\` stands for any number of axes. Of two lists the first holds settings, fixed when a layer, an optimizer or an initializer is
named, and the second what flows in. "PyTorch" means version 1.13, with which values and gradients are compared.
`

export function libraryMarkdown(): string {
  const families = libraryFamilies()
  const anchors = anchorsOf(families.flatMap(({ title, items }) => [title, ...items.map(({ name }) => name)]))
  const contents: string[] = []
  const sections: string[] = []
  for (const { title, introduction, items } of families) {
    const anchor = anchors.next().value
    const entries: string[] = []
    sections.push(`## ${title}`, ...introduction.map(escaped))
    for (const item of items) {
      entries.push(`[${escaped(item.name)}](#${anchors.next().value})`)
      sections.push(...itemSection(item))
    }
    contents.push(`- **[${title}](#${anchor})**: ${entries.join(', ')}`)
  }
  return `${[head.trimEnd(), contents.join('\n'), ...sections].join('\n\n')}\n`
}

function itemSection({ name, signature, text, formula, shapes, source, variables }: DocumentedItem): string[] {
  const facts = [
    ...(formula === undefined ? [] : [`- Formula: \`${formula}\``]),
    ...(shapes === undefined ? [] : [`- Shapes: ${escaped(shapes)}`]),
    ...variables.map(
      ({ text: variable, conditions }) =>
        `- \`${variable}\`${conditions.length === 0 ? '' : `, when \`${conditions.join(' and ')}\``}`,
    ),
    ...(source === undefined ? [] : [`- Source: ${escaped(source)}`]),
  ]
  return [`### ${escaped(name)}`, `\`\`\`\n${signature}\n\`\`\``, ...text.map(escaped), facts.join('\n')]
}

/** Markdown's own signs, outside code, stand for themselves. */
function escaped(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part, at) => (at % 2 === 1 ? part : part.replace(/[\\*<[\]|~]|(?<!\w)_|_(?!\w)/g, '\\$&')))
    .join('')
}

/** The names under which headings can be linked to, as GitHub makes them. */
function* anchorsOf(headings: readonly string[]): Generator<string, string> {
  const used = new Map<string, number>([['the-standard-library', 1]])
  for (const heading of headings) {
    const plain = heading.toLowerCase().replaceAll(' ', '-')
    const count = used.get(plain) ?? 0
    used.set(plain, count + 1)
    yield count === 0 ? plain : `${plain}-${count}`
  }
  throw new Error('internal: documentation: more links than headings')
}
