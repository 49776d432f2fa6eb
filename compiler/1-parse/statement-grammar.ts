/**
 * Statements. An error inside a statement ends that statement; `stray` then takes everything up to the next token that
 * surely begins a statement.
 */
import { ExpressionGrammar } from './expression-grammar.ts'
import { matches, propagate } from './grammar-base.ts'
import {
  Arrow,
  Colon,
  Comma,
  contextualWords,
  Dot,
  Equal,
  Identifier,
  LeftBrace,
  LeftBracket,
  LeftParenthesis,
  NumberText,
  Percent,
  RightBrace,
  RightBracket,
  RightParenthesis,
  StatementWord,
  Stray,
  StringText,
  words,
} from './tokens.ts'

/** The grammar of blocks and of the statements in them. */
export abstract class StatementGrammar extends ExpressionGrammar {
  protected block = this.RULE('block', () => {
    this.CONSUME(LeftBrace)
    this.nested(() => {
      this.MANY(() => this.SUBRULE(this.statement))
    })
    this.CONSUME(RightBrace)
  })

  protected statement = this.RULE('statement', () => {
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
        { ALT: () => this.SUBRULE(this.totalStatement) },
        { ALT: () => this.SUBRULE(this.collectStatement) },
        { ALT: () => this.SUBRULE(this.traitStatement) },
        { ALT: () => this.SUBRULE(this.optimizerStatement) },
        { ALT: () => this.SUBRULE(this.settingStatement) },
        { ALT: () => this.SUBRULE(this.stopStatement) },
        { ALT: () => this.SUBRULE(this.freezeStatement) },
        { ALT: () => this.SUBRULE(this.clipStatement) },
        { ALT: () => this.SUBRULE(this.penaltyStatement) },
        { ALT: () => this.SUBRULE(this.averageStatement) },
        { ALT: () => this.SUBRULE(this.stray), IGNORE_AMBIGUITIES: true },
      ]),
    )
  })

  /** What is no statement, up to the next token that surely begins one. */
  protected stray = this.RULE('stray', () => {
    this.SUBRULE(this.strayPart)
    this.MANY({
      GATE: () => !this.surelyBeginsStatement(),
      DEF: () => this.SUBRULE2(this.strayPart),
    })
  })

  protected strayPart = this.RULE('strayPart', () => {
    this.OR([{ ALT: () => this.SUBRULE(this.block) }, { ALT: () => this.CONSUME(Stray), IGNORE_AMBIGUITIES: true }])
  })

  protected surelyBeginsStatement(): boolean {
    const { let: let_, param, state, use, update, return: return_, when, yield: yield_ } = words
    const next = this.LA(1)
    if ([let_, param, state, use, update, return_, yield_].some((type) => matches(next, type))) return true
    if (matches(next, when)) return !matches(this.LA(0), contextualWords.stop)
    // A word with another right after it is a misspelt keyword.
    const misspelt = matches(next, Identifier) && (this.nextIs(Equal, 2) || this.beginsOperand(2))
    return this.onNewLine() && (matches(next, StatementWord) || (misspelt && !this.onNewLine(2)))
  }

  protected letStatement = this.RULE(
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

  protected paramStatement = this.RULE(
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

  protected stateStatement = this.RULE(
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

  protected useStatement = this.RULE(
    'useStatement',
    () => {
      this.CONSUME(words.use)
      this.CONSUME(Identifier)
      this.CONSUME(Equal)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  protected updateStatement = this.RULE(
    'updateStatement',
    () => {
      this.CONSUME(words.update)
      this.CONSUME(Identifier)
      this.CONSUME(Equal)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  protected returnStatement = this.RULE(
    'returnStatement',
    () => {
      this.CONSUME(words.return)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  protected whenStatement = this.RULE(
    'whenStatement',
    () => {
      this.CONSUME(words.when)
      this.SUBRULE(this.expression)
      this.SUBRULE(this.block)
      this.OPTION(() => {
        this.CONSUME(words.else)
        this.OR({
          DEF: [
            { ALT: () => this.SUBRULE2(this.block) },
            { ALT: () => this.nested(() => this.SUBRULE(this.whenStatement)) },
          ],
          ERR_MSG: '`{` or `when`',
        })
      })
    },
    propagate,
  )

  /** After `yield`, the word `carry` is the keyword unless it can only be a value. */
  protected carryIsKeyword(): boolean {
    const next = this.LA(2)
    if (next.startLine !== this.LA(1).startLine && !matches(this.LA(0), words.yield)) return true
    const { if: if_, true: true_, false: false_, not } = words
    return [Identifier, NumberText, StringText, LeftParenthesis, LeftBracket, if_, true_, false_, not].some((type) =>
      matches(next, type),
    )
  }

  protected yieldStatement = this.RULE(
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

  protected lossStatement = this.RULE(
    'lossStatement',
    () => {
      this.CONSUME(contextualWords.loss)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  protected metricStatement = this.RULE(
    'metricStatement',
    () => {
      this.CONSUME(contextualWords.metric)
      this.CONSUME(Identifier)
      this.CONSUME(Equal)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  /** `total hits = sum(right)`, added up over an epoch */
  protected totalStatement = this.RULE(
    'totalStatement',
    () => {
      this.CONSUME(contextualWords.total)
      this.CONSUME(Identifier)
      this.CONSUME(Equal)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  /** `collect area_under_roc(score, target)`, computed from all values of an epoch */
  protected collectStatement = this.RULE(
    'collectStatement',
    () => {
      this.CONSUME(contextualWords.collect)
      this.SUBRULE(this.operand)
    },
    propagate,
  )

  /** `better higher`, `unit percent` */
  protected traitStatement = this.RULE(
    'traitStatement',
    () => {
      this.OR([
        { ALT: () => this.CONSUME(contextualWords.better, { LABEL: 'trait' }) },
        { ALT: () => this.CONSUME(contextualWords.unit, { LABEL: 'trait' }) },
      ])
      this.CONSUME(Identifier, { LABEL: 'value' })
    },
    propagate,
  )

  protected optimizerStatement = this.RULE(
    'optimizerStatement',
    () => {
      this.CONSUME(contextualWords.optimizer)
      this.SUBRULE(this.expression)
      this.OPTION(() => {
        this.CONSUME(contextualWords.for)
        this.CONSUME(StringText, { LABEL: 'pattern' })
      })
    },
    propagate,
  )

  protected settingStatement = this.RULE(
    'settingStatement',
    () => {
      this.OR([
        { ALT: () => this.CONSUME(contextualWords.batch, { LABEL: 'setting' }) },
        { ALT: () => this.CONSUME(contextualWords.epochs, { LABEL: 'setting' }) },
        { ALT: () => this.CONSUME(contextualWords.seed, { LABEL: 'setting' }) },
        { ALT: () => this.CONSUME(contextualWords.accumulate, { LABEL: 'setting' }) },
      ])
      this.SUBRULE(this.binary)
      this.OPTION(() => {
        this.CONSUME(contextualWords.in)
        this.CONSUME(contextualWords.streams)
      })
    },
    propagate,
  )

  protected stopStatement = this.RULE(
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

  protected freezeStatement = this.RULE(
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

  protected clipStatement = this.RULE(
    'clipStatement',
    () => {
      this.CONSUME(contextualWords.clip)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  protected penaltyStatement = this.RULE(
    'penaltyStatement',
    () => {
      this.CONSUME(contextualWords.penalty)
      this.SUBRULE(this.expression)
      this.OPTION(() => {
        this.CONSUME(contextualWords.for)
        this.CONSUME(StringText, { LABEL: 'pattern' })
      })
    },
    propagate,
  )

  protected averageStatement = this.RULE(
    'averageStatement',
    () => {
      this.CONSUME(contextualWords.average)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  protected dataStatement = this.RULE('dataStatement', () => {
    this.counted(() =>
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
            this.OPTION2({ GATE: () => !this.nextIs(Equal, 2), DEF: () => this.SUBRULE(this.splitManner) })
            this.OPTION(() => {
              this.CONSUME(contextualWords.seed)
              this.CONSUME(NumberText)
            })
          },
        },
        {
          ALT: () => {
            this.CONSUME(contextualWords.where)
            this.SUBRULE2(this.expression, { LABEL: 'condition' })
          },
        },
        { ALT: () => this.SUBRULE(this.dropStatement) },
        { ALT: () => this.SUBRULE(this.stray), IGNORE_AMBIGUITIES: true },
      ]),
    )
  })

  /** `stratified by species`, `in order`, `in order of sent`, `by thread`, `by thread in order of sent` */
  protected splitManner = this.RULE(
    'splitManner',
    () => {
      this.OR([
        {
          ALT: () => {
            this.CONSUME(contextualWords.stratified)
            this.CONSUME(contextualWords.by)
            this.SUBRULE(this.operand, { LABEL: 'stratum' })
          },
        },
        {
          ALT: () => {
            this.CONSUME2(contextualWords.by)
            this.SUBRULE2(this.operand, { LABEL: 'group' })
            this.OPTION({ GATE: () => !this.nextIs(Equal, 2), DEF: () => this.SUBRULE(this.splitOrder) })
          },
        },
        { ALT: () => this.SUBRULE2(this.splitOrder) },
      ])
    },
    propagate,
  )

  /** `drop missing`, `drop duplicates in name, column("two words")` */
  protected dropStatement = this.RULE(
    'dropStatement',
    () => {
      this.CONSUME(contextualWords.drop)
      this.OR({
        DEF: [
          { ALT: () => this.CONSUME(contextualWords.missing, { LABEL: 'what' }) },
          { ALT: () => this.CONSUME(contextualWords.duplicates, { LABEL: 'what' }) },
        ],
        ERR_MSG: '`missing` or `duplicates`',
      })
      this.OPTION(() => {
        this.CONSUME(contextualWords.in)
        this.SUBRULE(this.operand)
        this.MANY(() => {
          this.CONSUME(Comma)
          this.SUBRULE2(this.operand)
        })
      })
    },
    propagate,
  )

  protected splitOrder = this.RULE(
    'splitOrder',
    () => {
      this.CONSUME(contextualWords.in)
      this.CONSUME(contextualWords.order)
      this.OPTION({
        GATE: () => !this.nextIs(Equal, 2),
        DEF: () => {
          this.CONSUME(contextualWords.of)
          this.SUBRULE(this.operand, { LABEL: 'key' })
        },
      })
    },
    propagate,
  )

  protected splitPart = this.RULE(
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

  protected loadConversion = this.RULE(
    'loadConversion',
    () => {
      this.OR([
        { ALT: () => this.CONSUME(contextualWords.reshape) },
        {
          ALT: () => {
            this.CONSUME(contextualWords.transpose)
            this.OPTION(() => {
              this.CONSUME(LeftBracket)
              this.CONSUME(NumberText)
              this.MANY({
                GATE: this.moreItems,
                DEF: () => {
                  this.CONSUME(Comma)
                  this.CONSUME2(NumberText)
                },
              })
              this.OPTION2(() => this.CONSUME2(Comma))
              this.CONSUME(RightBracket, { ERR_MSG: '`,` or `]`' })
            })
          },
        },
      ])
    },
    propagate,
  )

  protected loadRule = this.RULE('loadRule', () => {
    this.counted(() =>
      this.OR([
        {
          ALT: () => {
            this.CONSUME(contextualWords.map)
            this.CONSUME(StringText, { LABEL: 'from' })
            this.CONSUME(Arrow)
            this.CONSUME2(StringText, { LABEL: 'to' })
            this.OPTION(() => this.SUBRULE(this.loadConversion))
          },
        },
        {
          ALT: () => {
            this.OR2([
              { ALT: () => this.CONSUME(contextualWords.missing, { LABEL: 'rule' }) },
              { ALT: () => this.CONSUME(contextualWords.unused, { LABEL: 'rule' }) },
            ])
            this.CONSUME3(StringText, { LABEL: 'pattern' })
          },
        },
        { ALT: () => this.SUBRULE(this.stray), IGNORE_AMBIGUITIES: true },
      ]),
    )
  })
}
