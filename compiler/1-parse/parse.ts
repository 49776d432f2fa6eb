/** From text to syntax tree. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import type { Comment, Declaration, Expression, SourceFile } from './ast.ts'
import { buildDeclaration } from './build-declaration.ts'
import type { Building } from './build-expression.ts'
import { buildBlock } from './build-statement.ts'
import { splitDeclarations } from './declarations.ts'
import { Grammar } from './grammar.ts'
import { NestingTooDeep } from './grammar-base.ts'
import { limits } from './limits.ts'
import { readNumber, readString } from './literals.ts'
import { error, explainErrors, quote } from './syntax-errors.ts'
import { makeLexer, NumberText, StringText, type Tokens } from './tokens.ts'
import { EOF, type IToken } from './toolkit.ts'
import { tokenSpan } from './tree-access.ts'

export interface Parsed {
  readonly ast: SourceFile
  readonly diagnostics: Diagnostic[]
}

/** What the formatter needs besides the tree. */
export interface ParsedSource extends Parsed {
  readonly tokens: readonly IToken[]
  /** Expressions the source puts in parentheses. */
  readonly parenthesized: ReadonlySet<Expression>
}

/**
 * Reads a file. Never throws: whatever is wrong becomes a diagnostic (codes NN01xx), in source order, the first of a
 * statement only, and the damaged statement or declaration is left out of the tree.
 */
export function parse(text: string, file: string): Parsed {
  const { ast, diagnostics } = parseSource(text, file)
  return { ast, diagnostics }
}

export function parseSource(text: string, file: string): ParsedSource {
  const parenthesized = new Set<Expression>()
  if (text.length > limits.sourceLength) {
    const problem = error(
      'NN0112',
      { file, start: 0, end: 0 },
      `this file is longer than ${limits.sourceLength} characters`,
      {
        hint: 'move parts of it to other files and `import` them',
      },
    )
    return { ast: { file, declarations: [], comments: [] }, diagnostics: [problem], tokens: [], parenthesized }
  }
  const { lex, grammar } = toolkit()
  const found = lex(text)
  const lexical = lexicalErrors(text, file, found)
  const syntactic: Diagnostic[] = []
  const building: Building = {
    file,
    diagnostics: syntactic,
    report: (code, span, message, hint) => syntactic.push(error(code, span, message, { hint })),
    parenthesized,
    block: (tree) => buildBlock(tree, building),
  }
  const comments = found.comments.map((comment) => buildComment(file, comment))
  const documentation = documentationByLine(found.comments)
  const declarations: Declaration[] = []
  for (const part of splitDeclarations(found.tokens)) {
    if (syntactic.length >= limits.errors) break
    try {
      const { cst, errors } = grammar.parseDeclaration(part)
      syntactic.push(...explainErrors(file, part, errors.slice(0, limits.errors)))
      if (cst === undefined) continue
      const declaration = buildDeclaration(cst, building, documentation.get(part[0]!.startLine! - 1))
      if (declaration !== undefined) declarations.push(declaration)
    } catch (problem) {
      const place = placeOfNesting(problem, part)
      syntactic.push(
        error('NN0113', tokenSpan(file, place), `nested more than ${limits.nesting} levels deep`, {
          hint: 'name inner parts with `let`, or move them to a `fn`',
        }),
      )
    }
  }
  return {
    ast: { file, declarations, comments },
    diagnostics: firstPerLine(text, lexical, syntactic),
    tokens: found.tokens,
    parenthesized,
  }
}

/** Where nesting went too deep; the start of the declaration if the host's stack gave out before the limit. */
function placeOfNesting(problem: unknown, tokens: readonly IToken[]): IToken {
  if (problem instanceof NestingTooDeep) {
    return problem.token.tokenType === EOF ? tokens[tokens.length - 1]! : problem.token
  }
  if (problem instanceof Error && /call stack|recursion/.test(problem.message)) return tokens[0]!
  throw problem
}

/** The lexer and the parser, made at first use; a run leaves nothing behind in them. */
const toolkit = (() => {
  let made: { lex: (text: string) => Tokens; grammar: Grammar } | undefined
  return () => {
    made ??= { lex: makeLexer({ validate: false }), grammar: new Grammar({ validate: false, ...limits }) }
    return made
  }
})()

function buildComment(file: string, comment: IToken): Comment {
  const documentation = isDocumentation(comment)
  return { span: tokenSpan(file, comment), text: comment.image.slice(documentation ? 3 : 2).trim(), documentation }
}

function isDocumentation(comment: IToken): boolean {
  return comment.image.startsWith('///') && !comment.image.startsWith('////')
}

/** The text of each run of `///` lines, by the number of its last line. */
function documentationByLine(comments: readonly IToken[]): ReadonlyMap<number, string> {
  const byLine = new Map<number, string>()
  for (const comment of comments) {
    if (!isDocumentation(comment)) continue
    const line = comment.startLine!
    const text = comment.image.slice(3).trim()
    const before = byLine.get(line - 1)
    byLine.set(line, before === undefined ? text : `${before}\n${text}`)
  }
  return byLine
}

const foreignSigns: Readonly<Record<string, string>> = {
  ';': 'statements need no `;`',
  '&': '`and` combines conditions',
  '|': '`|>` is a pipeline, `or` combines conditions',
  '?': 'choose with `if … then … else …`',
  '\u00a0': 'this is a no-break space; replace it by an ordinary one',
  '“': 'texts stand in straight double quotes',
  '”': 'texts stand in straight double quotes',
  "'": 'texts stand in double quotes',
  '−': 'write the minus sign as `-`',
  '×': 'write `*` to multiply',
}

function lexicalErrors(text: string, file: string, { tokens, unknown, foreignComments }: Tokens): Diagnostic[] {
  const errors = foreignComments.map(({ image, startOffset: start }) =>
    error('NN0109', { file, start, end: start + (image.startsWith('#') ? 1 : 2) }, 'comments begin with `//`', {
      hint: 'they end with the line; `/* … */` and `#` are not part of the language',
    }),
  )
  for (const token of tokens) {
    if (token.tokenType !== NumberText && token.tokenType !== StringText) continue
    const { problem } = token.tokenType === NumberText ? readNumber(token.image) : readString(token.image)
    if (problem === undefined) continue
    const { code, message, hint, start = 0, end = token.image.length } = problem
    errors.push(
      error(code, { file, start: token.startOffset + start, end: token.startOffset + end }, message, { hint }),
    )
  }
  for (const { start, end } of unknown) {
    const characters = text.slice(start, end)
    const first = String.fromCodePoint(characters.codePointAt(0)!)
    const letters = /\p{L}/u.test(first) ? 'names are of the letters a to z, digits and `_`' : undefined
    errors.push(
      error('NN0106', { file, start, end }, `${quote(characters)} is not part of the language`, {
        hint: foreignSigns[first] ?? letters,
      }),
    )
  }
  return errors
}

/**
 * In source order, one error for each line: what follows on a line is mostly a consequence. Errors of characters come
 * before errors of grammar, whose cause they often are.
 */
function firstPerLine(text: string, lexical: readonly Diagnostic[], syntactic: readonly Diagnostic[]): Diagnostic[] {
  if (lexical.length + syntactic.length === 0) return []
  const byStart = (a: Diagnostic, b: Diagnostic) => a.span.start - b.span.start
  const result: Diagnostic[] = []
  const lines = new Set<number>()
  const lineOf = lineCounter(text)
  for (const errors of [lexical, syntactic]) {
    for (const problem of errors) {
      const line = lineOf(problem.span.start)
      if (lines.has(line)) continue
      lines.add(line)
      result.push(problem)
    }
  }
  result.sort(byStart)
  if (result.length <= limits.errors) return result
  const last = result[limits.errors - 1]!
  return [...result.slice(0, limits.errors - 1), { ...last, hint: 'there are more errors after this one' }]
}

function lineCounter(text: string): (offset: number) => number {
  const starts = [0]
  for (const match of text.matchAll(/\r\n|\r|\n/g)) starts.push(match.index + match[0].length)
  return (offset) => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}
