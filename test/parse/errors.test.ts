import { describe, expect, test } from 'vitest'
import { limits } from '../../compiler/1-parse/limits.ts'
import { parse } from '../../compiler/1-parse/parse.ts'
import { errorIndexMarkdown } from '../../compiler/diagnostics/error-index.ts'
import { renderDiagnostics } from '../../compiler/diagnostics/render.ts'
import { syntaxCodes } from '../../compiler/diagnostics/syntax-codes.ts'

function rendered(text: string): string {
  return renderDiagnostics(parse(text, 'net.nn').diagnostics, new Map([['net.nn', text]]))
}

describe('each syntax error', () => {
  for (const [code, { example }] of Object.entries(syntaxCodes)) {
    test(code, () => {
      const text = code === 'NN0112' ? `// ${'-'.repeat(limits.sourceLength)}` : example
      const found = parse(text, 'net.nn').diagnostics.map((diagnostic) => diagnostic.code)
      expect(found).toContain(code)
      expect(new Set(found).size).toBe(1)
      expect(rendered(text)).toMatchSnapshot()
    })
  }
})

test.each([
  ['a misspelt keyword', 'fn f(x: f32) {\n  retrun x\n}'],
  ['a misspelt word in a statement', 'fn f(xs: f32) {\n  let y = scan x in xs ovr T {\n    yield x\n  }\n}'],
  ['a missing comma', 'fn f(x: f32[B C]) {}'],
  ['a missing bracket over lines', 'fn f(x: f32) {\n  let y = g(\n    x,\n    (x\n  let z = y\n}'],
  ['a statement outside', 'let x = 3'],
  ['assignment for comparison', 'const A = if b = c then d else e'],
  ['a power of another language', 'const A = 2 ** 3'],
  ['two statements in a row', 'fn f(x: f32) {\n  return x x\n}'],
  ['a block for a condition', 'fn f(x: f32) {\n  if x { return x }\n}'],
  ['letters of another script', 'const β = 1'],
  ['single quotes', "data d {\n  source csv('a.csv')\n}"],
  ['a reserved word in a list', 'fn f(x, if) {}'],
  ['an unfinished file', 'model M(x: f32[B, 2]) ->'],
  ['an unfinished split', 'data d {\n  split train 90, valid 10\n}'],
  ['a shape on a value', 'fn f(n: int[3]) {}'],
  ['control characters', 'const A = \u001b[31m1'],
])('%s', (_, text) => {
  expect(rendered(text)).toMatchSnapshot()
})

test('the error index has a heading for each code', () => {
  const page = errorIndexMarkdown()
  for (const [code, { title }] of Object.entries(syntaxCodes)) expect(page).toContain(`## ${code}\n\n**${title}.**`)
})
