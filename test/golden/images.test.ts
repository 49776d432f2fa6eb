import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { compile } from '../../compiler/index.ts'

interface GoldenTensor {
  readonly shape: readonly number[]
  readonly data: readonly number[]
}

type GoldenCase = Readonly<
  Record<'x' | 'theta' | 'grid' | 'value' | 'weight' | 'to_x' | 'to_theta', GoldenTensor>
>

const { cases }: { cases: readonly GoldenCase[] } = JSON.parse(
  readFileSync(new URL('./images.json', import.meta.url), 'utf8'),
)

function sourceOf({ x, theta, grid, value }: GoldenCase): string {
  const [image, matrix, places, result] = [x, theta, grid, value].map(({ shape }) => `f32[${shape.join(', ')}]`)
  const [, height, width] = grid.shape
  return `infer grid(theta: ${matrix}) -> ${places} {
  return affine_grid(theta, ${height}, ${width})
}
infer value(x: ${image}, theta: ${matrix}) -> ${result} {
  return grid_sample(x, affine_grid(theta, ${height}, ${width}))
}
infer to_x(x: ${image}, theta: ${matrix}, weight: ${result}) -> ${image} {
  return gradient(grid_sample(x, affine_grid(theta, ${height}, ${width})) * weight, x)
}
infer to_theta(x: ${image}, theta: ${matrix}, weight: ${result}) -> ${matrix} {
  return gradient(grid_sample(x, affine_grid(theta, ${height}, ${width})) * weight, theta)
}
`
}

test.each(cases.map((golden) => [golden.x.shape.join('×'), golden] as const))(
  'affine_grid and grid_sample agree with PyTorch, values and gradients, in float64: %s',
  async (_, golden) => {
    const { graphs, diagnostics } = await compile(sourceOf(golden), { file: 'case.nn', stopAfter: 'simplify' })
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
    const inputs = Object.fromEntries(
      (['x', 'theta', 'weight'] as const).map((name) => [name, Float64Array.from(golden[name].data)]),
    )
    for (const name of ['grid', 'value', 'to_x', 'to_theta'] as const) {
      const graph = graphs!.graphs.find((candidate) => candidate.name === name)!
      const environment = { dims: {}, inputs, hypers: {}, variables: {}, seed: 1, step: 0 }
      const { data } = Object.values(interpret(graph, environment).outputs)[0]!
      expect(data.length).toBe(golden[name].data.length)
      golden[name].data.forEach((value, at) => {
        expect(Math.abs(data[at]! - value), `${name}[${at}]`).toBeLessThan(1e-9 + 1e-8 * Math.abs(value))
      })
    }
  },
)
