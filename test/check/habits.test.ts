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

test('a name nothing is called by is reported once in a body, and is not suggested', () => {
  const text = (body: string) => `infer f(x: f32[B, 3]) {\n${body}\n}`
  expect(codesOf(text('  let y = missing + x\n  return y * missing'))).toEqual(['NN0201'])
  expect(codesOf(text('  let y[b] = sum(x[b, n] * x[b, n])\n  return y'))).toEqual(['NN0219'])
  const [, second] = checkText(text('  return fc2(relu(fc1(x)))')).diagnostics
  expect(second?.hint ?? '').not.toContain('fc2')
})
