import { describe, expect, test } from 'vitest'
import { importedName } from '../../compiler/1-parse/imports.ts'
import { checkText, entryOf, outputType, variablesOf } from './check-text.ts'

const block = `const Width = 8
dim Time in 1..64
hyper slope = 0.1
hyper unused = 0.5
fn leak(x: f32[...]) -> f32[...] {
  return leaky_relu(x, 0.5) * slope
}
/// Its constant and its function are those of this file.
layer Block(Out)(x: f32[..., In]) -> f32[..., Out] {
  return x |> fc: Linear(Width) |> leak |> out: Linear(Out)
}
model Tail(x: f32[Batch, Time, 4]) -> f32[Batch, Time, 2] {
  return x |> block: Block(2)
}
`
const files: Readonly<Record<string, string>> = {
  'lib/block.nn': block,
  'lib/again.nn':
    'import { Block } from "block.nn"\nlayer Twice(Out)(x: f32[..., In]) -> f32[..., Out] {\n  return x |> one: Block(4) |> two: Block(Out)\n}\n',
  'lib/tail.nn': 'model Tail(x: f32[Batch, 4]) -> f32[Batch, 4] {\n  return x\n}\ndim Batch in 1..7\n',
  'lib/broken.nn': 'layer Broken()(x: f32[N]) -> f32[N] {\n  return (x\n}\n',
  'lib/wrong.nn': 'layer Wrong()(x: f32[..., C]) -> f32[..., C] {\n  return x + missing\n}\n',
}

const checkFiles = (text: string) => checkText(text, {}, 'net.nn', (path, from) => files[importedName(path, from)])

describe('import', () => {
  test('brings in declarations that keep the names of their own file', () => {
    const { program, rendered } = checkFiles(`import { Block as Part, Time, Width as Wide } from "./lib/block.nn"
import { Twice } from "./lib/again.nn"

const Width = 3
fn leak(x: f32[...]) -> f32[...] {
  return x
}
model Net(x: f32[Batch, Time, 5]) -> f32[Batch, Time, Width] {
  return x |> part: Part(Wide) |> leak |> twice: Twice(Width)
}`)
    expect(rendered).toBe('')
    expect(variablesOf(program!)).toEqual(
      [
        'part.fc.w: f32[8, 5]',
        'part.fc.b: f32[8]',
        'part.out.w: f32[8, 8]',
        'part.out.b: f32[8]',
        'twice.one.fc.w: f32[8, 8]',
        'twice.one.fc.b: f32[8]',
        'twice.one.out.w: f32[4, 8]',
        'twice.one.out.b: f32[4]',
        'twice.two.fc.w: f32[8, 4]',
        'twice.two.fc.b: f32[8]',
        'twice.two.out.w: f32[3, 8]',
        'twice.two.out.b: f32[3]',
      ].map((line) => `parameter ${line}`),
    )
    expect(program!.dims.find(({ name }) => name === 'Time')).toEqual({ name: 'Time', minimum: 1, maximum: 64 })
    expect(program!.hypers.map(({ name }) => name)).toEqual(['slope'])
  })

  test('an imported model is an entry point under the name it has here', () => {
    const { program, rendered } = checkFiles(`import { Tail as Tip } from "./lib/block.nn"
train fit(x: f32[Batch, Time, 4], y: f32[Batch, Time, 2]) {
  loss mean_squared_error(Tip(x), y)
  optimizer sgd(0.1)
}`)
    expect(rendered).toBe('')
    expect(outputType(program!, 'Tip')).toBe('f32[Batch, Time, 2]')
    expect(entryOf(program!, 'fit.step').updates.map(({ variable }) => variable)).toContain('block.fc.w')
  })

  test.each([
    ['the same name twice', 'import { Block, Block } from "./lib/block.nn"', ['NN0202', 'NN0270']],
    ['a name of the file', 'import { Width } from "./lib/block.nn"\nconst Width = 2', ['NN0202', 'NN0270']],
    ['a name nothing uses', 'import { Block } from "./lib/block.nn"', ['NN0270']],
    [
      'another range of a dimension',
      'import { Tail } from "./lib/tail.nn"\ndim Batch in 1..9\ninfer f(x: f32[Batch, 4]) -> f32[Batch, 4] {\n  return Tail(x)\n}',
      ['NN0202'],
    ],
    [
      'a hyper of the same name',
      'import { leak } from "./lib/block.nn"\nhyper slope = 0.2\ninfer f(x: f32[Batch]) -> f32[Batch] {\n  return leak(x) * slope\n}',
      ['NN0202'],
    ],
    [
      'two models of one name',
      'import { Tail } from "./lib/block.nn"\nimport { Tail as Other } from "./lib/tail.nn"\ninfer f(x: f32[Batch, Time, 4], y: f32[Batch, 4]) -> f32[Batch, 4] {\n  let _t = Tail(x)\n  return Other(y)\n}',
      ['NN0202'],
    ],
  ])('%s', (_, text, codes) => {
    const found = checkFiles(text).diagnostics.map(({ code }) => code)
    expect(codes).toContain(found[0])
    expect(new Set(found).size).toBeLessThanOrEqual(codes.length)
  })

  test('what could not be imported causes no further errors', () => {
    const { diagnostics } = checkFiles(`import { Gone, Size, own as best } from "./lib/gone.nn"
model Net(x: f32[Batch, Size]) -> f32[Batch, Size] {
  return x |> gone: Gone(3)
}
train fit(x: f32[Batch, 4]) {
  loss mean(Net(x))
  optimizer best(0.1)
}`)
    expect(diagnostics.map(({ code }) => code)).toEqual(['NN0256'])
  })

  test('errors name the file they are in', () => {
    const use = (name: string, file: string) =>
      checkFiles(`import { ${name} } from "./lib/${file}.nn"
infer f(x: f32[Batch, 4]) -> f32[Batch, 4] {
  return x |> part: ${name}
}`)
    const syntax = use('Broken', 'broken').diagnostics
    expect(syntax[0]!.span.file).toBe('lib/broken.nn')
    const wrong = use('Wrong', 'wrong')
    expect(wrong.diagnostics.map(({ code, span }) => [code, span.file])).toEqual([['NN0201', 'lib/wrong.nn']])
    expect(wrong.rendered).toContain('lib/wrong.nn:2:14')
  })
})

test.each([
  ['./b.nn', 'a.nn', 'b.nn'],
  ['b.nn', 'models/a.nn', 'models/b.nn'],
  ['../b.nn', 'models/a.nn', 'b.nn'],
  ['../../b.nn', 'models/a.nn', '../b.nn'],
  ['./x/./../b.nn', '/home/a.nn', '/home/b.nn'],
  ['/srv/b.nn', 'a.nn', '/srv/b.nn'],
  ['.\\lib\\b.nn', 'C:\\work\\a.nn', 'C:/work/lib/b.nn'],
  ['./std/b.nn', 'a.nn', './std/b.nn'],
])('%s in %s is %s', (path, from, name) => expect(importedName(path, from)).toBe(name))
