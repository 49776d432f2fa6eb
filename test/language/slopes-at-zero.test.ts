import { expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { compile } from '../../compiler/index.ts'

/** The gradient of a sum at logits of zero, for the targets 0 and 1. */
async function slopes(expression: string): Promise<number[]> {
  const text = `infer f(x: f32[2], y: f32[2]) {\n  return gradient(${expression}, x)\n}`
  const { graphs, diagnostics } = await compile(text, { file: 'slopes.nn', stopAfter: 'differentiate' })
  expect(diagnostics).toEqual([])
  const inputs = { x: [0, 0], y: [0, 1] }
  const graph = graphs!.graphs.find(({ name }) => name === 'f')!
  return Array.from(interpret(graph, { dims: {}, inputs, variables: {}, hypers: {} }).outputs.output!.data)
}

// PyTorch 1.13 gives the same numbers. Parameters that begin at zero begin here.
test.each([
  ['softplus(x)', [0.5, 0.5]],
  ['softplus(x, beta = 2.0)', [0.5, 0.5]],
  ['log_sigmoid(x)', [0.5, 0.5]],
  ['mish(x)', [0.6, 0.6]],
  ['binary_cross_entropy(x, y)', [0.25, -0.25]],
  ['binary_cross_entropy(x, y, pos_weight = 2.0)', [0.25, -0.5]],
  ['binary_cross_entropy(x, y, pos_weight = stack([1.0, 2.0]))', [0.25, -0.5]],
])('%s has its gradient at zero', async (expression, expected) => {
  const found = await slopes(expression)
  found.forEach((slope, at) => {
    expect(slope).toBeCloseTo(expected[at]!, 12)
  })
})

test('softplus has it in index notation, too, and far from zero keeps small slopes', async () => {
  expect(await slopes('sum[i](softplus(x[i]) - log_sigmoid(x[i]))')).toEqual([0, 0])
  const [low, high] = await slopes('softplus(x - 30.0 + 60.0 * y)')
  expect(low).toBeCloseTo(9.357622968839299e-14, 25)
  expect(high).toBe(1)
})
