import { expect, test } from 'vitest'
import { format } from '../../compiler/1-parse/format.ts'
import { parse } from '../../compiler/1-parse/parse.ts'
import { printAst } from '../../compiler/1-parse/print.ts'
import { renderDiagnostics } from '../../compiler/diagnostics/render.ts'
import { corpus, random } from './corpus.ts'

const files = 10_000
const seed = Number(process.env.FUZZ_SEED ?? 20260)

type Mutation = (text: string, next: (limit: number) => number) => string

function splice(text: string, start: number, length: number, insert: string): string {
  return text.slice(0, start) + insert + text.slice(start + length)
}

/** Rough tokens: words, numbers, signs and spaces. */
function onTokens(change: (tokens: string[], next: (limit: number) => number) => void): Mutation {
  return (text, next) => {
    const tokens = text.match(/\w+|\s+|[^\w\s]/g) ?? []
    if (tokens.length > 0) change(tokens, next)
    return tokens.join('')
  }
}

const signs = [
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  ',',
  ':',
  '=',
  '|>',
  '->',
  '..',
  '...',
  '.',
  '??',
  '"',
  "'",
  '//',
  '/*',
  '\\',
]
const words =
  'let if then else when scan iterate repeat rearrange yield carry over train data load loss batch stop not'.split(' ')
const bytes = [
  '\0',
  '\u001b',
  '\u200b',
  '\ufeff',
  '\ud800',
  'é',
  '日',
  '🙂',
  '\r',
  '\t',
  '`',
  '$',
  '#',
  ';',
  '1e999',
  '9x',
]
const nests = [
  '(',
  '[',
  '{',
  'f(',
  'x[',
  'if x then ',
  '- ',
  'not ',
  'x ^ ',
  'x + ',
  ' |> f',
  'when x {',
  'scan a in ',
  'x?? ',
  '(x',
  '.y',
  'else if ',
]

const mutations: Mutation[] = [
  (text, next) => splice(text, next(text.length + 1), 1 + next(3), ''),
  (text, next) => splice(text, next(text.length + 1), next(40), ''),
  (text, next) =>
    splice(
      text,
      next(text.length + 1),
      0,
      [...signs, ...words, ...bytes][next(signs.length + words.length + bytes.length)]!,
    ),
  (text, next) => splice(text, next(text.length + 1), 0, String.fromCharCode(next(65536))),
  (text, next) => text.slice(0, next(text.length + 1)),
  (text, next) => text.slice(next(text.length + 1)),
  (text, next) => splice(text, next(text.length + 1), 0, nests[next(nests.length)]!.repeat(1 + next(400))),
  onTokens((tokens, next) => tokens.splice(next(tokens.length), 1)),
  onTokens((tokens, next) => {
    const position = next(tokens.length)
    tokens.splice(position, 0, ...tokens.slice(position, position + 1 + next(12)))
  }),
  onTokens((tokens, next) => {
    const a = next(tokens.length)
    const b = next(tokens.length)
    ;[tokens[a], tokens[b]] = [tokens[b]!, tokens[a]!]
  }),
  onTokens((tokens, next) => {
    tokens[next(tokens.length)] = tokens[next(tokens.length)]!
  }),
]

/** Now and then a whole file, mostly a few declarations of it. */
function excerpt(text: string, next: (limit: number) => number): string {
  if (next(8) === 0) return text
  const declarations = text.split(/\n(?=[a-z/])/)
  const start = next(declarations.length)
  return declarations.slice(start, start + 1 + next(6)).join('\n')
}

/** Milliseconds a file may take. */
const LIMIT = 1000

/** A slow file is timed again: other processes take the machine now and then. */
function fastestOfThree(text: string): number {
  const times = Array.from({ length: 3 }, () => {
    const start = performance.now()
    parse(text, 'fuzz.nn')
    return performance.now() - start
  })
  return Math.min(...times)
}

test(`${files} damaged files give a tree or a diagnostic, in time (FUZZ_SEED=${seed})`, () => {
  let rejected = 0
  let slowest = 0
  for (let i = 0; i < files; i++) {
    const next = random(seed + i * 7919)
    let text = excerpt(corpus[next(corpus.length)]!.text, next)
    for (let count = 1 + next(4); count > 0; count--) text = mutations[next(mutations.length)]!(text, next)
    try {
      const start = performance.now()
      const { ast, diagnostics } = parse(text, 'fuzz.nn')
      slowest = Math.max(slowest, performance.now() - start < LIMIT ? 0 : fastestOfThree(text))
      if (diagnostics.length > 0) rejected++
      for (const { span, message } of diagnostics) {
        if (!(span.start >= 0 && span.start <= span.end && span.end <= text.length) || message === '') {
          throw new Error(`a diagnostic without a place: ${JSON.stringify({ span, message })}`)
        }
      }
      if (i % 4 === 0) {
        printAst(ast)
        renderDiagnostics(diagnostics, new Map([['fuzz.nn', text]]))
        const formatted = format(text, 'fuzz.nn')
        if (diagnostics.length === 0 && format(formatted.text, 'fuzz.nn').text !== formatted.text) {
          throw new Error('formatting again changes the file')
        }
      }
    } catch (problem) {
      throw new Error(`file ${i}: ${problem}\n${text}`)
    }
  }
  expect(slowest).toBeLessThan(LIMIT)
  // Most damage must be noticed, some (in a comment, say) is none.
  expect(rejected).toBeGreaterThan(files / 2)
  expect(rejected).toBeLessThan(files)
}, 120_000)
