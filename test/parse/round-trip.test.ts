import { describe, expect, test } from 'vitest'
import { format } from '../../compiler/1-parse/format.ts'
import { parse } from '../../compiler/1-parse/parse.ts'
import { corpus, random, shapeOf } from './corpus.ts'

function commentTexts(text: string): string[] {
  return parse(text, 'test.nn')
    .ast.comments.map((comment) => comment.text)
    .sort()
}

function expectFaithful(text: string) {
  const formatted = format(text, 'test.nn').text
  const again = parse(formatted, 'test.nn')
  expect(again.diagnostics, formatted).toEqual([])
  expect(shapeOf(again.ast), formatted).toBe(shapeOf(parse(text, 'test.nn').ast))
  expect(commentTexts(formatted), formatted).toEqual(commentTexts(text))
  expect(format(formatted, 'test.nn').text).toBe(formatted)
}

describe('every source file', () => {
  test.each(corpus)('$path parses', ({ text, path }) => {
    const { ast, diagnostics } = parse(text, path)
    expect(diagnostics).toEqual([])
    expect(ast.declarations.length).toBeGreaterThan(0)
  })

  test.each(corpus)('$path keeps its tree and its comments when formatted, and then stays', ({ text }) => {
    expectFaithful(text)
  })

  test.each(corpus)('$path is the same with other line ends', ({ text }) => {
    const tree = shapeOf(parse(text, 'test.nn').ast)
    expect(shapeOf(parse(text.replaceAll('\n', '\r\n'), 'test.nn').ast)).toBe(tree)
    expect(format(text.replaceAll('\n', '\r\n'), 'test.nn').text).toBe(format(text, 'test.nn').text)
  })
})

test('comments survive anywhere between tokens', () => {
  const next = random(4)
  let kept = 0
  for (const { text } of corpus) {
    for (let round = 0; round < 12; round++) {
      let changed = text
      for (let count = 1 + next(4); count > 0; count--) {
        const spaces = [...changed.matchAll(/\s+/g)]
        const { index } = spaces[next(spaces.length)]!
        const comment = [` // note ${count}\n`, `\n/// doc ${count}\n`, `\n// own line ${count}\n\n`][next(3)]!
        changed = changed.slice(0, index) + comment + changed.slice(index)
      }
      // A line end may cut a comment or a text in two.
      if (parse(changed, 'test.nn').diagnostics.length > 0) continue
      expectFaithful(changed)
      kept++
    }
  }
  expect(kept).toBeGreaterThan(corpus.length * 4)
})
