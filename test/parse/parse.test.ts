import { describe, expect, test } from 'vitest'
import type { Expression, Statement } from '../../compiler/1-parse/ast.ts'
import { Grammar } from '../../compiler/1-parse/grammar.ts'
import { limits } from '../../compiler/1-parse/limits.ts'
import { parse } from '../../compiler/1-parse/parse.ts'
import { printAst } from '../../compiler/1-parse/print.ts'
import { makeLexer } from '../../compiler/1-parse/tokens.ts'

/** The statements of a function's body. */
function statements(body: string): readonly Statement[] {
  const { ast, diagnostics } = parse(`fn f(x: f32) {\n${body}\n}`, 'test.nn')
  expect(diagnostics).toEqual([])
  const [declaration] = ast.declarations
  if (declaration?.kind !== 'fn') throw new Error('no function')
  return declaration.body.statements
}

function expression(text: string): Expression {
  const [statement] = statements(`return ${text}`)
  if (statement?.kind !== 'return') throw new Error('no return')
  return statement.value
}

/** With every operation in parentheses. */
function explicit(value: Expression): string {
  switch (value.kind) {
    case 'number':
      return String(value.value)
    case 'name':
      return value.name
    case 'unary':
      return `(${value.operator} ${explicit(value.operand)})`
    case 'binary':
      return `(${explicit(value.left)} ${value.operator} ${explicit(value.right)})`
    case 'conditional':
      return `(if ${explicit(value.condition)} ${explicit(value.consequent)} ${explicit(value.alternate)})`
    case 'pipeline':
      return `(${[value.input, ...value.stages.map((stage) => stage.target)].map(explicit).join(' |> ')})`
    case 'call':
      return `${explicit(value.callee)}(${value.arguments.map((argument) => explicit(argument.value)).join(', ')})`
    default:
      return value.kind
  }
}

function codes(text: string): string[] {
  return parse(text, 'test.nn').diagnostics.map((diagnostic) => diagnostic.code)
}

test('the grammar and the tokens are sound', () => {
  expect(() => makeLexer({ validate: true })).not.toThrow()
  expect(() => new Grammar({ validate: true, nesting: 10, errors: 10 })).not.toThrow()
})

describe('precedence', () => {
  test.each([
    ['a + b * c - d', '((a + (b * c)) - d)'],
    ['a - b - c', '((a - b) - c)'],
    ['a @ b / c', '((a @ b) / c)'],
    ['a ^ b ^ c', '(a ^ (b ^ c))'],
    ['-a ^ b', '(- (a ^ b))'],
    ['a ^ -b ^ c * d', '((a ^ (- (b ^ c))) * d)'],
    ['- - a * b', '((- (- a)) * b)'],
    ['not a == b and c', '((not (a == b)) and c)'],
    ['not - a + b < c', '(not (((- a) + b) < c))'],
    ['a or b and c or d', '((a or (b and c)) or d)'],
    ['a || b && !c', '(a or (b and (not c)))'],
    ['a or b ?? c', '((a or b) ?? c)'],
    ['a < b == (c < d)', undefined],
    ['(a < b) == (c < d)', '((a < b) == (c < d))'],
    ['a + b |> f |> g(c)', '((a + b) |> f |> g(c))'],
    ['if a then b else c + d |> f', '(if a b ((c + d) |> f))'],
    ['a + if b then c else d * e', '(a + (if b c (d * e)))'],
    ['if a then b else if c then d else e', '(if a b (if c d e))'],
    ['f(a)(b)', 'f(a)(b)'],
    ['-inf', '(- inf)'],
  ])('%s', (text, expected) => {
    if (expected === undefined) expect(codes(`const X = ${text}`)).toEqual(['NN0115'])
    else expect(explicit(expression(text))).toBe(expected)
  })
})

describe('numbers', () => {
  test.each([
    ['12', 12, true],
    ['1_000', 1000, true],
    ['0.5', 0.5, false],
    ['1e-3', 1e-3, false],
    ['2.5E+3', 2500, false],
  ])('%s', (text, value, integer) => {
    expect(expression(text)).toMatchObject({ kind: 'number', value, integer })
  })

  test.each(['1..512', '1.5..2.5', '1e-5..1e-1'])('the range %s', (text) => {
    const { ast, diagnostics } = parse(`dim B in ${text}`, 'test.nn')
    const [from, to] = text.split('..').map(Number)
    expect(diagnostics).toEqual([])
    expect(ast.declarations[0]).toMatchObject({ range: { from: { value: from }, to: { value: to } } })
  })

  test.each(['1__0', '1_', '1e', '3x', '0x10'])('%s is none', (text) => {
    expect(codes(`const A = ${text}`)).toEqual(['NN0110'])
  })

  test.each(['1e39', '1e-50', '99999999999999999999'])('%s is out of range', (text) => {
    expect(codes(`const A = ${text}`)).toEqual(['NN0111'])
  })
})

test('a foreign comment at the very end of a file has its place inside it', () => {
  const { diagnostics } = parse('fn f() {}\n#', 'test.nn')
  expect(diagnostics.map(({ code, span }) => [code, span.start, span.end])).toEqual([['NN0109', 10, 11]])
})

describe('words with a meaning only in their place', () => {
  const contextual = [
    'train data load initializer optimizer loss metric batch epochs seed accumulate stop freeze clip source valid',
    'test split map missing unused transpose reshape except from as in on where log linear over reverse carry until within has',
    'improved for epoch unrolled counted scan iterate repeat training image pixels',
  ].flatMap((line) => line.split(' '))

  test.each(contextual)('%s is a name', (word) => {
    const body = `let ${word} = 1\nlet a = ${word} + ${word}(2) - ${word}.loss * ${word}[0]\nlet b = ${word}\nlet c = [${word}, f(${word} = ${word})]\nuse ${word} = f\nreturn x |> ${word}: f |> ${word}`
    expect(statements(body).map((statement) => statement.kind)).toEqual(['let', 'let', 'let', 'let', 'use', 'return'])
    const { diagnostics } = parse(
      `data d {\n${word} = ${word}\nx = [${word}]\n}\nfn ${word}(${word}: f32) {}`,
      'test.nn',
    )
    expect(diagnostics).toEqual([])
  })

  test('statements without a line end between them', () => {
    const kinds = statements(
      'batch batch epochs 5 seed 1 loss loss metric metric = loss stop when loss has not improved for 3 epochs',
    )
    expect(kinds.map((statement) => statement.kind)).toEqual([
      'setting',
      'setting',
      'setting',
      'loss',
      'metric',
      'stop',
    ])
  })

  test('yield with and without a value', () => {
    const yields = statements('yield a\nyield carry b\nyield a carry b, c\nyield carry').map((statement) =>
      statement.kind === 'yield' ? [statement.value !== undefined, statement.carry.length] : [],
    )
    expect(yields).toEqual([
      [true, 0],
      [false, 1],
      [true, 2],
      [true, 0],
    ])
  })

  test('an optimizer is declared outside and chosen inside a block', () => {
    const { ast, diagnostics } = parse(
      'train t(x: f32) {\noptimizer adam(lr)\nloss x\n}\noptimizer mine(lr)(p, g) {\nupdate p = g\n}',
      'test.nn',
    )
    expect(diagnostics).toEqual([])
    expect(ast.declarations.map((declaration) => declaration.kind)).toEqual(['train', 'optimizer'])
  })
})

describe('trees', () => {
  test('a reduction has plain names in its brackets', () => {
    expect(expression('sum[i, ...](x[i, ...])')).toMatchObject({
      kind: 'reduction',
      reducer: 'sum',
      indices: [{ kind: 'index', name: { text: 'i' } }, { kind: 'ellipsis' }],
    })
    expect(expression('sum(x)').kind).toBe('call')
    expect(expression('sum[0](x)').kind).toBe('call')
    expect(expression('total[i](x)').kind).toBe('call')
    expect(expression('(sum[i])(x)').kind).toBe('call')
  })

  test('one list of parameters is what flows, of two the first is fixed', () => {
    const { ast } = parse('layer A(x: f32) {}\nlayer B(N)(x: f32) {}\ninitializer z()(p) {}', 'test.nn')
    const lists = ast.declarations.map((declaration) =>
      'config' in declaration ? [declaration.config.length, declaration.inputs.length] : [],
    )
    expect(lists).toEqual([
      [0, 1],
      [1, 1],
      [0, 1],
    ])
  })

  test('documentation is the comment directly above', () => {
    const { ast } = parse('/// far\n\n/// one\n/// two\nconst A = 1\n// no\nconst B = 2\n', 'test.nn')
    expect(ast.declarations.map((declaration) => 'documentation' in declaration && declaration.documentation)).toEqual([
      'one\ntwo',
      false,
    ])
    expect(ast.comments).toHaveLength(4)
  })

  test('spans cover parentheses and hold their text', () => {
    const text = 'const A = (b + c) * d'
    const [declaration] = parse(text, 'test.nn').ast.declarations
    if (declaration?.kind !== 'const') throw new Error('no constant')
    expect(text.slice(declaration.value.span.start, declaration.value.span.end)).toBe('(b + c) * d')
  })

  test('the printed tree', () => {
    const { ast } = parse(
      'hyper lr = 1e-3 in 1e-5..1e-1 log\nfn f(x: f32[...]) -> f32 {\n  return sum[i](x[i]) + 1\n}',
      'f.nn',
    )
    expect(printAst(ast)).toMatchInlineSnapshot(`
      "file f.nn
        hyper lr scale="log" @0..33
          value: number 0.001 integer=false @11..15
          range: @19..29
            from: number 0.00001 integer=false @19..23
            to: number 0.1 integer=false @25..29
        fn f @34..88
          inputs: x @39..50
            type: tensor dtype="f32" @42..50
              shape: ellipsis @46..49
          result: single @55..58
            type: tensor dtype="f32" @55..58
          body: @59..88
            statements: return @63..86
              value: binary + @70..86
                left: reduction reducer="sum" @70..82
                  indices: index i @74..75
                  body: index @77..81
                    target: name name="x" @77..78
                    subscripts: expression @79..80
                      value: name name="i" @79..80
                right: number 1 integer=true @85..86
      "
    `)
  })
})

describe('recovery', () => {
  test('all errors of a file, in order, the first of a statement only', () => {
    const text = `model A(x: f32[2]) -> f32[2] {
  let y =
  let z = f(a b, c) + + d
  retrun x
  let good = 1
  y = 3
  return x ]
}
cosnt H = 3
train fit(x: f32 {
  loss foo(
}
const Good = 2
fn f(x: f32) {
  when x {
    return x
`
    const { ast, diagnostics } = parse(text, 'test.nn')
    const lines = diagnostics.map(({ code, span }) => `${code} ${text.slice(0, span.start).split('\n').length}`)
    expect(lines).toEqual([
      'NN0123 2',
      'NN0101 3',
      'NN0105 4',
      'NN0105 6',
      'NN0103 7',
      'NN0104 9',
      'NN0101 10',
      'NN0102 11',
      'NN0102 15',
    ])
    expect(ast.declarations.map((declaration) => declaration.kind)).toContain('const')
    const [model] = ast.declarations
    expect(model?.kind === 'model' && model.body.statements.map((statement) => statement.kind)).toEqual([
      'let',
      'return',
    ])
  })

  test('errors in a block inside a damaged statement', () => {
    expect(codes('fn f(x: f32) {\n  if x {\n    let y =\n    let z = 1\n  }\n}')).toEqual(['NN0105', 'NN0123'])
  })

  test('no more than the limit', () => {
    const { diagnostics } = parse(
      'let a = 1\n'.repeat(10).concat('fn f() {\nlet y =\n', 'let y =\n'.repeat(5000), '}'),
      'test.nn',
    )
    expect(diagnostics).toHaveLength(limits.errors)
    expect(diagnostics.at(-1)?.hint).toContain('more errors')
  })
})

describe('limits', () => {
  const deep = (open: string, close: string, count: number) => `const A = ${open.repeat(count)}x${close.repeat(count)}`
  test.each([
    ['parentheses', '(', ')'],
    ['calls', 'f(', ')'],
    ['indices', 'x[', ']'],
    ['conditions', 'if x then ', ' else y'],
    ['lists', '[', ']'],
  ])('nesting of %s', (_, open, close) => {
    expect(codes(deep(open, close, limits.nesting - 1))).toEqual([])
    expect(codes(deep(open, close, limits.nesting))).toEqual(['NN0113'])
    expect(codes(deep(open, close, 10_000))).toEqual(['NN0113'])
  })

  test('nesting of blocks', () => {
    const blocks = (count: number) => `fn f(x: f32) {${'when x {'.repeat(count)}${'}'.repeat(count)}}`
    expect(codes(blocks(limits.nesting - 2))).toEqual([])
    expect(codes(blocks(10_000))).toEqual(['NN0113'])
  })

  test('length of chains of conditions', () => {
    const chain = (count: number) => `fn f(x: f32) {${'when x {} else '.repeat(count)}{}}`
    expect(codes(chain(limits.nesting - 1))).toEqual([])
    expect(codes(chain(10_000))).toEqual(['NN0113'])
  })

  test.each([
    ['+', 'x + '],
    ['^', 'x ^ '],
    ['-', '- '],
    ['else if', 'if x then y else '],
  ])('height of %s', (_, part) => {
    const chain = (count: number) => `const A = ${part.repeat(count)}x`
    expect(codes(chain(limits.expressionHeight - 1))).toEqual([])
    expect(codes(chain(limits.expressionHeight + 1))).toEqual(['NN0114'])
    expect(codes(chain(10_000))).toEqual(['NN0114'])
  })

  test.each([
    ['stages', ' |> f'],
    ['calls', '(x)'],
    ['members', '.x'],
  ])('height of %s', (_, part) => {
    expect(codes(`const A = x${part.repeat(limits.expressionHeight + 1)}`)).toEqual(['NN0114'])
  })

  test('size', () => {
    expect(codes(`// ${'x'.repeat(limits.sourceLength)}`)).toEqual(['NN0112'])
  })

  test('a declaration too deep leaves the others', () => {
    expect(parse(`${deep('(', ')', 1000)}\nconst B = 2`, 'test.nn').ast.declarations).toHaveLength(1)
  })
})
