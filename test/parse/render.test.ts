import { describe, expect, test } from 'vitest'
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.ts'
import { renderDiagnostics, sortDiagnostics } from '../../compiler/diagnostics/render.ts'
import { suggest } from '../../compiler/diagnostics/suggest.ts'

const file = 'net.nn'

/** A diagnostic on the first occurrence of a piece of text, with labels on others. */
function on(text: string, piece: string, labels: Record<string, string> = {}, hint?: string): Diagnostic {
  const span = (part: string) => ({ file, start: text.indexOf(part), end: text.indexOf(part) + part.length })
  return {
    code: 'NN0101',
    severity: 'error',
    span: span(piece),
    message: 'the message',
    labels: Object.entries(labels).map(([part, message]) => ({ span: span(part), message })),
    ...(hint !== undefined && { hint }),
  }
}

function render(text: string, ...diagnostics: Diagnostic[]): string {
  return renderDiagnostics(diagnostics, new Map([[file, text]]))
}

const net =
  'model Net(x: f32[B, 8]) {\n  return x\n    |> flatten(from = 1)\n    |> pool: MaxPool(2)\n    |> fc2: Dense(In = 1050, Out = 10)\n}\n'

test('primary and secondary places, the gap between them, and help', () => {
  const labels = { '1050': 'fixed to 1050 here', 'f32[B, 8]': 'the input has 8', 'flatten(from = 1)': 'flattened here' }
  expect(render(net, on(net, '1050', labels, 'drop `In`'))).toMatchInlineSnapshot(`
    "error[NN0101]: the message
      --> net.nn:5:24
     1 | model Net(x: f32[B, 8]) {
       |              --------- the input has 8
     2 |   return x
     3 |     |> flatten(from = 1)
       |        ----------------- flattened here
     4 |     |> pool: MaxPool(2)
     5 |     |> fc2: Dense(In = 1050, Out = 10)
       |                        ^^^^ fixed to 1050 here
    help: drop \`In\`
    "
  `)
})

test('two places on one line', () => {
  expect(render(net, on(net, 'Out', { '1050': 'this is first' }))).toMatchInlineSnapshot(`
    "error[NN0101]: the message
      --> net.nn:5:30
     5 |     |> fc2: Dense(In = 1050, Out = 10)
       |                              ^^^
       |                        ---- this is first
    "
  `)
  expect(render(net, on(net, 'In', { Out: 'this is last' }))).toMatchInlineSnapshot(`
    "error[NN0101]: the message
      --> net.nn:5:19
     5 |     |> fc2: Dense(In = 1050, Out = 10)
       |                   ^^         --- this is last
    "
  `)
})

test('a span over several lines', () => {
  const short = net.slice(net.indexOf('x\n'), net.indexOf('\n    |> fc2'))
  expect(render(net, on(net, short))).toMatchInlineSnapshot(`
    "error[NN0101]: the message
      --> net.nn:2:10
     2 |   return x
       |          ^
     3 |     |> flatten(from = 1)
       |     ^^^^^^^^^^^^^^^^^^^^
     4 |     |> pool: MaxPool(2)
       |     ^^^^^^^^^^^^^^^^^^^
    "
  `)
  const long = `fn f() {\n${'  let a = 1\n'.repeat(20)}}`
  expect(render(long, on(long, long))).toMatchInlineSnapshot(`
    "error[NN0101]: the message
       --> net.nn:1:1
      1 | fn f() {
        | ^^^^^^^^
       ...
     22 | }
        | ^
    "
  `)
})

test('tabs, wide and combining characters keep the marks in place', () => {
  const text = '\tlet\ty = "日本語 e\u0301 🙂" wrong'
  expect(render(text, on(text, 'wrong'))).toMatchInlineSnapshot(`
    "error[NN0101]: the message
      --> net.nn:1:21
     1 |     let y = "日本語 é 🙂" wrong
       |                           ^^^^^
    "
  `)
})

test('control characters never reach the terminal', () => {
  const text = 'let y = "\u001b[2J\u0007\u202e" wrong'
  const shown = renderDiagnostics([{ ...on(text, 'wrong'), message: 'bad \u001b[2J' }], new Map([[file, text]]))
  expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
})

test('long lines are cut around the place', () => {
  const text = `${'start '.repeat(40)}wrong${' end'.repeat(60)}`
  const lines = render(text, on(text, 'wrong')).split('\n')
  expect(lines.every((line) => line.length < 140)).toBe(true)
  const [source, marks] = lines.slice(2)
  expect(source?.indexOf('wrong')).toBe(marks?.indexOf('^^^^^'))
  expect(source).toMatch(/\| ….* wrong .*…$/)
})

test('the end of the file, an empty file, and a place past the end', () => {
  expect(render('abc', { ...on('abc', 'abc'), span: { file, start: 3, end: 3 } })).toContain('net.nn:1:4')
  expect(render('', { ...on('', ''), span: { file, start: 0, end: 0 } })).toContain('net.nn:1:1')
  expect(render('a\n', { ...on('a', 'a'), span: { file, start: 50, end: 60 } })).toContain('net.nn:2:1')
})

test('places in other files, with and without their text', () => {
  const label = { span: { file: 'layers.nn', start: 6, end: 12 }, message: 'declared here' }
  const text = 'x |> Linear'
  const diagnostic = { ...on(text, 'Linear'), labels: [label] }
  expect(
    renderDiagnostics(
      [diagnostic],
      new Map([
        [file, text],
        ['layers.nn', 'layer Linear(Out)'],
      ]),
    ),
  ).toMatchInlineSnapshot(`
    "error[NN0101]: the message
      --> net.nn:1:6
     1 | x |> Linear
       |      ^^^^^^
      ::: layers.nn:1:7
     1 | layer Linear(Out)
       |       ------ declared here
    "
  `)
  expect(render(text, diagnostic)).toContain('::: layers.nn')
})

test('line ends of every kind count', () => {
  const text = 'a\r\nb\rc\nwrong'
  expect(render(text, on(text, 'wrong'))).toContain('net.nn:4:1')
})

test('color only when asked for', () => {
  const text = 'wrong'
  const source = new Map([[file, text]])
  const plain = renderDiagnostics([on(text, 'wrong')], source)
  const colored = renderDiagnostics([on(text, 'wrong')], source, { color: true })
  expect(plain).not.toContain('\u001b')
  expect(colored).toContain('\u001b[1;31m')
  const codes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g')
  expect(colored.replace(codes, '')).toBe(plain)
})

test('source order, file by file', () => {
  const at = (name: string, start: number): Diagnostic => ({
    ...on('', ''),
    span: { file: name, start, end: start + 1 },
  })
  const sorted = sortDiagnostics([at('b', 5), at('a', 1), at('b', 2), at('a', 0)])
  expect(sorted.map(({ span }) => `${span.file}${span.start}`)).toEqual(['b2', 'b5', 'a0', 'a1'])
})

describe('suggestions', () => {
  test.each([
    ['modle', ['layer', 'model'], 'model'],
    ['rleu', ['relu', 'elu'], 'relu'],
    ['Liner', ['Linear', 'Conv'], 'Linear'],
    ['softmaks', ['softmax', 'softplus'], 'softmax'],
    ['x', ['y'], undefined],
    ['foo', ['bar'], undefined],
    ['relu', ['relu'], undefined],
    ['LINEAR', ['Linear'], 'Linear'],
  ])('%s', (name, candidates, expected) => {
    expect(suggest(name, candidates)).toBe(expected)
  })
})
