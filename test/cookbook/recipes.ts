import { readFileSync } from 'node:fs'

/** A block of docs/cookbook.md. */
export interface Block {
  /** What follows the fence: `nn`, `sh`, `js`, `js browser`, `python`. */
  readonly language: string
  /** The file that its first line names in a comment. */
  readonly file?: string
  readonly code: string
  readonly recipe: string
}

export interface Chapter {
  readonly name: string
  readonly blocks: readonly Block[]
}

const page = readFileSync(new URL('../../docs/cookbook.md', import.meta.url), 'utf8')

/** The chapters of the page with their blocks in order. */
export const chapters: readonly Chapter[] = page
  .split(/^## /m)
  .slice(1)
  .map((text) => {
    const blocks: Block[] = []
    for (const [, recipe, body] of text.matchAll(/^### (.*)\n([\s\S]*?)(?=^### |(?![\s\S]))/gm))
      for (const [, language, code] of body!.matchAll(/^```(\w[\w ]*)\n([\s\S]*?)^```$/gm)) {
        const file = /^(?:\/\/|#) (\S+)\n/.exec(code!)?.[1]
        blocks.push({ language: language!, code: code!, recipe: recipe!, ...(file && { file }) })
      }
    return { name: text.split('\n', 1)[0]!, blocks }
  })

/** The words of a command line, quotes taken off. */
export function shellWords(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, plain]) => single ?? double ?? plain!)
}
