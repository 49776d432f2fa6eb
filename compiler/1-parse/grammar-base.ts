import {
  contextualWords,
  Identifier,
  NumberText,
  RightBracket,
  RightParenthesis,
  StatementWord,
  StringText,
  vocabulary,
  words,
} from './tokens.ts'
import { CstParser, type IToken, type TokenType } from './toolkit.ts'

/** Thrown by the grammar when brackets, blocks or conditions nest deeper than the limit. */
export class NestingTooDeep extends Error {
  readonly token: IToken
  constructor(token: IToken) {
    super('nesting too deep')
    this.token = token
  }
}

/** Thrown by the grammar when a declaration has so many errors that more would not help anybody. */
export class TooManyErrors extends Error {}

/** An error's message is only what was expected, in words; `syntax-errors.ts` makes the sentence. */
const expectation = {
  buildMismatchTokenMessage: ({ expected }: { expected: TokenType }) => expected.LABEL ?? expected.name,
  buildNotAllInputParsedMessage: () => 'the end',
  buildNoViableAltMessage: ({ customUserDescription }: { customUserDescription?: string }) =>
    customUserDescription ?? 'something else',
  buildEarlyExitMessage: ({ customUserDescription }: { customUserDescription?: string }) =>
    customUserDescription ?? 'something else',
}

/** For rules whose errors end the statement around them. */
export const propagate = { resyncEnabled: false }

export interface GrammarOptions {
  /** Check the grammar itself when it is made: dear, for tests. */
  readonly validate: boolean
  /** The deepest nesting of brackets, blocks and conditions. */
  readonly nesting: number
  /** Errors in one declaration after which parsing it ends. */
  readonly errors: number
}

/** What all rules share: counting depth and errors, and looking ahead. */
export abstract class GrammarBase extends CstParser {
  private depth = 0
  private failures = 0
  private readonly limits: { readonly nesting: number; readonly errors: number }

  constructor(options: GrammarOptions) {
    super(vocabulary, {
      recoveryEnabled: true,
      maxLookahead: 1,
      nodeLocationTracking: 'onlyOffset',
      skipValidations: !options.validate,
      errorMessageProvider: expectation,
    })
    this.limits = options
  }

  protected restart(tokens: IToken[]): void {
    this.depth = 0
    this.failures = 0
    this.input = tokens
  }

  protected override canTokenTypeBeInsertedInRecovery(): boolean {
    return false
  }

  protected override canTokenTypeBeDeletedInRecovery(): boolean {
    return false
  }

  protected counted(parse: () => void): void {
    try {
      parse()
    } catch (problem) {
      this.failures++
      if (this.failures > this.limits.errors) throw new TooManyErrors()
      throw problem
    }
  }

  protected nested(parse: () => void): void {
    this.depth++
    try {
      if (this.depth > this.limits.nesting) throw new NestingTooDeep(this.LA(1))
      parse()
    } finally {
      this.depth--
    }
  }

  protected nextIs(type: TokenType, distance = 1): boolean {
    return matches(this.LA(distance), type)
  }

  protected onNewLine(distance = 1): boolean {
    return this.LA(distance).startLine !== this.LA(distance - 1).startLine
  }

  /** `loss x` at the start of a line is the next statement and no operand of the line before. */
  protected beginsStatement(): boolean {
    if (!this.nextIs(StatementWord) || !this.onNewLine() || this.onNewLine(2)) return false
    return this.beginsOperand(2) || this.nextIs(words.when, 2)
  }

  protected beginsOperand(distance: number): boolean {
    return [Identifier, NumberText, StringText].some((type) => this.nextIs(type, distance))
  }

  protected readonly startsScan = () =>
    this.nextIs(contextualWords.scan) && this.nextIs(Identifier, 2) && !this.onNewLine(2)
  protected readonly startsIterate = () =>
    this.nextIs(contextualWords.iterate) && this.nextIs(Identifier, 2) && !this.onNewLine(2)
  protected readonly moreItems = () => !this.nextIs(RightParenthesis, 2) && !this.nextIs(RightBracket, 2)
}

/** Whether a token has the type or belongs to the category. */
export function matches(token: IToken, type: TokenType): boolean {
  return token.tokenType === type || (type.categoryMatchesMap?.[token.tokenTypeIdx] ?? false)
}
