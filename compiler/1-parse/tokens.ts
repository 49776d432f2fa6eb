/**
 * The words and signs of the language. Words are recognised by looking an identifier up, so that no keyword needs a
 * pattern of its own. A contextual word belongs to the category `Identifier` and can be used as a name.
 */
import { createToken, type IToken, Lexer, type TokenType } from './toolkit.ts'

/** Any token but a closing brace: what is skipped after an error. */
export const Stray = createToken({ name: 'Stray', pattern: Lexer.NA, label: 'anything' })
export const Identifier = createToken({
  name: 'Identifier',
  pattern: /[A-Za-z_][A-Za-z0-9_]*/,
  label: 'a name',
  categories: [Stray],
})
/** A contextual word that begins a statement of a train or data block. */
export const StatementWord = createToken({ name: 'StatementWord', pattern: Lexer.NA, categories: [Identifier, Stray] })
export const BinaryOperator = createToken({ name: 'BinaryOperator', pattern: Lexer.NA, label: 'an operator' })

function reserved(word: string, categories: TokenType[] = []): TokenType {
  return createToken({
    name: `${word[0]!.toUpperCase()}${word.slice(1)}`,
    pattern: Lexer.NA,
    label: `\`${word}\``,
    categories: [...categories, Stray],
  })
}

export const words = {
  import: reserved('import'),
  dim: reserved('dim'),
  const: reserved('const'),
  hyper: reserved('hyper'),
  fn: reserved('fn'),
  layer: reserved('layer'),
  model: reserved('model'),
  infer: reserved('infer'),
  let: reserved('let'),
  param: reserved('param'),
  state: reserved('state'),
  use: reserved('use'),
  update: reserved('update'),
  return: reserved('return'),
  when: reserved('when'),
  yield: reserved('yield'),
  if: reserved('if'),
  thenCase: reserved('then'),
  else: reserved('else'),
  and: reserved('and', [BinaryOperator]),
  or: reserved('or', [BinaryOperator]),
  not: reserved('not'),
  true: reserved('true'),
  false: reserved('false'),
} as const

export const contextualWords = {
  train: reserved('train', [Identifier]),
  data: reserved('data', [Identifier]),
  load: reserved('load', [Identifier]),
  initializer: reserved('initializer', [Identifier]),
  optimizer: reserved('optimizer', [StatementWord, Identifier]),
  loss: reserved('loss', [StatementWord, Identifier]),
  metric: reserved('metric', [StatementWord, Identifier]),
  total: reserved('total', [StatementWord, Identifier]),
  collect: reserved('collect', [StatementWord, Identifier]),
  better: reserved('better', [StatementWord, Identifier]),
  unit: reserved('unit', [StatementWord, Identifier]),
  batch: reserved('batch', [StatementWord, Identifier]),
  epochs: reserved('epochs', [StatementWord, Identifier]),
  seed: reserved('seed', [StatementWord, Identifier]),
  accumulate: reserved('accumulate', [StatementWord, Identifier]),
  stop: reserved('stop', [StatementWord, Identifier]),
  freeze: reserved('freeze', [StatementWord, Identifier]),
  clip: reserved('clip', [StatementWord, Identifier]),
  penalty: reserved('penalty', [StatementWord, Identifier]),
  average: reserved('average', [StatementWord, Identifier]),
  source: reserved('source', [StatementWord, Identifier]),
  valid: reserved('valid', [StatementWord, Identifier]),
  test: reserved('test', [StatementWord, Identifier]),
  split: reserved('split', [StatementWord, Identifier]),
  drop: reserved('drop', [StatementWord, Identifier]),
  map: reserved('map', [StatementWord, Identifier]),
  missing: reserved('missing', [StatementWord, Identifier]),
  unused: reserved('unused', [StatementWord, Identifier]),
  duplicates: reserved('duplicates', [Identifier]),
  stratified: reserved('stratified', [Identifier]),
  by: reserved('by', [Identifier]),
  order: reserved('order', [Identifier]),
  transpose: reserved('transpose', [Identifier]),
  reshape: reserved('reshape', [Identifier]),
  except: reserved('except', [Identifier]),
  from: reserved('from', [Identifier]),
  as: reserved('as', [Identifier]),
  in: reserved('in', [Identifier]),
  on: reserved('on', [Identifier]),
  where: reserved('where', [Identifier]),
  log: reserved('log', [Identifier]),
  linear: reserved('linear', [Identifier]),
  over: reserved('over', [Identifier]),
  reverse: reserved('reverse', [Identifier]),
  carry: reserved('carry', [Identifier]),
  until: reserved('until', [Identifier]),
  within: reserved('within', [Identifier]),
  unrolled: reserved('unrolled', [Identifier]),
  counted: reserved('counted', [Identifier]),
  has: reserved('has', [Identifier]),
  improved: reserved('improved', [Identifier]),
  for: reserved('for', [Identifier]),
  epoch: reserved('epoch', [Identifier]),
  gradient: reserved('gradient', [Identifier]),
  scan: reserved('scan', [Identifier]),
  iterate: reserved('iterate', [Identifier]),
  repeat: reserved('repeat', [Identifier]),
  rearrange: reserved('rearrange', [Identifier]),
  of: reserved('of', [Identifier]),
  streams: reserved('streams', [Identifier]),
} as const

const wordTokens = new Map(
  [...Object.values(words), ...Object.values(contextualWords)].map((type) => [type.name.toLowerCase(), type]),
)

function sign(name: string, pattern: string, categories: TokenType[] = []): TokenType {
  return createToken({ name, pattern, label: `\`${pattern}\``, categories: [...categories, Stray] })
}

export const Ellipsis = sign('Ellipsis', '...')
export const DotDot = sign('DotDot', '..')
export const Dot = sign('Dot', '.')
export const Arrow = sign('Arrow', '->')
export const Pipe = sign('Pipe', '|>')
export const Coalesce = sign('Coalesce', '??', [BinaryOperator])
export const EqualEqual = sign('EqualEqual', '==', [BinaryOperator])
export const NotEqual = sign('NotEqual', '!=', [BinaryOperator])
export const LessEqual = sign('LessEqual', '<=', [BinaryOperator])
export const GreaterEqual = sign('GreaterEqual', '>=', [BinaryOperator])
export const Less = sign('Less', '<', [BinaryOperator])
export const Greater = sign('Greater', '>', [BinaryOperator])
export const Equal = sign('Equal', '=')
export const Plus = sign('Plus', '+', [BinaryOperator])
export const Minus = sign('Minus', '-', [BinaryOperator])
export const Star = sign('Star', '*', [BinaryOperator])
export const Slash = sign('Slash', '/', [BinaryOperator])
export const Percent = sign('Percent', '%', [BinaryOperator])
export const At = sign('At', '@', [BinaryOperator])
export const Caret = sign('Caret', '^', [BinaryOperator])
/** The signs of other languages for `and`, `or` and `not`. */
const AndSign = sign('AndSign', '&&')
const OrSign = sign('OrSign', '||')
const NotSign = sign('NotSign', '!')
export const LeftParenthesis = sign('LeftParenthesis', '(')
export const RightParenthesis = sign('RightParenthesis', ')')
export const LeftBracket = sign('LeftBracket', '[')
export const RightBracket = sign('RightBracket', ']')
export const LeftBrace = sign('LeftBrace', '{')
export const RightBrace = createToken({ name: 'RightBrace', pattern: '}', label: '`}`' })
export const Comma = sign('Comma', ',')
export const Colon = sign('Colon', ':')

/** Digits and whatever name characters stick to them; what is a number is checked afterwards. */
export const NumberText = createToken({
  name: 'NumberText',
  pattern: /[0-9](?:[0-9_]*\.[0-9][0-9_]*|[0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?[A-Za-z0-9_]*/,
  label: 'a number',
  categories: [Stray],
})
/** A text in double quotes; its closing quote may be missing, and single quotes are read to be corrected. */
export const StringText = createToken({
  name: 'StringText',
  pattern: /"(?:[^"\\\r\n]|\\[^\r\n])*"?|'[^'\r\n]*'/,
  label: 'a text in quotes',
  categories: [Stray],
})

const Space = createToken({ name: 'Space', pattern: /[ \t\r\n\uFEFF]+/, group: Lexer.SKIPPED, line_breaks: true })
const LineComment = createToken({ name: 'LineComment', pattern: /\/\/[^\r\n]*/, group: 'comments' })
const ForeignComment = createToken({
  name: 'ForeignComment',
  pattern: /\/\*(?:[^*]|\*(?!\/))*(?:\*\/)?|#[^\r\n]*/,
  group: 'foreignComments',
  line_breaks: true,
  start_chars_hint: ['/', '#'],
})
const signs = [
  Ellipsis,
  DotDot,
  Dot,
  Arrow,
  Pipe,
  Coalesce,
  EqualEqual,
  NotEqual,
  LessEqual,
  GreaterEqual,
  Less,
  Greater,
  Equal,
  Plus,
  Minus,
  Star,
  Slash,
  Percent,
  At,
  Caret,
  AndSign,
  OrSign,
  NotSign,
  LeftParenthesis,
  RightParenthesis,
  LeftBracket,
  RightBracket,
  LeftBrace,
  RightBrace,
  Comma,
  Colon,
]

const lexed = [Space, LineComment, ForeignComment, Identifier, NumberText, StringText, ...signs]

/** Every token type the grammar refers to. */
export const vocabulary: TokenType[] = [
  ...Object.values(words),
  ...Object.values(contextualWords),
  Identifier,
  NumberText,
  StringText,
  ...signs,
  Stray,
  StatementWord,
  BinaryOperator,
]

export interface Tokens {
  readonly tokens: IToken[]
  readonly comments: readonly IToken[]
  /** Comments in the style of other languages, closed or not. */
  readonly foreignComments: readonly IToken[]
  /** Characters that begin no token, neighbours together. */
  readonly unknown: readonly { readonly start: number; readonly end: number }[]
}

const aliases = new Map<TokenType, TokenType>([
  [AndSign, words.and],
  [OrSign, words.or],
  [NotSign, words.not],
])

/** A function that cuts a text into tokens; making it once is dear, using it is cheap. */
export function makeLexer(options: { validate: boolean }): (text: string) => Tokens {
  const lexer = new Lexer([...lexed, ...vocabulary.filter((type) => !lexed.includes(type))], {
    positionTracking: 'full',
    skipValidations: !options.validate,
    ensureOptimizations: true,
  })
  return (text) => {
    const { tokens, groups, errors } = lexer.tokenize(text)
    for (const token of tokens) {
      const type = token.tokenType === Identifier ? wordTokens.get(token.image) : aliases.get(token.tokenType)
      if (type !== undefined) {
        token.tokenType = type
        token.tokenTypeIdx = type.tokenTypeIdx!
      }
    }
    return {
      tokens,
      comments: groups.comments ?? [],
      foreignComments: groups.foreignComments ?? [],
      unknown: errors.map(({ offset, length }) => ({ start: offset, end: offset + length })),
    }
  }
}
