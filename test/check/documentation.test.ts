import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { builtins } from '../../compiler/2-check/builtins/table.ts'
import { checkText, library } from './check-text.ts'

const reference = readFileSync(new URL('../../docs/language.md', import.meta.url), 'utf8')
const blocks = [...reference.matchAll(/```nn\n(.*?)```/gs)].map((match) => match[1]!)

describe('docs/language.md', () => {
  test('has examples', () => expect(blocks.length).toBeGreaterThan(5))

  test.each(blocks.map((text) => [text.split('\n', 1)[0]!, text]))('%s compiles', (_, text) => {
    expect(checkText(text).rendered).toBe('')
  })

  test('names every builtin and every definition of the standard library', () => {
    const defined = library.flatMap((file) =>
      file.declarations.flatMap((declaration) => ('name' in declaration ? [declaration.name.text] : [])),
    )
    const missing = [...builtins.keys(), ...defined].filter((name) => !new RegExp(`\`${name}\\b`).test(reference))
    expect(missing).toEqual([])
  })
})
