import { expect, test } from 'vitest'
import { checkSource } from '../../compiler/index.ts'

const mistakes = (source: string): string[] =>
  checkSource(source, { file: 'calls.nn' }).diagnostics.flatMap(({ severity, message }) =>
    severity === 'error' ? [message] : [],
  )

const model = `
dim Time in 1..8
dim Past in 0..4
model Joined(x: f32[Batch, Time, 2], before: f32[Batch, Past, 2]) -> f32[Batch, Past + Time, 2] {
  return concat([before, x], axis = 1)
}`

test('a call gives declared dimensions sizes of its own', () => {
  const call = `
infer alone(x: f32[Batch, 5, 2]) -> f32[Batch, 5, 2] {
  let none: f32[Batch, 0, 2] = zeros
  return Joined(x, none)
}
dim Few in 2..3
infer few(x: f32[Batch, Few, 2]) -> f32[Batch, Few + 1, 2] {
  return Joined(x, x[:, 0:1])
}`
  expect(mistakes(model + call)).toEqual([])
})

test('not beyond their ranges', () => {
  const call = `
infer long(x: f32[Batch, 9, 2]) -> f32[Batch, 9, 2] {
  let none: f32[Batch, 0, 2] = zeros
  return Joined(x, none)
}
dim Many in 1..6
infer many(x: f32[Batch, 4, 2], before: f32[Batch, Many, 2]) -> f32[Batch, Many + 4, 2] {
  return Joined(x, before)
}`
  expect(mistakes(model + call)).toEqual([
    '`Joined` takes `Time` from 1 to 8, but here it is 9',
    '`Joined` takes `Past` from 0 to 4, but here it is Many, from 1 to 6',
  ])
})

test('and the same size for one name', () => {
  const call = `
infer mixed(x: f32[Batch, 4, 2], before: f32[3, 2, 2]) -> f32[Batch, 6, 2] {
  return Joined(x, before)
}`
  expect(mistakes(model + call)).toHaveLength(1)
})
