import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from './temporary-folder.ts'
import { runCommand } from './test-terminal.ts'

const scale = (factor: string): string => `layer Scale()(x: f32[N, C]) -> f32[N, C] {
  return ${factor} * x
}
`
const folder = temporaryFolder({
  'points.csv': 'a,b\n0,1\n1,3\n2,5\n3,7\n',
  'nets/line.nn': `import { Scale } from "../parts/scale.nn"

model Line(x: f32[Batch, 1]) -> f32[Batch, 1] {
  return x |> scale: Scale |> fc: Linear(1)
}
data points {
  source csv("../points.csv")
  x = [a]
  y = [b]
}
train fit(x: f32[Batch, 1], y: f32[Batch, 1]) on points {
  loss mean_squared_error(Line(x), y)
  optimizer sgd(lr = 0.01)
  batch 4  epochs 2  seed 1
}
`,
  'parts/scale.nn': scale('2.0'),
  'ring.nn': 'import { f } from "./ring.nn"\n',
})

const nnc = (commandLine: string) => runCommand(commandLine.split(' '), { directory: folder })

test('check, fmt, inspect, build and train follow imports, relative to the importing file', async () => {
  expect(await nnc('check nets/line.nn')).toEqual({ code: 0, output: 'nets/line.nn: no mistakes found\n', error: '' })
  expect((await nnc('fmt --check nets/line.nn')).code).toBe(0)
  expect((await nnc('inspect nets/line.nn')).code).toBe(0)
  expect((await nnc('build nets/line.nn --stop-after check')).code).toBe(0)
  expect((await nnc('build nets/line.nn -o out')).code).toBe(0)
  const first = async () => JSON.parse((await nnc('train nets/line.nn --json -o run')).output.split('\n')[0]!)
  expect(await first()).toMatchObject({ fromCache: false })
  expect(await first()).toMatchObject({ fromCache: true })
  // The cached module does not outlive a change of an imported file.
  writeFileSync(join(folder, 'parts/scale.nn'), scale('3.0'))
  expect(await first()).toMatchObject({ fromCache: false })
  expect(await first()).toMatchObject({ fromCache: true })
  writeFileSync(join(folder, 'parts/scale.nn'), scale('missing'))
  const { code, error } = await nnc('train nets/line.nn')
  expect(code).toBe(1)
  expect(error).toContain('parts/scale.nn:2:10')
})

test('a file that imports itself', async () => {
  const { code, error } = await nnc('check ring.nn')
  expect(code).toBe(1)
  expect(error).toContain('`ring.nn` imports itself')
})
