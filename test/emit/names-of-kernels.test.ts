import { expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'

test('names of one’s own may be those of the kernels', async () => {
  const source = `
model Names(size: f32[Batch, 3], share: f32[Batch]) -> f32[Batch] {
  param own: f32[3] = ones
  param barrier: f32 = 0.5
  return size @ own * share + barrier
}
train next(size: f32[Batch, 3], share: f32[Batch], thread: f32[Batch]) {
  loss mean((Names(size, share) - thread) ^ 2)
  metric begin = mae(Names(size, share), thread)
  optimizer sgd(0.1)
}
`
  const builds = ['plain', 'plain-threads'] as const
  const { modules, diagnostics } = await compile(source, { file: 'names.nn', builds })
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  expect(Object.keys(modules!)).toEqual([...builds])
})
