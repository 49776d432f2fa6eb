import { describe, expect, test } from 'vitest'
import { checkText, codesOf, outputType, programOf } from './check-text.ts'

const tied = (read: string) => `model Net(ids: i32[Batch]) -> f32[Batch, 9] {
  use embed = Embedding(9, 4)
  let x = embed(ids)
  return tied_linear(x, ${read})
}
infer f(ids: i32[Batch]) {
  return Net(ids)
}`

describe('parameters of layers by name', () => {
  test('are read from an instance', () => {
    expect(codesOf(tied('embed.table'))).toEqual([])
    expect(outputType(programOf(tied('embed.table')), 'f')).toBe('f32[Batch, 9]')
    expect([...programOf(tied('embed.table')).variables].map(({ name }) => name)).toEqual(['embed.table'])
  })

  test('are read through the layers inside, and from a model', () => {
    const text = `layer Inner()(x: f32[B, 4]) -> f32[B, 4] {
  return x |> fc: Linear(4)
}
model Net(x: f32[Batch, 4]) -> f32[Batch, 4] {
  use inner = Inner
  return inner(x) + inner.fc.b
}
train fit(x: f32[Batch, 4]) {
  let y = Net(x)
  loss mean(y * y) + sum(Net.inner.fc.w ^ 2)
  optimizer sgd(0.1)
}`
    expect(codesOf(text)).toEqual([])
  })

  test('a name that is not there is suggested', () => {
    const [found] = checkText(tied('embed.tabel')).diagnostics
    expect(found).toMatchObject({
      code: 'NN0201',
      message: 'the layer Embedding has no parameter called `tabel` here',
      hint: 'did you mean `table`?',
    })
    expect(checkText(tied('embed.weights')).diagnostics[0]?.hint).toBe('it has `table`')
  })

  test('exist once the layer has been called', () => {
    const text = `model Net(x: f32[Batch, 4]) -> f32[Batch, 4] {
  use inner = Linear(4)
  return x + inner.b
}
infer f(x: f32[Batch, 4]) {
  return Net(x)
}`
    expect(checkText(text).diagnostics[0]).toMatchObject({
      code: 'NN0201',
      hint: 'the parameters of a layer can be read after it has been called',
    })
  })

  test('only layers have them', () => {
    expect(codesOf('infer f(x: f32[3]) {\n  return x.w\n}')).toEqual(['NN0201'])
  })
})
