import { expect, test } from 'vitest'
import { checkSource } from '../../compiler/index.ts'

const codes = (source: string) => checkSource(source, { file: 'net.nn' }).diagnostics.map(({ code }) => code)

test('a syntax error does not hide the mistakes of the other declarations', () => {
  const source = `
fn damaged(x: f32[B] -> f32[B] {
  return x
}
model Net(x: f32[Batch, 2]) -> f32[Batch, 3] {
  return x |> fc: Linear(3) |> rellu
}
train fit(x: f32[Batch, 2], y: f32[Batch, 4]) {
  loss mean_squared_error(Net(x), y)
  optimizer adam(lr = 0.1
}
`
  expect(codes(source)).toEqual(['NN0101', 'NN0201', 'NN0102'])
})

test('what the damaged text may have declared is not called unknown', () => {
  const source = `
fn twice(x: f32[...] -> f32[...] {
  return 2.0 * x
}
infer value(x: f32[Batch]) -> f32[Batch] {
  return twice(x)
}
`
  expect(codes(source)).toEqual(['NN0101'])
})
