/** Cutting a file's tokens into declarations, so that an error in one never reaches the next. */
import { matches } from './grammar-base.ts'
import {
  Arrow,
  BinaryOperator,
  Comma,
  contextualWords,
  Equal,
  Identifier,
  LeftBrace,
  LeftBracket,
  LeftParenthesis,
  Pipe,
  RightBrace,
  RightBracket,
  RightParenthesis,
  words,
} from './tokens.ts'
import type { IToken, TokenType } from './toolkit.ts'

const openers: readonly TokenType[] = [LeftParenthesis, LeftBracket, LeftBrace]
const closers: readonly TokenType[] = [RightParenthesis, RightBracket, RightBrace]
const declarationWords: readonly TokenType[] = [
  words.import,
  words.dim,
  words.const,
  words.hyper,
  words.fn,
  words.layer,
  words.model,
  words.infer,
]
/** After these a line goes on. */
const continuing: readonly TokenType[] = [BinaryOperator, Comma, Arrow, Pipe, Equal, contextualWords.where]

/** The tokens of each declaration, in order; what begins no declaration stands alone or at the end of one. */
export function splitDeclarations(tokens: readonly IToken[]): IToken[][] {
  const parts: IToken[][] = []
  let part: IToken[] = []
  let depth = 0
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!
    if (part.length > 0 && beginsDeclaration(tokens, i, depth)) {
      parts.push(part)
      part = []
      depth = 0
    }
    part.push(token)
    if (openers.includes(token.tokenType)) depth++
    else if (closers.includes(token.tokenType)) depth = Math.max(0, depth - 1)
  }
  if (part.length > 0) parts.push(part)
  return parts
}

/**
 * Reserved words begin a declaration even inside brackets, where the brackets are at fault; words that can be names
 * only where nothing else could be meant.
 */
function beginsDeclaration(tokens: readonly IToken[], position: number, depth: number): boolean {
  const token = tokens[position]!
  const previous = tokens[position - 1]!
  const onNewLine = previous.startLine !== token.startLine
  const is = (distance: number, ...types: TokenType[]) => {
    const other = tokens[position + distance]
    return other !== undefined && types.some((type) => matches(other, type))
  }
  if (declarationWords.includes(token.tokenType)) {
    return onNewLine || (depth === 0 && !declarationWords.includes(previous.tokenType))
  }
  if (!onNewLine && depth > 0) return false
  switch (token.tokenType) {
    case contextualWords.train:
      return is(1, Identifier) && is(2, LeftParenthesis, LeftBrace, contextualWords.on)
    case contextualWords.data:
      return is(1, Identifier) && is(2, LeftBrace)
    case contextualWords.load:
      return is(1, Identifier) && is(2, contextualWords.from)
    case contextualWords.initializer:
      return is(1, Identifier) && is(2, LeftParenthesis)
    case contextualWords.optimizer:
    case contextualWords.metric:
      return depth === 0 && is(1, Identifier) && is(2, LeftParenthesis)
    case Identifier:
      // A misspelt keyword: two names in a row stand nowhere else.
      return depth === 0 && onNewLine && is(1, Identifier) && !continuing.some((type) => matches(previous, type))
    default:
      return false
  }
}

/** For each token the position of the innermost bracket open before it, or -1. */
export function openBrackets(tokens: readonly IToken[]): number[] {
  const open: number[] = []
  const result: number[] = []
  for (let i = 0; i <= tokens.length; i++) {
    result.push(open[open.length - 1] ?? -1)
    const type = tokens[i]?.tokenType
    if (type === undefined) continue
    if (openers.includes(type)) open.push(i)
    else if (closers.includes(type)) open.pop()
  }
  return result
}

export function isCloser(token: IToken): boolean {
  return closers.includes(token.tokenType)
}
