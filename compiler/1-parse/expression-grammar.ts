/** Expressions and types, as a recursive descent parser with one token of lookahead and a few stated exceptions (GATE). */
import { GrammarBase, propagate } from './grammar-base.ts'
import {
  Arrow,
  BinaryOperator,
  Colon,
  Comma,
  contextualWords,
  Dot,
  Ellipsis,
  Equal,
  Identifier,
  LeftBracket,
  LeftParenthesis,
  Minus,
  NumberText,
  Pipe,
  RightBracket,
  RightParenthesis,
  StringText,
  words,
} from './tokens.ts'
import type { CstNode, ParserMethod } from './toolkit.ts'

/** The grammar of expressions and types; statements and declarations build on it. */
export abstract class ExpressionGrammar extends GrammarBase {
  /** The `{ … }` of a loop. */
  protected abstract block: ParserMethod<[], CstNode>

  /** A pipeline: the loosest of all expressions. */
  protected expression = this.RULE(
    'expression',
    () => {
      this.nested(() => {
        this.SUBRULE(this.binary)
        this.MANY(() => {
          this.CONSUME(Pipe)
          this.SUBRULE(this.stage)
        })
      })
    },
    propagate,
  )

  protected stage = this.RULE(
    'stage',
    () => {
      this.OPTION({
        GATE: () => this.nextIs(Colon, 2),
        DEF: () => {
          this.CONSUME(Identifier, { LABEL: 'name' })
          this.CONSUME(Colon)
        },
      })
      this.OPTION2({
        GATE: () => this.nextIs(LeftParenthesis, 2),
        DEF: () => {
          this.CONSUME(contextualWords.repeat)
          this.CONSUME(LeftParenthesis)
          this.SUBRULE(this.expression)
          this.CONSUME(RightParenthesis)
        },
      })
      this.CONSUME2(Identifier, { LABEL: 'target', ERR_MSG: 'a layer or a function' })
      this.MANY(() => this.SUBRULE(this.callArguments))
    },
    propagate,
  )

  /** Operands and operators in a row; `build-expression.ts` arranges them by precedence. */
  protected binary = this.RULE(
    'binary',
    () => {
      this.SUBRULE(this.operand)
      this.MANY(() => {
        this.CONSUME(BinaryOperator)
        this.SUBRULE2(this.operand)
      })
    },
    propagate,
  )

  protected operand = this.RULE(
    'operand',
    () => {
      this.MANY(() => {
        this.OR([
          { ALT: () => this.CONSUME(Minus, { LABEL: 'prefix' }) },
          { ALT: () => this.CONSUME(words.not, { LABEL: 'prefix' }) },
        ])
      })
      this.OR2({
        DEF: [
          { ALT: () => this.CONSUME(NumberText) },
          { ALT: () => this.CONSUME(StringText) },
          { ALT: () => this.CONSUME(words.true) },
          { ALT: () => this.CONSUME(words.false) },
          { ALT: () => this.SUBRULE(this.conditional) },
          { GATE: this.startsScan, ALT: () => this.SUBRULE(this.scan) },
          { GATE: this.startsIterate, ALT: () => this.SUBRULE(this.iterate) },
          { GATE: () => this.nextIs(LeftParenthesis, 2), ALT: () => this.SUBRULE(this.rearrange) },
          { GATE: () => !this.beginsStatement(), ALT: () => this.CONSUME(Identifier) },
          { ALT: () => this.SUBRULE(this.parenthesized) },
          { ALT: () => this.SUBRULE(this.list) },
        ],
        ERR_MSG: 'an expression',
      })
      this.MANY2(() => this.SUBRULE(this.suffix))
    },
    propagate,
  )

  protected suffix = this.RULE(
    'suffix',
    () => {
      this.OR([
        { ALT: () => this.SUBRULE(this.callArguments) },
        { ALT: () => this.SUBRULE(this.index) },
        {
          ALT: () => {
            this.CONSUME(Dot)
            this.CONSUME(Identifier)
          },
        },
      ])
    },
    propagate,
  )

  protected callArguments = this.RULE(
    'callArguments',
    () => {
      this.CONSUME(LeftParenthesis)
      this.OPTION(() => {
        this.SUBRULE(this.argument)
        this.MANY({
          GATE: this.moreItems,
          DEF: () => {
            this.CONSUME(Comma)
            this.SUBRULE2(this.argument)
          },
        })
        this.OPTION2(() => this.CONSUME2(Comma))
      })
      this.CONSUME(RightParenthesis, { ERR_MSG: '`,` or `)`' })
    },
    propagate,
  )

  protected argument = this.RULE(
    'argument',
    () => {
      this.OPTION({
        GATE: () => this.nextIs(Equal, 2),
        DEF: () => {
          this.CONSUME(Identifier)
          this.CONSUME(Equal)
        },
      })
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  protected index = this.RULE(
    'index',
    () => {
      this.CONSUME(LeftBracket)
      this.SUBRULE(this.subscript)
      this.MANY({
        GATE: this.moreItems,
        DEF: () => {
          this.CONSUME(Comma)
          this.SUBRULE2(this.subscript)
        },
      })
      this.OPTION(() => this.CONSUME2(Comma))
      this.CONSUME(RightBracket, { ERR_MSG: '`,` or `]`' })
    },
    propagate,
  )

  protected subscript = this.RULE(
    'subscript',
    () => {
      this.OR({
        DEF: [
          { ALT: () => this.CONSUME(Ellipsis) },
          {
            ALT: () => {
              this.CONSUME(Colon)
              this.OPTION(() => this.SUBRULE(this.expression, { LABEL: 'to' }))
              this.OPTION4(() => this.SUBRULE(this.sliceStep))
            },
          },
          {
            ALT: () => {
              this.SUBRULE2(this.expression, { LABEL: 'from' })
              this.OPTION2(() => {
                this.CONSUME2(Colon)
                this.OPTION3(() => this.SUBRULE3(this.expression, { LABEL: 'to' }))
                this.OPTION5(() => this.SUBRULE2(this.sliceStep))
              })
            },
          },
        ],
        ERR_MSG: 'an index',
      })
    },
    propagate,
  )

  protected sliceStep = this.RULE(
    'sliceStep',
    () => {
      this.CONSUME(Colon)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  protected parenthesized = this.RULE(
    'parenthesized',
    () => {
      this.CONSUME(LeftParenthesis)
      this.SUBRULE(this.expression)
      this.MANY({
        GATE: this.moreItems,
        DEF: () => {
          this.CONSUME(Comma)
          this.SUBRULE2(this.expression)
        },
      })
      this.OPTION(() => this.CONSUME2(Comma))
      this.CONSUME(RightParenthesis)
    },
    propagate,
  )

  protected list = this.RULE(
    'list',
    () => {
      this.CONSUME(LeftBracket)
      this.OPTION(() => {
        this.SUBRULE(this.expression)
        this.MANY({
          GATE: this.moreItems,
          DEF: () => {
            this.CONSUME(Comma)
            this.SUBRULE2(this.expression)
          },
        })
        this.OPTION2(() => this.CONSUME2(Comma))
      })
      this.CONSUME(RightBracket, { ERR_MSG: '`,` or `]`' })
    },
    propagate,
  )

  protected conditional = this.RULE(
    'conditional',
    () => {
      this.CONSUME(words.if)
      this.SUBRULE(this.expression, { LABEL: 'condition' })
      this.CONSUME(words.thenCase)
      this.SUBRULE2(this.expression, { LABEL: 'consequent' })
      this.MANY({
        GATE: () => this.nextIs(words.if, 2),
        DEF: () => {
          this.CONSUME(words.else)
          this.CONSUME2(words.if)
          this.SUBRULE3(this.expression, { LABEL: 'condition' })
          this.CONSUME2(words.thenCase)
          this.SUBRULE4(this.expression, { LABEL: 'consequent' })
        },
      })
      this.CONSUME2(words.else)
      this.SUBRULE5(this.expression, { LABEL: 'alternate' })
    },
    propagate,
  )

  protected scan = this.RULE(
    'scan',
    () => {
      this.CONSUME(contextualWords.scan)
      this.SUBRULE(this.scanElement)
      this.MANY(() => {
        this.CONSUME(Comma)
        this.SUBRULE2(this.scanElement)
      })
      this.CONSUME(contextualWords.over, { ERR_MSG: '`over` and the dimension' })
      this.SUBRULE(this.binary)
      this.OPTION(() => this.CONSUME(contextualWords.reverse))
      this.OPTION2(() => {
        this.CONSUME(contextualWords.carry)
        this.SUBRULE(this.carry)
        this.MANY2(() => {
          this.CONSUME2(Comma)
          this.SUBRULE2(this.carry)
        })
      })
      this.SUBRULE(this.block)
    },
    propagate,
  )

  protected scanElement = this.RULE(
    'scanElement',
    () => {
      this.CONSUME(Identifier)
      this.CONSUME(contextualWords.in)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  protected carry = this.RULE(
    'carry',
    () => {
      this.CONSUME(Identifier)
      this.OPTION(() => {
        this.CONSUME(Colon)
        this.SUBRULE(this.type)
      })
      this.CONSUME(Equal)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  protected iterate = this.RULE(
    'iterate',
    () => {
      this.CONSUME(contextualWords.iterate)
      this.SUBRULE(this.carry)
      this.MANY(() => {
        this.CONSUME(Comma)
        this.SUBRULE2(this.carry)
      })
      this.OPTION(() => {
        this.CONSUME(contextualWords.until)
        this.SUBRULE(this.binary, { LABEL: 'tolerance' })
      })
      this.CONSUME(contextualWords.within)
      this.SUBRULE2(this.binary, { LABEL: 'limit' })
      this.OPTION2(() => this.CONSUME(contextualWords.unrolled))
      this.OPTION3(() => this.CONSUME(contextualWords.counted))
      this.SUBRULE(this.block)
    },
    propagate,
  )

  protected rearrange = this.RULE(
    'rearrange',
    () => {
      this.CONSUME(contextualWords.rearrange)
      this.CONSUME(LeftParenthesis)
      this.SUBRULE(this.expression)
      this.CONSUME(Comma)
      this.SUBRULE(this.rearrangePattern, { LABEL: 'from' })
      this.CONSUME(Arrow)
      this.SUBRULE2(this.rearrangePattern, { LABEL: 'to' })
      this.MANY({
        GATE: this.moreItems,
        DEF: () => {
          this.CONSUME2(Comma)
          this.SUBRULE(this.argument)
        },
      })
      this.OPTION(() => this.CONSUME3(Comma))
      this.CONSUME(RightParenthesis, { ERR_MSG: '`,` or `)`' })
    },
    propagate,
  )

  protected rearrangePattern = this.RULE(
    'rearrangePattern',
    () => {
      this.CONSUME(LeftBracket)
      this.SUBRULE(this.rearrangeItem)
      this.MANY({
        GATE: this.moreItems,
        DEF: () => {
          this.CONSUME(Comma)
          this.SUBRULE2(this.rearrangeItem)
        },
      })
      this.OPTION(() => this.CONSUME2(Comma))
      this.CONSUME(RightBracket, { ERR_MSG: '`,` or `]`' })
    },
    propagate,
  )

  protected rearrangeItem = this.RULE(
    'rearrangeItem',
    () => {
      this.OR({
        DEF: [
          { ALT: () => this.CONSUME(Ellipsis) },
          { ALT: () => this.CONSUME(Identifier, { LABEL: 'axis' }) },
          {
            ALT: () => {
              this.CONSUME(LeftParenthesis)
              this.CONSUME2(Identifier, { LABEL: 'item' })
              this.MANY(() => {
                this.CONSUME(Comma)
                this.CONSUME3(Identifier, { LABEL: 'item' })
              })
              this.CONSUME(RightParenthesis, { ERR_MSG: '`,` or `)`' })
            },
          },
        ],
        ERR_MSG: 'an axis',
      })
    },
    propagate,
  )

  // Types

  protected type = this.RULE(
    'type',
    () => {
      this.CONSUME(Identifier, { ERR_MSG: 'a type' })
      this.OPTION(() => {
        this.CONSUME(LeftBracket)
        this.OPTION2(() => {
          this.SUBRULE(this.shapeItem)
          this.MANY({
            GATE: this.moreItems,
            DEF: () => {
              this.CONSUME(Comma)
              this.SUBRULE2(this.shapeItem)
            },
          })
          this.OPTION3(() => this.CONSUME2(Comma))
        })
        this.CONSUME(RightBracket, { ERR_MSG: '`,` or `]`' })
      })
    },
    propagate,
  )

  protected shapeItem = this.RULE(
    'shapeItem',
    () => {
      this.OR({
        DEF: [{ ALT: () => this.CONSUME(Ellipsis) }, { ALT: () => this.SUBRULE(this.binary) }],
        ERR_MSG: 'a dimension',
      })
    },
    propagate,
  )
}
