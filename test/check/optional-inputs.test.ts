import { describe, expect, test } from 'vitest'
import { checkText, codesOf, outputType, programOf } from './check-text.ts'

const attention = `fn pairs(x: f32[B, T, D], key: f32[B, S, D] = x, mask: bool[B, S] = false, bias: f32[T, S] = 0.5) -> f32[B, T, S] {
  let y[b, i, j] = if mask[b, j] then 0.0 else sum[d](x[b, i, d] * key[b, j, d]) + bias[i, j]
  return y
}
`

describe('inputs a call leaves out', () => {
  test('take their sizes from a default made of the inputs before', () => {
    const text = `${attention}infer f(x: f32[B, 3, 4]) {\n  return pairs(x)\n}`
    expect(outputType(programOf(text), 'f')).toBe('f32[B, 3, 3]')
  })

  test('and from the inputs given', () => {
    const text = `${attention}infer f(x: f32[B, 3, 4], y: f32[B, 7, 4]) {\n  return pairs(x, y)\n}`
    expect(outputType(programOf(text), 'f')).toBe('f32[B, 3, 7]')
  })

  test('may stand between inputs that are given', () => {
    const text = `${attention}infer f(x: f32[B, 3, 4], m: bool[B, 3]) {\n  return pairs(x, mask = m)\n}`
    expect(outputType(programOf(text), 'f')).toBe('f32[B, 3, 3]')
  })

  test('must agree with what is given', () => {
    const text = `${attention}infer f(x: f32[B, 3, 4], m: bool[B, 5]) {\n  return pairs(x, mask = m)\n}`
    expect(codesOf(text)).toEqual(['NN0203'])
  })

  test('need a size from somewhere', () => {
    const text = `fn g(x: f32[N], y: f32[M] = 1.0) -> f32[N] {\n  return x * sum(y)\n}
infer f(x: f32[3]) {\n  return g(x)\n}`
    const [found] = checkText(text).diagnostics
    expect(found).toMatchObject({ code: 'NN0206', message: '`M` of `g` cannot be inferred from this call' })
  })

  test('must have the kind of number declared', () => {
    const text = `fn g(x: f32[N], ids: i32[N] = x) -> f32[N] {\n  return x * float(ids)\n}
infer f(x: f32[3]) {\n  return g(x)\n}`
    expect(codesOf(text)).toEqual(['NN0205'])
  })

  test('stay plain numbers where the type is a scalar', () => {
    const text = `fn g(x: f32[...], scale: f32 = 2.0) -> f32[...] {\n  return x * scale\n}
infer f(x: f32[3]) {\n  return g(x)\n}`
    expect(outputType(programOf(text), 'f')).toBe('f32[3]')
  })
})
