/**
 * The grammar, as a recursive descent parser with one token of lookahead and a few stated exceptions (GATE).
 *
 * Recovery: an error inside a statement ends that statement; `stray` then takes everything up to the next token that
 * surely begins a statement. An error in a declaration's head skips to its body. Declarations are parsed one at a time.
 */
import {
  Arrow,
  BinaryOperator,
  Colon,
  Comma,
  contextualWords,
  Dot,
  DotDot,
  Ellipsis,
  Equal,
  Identifier,
  LeftBrace,
  LeftBracket,
  LeftParenthesis,
  Minus,
  NumberText,
  Percent,
  Pipe,
  RightBrace,
  RightBracket,
  RightParenthesis,
  StatementWord,
  Stray,
  StringText,
  vocabulary,
  words,
} from './tokens.ts'
import { type CstNode, CstParser, type IToken, type TokenType } from './toolkit.ts'

/** Thrown by the grammar when brackets, blocks or conditions nest deeper than the limit. */
export class NestingTooDeep extends Error {
  readonly token: IToken
  constructor(token: IToken) {
    super('nesting too deep')
    this.token = token
  }
}

/** Thrown by the grammar when a declaration has so many errors that more would not help anybody. */
class TooManyErrors extends Error {}

/** An error's message is only what was expected, in words; `syntax-errors.ts` makes the sentence. */
const expectation = {
  buildMismatchTokenMessage: ({ expected }: { expected: TokenType }) => expected.LABEL ?? expected.name,
  buildNotAllInputParsedMessage: () => 'the end',
  buildNoViableAltMessage: ({ customUserDescription }: { customUserDescription?: string }) =>
    customUserDescription ?? 'something else',
  buildEarlyExitMessage: ({ customUserDescription }: { customUserDescription?: string }) =>
    customUserDescription ?? 'something else',
}

const propagate = { resyncEnabled: false }

export class Grammar extends CstParser {
  private depth = 0
  private failures = 0
  private readonly maximumDepth: number
  private readonly maximumFailures: number

  constructor(options: { validate: boolean; nesting: number; errors: number }) {
    super(vocabulary, {
      recoveryEnabled: true,
      maxLookahead: 1,
      nodeLocationTracking: 'onlyOffset',
      skipValidations: !options.validate,
      errorMessageProvider: expectation,
    })
    this.maximumDepth = options.nesting
    this.maximumFailures = options.errors
    this.performSelfAnalysis()
  }

  /** Parses the tokens of one declaration; without a tree if errors were too many. */
  parseDeclaration(tokens: IToken[]): { cst?: CstNode; errors: Grammar['errors'] } {
    this.depth = 0
    this.failures = 0
    try {
      this.input = tokens
      const cst = this.declaration()
      return { cst, errors: this.errors }
    } catch (problem) {
      if (problem instanceof TooManyErrors) return { errors: this.errors }
      throw problem
    } finally {
      this.input = []
    }
  }

  protected override canTokenTypeBeInsertedInRecovery(): boolean {
    return false
  }

  protected override canTokenTypeBeDeletedInRecovery(): boolean {
    return false
  }

  private counted(parse: () => void): void {
    try {
      parse()
    } catch (problem) {
      this.failures++
      if (this.failures > this.maximumFailures) throw new TooManyErrors()
      throw problem
    }
  }

  private nested(parse: () => void): void {
    this.depth++
    try {
      if (this.depth > this.maximumDepth) throw new NestingTooDeep(this.LA(1))
      parse()
    } finally {
      this.depth--
    }
  }

  private nextIs(type: TokenType, distance = 1): boolean {
    return matches(this.LA(distance), type)
  }

  private onNewLine(distance = 1): boolean {
    return this.LA(distance).startLine !== this.LA(distance - 1).startLine
  }

  /** `loss x` at the start of a line is the next statement and no operand of the line before. */
  private beginsStatement(): boolean {
    if (!this.nextIs(StatementWord) || !this.onNewLine() || this.onNewLine(2)) return false
    return this.beginsOperand(2) || this.nextIs(words.when, 2)
  }

  private beginsOperand(distance: number): boolean {
    return [Identifier, NumberText, StringText].some((type) => this.nextIs(type, distance))
  }

  private readonly startsScan = () =>
    this.nextIs(contextualWords.scan) && this.nextIs(Identifier, 2) && !this.onNewLine(2)
  private readonly startsIterate = () =>
    this.nextIs(contextualWords.iterate) && this.nextIs(Identifier, 2) && !this.onNewLine(2)
  private readonly moreItems = () => !this.nextIs(RightParenthesis, 2) && !this.nextIs(RightBracket, 2)

  // Declarations

  declaration = this.RULE('declaration', () => {
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.importDeclaration) },
        { ALT: () => this.SUBRULE(this.dimDeclaration) },
        { ALT: () => this.SUBRULE(this.constDeclaration) },
        { ALT: () => this.SUBRULE(this.hyperDeclaration) },
        { ALT: () => this.SUBRULE(this.callableDeclaration) },
        { ALT: () => this.SUBRULE(this.trainDeclaration) },
        { ALT: () => this.SUBRULE(this.inferDeclaration) },
        { ALT: () => this.SUBRULE(this.dataDeclaration) },
        { ALT: () => this.SUBRULE(this.loadDeclaration) },
      ],
      ERR_MSG: 'a declaration',
    })
  })

  private importDeclaration = this.RULE(
    'importDeclaration',
    () => {
      this.CONSUME(words.import)
      this.CONSUME(LeftBrace)
      this.SUBRULE(this.importName)
      this.MANY({
        GATE: () => !this.nextIs(RightBrace, 2),
        DEF: () => {
          this.CONSUME(Comma)
          this.SUBRULE2(this.importName)
        },
      })
      this.OPTION(() => this.CONSUME2(Comma))
      this.CONSUME(RightBrace, { ERR_MSG: '`,` or `}`' })
      this.CONSUME(contextualWords.from)
      this.CONSUME(StringText)
    },
    propagate,
  )

  private importName = this.RULE(
    'importName',
    () => {
      this.CONSUME(Identifier, { LABEL: 'name' })
      this.OPTION(() => {
        this.CONSUME(contextualWords.as)
        this.CONSUME2(Identifier, { LABEL: 'alias' })
      })
    },
    propagate,
  )

  private dimDeclaration = this.RULE(
    'dimDeclaration',
    () => {
      this.CONSUME(words.dim)
      this.CONSUME(Identifier)
      this.OPTION(() => this.SUBRULE(this.range))
    },
    propagate,
  )

  private range = this.RULE(
    'range',
    () => {
      this.CONSUME(contextualWords.in)
      this.SUBRULE(this.binary, { LABEL: 'from' })
      this.CONSUME(DotDot)
      this.SUBRULE2(this.binary, { LABEL: 'to' })
    },
    propagate,
  )

  private constDeclaration = this.RULE(
    'constDeclaration',
    () => {
      this.CONSUME(words.const)
      this.CONSUME(Identifier)
      this.CONSUME(Equal)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  private hyperDeclaration = this.RULE(
    'hyperDeclaration',
    () => {
      this.CONSUME(words.hyper)
      this.CONSUME(Identifier)
      this.CONSUME(Equal)
      this.SUBRULE(this.expression)
      this.OPTION(() => this.SUBRULE(this.range))
      this.OPTION2(() => {
        this.OR([{ ALT: () => this.CONSUME(contextualWords.log) }, { ALT: () => this.CONSUME(contextualWords.linear) }])
      })
    },
    propagate,
  )

  private callableDeclaration = this.RULE('callableDeclaration', () => {
    this.SUBRULE(this.callableHead)
    this.SUBRULE(this.block)
  })

  private callableHead = this.RULE('callableHead', () => {
    this.OR([
      { ALT: () => this.CONSUME(words.fn, { LABEL: 'keyword' }) },
      { ALT: () => this.CONSUME(words.layer, { LABEL: 'keyword' }) },
      { ALT: () => this.CONSUME(words.model, { LABEL: 'keyword' }) },
      { ALT: () => this.CONSUME(contextualWords.optimizer, { LABEL: 'keyword' }) },
      { ALT: () => this.CONSUME(contextualWords.initializer, { LABEL: 'keyword' }) },
    ])
    this.CONSUME(Identifier)
    this.SUBRULE(this.parameters)
    this.OPTION(() => this.SUBRULE2(this.parameters))
    this.OPTION2(() => this.SUBRULE(this.result))
    this.OPTION3(() => {
      this.CONSUME(contextualWords.where)
      this.SUBRULE(this.expression)
      this.MANY(() => {
        this.CONSUME(Comma)
        this.SUBRULE2(this.expression)
      })
    })
  })

  private trainDeclaration = this.RULE('trainDeclaration', () => {
    this.SUBRULE(this.trainHead)
    this.SUBRULE(this.block)
  })

  private trainHead = this.RULE('trainHead', () => {
    this.CONSUME(contextualWords.train)
    this.CONSUME(Identifier)
    this.SUBRULE(this.parameters)
    this.OPTION(() => {
      this.CONSUME(contextualWords.on)
      this.CONSUME2(Identifier, { LABEL: 'data' })
    })
  })

  private inferDeclaration = this.RULE('inferDeclaration', () => {
    this.SUBRULE(this.inferHead)
    this.SUBRULE(this.block)
  })

  private inferHead = this.RULE('inferHead', () => {
    this.CONSUME(words.infer)
    this.CONSUME(Identifier)
    this.SUBRULE(this.parameters)
    this.OPTION(() => this.SUBRULE(this.result))
  })

  private dataDeclaration = this.RULE('dataDeclaration', () => {
    this.CONSUME(contextualWords.data)
    this.CONSUME(Identifier)
    this.CONSUME(LeftBrace)
    this.MANY(() => this.SUBRULE(this.dataStatement))
    this.CONSUME(RightBrace)
  })

  private loadDeclaration = this.RULE('loadDeclaration', () => {
    this.CONSUME(contextualWords.load)
    this.CONSUME(Identifier)
    this.CONSUME(contextualWords.from)
    this.CONSUME(StringText)
    this.OPTION(() => {
      this.CONSUME(LeftBrace)
      this.MANY(() => this.SUBRULE(this.loadRule))
      this.CONSUME(RightBrace)
    })
  })

  private loadRule = this.RULE('loadRule', () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(contextualWords.map)
          this.CONSUME(StringText, { LABEL: 'from' })
          this.CONSUME(Arrow)
          this.CONSUME2(StringText, { LABEL: 'to' })
          this.OPTION(() => this.CONSUME(contextualWords.transpose))
        },
      },
      {
        ALT: () => {
          this.CONSUME(contextualWords.missing)
          this.CONSUME3(StringText, { LABEL: 'pattern' })
        },
      },
      { ALT: () => this.SUBRULE(this.stray), IGNORE_AMBIGUITIES: true },
    ])
  })

  // Signatures

  private parameters = this.RULE(
    'parameters',
    () => {
      this.CONSUME(LeftParenthesis)
      this.OPTION(() => {
        this.SUBRULE(this.parameter)
        this.MANY({
          GATE: this.moreItems,
          DEF: () => {
            this.CONSUME(Comma)
            this.SUBRULE2(this.parameter)
          },
        })
        this.OPTION2(() => this.CONSUME2(Comma))
      })
      this.CONSUME(RightParenthesis, { ERR_MSG: '`,` or `)`' })
    },
    propagate,
  )

  private parameter = this.RULE(
    'parameter',
    () => {
      this.CONSUME(Identifier)
      this.OPTION(() => {
        this.CONSUME(Colon)
        this.SUBRULE(this.type)
      })
      this.OPTION2(() => {
        this.CONSUME(Equal)
        this.SUBRULE(this.expression)
      })
    },
    propagate,
  )

  private type = this.RULE(
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

  private shapeItem = this.RULE(
    'shapeItem',
    () => {
      this.OR({
        DEF: [{ ALT: () => this.CONSUME(Ellipsis) }, { ALT: () => this.SUBRULE(this.binary) }],
        ERR_MSG: 'a dimension',
      })
    },
    propagate,
  )

  private result = this.RULE(
    'result',
    () => {
      this.CONSUME(Arrow)
      this.OR({
        DEF: [
          { ALT: () => this.SUBRULE(this.type) },
          {
            ALT: () => {
              this.CONSUME(LeftParenthesis)
              this.SUBRULE(this.resultItem)
              this.MANY({
                GATE: this.moreItems,
                DEF: () => {
                  this.CONSUME(Comma)
                  this.SUBRULE2(this.resultItem)
                },
              })
              this.OPTION(() => this.CONSUME2(Comma))
              this.CONSUME(RightParenthesis, { ERR_MSG: '`,` or `)`' })
            },
          },
        ],
        ERR_MSG: 'a type',
      })
    },
    propagate,
  )

  private resultItem = this.RULE(
    'resultItem',
    () => {
      this.OPTION({
        GATE: () => this.nextIs(Colon, 2),
        DEF: () => {
          this.CONSUME(Identifier)
          this.CONSUME(Colon)
        },
      })
      this.SUBRULE(this.type)
    },
    propagate,
  )

  // Statements

  private block = this.RULE('block', () => {
    this.CONSUME(LeftBrace)
    this.nested(() => {
      this.MANY(() => this.SUBRULE(this.statement))
    })
    this.CONSUME(RightBrace)
  })

  private statement = this.RULE('statement', () => {
    this.counted(() =>
      this.OR([
        { ALT: () => this.SUBRULE(this.letStatement) },
        { ALT: () => this.SUBRULE(this.paramStatement) },
        { ALT: () => this.SUBRULE(this.stateStatement) },
        { ALT: () => this.SUBRULE(this.useStatement) },
        { ALT: () => this.SUBRULE(this.updateStatement) },
        { ALT: () => this.SUBRULE(this.returnStatement) },
        { ALT: () => this.SUBRULE(this.whenStatement) },
        { ALT: () => this.SUBRULE(this.yieldStatement) },
        { ALT: () => this.SUBRULE(this.lossStatement) },
        { ALT: () => this.SUBRULE(this.metricStatement) },
        { ALT: () => this.SUBRULE(this.optimizerStatement) },
        { ALT: () => this.SUBRULE(this.settingStatement) },
        { ALT: () => this.SUBRULE(this.stopStatement) },
        { ALT: () => this.SUBRULE(this.freezeStatement) },
        { ALT: () => this.SUBRULE(this.clipStatement) },
        { ALT: () => this.SUBRULE(this.stray), IGNORE_AMBIGUITIES: true },
      ]),
    )
  })

  /** What is no statement, up to the next token that surely begins one. */
  private stray = this.RULE('stray', () => {
    this.SUBRULE(this.strayPart)
    this.MANY({
      GATE: () => !this.surelyBeginsStatement(),
      DEF: () => this.SUBRULE2(this.strayPart),
    })
  })

  private strayPart = this.RULE('strayPart', () => {
    this.OR([{ ALT: () => this.SUBRULE(this.block) }, { ALT: () => this.CONSUME(Stray), IGNORE_AMBIGUITIES: true }])
  })

  private surelyBeginsStatement(): boolean {
    const { let: let_, param, state, use, update, return: return_, when, yield: yield_ } = words
    const next = this.LA(1)
    if ([let_, param, state, use, update, return_, yield_].some((type) => matches(next, type))) return true
    if (matches(next, when)) return !matches(this.LA(0), contextualWords.stop)
    // A word with another right after it is a misspelt keyword.
    const misspelt = matches(next, Identifier) && (this.nextIs(Equal, 2) || this.beginsOperand(2))
    return this.onNewLine() && (matches(next, StatementWord) || (misspelt && !this.onNewLine(2)))
  }

  private letStatement = this.RULE(
    'letStatement',
    () => {
      this.CONSUME(words.let)
      this.OR({
        DEF: [
          {
            ALT: () => {
              this.CONSUME(LeftParenthesis)
              this.CONSUME(Identifier, { LABEL: 'item' })
              this.MANY({
                GATE: this.moreItems,
                DEF: () => {
                  this.CONSUME(Comma)
                  this.CONSUME2(Identifier, { LABEL: 'item' })
                },
              })
              this.OPTION(() => this.CONSUME2(Comma))
              this.CONSUME(RightParenthesis, { ERR_MSG: '`,` or `)`' })
            },
          },
          {
            ALT: () => {
              this.CONSUME3(Identifier, { LABEL: 'name' })
              this.OPTION2(() => this.SUBRULE(this.index))
            },
          },
        ],
        ERR_MSG: 'a name',
      })
      this.OPTION3(() => {
        this.CONSUME(Colon)
        this.SUBRULE(this.type)
      })
      this.CONSUME(Equal)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  private paramStatement = this.RULE(
    'paramStatement',
    () => {
      this.CONSUME(words.param)
      this.CONSUME(Identifier)
      this.CONSUME(Colon)
      this.SUBRULE(this.type)
      this.OPTION(() => {
        this.CONSUME(Equal)
        this.SUBRULE(this.expression)
      })
    },
    propagate,
  )

  private stateStatement = this.RULE(
    'stateStatement',
    () => {
      this.CONSUME(words.state)
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

  private useStatement = this.RULE(
    'useStatement',
    () => {
      this.CONSUME(words.use)
      this.CONSUME(Identifier)
      this.CONSUME(Equal)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  private updateStatement = this.RULE(
    'updateStatement',
    () => {
      this.CONSUME(words.update)
      this.CONSUME(Identifier)
      this.CONSUME(Equal)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  private returnStatement = this.RULE(
    'returnStatement',
    () => {
      this.CONSUME(words.return)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  private whenStatement = this.RULE(
    'whenStatement',
    () => {
      this.CONSUME(words.when)
      this.SUBRULE(this.expression)
      this.SUBRULE(this.block)
      this.OPTION(() => {
        this.CONSUME(words.else)
        this.SUBRULE2(this.block)
      })
    },
    propagate,
  )

  /** After `yield`, the word `carry` is the keyword unless it can only be a value. */
  private carryIsKeyword(): boolean {
    const next = this.LA(2)
    if (next.startLine !== this.LA(1).startLine && !matches(this.LA(0), words.yield)) return true
    const { if: if_, true: true_, false: false_, not } = words
    return [Identifier, NumberText, StringText, LeftParenthesis, LeftBracket, if_, true_, false_, not].some((type) =>
      matches(next, type),
    )
  }

  private yieldStatement = this.RULE(
    'yieldStatement',
    () => {
      this.CONSUME(words.yield)
      this.OPTION({
        GATE: () => !(this.nextIs(contextualWords.carry) && this.carryIsKeyword()),
        DEF: () => this.SUBRULE(this.expression, { LABEL: 'value' }),
      })
      this.OPTION2(() => {
        this.CONSUME(contextualWords.carry)
        this.SUBRULE2(this.expression, { LABEL: 'carried' })
        this.MANY(() => {
          this.CONSUME(Comma)
          this.SUBRULE3(this.expression, { LABEL: 'carried' })
        })
      })
    },
    propagate,
  )

  private lossStatement = this.RULE(
    'lossStatement',
    () => {
      this.CONSUME(contextualWords.loss)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  private metricStatement = this.RULE(
    'metricStatement',
    () => {
      this.CONSUME(contextualWords.metric)
      this.CONSUME(Identifier)
      this.CONSUME(Equal)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  private optimizerStatement = this.RULE(
    'optimizerStatement',
    () => {
      this.CONSUME(contextualWords.optimizer)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  private settingStatement = this.RULE(
    'settingStatement',
    () => {
      this.OR([
        { ALT: () => this.CONSUME(contextualWords.batch, { LABEL: 'setting' }) },
        { ALT: () => this.CONSUME(contextualWords.epochs, { LABEL: 'setting' }) },
        { ALT: () => this.CONSUME(contextualWords.seed, { LABEL: 'setting' }) },
        { ALT: () => this.CONSUME(contextualWords.accumulate, { LABEL: 'setting' }) },
      ])
      this.SUBRULE(this.binary)
    },
    propagate,
  )

  private stopStatement = this.RULE(
    'stopStatement',
    () => {
      this.CONSUME(contextualWords.stop)
      this.CONSUME(words.when)
      this.CONSUME(Identifier, { LABEL: 'name' })
      this.OPTION(() => {
        this.CONSUME(Dot)
        this.CONSUME2(Identifier, { LABEL: 'member' })
      })
      this.CONSUME(contextualWords.has, { ERR_MSG: '`has not improved for … epochs`' })
      this.CONSUME(words.not, { ERR_MSG: '`not improved for … epochs`' })
      this.CONSUME(contextualWords.improved, { ERR_MSG: '`improved for … epochs`' })
      this.CONSUME(contextualWords.for)
      this.SUBRULE(this.binary)
      this.OR2({
        DEF: [{ ALT: () => this.CONSUME(contextualWords.epochs) }, { ALT: () => this.CONSUME(contextualWords.epoch) }],
        ERR_MSG: '`epochs`',
      })
    },
    propagate,
  )

  private freezeStatement = this.RULE(
    'freezeStatement',
    () => {
      this.CONSUME(contextualWords.freeze)
      this.CONSUME(StringText, { LABEL: 'pattern' })
      this.OPTION(() => {
        this.CONSUME(contextualWords.except)
        this.CONSUME2(StringText, { LABEL: 'except' })
      })
    },
    propagate,
  )

  private clipStatement = this.RULE(
    'clipStatement',
    () => {
      this.CONSUME(contextualWords.clip)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  private dataStatement = this.RULE('dataStatement', () => {
    this.OR([
      {
        GATE: () => this.nextIs(Equal, 2),
        ALT: () => {
          this.CONSUME(Identifier, { LABEL: 'field' })
          this.CONSUME(Equal)
          this.SUBRULE(this.expression, { LABEL: 'value' })
        },
      },
      {
        ALT: () => {
          this.OR2([
            { ALT: () => this.CONSUME(contextualWords.source, { LABEL: 'role' }) },
            { ALT: () => this.CONSUME(contextualWords.valid, { LABEL: 'role' }) },
            { ALT: () => this.CONSUME(contextualWords.test, { LABEL: 'role' }) },
          ])
          this.SUBRULE(this.operand)
        },
      },
      {
        ALT: () => {
          this.CONSUME(contextualWords.split)
          this.SUBRULE(this.splitPart)
          this.MANY(() => {
            this.CONSUME(Comma)
            this.SUBRULE2(this.splitPart)
          })
          this.OPTION(() => {
            this.CONSUME(contextualWords.seed)
            this.CONSUME(NumberText)
          })
        },
      },
      { ALT: () => this.SUBRULE(this.stray), IGNORE_AMBIGUITIES: true },
    ])
  })

  private splitPart = this.RULE(
    'splitPart',
    () => {
      this.OR({
        DEF: [
          { ALT: () => this.CONSUME(contextualWords.train, { LABEL: 'role' }) },
          { ALT: () => this.CONSUME(contextualWords.valid, { LABEL: 'role' }) },
          { ALT: () => this.CONSUME(contextualWords.test, { LABEL: 'role' }) },
        ],
        ERR_MSG: '`train`, `valid` or `test`',
      })
      this.CONSUME(NumberText)
      this.CONSUME(Percent)
    },
    propagate,
  )

  // Expressions

  /** A pipeline: the loosest of all expressions. */
  private expression = this.RULE(
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

  private stage = this.RULE(
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
  private binary = this.RULE(
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

  private operand = this.RULE(
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

  private suffix = this.RULE(
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

  private callArguments = this.RULE(
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

  private argument = this.RULE(
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

  private index = this.RULE(
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

  private subscript = this.RULE(
    'subscript',
    () => {
      this.OR({
        DEF: [
          { ALT: () => this.CONSUME(Ellipsis) },
          {
            ALT: () => {
              this.CONSUME(Colon)
              this.OPTION(() => this.SUBRULE(this.expression, { LABEL: 'to' }))
            },
          },
          {
            ALT: () => {
              this.SUBRULE2(this.expression, { LABEL: 'from' })
              this.OPTION2(() => {
                this.CONSUME2(Colon)
                this.OPTION3(() => this.SUBRULE3(this.expression, { LABEL: 'to' }))
              })
            },
          },
        ],
        ERR_MSG: 'an index',
      })
    },
    propagate,
  )

  private parenthesized = this.RULE(
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

  private list = this.RULE(
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

  private conditional = this.RULE(
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

  private scan = this.RULE(
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

  private scanElement = this.RULE(
    'scanElement',
    () => {
      this.CONSUME(Identifier)
      this.CONSUME(contextualWords.in)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  private carry = this.RULE(
    'carry',
    () => {
      this.CONSUME(Identifier)
      this.CONSUME(Equal)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  private iterate = this.RULE(
    'iterate',
    () => {
      this.CONSUME(contextualWords.iterate)
      this.SUBRULE(this.carry)
      this.MANY(() => {
        this.CONSUME(Comma)
        this.SUBRULE2(this.carry)
      })
      this.CONSUME(contextualWords.until)
      this.SUBRULE(this.binary, { LABEL: 'tolerance' })
      this.CONSUME(contextualWords.within)
      this.SUBRULE2(this.binary, { LABEL: 'limit' })
      this.SUBRULE(this.block)
    },
    propagate,
  )

  private rearrange = this.RULE(
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

  private rearrangePattern = this.RULE(
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

  private rearrangeItem = this.RULE(
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
}

/** Whether a token has the type or belongs to the category. */
export function matches(token: IToken, type: TokenType): boolean {
  return token.tokenType === type || (type.categoryMatchesMap?.[token.tokenTypeIdx] ?? false)
}
