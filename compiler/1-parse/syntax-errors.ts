/** From what the parser noticed to what the user reads. */
import type { Diagnostic, DiagnosticCode, DiagnosticLabel, Span } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { isCloser, openBrackets } from './declarations.ts'
import { matches } from './grammar-base.ts'
import { Colon, Comma, Dot, Equal, Identifier, LeftParenthesis, Star, words } from './tokens.ts'
import { EOF, type IRecognitionException, type IToken } from './toolkit.ts'
import { endOf, tokenSpan } from './tree-access.ts'

export const declarationKeywords = [
  'import',
  'dim',
  'const',
  'hyper',
  'fn',
  'layer',
  'model',
  'optimizer',
  'initializer',
  'metric',
  'train',
  'infer',
  'data',
  'load',
]

const statementKeywords = [
  'let',
  'param',
  'state',
  'use',
  'update',
  'return',
  'when',
  'yield',
  'loss',
  'metric',
  'total',
  'collect',
  'better',
  'unit',
  'optimizer',
  'batch',
  'epochs',
  'seed',
  'accumulate',
  'stop',
  'freeze',
  'clip',
  'penalty',
  'average',
]

const otherKeywords = ['then', 'else', 'over', 'carry', 'until', 'within', 'improved', 'epochs', 'from', 'on', 'in']

/** Words that begin something in other languages, and what one writes here. */
const otherLanguages: Readonly<Record<string, string>> = {
  for: 'step along a dimension with `scan x in xs over Time { … }`, n times with `iterate h = h0 within n { … }`; `repeat(n)` stacks a layer',
  while: 'repeat until nothing moves with `iterate h = h0 until 1e-5 within 100 { … }`',
  def: 'a function is `fn name(x: f32[N]) -> f32[N] { … }`',
  function: 'a function is `fn name(x: f32[N]) -> f32[N] { … }`',
  class: 'a network is `model Net(x: f32[Batch, 4]) -> f32[Batch, 3] { … }`, a part of one a `layer`',
  var: 'write `let name = …`',
}

const reservedTypes = Object.values(words)
/** Reserved words of expressions. */
const operatorWords = [words.if, words.thenCase, words.else, words.and, words.or, words.not, words.true, words.false]

export function error(
  code: DiagnosticCode,
  span: Span,
  message: string,
  extra: { labels?: readonly DiagnosticLabel[]; hint?: string | undefined } = {},
): Diagnostic {
  const { labels = [], hint } = extra
  return { code, severity: 'error', span, message, labels, ...(hint !== undefined && { hint }) }
}

/** Text of the source for a message: short, and without what a terminal might obey. */
export function quote(text: string): string {
  const visible = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `U+${codePoint(character)}`)
  return `\`${visible.length > 40 ? `${visible.slice(0, 39)}…` : visible}\``
}

function codePoint(character: string): string {
  return character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
}

/** Diagnostics for the errors of one declaration's tokens. */
export function explainErrors(
  file: string,
  tokens: readonly IToken[],
  errors: readonly IRecognitionException[],
): Diagnostic[] {
  if (errors.length === 0) return []
  const positions = new Map(tokens.map((token, position) => [token, position]))
  const open = openBrackets(tokens)
  return errors.map((problem) => {
    const position = positions.get(problem.token) ?? tokens.length
    return explain({ file, tokens, position, open: tokens[open[position]!] }, problem)
  })
}

interface Place {
  readonly file: string
  readonly tokens: readonly IToken[]
  /** Of the token that was not expected; the number of tokens at their end. */
  readonly position: number
  /** The innermost bracket open there. */
  readonly open: IToken | undefined
}

function explain(place: Place, problem: IRecognitionException): Diagnostic {
  const { file, tokens, position, open } = place
  const expected = problem.message
  const found = problem.token.tokenType === EOF ? undefined : problem.token
  const previous = tokens[position - 1]
  if (found !== undefined && (problem.name === 'NotAllInputParsedException' || expected === 'a declaration')) {
    return explainStrayDeclaration(file, found, previous)
  }
  const sameLine = found !== undefined && (previous === undefined || found.startLine === previous.startLine)
  const span = sameLine || previous === undefined ? tokenSpan(file, found ?? tokens[0]!) : after(file, previous)
  const closes = /`[)\]}]`$/.test(expected)
  if (closes && open !== undefined && !sameLine) {
    return error('NN0102', tokenSpan(file, open), `this ${quote(open.image)} is never closed`, {
      labels: [{ span, message: `${expected} expected here` }],
    })
  }
  const afterPrevious = previous === undefined ? '' : ` after ${quote(previous.image)}`
  const butFound = sameLine ? `, found ${quote(found.image)}` : ''
  const message = `expected ${expected}${afterPrevious}${butFound}`
  if (sameLine && standsForName(expected, found, previous)) {
    return error('NN0117', span, `${quote(found.image)} is a word of the language and cannot be a name`, {
      hint: found.image === 'dim' ? 'an axis is given as `axis = 1`' : 'choose another name',
    })
  }
  if (closes && open !== undefined) {
    return error('NN0101', span, message, {
      labels: [{ span: tokenSpan(file, open), message: `to close this ${quote(open.image)}` }],
      hint: hintFor(expected, found, previous, tokens[0]),
    })
  }
  if (expected === '`else`') {
    return error('NN0122', span, `this \`if\` has no \`else\``, {
      hint: '`if … then … else …` is a value and needs both cases; to do something only sometimes, write `when … { … }`',
    })
  }
  const code = expected === 'an expression' ? 'NN0123' : 'NN0101'
  return error(code, span, message, { hint: hintFor(expected, sameLine ? found : undefined, previous, tokens[0]) })
}

/** Whether a reserved word stands where its author must have meant a name. */
function standsForName(expected: string, found: IToken, previous: IToken | undefined): boolean {
  if (!reservedTypes.includes(found.tokenType)) return false
  if (expected === 'a name') return true
  if (operatorWords.includes(found.tokenType)) return false
  const itemExpected = previous?.tokenType === LeftParenthesis || previous?.tokenType === Comma
  return expected === 'an expression' || (itemExpected && expected.startsWith('`,` or'))
}

function after(file: string, token: IToken): Span {
  return { file, start: endOf(token), end: endOf(token) }
}

function hintFor(
  expected: string,
  found: IToken | undefined,
  previous: IToken | undefined,
  first: IToken | undefined,
): string | undefined {
  if (found === undefined) return undefined
  if (found.tokenType === Comma && expected === '`=`') return 'several names stand in parentheses: `let (a, b) = …`'
  const declared = declarationHint(expected, found, first)
  if (declared !== undefined) return declared
  if (found.tokenType === Equal && expected === '`then`') return 'compare with `==`'
  if (found.tokenType === Equal && previous?.tokenType === Equal) return undefined
  if (found.tokenType === Equal && expected === '`:`') return 'a parameter has a type: `param w: f32[In, Out] = zeros`'
  if (found.tokenType === Star && previous?.tokenType === Star) return 'a power is written `x ^ 2`'
  if (found.tokenType === Identifier) {
    const near = suggest(
      found.image,
      otherKeywords.filter((keyword) => expected.includes(keyword)),
    )
    if (near !== undefined) return `did you mean \`${near}\`?`
  }
  return undefined
}

/** What the headings of declarations look like, where another language has them otherwise. */
function declarationHint(expected: string, found: IToken, first: IToken | undefined): string | undefined {
  const typed = found.tokenType === Colon
  switch (first?.image) {
    case 'const':
      return typed ? 'a constant is what its value is: `const N = 3`' : undefined
    case 'hyper':
      return found.image === 'in' ? 'the value comes before the range: `hyper rate = 0.5 in 0.0..1.0`' : undefined
    case 'import':
      return expected === '`{`' ? '`import { Name } from "./file.nn"`; the standard library needs no import' : undefined
    case 'fn':
    case 'layer':
    case 'model':
      return typed && expected === '`{`' ? 'a body stands in `{ … }`, the type of its result after `->`' : undefined
    default:
      return undefined
  }
}

function explainStrayDeclaration(file: string, found: IToken, previous: IToken | undefined): Diagnostic {
  const span = tokenSpan(file, found)
  if (isCloser(found)) {
    return error('NN0103', span, `this ${quote(found.image)} closes nothing`, { hint: 'remove it' })
  }
  if (previous !== undefined && previous.startLine === found.startLine && !matches(previous, Identifier)) {
    return error(
      'NN0101',
      span,
      `expected the end of the line after ${quote(previous.image)}, found ${quote(found.image)}`,
    )
  }
  const near = suggest(found.image, declarationKeywords)
  const message = `expected a declaration, found ${quote(found.image)}`
  if (found.tokenType === Equal)
    return error('NN0104', span, message, {
      hint: 'a size known when compiled is `const N = 32`; one chosen at run time is `dim N in 1..32`',
    })
  const foreign = foreignWord(found)
  if (foreign !== undefined) return error('NN0104', span, message, { hint: foreign })
  if (near !== undefined) return error('NN0104', span, message, { hint: `did you mean \`${near}\`?` })
  if (statementKeywords.includes(found.image)) {
    return error('NN0104', span, `${quote(found.image)} stands outside of any \`{ … }\``, {
      hint: 'statements belong in the body of a layer, model, fn, train or infer',
    })
  }
  return error('NN0104', span, message, {
    hint: `declarations begin with ${list(declarationKeywords)}`,
  })
}

function foreignWord({ image }: IToken): string | undefined {
  return Object.hasOwn(otherLanguages, image) ? otherLanguages[image] : undefined
}

function list(keywords: readonly string[]): string {
  const quoted = keywords.map((keyword) => `\`${keyword}\``)
  return `${quoted.slice(0, -1).join(', ')} or ${quoted[quoted.length - 1]}`
}

const keywordsByBlock = {
  block: statementKeywords,
  data: ['source', 'valid', 'test', 'split'],
  load: ['map', 'missing', 'unused'],
}

/**
 * Text between statements.
 * @param first its first token
 * @param second the token after that, if it is part of it
 * @param previous the token before, in the same block
 */
export function explainStray(
  file: string,
  context: keyof typeof keywordsByBlock,
  first: IToken,
  second: IToken | undefined,
  previous: IToken | undefined,
): Diagnostic {
  const span = tokenSpan(file, first)
  if (isCloser(first)) {
    return error('NN0103', span, `this ${quote(first.image)} closes nothing`, { hint: 'remove it' })
  }
  if (previous !== undefined && previous.startLine === first.startLine) {
    return error(
      'NN0101',
      span,
      `expected the end of the statement or an operator after ${quote(previous.image)}, found ${quote(first.image)}`,
      {
        hint:
          first.tokenType === words.if
            ? 'a choice begins with its condition: `if … then … else …`'
            : first.tokenType === Comma
              ? 'several values stand in parentheses: `return (a, b)`'
              : first.tokenType === Dot
                ? 'functions and layers stand by themselves: `relu`, `Linear(8)`'
                : undefined,
      },
    )
  }
  const keywords = keywordsByBlock[context]
  const near = matches(first, Identifier) ? suggest(first.image, keywords) : undefined
  const message = `expected a statement, found ${quote(first.image)}`
  const foreign = context === 'block' ? foreignWord(first) : undefined
  if (foreign !== undefined) return error('NN0105', span, message, { hint: foreign })
  if (near !== undefined && second?.tokenType !== Equal) {
    return error('NN0105', span, message, { hint: `did you mean \`${near}\`?` })
  }
  if (context === 'block' && second?.tokenType === Equal) {
    const name = first.image
    return error('NN0105', span, message, {
      hint: `write \`let ${name} = …\`, or \`update ${name} = …\` for a \`state\` or \`param\``,
    })
  }
  if (first.tokenType === words.if) {
    return error('NN0105', span, message, {
      hint: '`if` is a value: `return if … then … else …`; `when … { … }` chooses statements when compiled',
    })
  }
  if (context === 'block' && matches(first, Identifier) && second !== undefined) {
    const { image } = first
    return error('NN0105', span, message, {
      hint: `a statement begins with its word: \`return ${image} …\`, or \`let name = ${image} …\``,
    })
  }
  const where = context === 'block' ? 'statements begin with' : `a \`${context}\` block holds`
  return error('NN0105', span, message, {
    hint:
      context === 'data'
        ? 'a `data` block holds `source`, `valid`, `test`, `split` and fields like `x = column`'
        : `${where} ${list(keywords)}`,
  })
}
