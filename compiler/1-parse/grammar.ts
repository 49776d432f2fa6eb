/**
 * The grammar of a declaration; a file's declarations are parsed one at a time. An error in a declaration's head skips
 * to its body.
 */
import { type GrammarOptions, propagate, TooManyErrors } from './grammar-base.ts'
import { StatementGrammar } from './statement-grammar.ts'
import {
  Arrow,
  Colon,
  Comma,
  contextualWords,
  DotDot,
  Equal,
  Identifier,
  LeftBrace,
  LeftParenthesis,
  RightBrace,
  RightParenthesis,
  StringText,
  words,
} from './tokens.ts'
import type { CstNode, IToken } from './toolkit.ts'

export class Grammar extends StatementGrammar {
  constructor(options: GrammarOptions) {
    super(options)
    this.performSelfAnalysis()
  }

  /** Parses the tokens of one declaration; without a tree if errors were too many. */
  parseDeclaration(tokens: IToken[]): { cst?: CstNode; errors: Grammar['errors'] } {
    try {
      this.restart(tokens)
      const cst = this.declaration()
      return { cst, errors: this.errors }
    } catch (problem) {
      if (problem instanceof TooManyErrors) return { errors: this.errors }
      throw problem
    } finally {
      this.restart([])
    }
  }

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

  protected importDeclaration = this.RULE(
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

  protected importName = this.RULE(
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

  protected dimDeclaration = this.RULE(
    'dimDeclaration',
    () => {
      this.CONSUME(words.dim)
      this.CONSUME(Identifier)
      this.OPTION(() => this.SUBRULE(this.range))
    },
    propagate,
  )

  protected range = this.RULE(
    'range',
    () => {
      this.CONSUME(contextualWords.in)
      this.SUBRULE(this.binary, { LABEL: 'from' })
      this.CONSUME(DotDot)
      this.SUBRULE2(this.binary, { LABEL: 'to' })
    },
    propagate,
  )

  protected constDeclaration = this.RULE(
    'constDeclaration',
    () => {
      this.CONSUME(words.const)
      this.CONSUME(Identifier)
      this.CONSUME(Equal)
      this.SUBRULE(this.expression)
    },
    propagate,
  )

  protected hyperDeclaration = this.RULE(
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

  protected callableDeclaration = this.RULE('callableDeclaration', () => {
    this.SUBRULE(this.callableHead)
    this.SUBRULE(this.block)
    this.OPTION(() => {
      this.SUBRULE(this.gradientHead)
      this.SUBRULE2(this.block)
    })
  })

  protected gradientHead = this.RULE('gradientHead', () => {
    this.CONSUME(contextualWords.gradient)
    this.CONSUME(LeftParenthesis)
    this.CONSUME(Identifier)
    this.CONSUME(RightParenthesis)
  })

  protected callableHead = this.RULE('callableHead', () => {
    this.OR([
      { ALT: () => this.CONSUME(words.fn, { LABEL: 'keyword' }) },
      { ALT: () => this.CONSUME(words.layer, { LABEL: 'keyword' }) },
      { ALT: () => this.CONSUME(words.model, { LABEL: 'keyword' }) },
      { ALT: () => this.CONSUME(contextualWords.optimizer, { LABEL: 'keyword' }) },
      { ALT: () => this.CONSUME(contextualWords.initializer, { LABEL: 'keyword' }) },
      { ALT: () => this.CONSUME(contextualWords.metric, { LABEL: 'keyword' }) },
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

  protected trainDeclaration = this.RULE('trainDeclaration', () => {
    this.SUBRULE(this.trainHead)
    this.SUBRULE(this.block)
  })

  protected trainHead = this.RULE('trainHead', () => {
    this.CONSUME(contextualWords.train)
    this.CONSUME(Identifier)
    this.SUBRULE(this.parameters)
    this.OPTION(() => {
      this.CONSUME(contextualWords.on)
      this.CONSUME2(Identifier, { LABEL: 'data' })
    })
  })

  protected inferDeclaration = this.RULE('inferDeclaration', () => {
    this.SUBRULE(this.inferHead)
    this.SUBRULE(this.block)
  })

  protected inferHead = this.RULE('inferHead', () => {
    this.CONSUME(words.infer)
    this.CONSUME(Identifier)
    this.SUBRULE(this.parameters)
    this.OPTION(() => this.SUBRULE(this.result))
  })

  protected dataDeclaration = this.RULE('dataDeclaration', () => {
    this.CONSUME(contextualWords.data)
    this.CONSUME(Identifier)
    this.CONSUME(LeftBrace)
    this.MANY(() => this.SUBRULE(this.dataStatement))
    this.CONSUME(RightBrace)
  })

  protected loadDeclaration = this.RULE('loadDeclaration', () => {
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

  protected parameters = this.RULE(
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

  protected parameter = this.RULE(
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

  protected result = this.RULE(
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

  protected resultItem = this.RULE(
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
}
