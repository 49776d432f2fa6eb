import { describe, expect, test } from 'vitest'
import { checkText } from './check-text.ts'

/** 2^n calls from n declarations. */
const doubling = (last: string): string =>
  Array.from({ length: 40 }, (_, at) => `fn f${at}(x: f32[N]) -> f32[N] {\n  return f${at + 1}(f${at + 1}(x))\n}`)
    .concat(`fn f40(x: f32[N]) -> f32[N] {\n  return ${last}\n}`, 'infer g(x: f32[B]) -> f32[B] {\n  return f0(x)\n}')
    .join('\n')

const nested = (count: number): string =>
  Array.from({ length: count }, (_, at) => `fn f${at}(x: f32[N]) -> f32[N] {\n  return f${at + 1}(x)\n}`)
    .concat(`fn f${count}(x: f32[N]) -> f32[N] {\n  return x\n}`)
    .join('\n')

describe('what would grow without end is refused with a place', () => {
  test.each([
    ['exponentially many operations', doubling('x * 2.0'), 'NN0262'],
    ['exponentially many calls', doubling('x'), 'NN0262'],
    ['calls 400 deep', nested(400), 'NN0262'],
    [
      'a long chain of constants',
      `${Array.from({ length: 2000 }, (_, at) => `const C${at} = C${at + 1} + 1`).join('\n')}\nconst C2000 = 1`,
      'NN0262',
    ],
    [
      'sizes with many terms',
      'fn f(x: f32[A, B, C, D, E, F]) -> f32[(A + B + C + D + E + F) ^ 8] {\n  return flatten(x)\n}',
      'NN0261',
    ],
    [
      'powers of powers',
      `fn f(x: f32[N]) -> f32[N] {\n  let y[i] = ${'('.repeat(8)}x[i]${' ^ 8)'.repeat(8)}\n  return y\n}`,
      'NN0262',
    ],
    ['an infinite size', 'const A = 99999 ^ 99999\nfn f(x: f32[A]) -> f32[A] {\n  return x\n}', 'NN0215'],
    [
      'a parameter without elements',
      'const V = 0\nmodel M(ids: i32[B]) -> f32[B, 4] {\n  return ids |> e: Embedding(V, 4)\n}',
      'NN0261',
    ],
    ['division by zero', 'fn f(x: f32[N / 0]) -> f32 {\n  return sum(x)\n}', 'NN0261'],
    [
      'mutual recursion',
      'fn a(x: f32[N]) -> f32[N] {\n  return b(x)\n}\nfn b(x: f32[N]) -> f32[N] {\n  return a(x)\n}',
      'NN0218',
    ],
    ['a model inside itself', 'model M(x: f32[Batch, 2]) -> f32[Batch, 2] {\n  return M(x)\n}', 'NN0218'],
    ['constants in a circle', 'const A = B\nconst B = A', 'NN0218'],
  ])('%s', (_, text, code) => {
    const { diagnostics, program } = checkText(text)
    expect(program).toBeUndefined()
    expect(diagnostics.map((diagnostic) => diagnostic.code)).toContain(code)
  })
})

test.each([
  'model M(__proto__: f32[Batch, 2]) -> f32[Batch, 2] {\n  let constructor = __proto__\n  return constructor |> __proto__: Linear(2)\n}',
  'fn f(x: f32[N, N]) -> f32[N] {\n  let y[i] = sum[__proto__](x[i, __proto__] * (x[i, i + __proto__] ?? 0.0))\n  return y\n}',
  'infer toString(valueOf: f32[Batch, 2]) -> (constructor: f32[Batch, 2]) {\n  return (hasOwnProperty(valueOf), 1)\n}',
  'train t(x: f32[Batch]) {\n  loss [x]\n  optimizer 3\n  clip 4\n  batch x\n  freeze ""\n}',
  'infer f() {\n  return 3\n}\ninfer g(x: int) -> f32 {\n  return x\n}',
  'layer A()(x: f32[N]) -> f32[N] {\n  param w: f32[N] = w\n  param v: f32[N] = x\n  state s = relu\n  return w\n}',
  'model M(x: f32[Batch, 0]) -> f32[Batch, 2] {\n  return x |> a: Linear(0) |> b: Linear(-3) |> c: Linear("x")\n}',
])('odd programs are checked without an exception: %s', (text) => {
  expect(() => checkText(text)).not.toThrow()
})
