import { describe, expect, test } from 'vitest'
import { matchesPattern } from '../../runtime/pattern.ts'
import { checkText, codesOf, entryOf, programOf, variablesOf } from './check-text.ts'

const text = (statements: string, loss = 'mean_squared_error(M(x), y)'): string => `hyper lr = 0.1
model M(x: f32[Batch, 2]) -> f32[Batch, 1] {
  return lr * (x |> fc1: Linear(3) |> tanh |> fc2: Linear(1))
}
train fit(x: f32[Batch, 2], y: f32[Batch, 1]) {
  loss ${loss}
  ${statements}
}`

const count = (program: ReturnType<typeof programOf>, op: string): number =>
  entryOf(program, 'fit.step').values.filter(({ form }) => form.kind === 'operation' && form.op === op).length

describe('train blocks', () => {
  test('frozen parameters have no gradient and no optimizer memory', () => {
    const program = programOf(text('optimizer adam(lr)\n  freeze "**" except "fc2.*"'))
    expect(count(program, 'gradient')).toBe(2)
    expect(variablesOf(program).filter((line) => line.startsWith('optimizer'))).toEqual([
      'optimizer fit/step: i32[]',
      'optimizer fit/fc2.w/m: f32[1, 3]',
      'optimizer fit/fc2.w/v: f32[1, 3]',
      'optimizer fit/fc2.b/m: f32[1]',
      'optimizer fit/fc2.b/v: f32[1]',
    ])
    expect(entryOf(program, 'fit.step').updates.map(({ variable }) => variable)).not.toContain('fc1.w')
  })

  test('of several optimizers the last whose pattern matches counts', () => {
    const program = programOf(
      text('optimizer adam(lr) for "fc1.*"\n  optimizer sgd(lr) for "**.b"\n  optimizer sgd(lr, momentum = 0.9)'),
    )
    expect(variablesOf(program).filter((line) => line.startsWith('optimizer'))).toEqual([
      'optimizer fit/step: i32[]',
      'optimizer fit/fc1.w/m: f32[3, 2]',
      'optimizer fit/fc1.w/v: f32[3, 2]',
      'optimizer fit/fc2.w/v: f32[1, 3]',
    ])
  })

  test('what the loss reaches only through stop_gradient is not trained', () => {
    const program = programOf(
      text('optimizer adam(lr)', 'mean_squared_error(stop_gradient(M(x)) + Other(x), y)').replace(
        'train fit',
        `model Other(x: f32[Batch, 2]) -> f32[Batch, 1] {
  return x |> fc: Linear(1)
}
train fit`,
      ),
    )
    expect(
      entryOf(program, 'fit.step')
        .updates.map(({ variable }) => variable)
        .filter((name) => name.startsWith('M')),
    ).toEqual([])
  })

  test('`step` is known in the block, its inputs come first, and elsewhere it is an ordinary name', () => {
    expect(
      codesOf(text('metric rate = lr / step\n  when training {\n    let _s = step\n  }\n  optimizer sgd(lr / step)')),
    ).toEqual([])
    const looping =
      'let (_, all) = scan row in x over Batch carry h = 0.0 {\n    yield row carry h + step * sum(row)\n  }\n  metric all = all'
    expect(codesOf(text(`${looping}\n  optimizer sgd(0.1 / step)`))).toEqual([])
    expect(codesOf(text('state first: f32 = step\n  optimizer sgd(0.1)'))).toContain('NN0209')
    expect(codesOf('fn f(x: f32[N]) -> f32[N] {\n  return x * step\n}')).toEqual(['NN0201'])
    expect(codesOf('fn f(step: f32[N]) -> f32[N] {\n  return step\n}')).toEqual([])
  })

  test('a list where a tensor is expected is answered with `stack`', () => {
    expect(checkText(text('metric all = sum(relu([1.0, 2.0]))\n  optimizer sgd(0.1)')).rendered).toContain(
      'help: `stack([…])`',
    )
  })

  test('an optimizer without memory keeps none', () => {
    const program = programOf(text('optimizer sgd(0.1)'))
    expect(variablesOf(program).filter((line) => line.startsWith('optimizer'))).toEqual(['optimizer fit/step: i32[]'])
  })

  test('clipping by value and by joint norm', () => {
    const plain = programOf(text('optimizer sgd(0.1)'))
    const value = programOf(text('optimizer sgd(0.1)\n  clip value(0.5)'))
    const norm = programOf(text('optimizer sgd(0.1)\n  clip global_norm(1.0)'))
    expect(count(value, 'maximum') - count(plain, 'maximum')).toBe(4)
    expect(count(norm, 'sqrt') - count(plain, 'sqrt')).toBe(1)
  })

  test('only what the loss is computed from is trained', () => {
    const two = `model A(x: f32[Batch, 2]) -> f32[Batch, 1] {
  return x |> fc: Linear(1)
}
model B(x: f32[Batch, 2]) -> f32[Batch, 1] {
  return x |> fc: Linear(1)
}
train fit(x: f32[Batch, 2], y: f32[Batch, 1]) {
  loss mean_squared_error(A(x), y)
  metric other = mean_squared_error(B(x), y)
  optimizer sgd(0.1)
}`
    const updated = entryOf(programOf(two), 'fit.step').updates.map(({ variable }) => variable)
    expect(updated).toEqual(['A.fc.w', 'A.fc.b', 'fit/step'])
  })

  test('an evaluation changes nothing', () => {
    const carried = programOf(text('state seen = 0.0\n  update seen = seen + 1.0\n  optimizer sgd(0.1)'))
    expect(entryOf(carried, 'fit.step').updates.map(({ variable }) => variable)).toContain('fit/seen')
    expect(entryOf(carried, 'fit.evaluate').updates).toEqual([])
  })

  test('metrics may use the loss', () => {
    const program = programOf(text('metric bits = loss / 0.69\n  optimizer sgd(0.1)'))
    expect(program.trains[0]?.metrics.map(({ name }) => name)).toEqual(['bits'])
    expect(entryOf(program, 'fit.evaluate').outputs.map(({ name }) => name)).toEqual(['loss', 'bits'])
  })

  test('a block’s own state and step are kept under its name', () => {
    const program = programOf(text('state seen: f32 = 0.0\n  update seen = seen + 1.0\n  optimizer sgd(0.1)'))
    expect(variablesOf(program)).toContain('state fit/seen: f32[]')
  })

  test.each([
    ['optimizer sgd(0.1)\n  optimizer adam()', 'NN0202'],
    ['optimizer sgd(0.1)\n  loss mean(x)', 'NN0202'],
    ['optimizer sgd(0.1)\n  metric a = mean(x)\n  metric a = mean(y)', 'NN0202'],
    ['optimizer sgd(0.1)\n  batch 4 batch 5', 'NN0202'],
    ['optimizer sgd()', 'NN0210'],
    ['optimizer sgd(0.1)\n  batch 0', 'NN0245'],
    ['optimizer sgd(0.1)\n  epochs 2.5', 'NN0245'],
    ['optimizer sgd(0.1)\n  clip length(1.0)', 'NN0245'],
    ['optimizer sgd(0.1)\n  accumulate 0', 'NN0245'],
    ['optimizer sgd(0.1)\n  state step: f32 = 0.0', 'NN0202'],
    ['optimizer sgd(0.1)\n  optimizer adam() for "fd.*"', 'NN0235'],
    ['optimizer sgd(0.1)\n  optimizer adam() for "fc1.*"\n  freeze "fc1.*"', 'NN0235'],
    ['optimizer adam() for "fc1.*"', 'NN0242'],
    ['optimizer sgd(0.1)\n  freeze "**"', 'NN0244'],
    ['optimizer sgd(0.1)\n  param w: f32[2] = zeros', 'NN0217'],
    ['optimizer sgd(0.1, momentum = "a")', 'NN0209'],
  ])('%s: %s', (statements, code) => {
    expect(codesOf(text(statements))).toContain(code)
  })
})

test.each([
  ['**', 'a.b.c', true],
  ['a.*', 'a.b', true],
  ['a.*', 'a.b.c', false],
  ['**.w', 'a.b.w', true],
  ['**.lora_*', 'blocks.0.lora_a', true],
  ['blocks.*.w', 'blocks.10.w', true],
  ['fc1', 'fc1.w', false],
  ['*.w', 'fc.wide', false],
  ['', 'a', false],
  [`${'*'.repeat(40)}x`, 'a'.repeat(2000), false],
])('the pattern %s and the path %s', (pattern, path, matches) => {
  expect(matchesPattern(pattern, path)).toBe(matches)
})

test.each([
  ['f32[Batch, 3]', []],
  ['f32[2 * Batch]', []],
  ['f32[3, Batch]', ['NN0230']],
])('a state of a train block may be as long as the batch in its first axis only: %s', (type, codes) => {
  const text = `model Net(x: f32[Batch, 3]) -> f32[Batch, 1] {
  return x |> out: Linear(1)
}
train fit(x: f32[Batch, 3]) {
  state h: ${type} = zeros
  let y = Net(x)
  update h = h + mean(y)
  loss mean(y ^ 2)
  optimizer sgd(0.1)
}`
  expect(codesOf(text)).toEqual(codes)
})
