import { expect, test } from 'vitest'
import { checkText, codesOf } from './check-text.ts'

/** The code and the remedy of the first mistake in a body with `x: f32[B, 3]`, `w: f32[4, 3]` and `s: f32[B, T, 3]`. */
function remedy(body: string): string {
  const { diagnostics } = checkText(`infer f(x: f32[B, 3], w: f32[4, 3], s: f32[B, T, 3]) {\n  ${body}\n}`)
  const [found] = diagnostics
  return `${found?.code} ${found?.hint}`
}

// What one writes who comes from Python, PyTorch or Keras.
test.each([
  ['relu(x)', 'NN0105 a statement begins with its word: `return relu …`, or `let name = relu …`'],
  ['let y = x', 'NN0216 add `return y`'],
  ['for i in range(3) { }', 'NN0105 step along a dimension with `scan'],
  ['while true { }', 'NN0105 repeat until nothing moves with `iterate'],
  ['return x if true else x', 'NN0101 a choice begins with its condition: `if … then … else …`'],
  ['return x |> F.relu', 'NN0101 functions and layers stand by themselves'],
  ['return x.view(3)', 'NN0201 here one writes `reshape(x, [a, b])`'],
  ['return x.tanh()', 'NN0201 functions are called with the tensor: `tanh(x)` or `x |> tanh`'],
  ['return x.relu()', 'NN0201 functions are called with the tensor: `relu(x)` or `x |> relu`'],
  ['return x @ w.T', 'NN0201 here one writes `transpose(x)`'],
  ['return x.shape', 'NN0201 sizes have the names of the signature'],
  ['return sum(x, dim = 1)', 'NN0117 an axis is given as `axis = 1`'],
  ['return mean(x, axis = 1, keepdim = true)', 'NN0212 `expand_dims(…, axis)` puts the axis back'],
  ['return concat(x, x, axis = 1)', 'NN0212 it is called as `concat('],
  ['return x[:, -1]', 'NN0222 positions count from 0: from the back, write `2`'],
  ['return s[:, -1]', 'NN0222 positions count from 0: from the back, write `T - 1`'],
  ['return s[:, 0:-1]', 'NN0222 positions count from 0: from the back, write `T - 1`'],
  ['return x[:, 3]', 'NN0222 positions count from 0'],
  ['let y[b, o] = sum(x[b, i] * w[o, i])\n  return y', 'NN0219 bind it on the left (`let y[i] = …`) or in a reduction'],
  ['let y = x[b, 0]\n  return y', 'NN0201 sizes begin with a capital letter; an index is bound on the left'],
  ['return x, x', 'NN0101 several values stand in parentheses: `return (a, b)`'],
  ['let a, b = split(x, 3)\n  return a', 'NN0101 several names stand in parentheses: `let (a, b) = …`'],
  ['return split(x, 3).a', 'NN0201 take it apart by `let (a, b) = …`, or count from 0: `y[0]`'],
  ['if sum(x) > 0.0 { return x }', 'NN0105 `if` is a value: `return if … then … else …`'],
  ['let mean = x\n  return mean(mean)', 'NN0213 this `mean` hides the function of that name'],
  ['let (a, c) = split(x, 3)\n  return a', 'NN0209 each value gets a name'],
])('%s', (body, expected) => {
  expect(remedy(body)).toContain(expected)
})

test.each([
  ['def f(x):', 'NN0104', 'a function is `fn name'],
  ['class Net:', 'NN0104', 'a network is `model Net'],
  ['import numpy as np', 'NN0101', '`import { Name } from "./file.nn"`'],
  ['const N: int = 3', 'NN0101', 'a constant is what its value is'],
  ['dim Batch = 32', 'NN0104', 'a size known when compiled is `const N = 32`'],
  ['hyper rate in 0..1', 'NN0101', 'the value comes before the range'],
  ['model Net(x: f32[Batch, 4]):', 'NN0101', 'a body stands in `{ … }`'],
  ['infer f(x: f32[batch, 4]) {\n  return x\n}', 'NN0201', 'sizes begin with a capital letter'],
  ['infer f(x: f32[B, 4], n: int) {\n  return n * x\n}', 'NN0209', 'one number is `n: i32`'],
])('%s', (text, code, hint) => {
  const [found] = checkText(text).diagnostics
  expect([found?.code, found?.hint?.includes(hint) || found?.hint]).toEqual([code, true])
})

const net = (body: string) => `model Net(x: f32[Batch, 4]) -> f32[Batch, 3] {\n  ${body}\n}\n`

test.each([
  [net('param w = zeros(4, 3)\n  return x @ w'), 'NN0101', 'a parameter has a type: `param w: f32[In, Out] = zeros`'],
  [net('param w: f32[4, 3] = x\n  return x @ w'), 'NN0209', 'begin with `zeros`'],
  [net('return x |> c: Conv2d(8, 3)'), 'NN0204', undefined],
  [net('return x |> expand_dims(1) |> c: Conv2d(8, 3)'), 'NN0204', '`expand_dims(1)` inserts an axis of size 1'],
  ['optimizer o(lr)(p, g) {\n  return p - lr * g\n}', 'NN0217', 'an optimizer changes its parameter: `update p = …`'],
  ['optimizer o(lr)(p, g) {\n  update m = g\n}', 'NN0234', 'declare it: `state m = zeros_like(p)`'],
  ['optimizer o(lr)(p, g) {\n  state m = p\n  update m = g\n}', 'NN0209', '`zeros_like(p)`'],
  ['optimizer o(lr)(p, g) {\n  state m = zeros_like(sum(p, axis = 1))\n}', 'NN0209', '`sum(zeros_like(p), axis = 1)`'],
])('%s', (text, code, hint) => {
  const [found] = checkText(text).diagnostics
  expect([found?.code, hint === undefined ? found?.hint : found?.hint?.includes(hint)]).toEqual([code, hint && true])
})

test('a size where the library has a fraction is warned of, unless it is given by name', () => {
  const warned = (layer: string) => codesOf(net(`return x |> a: ${layer} |> out: Linear(3)`))
  expect(warned('LayerNorm(4)')).toEqual(['NN0276'])
  expect(warned('BatchNorm(4)')).toEqual(['NN0276'])
  expect(warned('Dropout(2)')).toEqual(['NN0276'])
  for (const meant of ['LayerNorm(eps = 4)', 'LayerNorm(1e-6)', 'Dropout(0)', 'Dropout(1)', 'Linear(4)'])
    expect(warned(meant)).toEqual([])
})

test('two stages of one name are one mistake, whatever their sizes', () => {
  expect(codesOf(net('return x |> fc: Linear(8) |> fc: Linear(3)'))).toEqual(['NN0202'])
})

test('a `let` that hides a state is warned of, one that hides an earlier `let` is not', () => {
  const state = 'state n: f32 = 0.0\n  '
  const [found] = checkText(net(`${state}let n = n + 1.0\n  return (x |> fc: Linear(3)) * n`)).diagnostics
  expect([found?.code, found?.hint]).toEqual([
    'NN0273',
    '`update n = …` changes the state; a value besides it needs another name',
  ])
  expect(
    codesOf(net(`${state}update n = n + 1.0\n  let m = n\n  let m = m + 1.0\n  return (x |> fc: Linear(3)) * m`)),
  ).toEqual([])
})

test('a name nothing is called by is reported once in a body, and is not suggested', () => {
  const text = (body: string) => `infer f(x: f32[B, 3]) {\n${body}\n}`
  expect(codesOf(text('  let y = missing + x\n  return y * missing'))).toEqual(['NN0201'])
  expect(codesOf(text('  let y[b] = sum(x[b, n] * x[b, n])\n  return y'))).toEqual(['NN0219'])
  const [, second] = checkText(text('  return fc2(relu(fc1(x)))')).diagnostics
  expect(second?.hint ?? '').not.toContain('fc2')
})
