import { expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { compile } from '../../compiler/index.ts'

/** Twice the true gradient where `factor` is 2, so that it shows which one is used. */
const text = (factor: string): string => `fn cube(x: f32[...]) -> f32[...] {
  return x * x * x
}${factor === '' ? '' : ` gradient (dy) {\n  return ${factor} * 3.0 * x * x * dy\n}`}
infer slope(xs: f32[Time, 2], h0: f32[2]) -> f32[Time, 2] {
  let (_, last) = scan x in xs over Time carry h = h0 {
    let next = 0.5 * h + cube(x)
    yield next carry next
  }
  return gradient(sum(last), xs)
}`

test('a given gradient is used in the body of a loop', async () => {
  const slope = async (factor: string): Promise<number[]> => {
    const { graphs, diagnostics } = await compile(text(factor), { file: 'test.nn', stopAfter: 'simplify' })
    expect(diagnostics).toEqual([])
    const graph = graphs!.graphs.find(({ name }) => name === 'slope')!
    const inputs = { xs: [1, 2, 3, -1, 0.5, 4], h0: [1, -1] }
    return [...Object.values(interpret(graph, { inputs, dims: { Time: 3 } }).outputs)[0]!.data]
  }
  const derived = await slope('')
  expect(derived).toEqual([1, 2, 3, -1, 0.5, 4].map((x, at) => 3 * x * x * 0.5 ** (2 - (at >> 1))))
  expect(await slope('1.0')).toEqual(derived)
  expect(await slope('2.0')).toEqual(derived.map((value) => 2 * value))
})
