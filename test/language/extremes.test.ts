/** What smooth functions do at exactly 0, where a head that starts at zero stands, and far out, where float32 loses 1 + x. */
import { beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { load, type Model } from '../../runtime/index.ts'

/** By PyTorch 1.13: for x = 0 the slope, for the x given the value. */
const slopes: readonly (readonly [expression: string, slope: number])[] = [
  ['elu(x)', 1],
  ['elu(x, alpha = 0.7)', 0.7],
  ['selu(x)', 1.7580993],
  ['celu(x, alpha = 0.7)', 1],
  ['mish(x)', 0.6],
  ['softplus(x)', 0.5],
  ['softplus(x, beta = 2.0)', 0.5],
  ['log_sigmoid(x)', 0.5],
  ['log_cosh(x, 0.0 * x)', 0],
  ['binary_cross_entropy(x, 0.0 * x)', 0.5],
  ['binary_cross_entropy(x, 0.0 * x + 1.0)', -0.5],
  ['binary_cross_entropy(x, 0.0 * x + 0.25)', 0.25],
  ['binary_cross_entropy(x, 0.0 * x + 1.0, pos_weight = 3.0)', -1.5],
  ['binary_cross_entropy(x, 0.0 * x + 0.5, pos_weight = stack([3.0]))', -0.5],
  ['focal_loss(x, 0.0 * x + 1.0)', -0.2982868],
  ['log1p(x)', 1],
]
const values: readonly (readonly [expression: string, x: number, value: number])[] = [
  ['softplus(x)', -17, 4.1399378e-8],
  ['softplus(x)', -30, 9.357623e-14],
  ['log_sigmoid(x)', 15, -3.0590223e-7],
  ['mish(x)', -15, -4.5885337e-6],
  ['log1p(x)', 1e-8, 1e-8],
  ['log1p(x)', -0.009, -0.0090407446],
  ['log1p(x)', 0.02, 0.019802628],
]
const unknown = ['relu(x)', 'hardshrink(x)', 'threshold(x, 0.5, -1.0)', 'elu(x)', 'softplus(x)', 'log1p(x)']

/** The logits of a batch whose labels are all left out. */
const ignored = [
  'cross_entropy(x, label, ignore_index = -1)',
  'cross_entropy(x, label, ignore_index = -1, label_smoothing = 0.1)',
  'cross_entropy(x, label, ignore_index = -1, weight = stack([1.0, 2.0, 3.0]))',
]

let model: Model
beforeAll(async () => {
  const source = `
dim N in 1..4
${slopes.map(([of], at) => `infer slope${at}(x: f32[1]) -> f32[1] { return gradient(sum(${of}), x) }`).join('\n')}
${values.map(([of], at) => `infer value${at}(x: f32[1]) -> f32[1] { return ${of} }`).join('\n')}
${unknown.map((of, at) => `infer unknown${at}(a: f32[1]) -> f32[1] {\n  let x = a / a\n  return ${of}\n}`).join('\n')}
${ignored
  .map(
    (of, at) => `infer ignored${at}(x: f32[N, 3], label: i32[N]) -> (loss: f32, slope: f32[N, 3]) {
  let loss = ${of}
  return (loss, gradient(loss, x))
}`,
  )
  .join('\n')}
infer one_class(x: f32[N, 1], label: i32[N]) -> f32[N, 1] {
  return gradient(cross_entropy(x, label, label_smoothing = 0.3), x)
}`
  const { modules, diagnostics } = await compile(source, { file: 'zero.nn', builds: ['plain'] })
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  model = await load(modules!.plain!)
}, 120_000)

const outputOf = (entry: string, x: number, input = 'x'): number =>
  Number(model.predict(entry, { [input]: Float32Array.of(x) } as never).output!.data[0])

describe('like PyTorch', () => {
  test.each(slopes.map((own, at) => [...own, at] as const))('the slope of %s at 0 is %f', (_, slope, at) => {
    expect(outputOf(`slope${at}`, 0)).toBeCloseTo(slope, 6)
  })

  test.each(values.map((own, at) => [...own, at] as const))('%s of %f is %f', (_, x, value, at) => {
    expect(Math.abs(outputOf(`value${at}`, x) / value - 1)).toBeLessThan(6e-6)
  })

  test.each(unknown.map((own, at) => [own, at] as const))('%s of what is not a number is not one', (_, at) => {
    expect(outputOf(`unknown${at}`, 0, 'a')).toBeNaN()
  })
})

describe('cross-entropy', () => {
  test.each(ignored.map((own, at) => [own, at] as const))('%s of nothing that counts has no gradient', (_, at) => {
    const x = Float32Array.of(1, -2, 3, 0.5, 0, -0.5)
    const { loss, slope } = model.predict(`ignored${at}`, { x, label: Int32Array.of(-1, -1) } as never)
    expect(loss!.data[0]).toBe(0)
    expect([...slope!.data].map(Math.abs)).toEqual([0, 0, 0, 0, 0, 0])
  })

  test('of one class has none either, also smoothed', () => {
    const { output } = model.predict('one_class', { x: Float32Array.of(1, -2), label: Int32Array.of(0, 0) } as never)
    expect([...output!.data].map(Math.abs)).toEqual([0, 0])
  })
})
