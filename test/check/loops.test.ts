import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { format } from '../../compiler/1-parse/format.ts'
import type { CheckedEntry, LoopForm } from '../../compiler/2-check/checked.ts'
import { printChecked } from '../../compiler/2-check/print.ts'
import { checkText, codesOf, entryOf, inferText, outputType, programOf, variablesOf } from './check-text.ts'

const typeOf = (inputs: string, body: string): string =>
  outputType(programOf(`infer f(${inputs}) {\n  return ${body}\n}`), 'f')

function loopsOf(entry: CheckedEntry): LoopForm[] {
  return entry.values.flatMap(({ form }) => (form.kind === 'loop' ? [form] : []))
}

describe('types of loops', () => {
  test.each([
    ['xs: f32[Time, 4]', 'scan x in xs over Time { yield x }', 'f32[Time, 4]'],
    ['xs: f32[Batch, Time, 4]', 'scan x in xs over Time { yield x }', 'f32[Batch, Time, 4]'],
    ['xs: f32[Batch, Time, 4]', 'scan x in xs over Time { yield sum(x, axis = 1) }', 'f32[Batch, Time]'],
    ['xs: f32[Batch, Time, 4]', 'scan x in xs over Time { yield sum(x) }', 'f32[Time]'],
    ['xs: f32[Batch, 4, Time]', 'scan x in xs over Time { yield sum(x, axis = 1) }', 'f32[Batch, Time]'],
    ['xs: f32[Batch, 4, Time]', 'scan x in xs over Time { yield x }', 'f32[Batch, 4, Time]'],
    ['xs: f32[Batch, 6]', 'scan x in xs over 6 reverse { yield x > 0.0 }', 'bool[Batch, 6]'],
    ['xs: f32[2 * Time, 4]', 'scan x in xs over 2 * Time { yield 1 }', 'f32[2 * Time]'],
    ['xs: f32[Time, 4]', 'scan x in xs over Time carry s = 0.0 { yield carry s + sum(x) }', 'f32[]'],
    [
      'xs: f32[Time, 4]',
      'scan x in xs over Time carry s = xs[0] { yield carry if sum(x) > 0.0 then s else 1 }',
      'f32[4]',
    ],
    [
      'xs: f32[B, Time], ms: bool[Time, B]',
      'scan x in xs, m in ms over Time { yield if m then x else 0.0 }',
      'f32[B, Time]',
    ],
    ['xs: f32[Time, 4]', '(scan x in xs over Time carry s = 0.0 { yield (x, 2 * x) carry s })[1]', 'f32[Time, 4]'],
    ['xs: f32[Time, 4]', '(scan x in xs over Time carry s = 0.0 { yield (x, 2 * x) carry s })[2]', 'f32[]'],
    ['x: f32[Batch, 4]', 'iterate z = x until 1e-5 within 50 { yield carry cos(z) }', 'f32[Batch, 4]'],
    ['x: f32[4]', '(iterate a = x, b = 0.0 until 0.0 within 5 { yield carry a * b, sum(a) })[1]', 'f32[]'],
    [
      'xs: f32[Time, Rows, 4]',
      'scan x in xs over Time { yield scan r in x over Rows { yield sum(r) } }',
      'f32[Time, Rows]',
    ],
  ])('%s: %s is %s', (inputs, body, type) => {
    expect(typeOf(inputs, body)).toBe(type)
  })

  test('axes of equal size are told apart by the signature', () => {
    const sums = `layer Sums()(x: f32[B, T, C]) -> f32[B, T] {
  return scan step in x over T {
    yield sum(step, axis = 1)
  }
}
fn last(x: f32[..., T]) -> f32[...] {
  let (_all, final) = scan step in x over T carry _before = x[..., 0] {
    yield 2.0 * step carry step
  }
  return final
}
const Side = 8
infer f(image: f32[Batch, Side, Side]) -> f32[Batch, Side] {
  return (image |> Sums) + last(image)
}`
    expect(checkText(sums).rendered).toBe('')
    const [first, second] = loopsOf(entryOf(programOf(sums), 'f'))
    const orderOf = (loop: LoopForm | undefined) => entryOf(programOf(sums), 'f').values[loop!.elements[0]!]!.form
    expect(orderOf(first)).toMatchObject({ op: 'permute', attributes: { order: [1, 0, 2] } })
    expect(orderOf(second)).toMatchObject({ op: 'permute', attributes: { order: [2, 0, 1] } })
  })
})

describe('mistakes in loops', () => {
  test.each([
    ['xs: f32[Time, 4]', 'scan x in xs over Tme { yield x }', ['NN0201']],
    ['xs: f32[Time, 4]', 'scan x in ys over Time { yield x }', ['NN0201']],
    ['xs: f32[Time, 4]', 'scan x in xs over Time { yield x + unknown }', ['NN0201']],
    ['xs: f32[Time, Time]', 'scan x in xs over Time { yield x }', ['NN0280']],
    ['xs: f32[Time, 4]', 'scan x in xs, x in xs over Time { yield x }', ['NN0202']],
    ['xs: f32[Time, 4]', 'scan x in xs over Time carry s = zeros { yield carry s + x }', ['NN0206']],
    ['xs: f32[Time, 4]', 'scan x in xs over Time { return x }', ['NN0217']],
    ['xs: f32[Time, 4]', 'scan x in xs over Time { state s: f32 = 0.0 yield x * s }', ['NN0217']],
    ['xs: f32[Time, 4]', 'sum[i](scan x in xs over Time { yield x[i] })', ['NN0223']],
    ['n: i32[4]', 'iterate z = n until 1e-5 within 5 { yield carry z }', ['NN0205']],
    ['x: f32[4]', 'iterate z = x until 1e-5 within 2000000 { yield carry z }', ['NN0285']],
  ])('%s: %s', (inputs, body, codes) => {
    expect(codesOf(inferText(inputs, 'f32[Time, 4]', body))).toEqual(codes)
  })

  test('`yield` belongs in a loop', () => {
    const { diagnostics } = checkText('infer f(x: f32[4]) -> f32[4] {\n  yield x\n  return x\n}')
    expect(diagnostics).toMatchObject([{ code: 'NN0217', hint: 'it ends the body of `scan` or `iterate`' }])
  })

  test('mistakes in a body are found though the heading is wrong', () => {
    const text = `infer f(xs: f32[Time, 4]) -> f32[Time, 4] {
  return scan x in xs over 5 carry h = missing {
    let y = x + h + unknown
    yield y carry rellu(xs)
  }
}`
    expect(codesOf(text)).toEqual(['NN0280', 'NN0201', 'NN0201', 'NN0201'])
  })

  test('names only a loop declares may be unused too', () => {
    const text = `infer f(xs: f32[Time, 4], ys: f32[Time, 4]) -> f32[Time, 4] {
  let (doubled, _last) = scan x in xs, y in ys over Time carry h = 0.0 {
    let extra = x
    yield 2.0 * x carry 1.0
  }
  return doubled
}`
    const { diagnostics } = checkText(text)
    expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'NN0270 nothing uses `scan y`',
      'NN0270 nothing uses `carry h`',
      'NN0270 nothing uses `let extra`',
    ])
  })

  test('a layer with a loop that nothing uses is checked with open sizes', () => {
    const layer = (last: string) => `layer Run(Hid)(x: f32[B, T, C], h0: f32[B, Hid] = zeros) -> f32[B, T, Hid] {
  let (hs, _last) = scan step in x over T carry h = h0 {
    let next = tanh((step |> up: Linear(Hid)) + h)
    yield next carry ${last}
  }
  return hs
}`
    expect(codesOf(layer('next'))).toEqual([])
    expect(codesOf(layer('step'))).toEqual(['NN0281'])
  })
})

describe('bodies', () => {
  const text = `const Hid = 4
hyper scale = 0.5
layer Inner()(x: f32[B, C], h: f32[B, C]) -> f32[B, C] {
  state offset: f32[C] = zeros
  return (x + h |> fc: Linear(C, bias = false) |> Dropout(0.3)) * scale + offset
}
model M(xs: f32[Batch, Time, Hid], mask: f32[Batch]) -> f32[Batch, Hid] {
  let parts = (mask, 2.0 * mask)
  use twice = Inner
  return scan x in xs over Time carry h = zeros_like(xs[:, 0]) {
    let inside = Inner(x, h)
    let both = scan v in transpose(twice(x, inside)) over Hid {
      yield v * parts[1] + uniform_like(v)
    }
    yield carry transpose(both)
  }
}
train fit(xs: f32[Batch, Time, Hid], mask: f32[Batch]) {
  loss mean(M(xs, mask))
  optimizer sgd(0.1)
}`
  const program = programOf(text)

  test('share parameters among steps, under paths without a number', () => {
    expect(variablesOf(program).filter((line) => !line.startsWith('optimizer'))).toEqual([
      'state inner.offset: f32[4]',
      'parameter inner.fc.w: f32[4, 4]',
      'state twice.offset: f32[4]',
      'parameter twice.fc.w: f32[4, 4]',
    ])
  })

  test('read variables, hypers and random numbers only through what the loop is given', () => {
    const outsideOnly = ({ body }: LoopForm): void => {
      for (const { form } of body.values) {
        if (form.kind === 'loop') outsideOnly(form)
        if (form.kind === 'operation') expect(['variable', 'hyper', 'uniform', 'normal']).not.toContain(form.op)
      }
      const names = body.values.flatMap(({ form }) =>
        form.kind === 'operation' && form.op === 'input' ? [form.attributes.name] : [],
      )
      expect(new Set(names).size).toBe(names.length)
    }
    for (const entry of program.entries) loopsOf(entry).forEach(outsideOnly)
  })

  test('get random numbers for all steps from before the loop', () => {
    const shapes = (entry: string) =>
      entryOf(program, entry).values.flatMap(({ form }) =>
        form.kind === 'operation' && form.op === 'uniform' ? [form.attributes.shape.map(String).length] : [],
      )
    // Two dropouts [Time, Batch, Hid] and the inner loop's [Time, Hid, Batch]; evaluation has no dropout.
    expect(shapes('fit.step')).toEqual([3, 3, 3])
    expect(shapes('fit.evaluate')).toEqual([3])
  })

  test('are printed inside their loop', () => {
    const small = programOf(`infer f(xs: f32[Batch, Time], w: f32[Batch]) {
  return scan x in xs over Time reverse carry h = 0.0 {
    yield x * w carry h + 1.0
  }
}`)
    expect(printChecked(small).split('\n\n')[2]).toMatchInlineSnapshot(`
      "infer f
        %0: f32[Batch, Time] = input(name = xs, type = f32[Batch, Time])
        %1: f32[Batch] = input(name = w, type = f32[Batch])
        %2: f32 = constant(value = 0, dtype = f32)
        %3: f32[Time, Batch] = permute(%0, order = [1, 0])
        %4: f32 = scan over Time reverse carry %2 element %3 outside %1
          %0: f32[Batch] = input(name = element0, type = f32[Batch])
          %1: f32 = input(name = carry0, type = f32)
          %2: f32[Batch] = input(name = outside0, type = f32[Batch])
          %3: f32[Batch] = mul(%0, %2)
          %4: f32 = constant(value = 1, dtype = f32)
          %5: f32 = add(%1, %4)
          carry0 = %5
          yield0 = %3
        %5: f32 = result(%4, index = 0)
        %6: f32[Time, Batch] = result(%4, index = 1)
        %7: f32[Batch, Time] = permute(%6, order = [1, 0])
        output output1 = %7
        output output2 = %5
      "
    `)
  })
})

test('the character model of the language page has no mistakes and no warnings', () => {
  const text = readFileSync(new URL('../fixtures/language/names.nn', import.meta.url), 'utf8')
  expect(checkText(text).rendered).toBe('')
  expect(outputType(programOf(text), 'Chars', 'logits')).toBe('f32[Batch, Time, 11]')
})

describe('typed values', () => {
  test.each([
    ['let h: f32[Batch, 3] = zeros', 'f32[Batch, 3]'],
    ['let h: f32[Batch, 3] = normal(std = 0.1)', 'f32[Batch, 3]'],
    ['let h: i32 = 3', 'i32[]'],
  ])('%s', (statement, type) => {
    expect(outputType(programOf(`infer f(x: f32[Batch, 2]) {\n  let _y = x\n  ${statement}\n  return h\n}`), 'f')).toBe(
      type,
    )
  })

  test('an initializer as the default of an input takes the input’s type', () => {
    const text =
      'infer f(x: f32[Batch, Time, 2]) -> f32[Batch] {\n  return last(x)\n}\nfn last(x: f32[B, T, C], h: f32[B] = ones) -> f32[B] {\n  return h + sum(x)\n}'
    expect(codesOf(text)).toEqual([])
  })
})

describe('carries with a type', () => {
  test.each([
    ['x: f32[Batch, T, 4]', 'scan v in x over T carry h: f32[Batch, 4] = zeros { yield carry h + v }', 'f32[Batch, 4]'],
    ['x: f32[Batch, T]', 'scan v in x over T carry n: i32[Batch] = 0 { yield carry n + 1 }', 'i32[Batch]'],
    [
      'x: f32[Batch, T]',
      'scan v in x over T carry on: bool[Batch] = true { yield carry on and v > 0.0 }',
      'bool[Batch]',
    ],
    ['x: f32[Batch, 4]', 'iterate z: f32[Batch, 4] = 1.0 within 3 { yield carry z * x }', 'f32[Batch, 4]'],
    ['x: f32[Batch, 4]', 'iterate z: f32[Batch, 4] = x until 0.1 within 3 { yield carry z * x }', 'f32[Batch, 4]'],
  ])('%s; %s', (inputs, body, type) => {
    expect(typeOf(inputs, body)).toBe(type)
  })

  test('are checked', () => {
    const scan = (carry: string) =>
      codesOf(inferText('x: f32[Batch, T, 4]', 'f32[Batch, 4]', `scan v in x over T carry ${carry} { yield carry h }`))
    expect(scan('h: f32[Batch, 3] = x[:, 0]')).toEqual(['NN0208'])
    expect(scan('h: i32[Batch] = 0.5')).toEqual(['NN0205'])
    expect(scan('h = zeros')).toEqual(['NN0206'])
  })

  test('keep their form', () => {
    const text = `infer f(x: f32[Batch, T]) -> f32[Batch] {
  return scan v in x over T carry h: f32[Batch] = zeros {
    yield carry h + v
  }
}
`
    expect(format(text, 'test.nn').text).toBe(text)
  })
})

test('a number or a condition fills the type a `let` states', () => {
  const text = `infer f(x: f32[Batch, 3]) -> (a: i32[Batch], b: bool[Batch, 3], c: f32[3]) {
  let a: i32[Batch] = 0
  let b: bool[Batch, 3] = false
  let c: f32[3] = 1
  return (a, b or x > 0.0, c)
}`
  expect(codesOf(text)).toEqual([])
})
