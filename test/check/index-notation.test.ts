import { describe, expect, test } from 'vitest'
import type { IndexedForm } from '../../compiler/2-check/checked.ts'
import { checkText, codesOf, entryOf, outputType, programOf } from './check-text.ts'

const inferring = (inputs: string, statements: string): string => `infer f(${inputs}) {\n  ${statements}\n  return y\n}`

describe('shapes of index notation', () => {
  test.each([
    ['x: f32[B, 4], w: f32[7, 4]', 'let y[b, o] = sum[i](x[b, i] * w[o, i])', 'f32[B, 7]'],
    ['x: f32[B, T, 4]', 'let y[...] = mean[c](x[..., c])', 'f32[B, T]'],
    ['x: f32[B, T, 4]', 'let y[c, ...] = x[..., c]', 'f32[4, B, T]'],
    ['x: f32[B, 4]', 'let y = sum[b, i](x[b, i])', 'f32[]'],
    ['x: f32[9]', 'let y[i] = x[i] - (x[i - 1] ?? 0.0)', 'f32[9]'],
    ['x: f32[9], w: f32[3]', 'let y[k] = w[k] * x[2 * k + 1]', 'f32[3]'],
    ['x: f32[6]', 'let y[i] = x[i] - x[5 - i]', 'f32[6]'],
    ['x: f32[9]', 'let y[i]: f32[4] = x[2 * i] + (x[2 * i + 3] ?? 0.0)', 'f32[4]'],
    ['x: f32[T, T]', 'let y[i, j] = if j <= i then x[i, j] else -inf', 'f32[T, T]'],
    ['x: f32[N]', 'let y[i] = relu(x[i]) + float(i) / N', 'f32[N]'],
    ['x: f32[N]', 'let y[i] = i * 2 + (if x[i] > 0.0 then 1 else 0)', 'i32[N]'],
    ['t: f32[9, 4], ids: i32[B]', 'let y[b, d] = t[ids[b], d]', 'f32[B, 4]'],
    ['x: f32[N], s: f32', 'let y[i] = s * x[i] > 0.5', 'bool[N]'],
    ['x: f32[B, N, 4], w: f32[512, 4]', 'let y[b, t, d] = x[b, t, d] + w[t, d]', 'f32[B, N, 4]'],
    ['x: f32[B, N, 4], w: f32[512, 4]', 'let y[b, t, d] = w[t, d] + x[b, t, d]', 'f32[B, N, 4]'],
    ['x: f32[N], w: f32[1023]', 'let y[t] = x[t] + w[2 * t]', 'f32[N]'],
    ['x: f32[N], z: f32[M], w: f32[1024]', 'let y[t] = x[t] + w[t + M] * z[0]', 'f32[N]'],
    ['x: f32[N], z: f32[2 * N]', 'let y[t] = x[t] + z[t + N]', 'f32[N]'],
    ['x: f32[N, N]', 'let y[t] = x[t, (N - 1) / 2]', 'f32[N]'],
  ])('%s: %s', (inputs, statement, type) => {
    expect(outputType(programOf(inferring(inputs, statement)), 'f')).toBe(type)
  })
})

describe('mistakes in index notation', () => {
  test.each([
    ['x: f32[3], z: f32[4]', 'let y[i] = x[i] + z[i]', 'NN0220'],
    ['x: f32[B, 3], z: f32[4]', 'let y[...] = sum[i](x[..., i]) + z[...]', 'NN0220'],
    ['x: f32[N], w: f32[511]', 'let y[i] = x[i] + w[i]', 'NN0220'],
    ['x: f32[N], z: f32[N + M]', 'let y[i] = x[i] + z[i]', 'NN0220'],
    ['x: f32[N], z: f32[M], w: f32[1023]', 'let y[t] = x[t] + w[t + M] * z[0]', 'NN0222'],
    ['x: f32[9]', 'let y[i] = x[i] - x[i - 1]', 'NN0222'],
    ['x: f32[9], w: f32[3]', 'let y[k] = w[k] * x[4 * k + 1]', 'NN0222'],
    ['x: f32[N]', 'let y[i] = x[i + 1]', 'NN0221'],
    ['x: f32[N]', 'let y[i] = sum[k](x[i])', 'NN0221'],
    ['x: f32[N]', 'let y[i] = x[j]', 'NN0219'],
    ['x: f32[N]', 'let y[i] = x[...]', 'NN0219'],
    ['x: f32[N]', 'let y[i, i] = x[i]', 'NN0202'],
    ['x: f32[N], z: f32[N]', 'let y[i] = x[i] + z', 'NN0223'],
    ['x: f32[N]', 'let y[i] = sum(x[i])', 'NN0223'],
    ['x: f32[N]', 'let y[i] = softmax(x[i])', 'NN0223'],
    ['x: f32[N, M]', 'let y[i] = x[i]', 'NN0224'],
    ['x: f32[N], z: f32[N]', 'let y[i] = x[z[i]]', 'NN0224'],
    ['x: f32[N]', 'let y[i] = x[0:i]', 'NN0224'],
    ['x: f32[N]', 'let y = x ?? 0.0', 'NN0224'],
    ['x: i32[N]', 'let y[i] = x[i] * 0.5', 'NN0205'],
  ])('%s: %s', (inputs, statement, code) => {
    expect(codesOf(inferring(inputs, statement))).toEqual([code])
  })

  test('a `where` clause says that one axis is part of another, for constants as well', () => {
    const text = (where: string, length: number) =>
      `layer Positions(Longest)(x: f32[..., T, C]) -> f32[..., T, C] ${where} {
  param w: f32[Longest, C] = zeros
  let y[..., t, c] = x[..., t, c] + w[t, c]
  return y
}
model Net(x: f32[B, ${length}, 3]) -> f32[B, ${length}, 3] {
  return x |> p: Positions(64)
}
infer f(x: f32[B, ${length}, 3]) -> f32[B, ${length}, 3] {
  return Net(x)
}`
    expect(codesOf(text('where T <= Longest', 32))).toEqual([])
    expect(codesOf(text('where Longest >= T', 64))).toEqual([])
    expect(codesOf(text('where T <= Longest', 65))).toEqual(['NN0207'])
    expect(codesOf(text('', 32))).toEqual(['NN0220'])
  })

  test('an unknown index suggests the one that was meant', () => {
    const text = inferring('x: f32[N, M]', 'let y[row, column] = x[row, colum]')
    expect(checkText(text).diagnostics[0]?.hint).toBe('did you mean `column`?')
  })
})

test('names that occur twice are told apart, and mean is a sum divided by the extents', () => {
  const program = programOf(inferring('x: f32[4]', 'let y[i] = sum[j](x[j]) + mean[j](x[j] * x[i])'))
  const form = entryOf(program, 'f').values.find((value) => value.form.kind === 'indexed')!.form as IndexedForm
  const text = JSON.stringify(form.body)
  expect(text).toContain('"j_2"')
  expect(text).not.toContain('mean')
  expect(form.indices).toEqual([{ name: 'i', extent: 4 }])
})

test('an index no read fixes takes its extent from the declared result', () => {
  const text = `fn shift(x: f32[N]) -> f32[N / 2] where N % 2 == 0 {
  let y[i] = x[2 * i]
  return y
}
infer f(x: f32[8]) {
  return shift(x)
}`
  expect(outputType(programOf(text), 'f')).toBe('f32[4]')
})

test('an id read as a subscript is promised to be inside the table', () => {
  const program = programOf(inferring('t: f32[9, 4], ids: i32[B]', 'let y[b, d] = t[ids[b], d]'))
  const promised = entryOf(program, 'f').values.filter(({ form }) => form.kind === 'operation' && form.op === 'bounded')
  expect(promised.map(({ form }) => form.kind === 'operation' && form.attributes)).toEqual([{ limit: 9 }])
})
