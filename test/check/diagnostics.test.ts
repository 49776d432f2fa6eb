import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkCodes } from '../../compiler/diagnostics/check-codes.ts'
import { checkText, codesOf } from './check-text.ts'

/** `// compiled with --set Hiden=256` in a fixture's first line. */
function settingsOf(text: string): Record<string, number> {
  const match = /^\/\/ compiled with --set (\w+)=(\d+)/.exec(text)
  return match ? { [match[1]!]: Number(match[2]) } : {}
}

/** Lines of the library without their numbers, and margins that do not depend on these: the library may grow above them. */
function withoutLibraryNumbers(rendered: string): string {
  if (!rendered.includes('::: std/')) return rendered
  return rendered
    .replace(
      /(::: std\/\S+?):\d+:\d+\n((?: *\d* +\|.*\n)+)/g,
      (_, file, lines) => `${file}\n${lines.replace(/^ *\d+/gm, '')}`,
    )
    .replace(/^ *(\d*) +\|/gm, (_, number) => `${number.padStart(3)} |`)
    .replace(/^ *(?=-->|:::|\.\.\.$)/gm, '   ')
}

const folder = new URL('../fixtures/check/', import.meta.url)

/** Files beside the fixtures. */
function readFixture(path: string, from: string): string | undefined {
  const place = new URL(path, new URL(from, folder))
  return existsSync(place) ? readFileSync(place, 'utf8') : undefined
}

/** What the examples of the error index import. */
const described: Readonly<Record<string, string>> = {
  './block.nn': 'layer Block()(x: f32[N]) -> f32[N] {\n  return x\n}',
  './ring.nn': 'import { f } from "./example.nn"',
}

describe.each(Object.keys(checkCodes) as (keyof typeof checkCodes)[])('%s', (code) => {
  const text = readFileSync(new URL(`${code}.nn`, folder), 'utf8')

  test('the fixture shows the message', async () => {
    const { diagnostics, rendered } = checkText(text, settingsOf(text), `${code}.nn`, readFixture)
    expect(diagnostics.map((diagnostic) => diagnostic.code)).toContain(code)
    await expect(withoutLibraryNumbers(rendered)).toMatchFileSnapshot(`../fixtures/check/${code}.txt`)
  })

  test('the example of the error index raises it', () => {
    const { example } = checkCodes[code]
    const { diagnostics } = checkText(example, settingsOf(example), 'example.nn', (path) => described[path])
    expect(diagnostics.map((diagnostic) => diagnostic.code)).toContain(code)
  })
})

describe('reporting', () => {
  test('all mistakes of a file at once, in source order, without follow-ups', () => {
    const text = `fn a(x: f32[3], y: f32[4]) -> f32[3] {
  let broken = x + y
  let more = broken * unknown
  return more + relu(broken)
}
fn b(x: f32[N]) -> f32[N, N] {
  return x
}
fn c(x: f32[N]) -> f32[N] {
  return rellu(x)
}`
    const { diagnostics } = checkText(text)
    expect(diagnostics.map(({ code, span }) => [code, text.slice(span.start, span.end)])).toEqual([
      ['NN0203', 'x + y'],
      ['NN0201', 'unknown'],
      ['NN0208', 'f32[N, N]'],
      ['NN0201', 'rellu'],
    ])
  })

  test('a size error in a pipeline shows the shapes before it and where both sizes come from', () => {
    const { rendered } = checkText(`model Net(image: f32[Batch, 32, 7, 7]) -> f32[Batch, 10] {
  return image
    |> flatten(from = 1)
    |> fc2: Linear(In = 1050, Out = 10)
}`)
    expect(rendered).toMatchInlineSnapshot(`
      "error[NN0203]: \`fc2\` needs \`In\` = 1050 in axis 1 of \`x\`, but this has 1568
        --> test.nn:3:8
       3 |     |> flatten(from = 1)
         |        ^^^^^^^^^^^^^^^^^ f32[Batch, 1568]
         |        ----------------- 1568 = 32 * 7 * 7 comes from here
       4 |     |> fc2: Linear(In = 1050, Out = 10)
         |                         ---- 1050 comes from here
      help: drop \`In\`; it is inferred from the input
      "
    `)
  })

  test('a mistake inside the library is shown at the user’s call, with the library’s line beside it', () => {
    const { diagnostics } = checkText(`model M(x: f32[Batch, In]) -> f32[Batch, 2] {
  return x |> out: Linear(2)
}`)
    const [first] = diagnostics
    expect(first?.span.file).toBe('test.nn')
    expect(first?.labels.some(({ span }) => span.file === 'std/layers.nn')).toBe(true)
  })

  test('one place is reported once, however often a layer is expanded', () => {
    const codes = codesOf(`layer Broken()(x: f32[B, C]) -> f32[B, C] {
  return x + missing
}
model M(x: f32[Batch, 4]) -> f32[Batch, 4] {
  return x |> a: Broken |> b: Broken |> c: Broken
}`)
    expect(codes).toEqual(['NN0201'])
  })

  test.each([
    ['a function', inferring('rellu(x)'), 'relu'],
    ['a layer', inferring('x |> a: Dropot(0.5)'), 'Dropout'],
    ['a named argument', inferring('leaky_relu(x, slpe = 0.1)'), 'slope'],
    ['an optimizer', training('optimizer sdg(0.1)'), 'sgd'],
    ['a parameter in a pattern', training('optimizer sgd(0.1)\n  freeze "fd.w"'), 'fc.w'],
  ])('suggests %s', (_, text, suggestion) => {
    expect(checkText(text).diagnostics[0]?.hint).toContain(`\`${suggestion}\``)
  })
})

function inferring(expression: string): string {
  return `infer f(x: f32[Batch, 4]) -> f32[Batch, 4] {\n  return ${expression}\n}`
}

function training(statements: string): string {
  return `model M(x: f32[Batch, 2]) -> f32[Batch, 1] {
  return x |> fc: Linear(1)
}
train fit(x: f32[Batch, 2], y: f32[Batch, 1]) {
  loss mean_squared_error(M(x), y)
  ${statements}
}`
}
