/** Ways to damage a source file: characters, tokens, nesting. Each draws its places from `next(limit)`. */
import type { random } from './corpus.ts'

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

const mutations: readonly Mutation[] = [
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

/** The text with one to four mutations. */
export function damaged(text: string, next: ReturnType<typeof random>): string {
  let result = text
  for (let count = 1 + next(4); count > 0; count--) result = mutations[next(mutations.length)]!(result, next)
  return result
}

/** Now and then a whole file, mostly a few declarations of it. */
export function excerpt(text: string, next: (limit: number) => number): string {
  if (next(8) === 0) return text
  const declarations = text.split(/\n(?=[a-z/])/)
  const start = next(declarations.length)
  return declarations.slice(start, start + 1 + next(6)).join('\n')
}
