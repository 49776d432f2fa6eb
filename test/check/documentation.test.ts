import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { builtins } from '../../compiler/2-check/builtins/table.ts'
import { checkText } from './check-text.ts'

const reference = readFileSync(new URL('../../docs/language.md', import.meta.url), 'utf8')
const blocks = [...reference.matchAll(/```nn\n(.*?)```/gs)].map((match) => match[1]!)

/** The block whose first line is the comment `// block.nn`. */
const readBlock = (path: string): string | undefined =>
  blocks.find((text) => text.startsWith(`// ${path.replace('./', '')}\n`))

describe('docs/language.md', () => {
  test('has examples', () => expect(blocks.length).toBeGreaterThan(5))

  test.each(blocks.map((text) => [text.split('\n', 1)[0]!, text]))('%s compiles', (_, text) => {
    expect(checkText(text, {}, 'test.nn', readBlock).rendered).toBe('')
  })

  test('names every builtin', () => {
    const missing = [...builtins.keys()].filter((name) => !new RegExp(`\`${name}\\b`).test(reference))
    expect(missing).toEqual([])
  })
})
