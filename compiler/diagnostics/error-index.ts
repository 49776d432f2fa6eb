import { type CatalogueEntry, catalogue } from './catalogue.ts'

/** The catalogue as a Markdown page, one heading a code, for `docs/errors.md`. */
export function errorIndexMarkdown(): string {
  const entries: [string, CatalogueEntry][] = Object.entries(catalogue)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  const sections = entries.map(([code, { title, explanation, example }]) => {
    const text = example.trim()
    return `## ${code}\n\n**${title}.** ${explanation.trim()}${text === '' ? '' : `\n\n\`\`\`\n${text}\n\`\`\``}\n`
  })
  const head = '# Errors\n\nEvery error the compiler reports, by code. Each example raises the error it stands under.\n'
  return [head, ...sections].join('\n')
}
