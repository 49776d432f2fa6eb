import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { chapters } from './recipes.ts'
import { outcomes, testChapters } from './test-chapters.ts'

testChapters(chapters.slice(3))

test('every outcome is that of a recipe', () => {
  const titles = chapters.flatMap(({ blocks }) => blocks.map(({ recipe }) => recipe))
  for (const title of Object.keys(outcomes)) expect(titles).toContain(title)
})

test('links lead to pages and headings that are there', () => {
  const anchorsOf = (path: URL): string[] =>
    [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^\p{L}\d _-]/gu, '')
        .replaceAll(' ', '-'),
    )
  const pages = ['../../docs/cookbook.md', '../../docs/language.md', '../../docs/runtime.md', '../../docs/command.md']
  for (const page of pages.map((path) => new URL(path, import.meta.url))) {
    const prose = readFileSync(page, 'utf8')
      .replace(/^```[\s\S]*?^```$/gm, '')
      .replace(/`[^`\n]*`/g, '')
    for (const [, path, anchor] of prose.matchAll(/\]\((?!http)([^)#]*)(?:#([^)]+))?\)/g)) {
      const target = path ? new URL(path, page) : page
      expect(existsSync(target), `${path} in ${page}`).toBe(true)
      if (anchor) expect(anchorsOf(target), `${path} in ${page}`).toContain(anchor)
    }
  }
})
