import { expect, test } from 'vitest'
import { compileWindowed } from './windowed-programs.ts'

const source = `
dim Batch in 1..5
dim Time in 2..40
fn smooth(x: f32[B, C, H, W], w: f32[C, C, 3, 3]) -> f32[B, C, H, W] {
  let y[b, o, i, j] = sum[c, p, q]((x[b, c, i + p - 1, j + q - 1] ?? 0.0) * w[o, c, p, q])
  return y
}
fn run(frames: f32[Time, Batch, 2, 4, 6], w: f32[2, 2, 3, 3], u: f32[2, 2, 3, 3], h0: f32[Batch, 2, 4, 6]) -> f32[Time, Batch, 2, 2, 3] {
  let (pooled, last) = scan x in frames over Time carry h = h0 {
    let next = tanh(smooth(x, w) + smooth(h, u))
    let tiles = rearrange(next, [b, c, (i, p), (j, q)] -> [b, c, i, p, j, q], p = 2, q = 2)
    let best[b, c, i, j] = max[p, q](tiles[b, c, i, p, j, q])
    yield best carry next
  }
  return pooled
}
infer forward(frames: f32[Time, Batch, 2, 4, 6], w: f32[2, 2, 3, 3], u: f32[2, 2, 3, 3], h0: f32[Batch, 2, 4, 6]) -> f32[Time, Batch, 2, 2, 3] {
  return run(frames, w, u, h0)
}
infer to_w(frames: f32[Time, Batch, 2, 4, 6], w: f32[2, 2, 3, 3], u: f32[2, 2, 3, 3], h0: f32[Batch, 2, 4, 6]) -> f32[2, 2, 3, 3] {
  return gradient(sum(run(frames, w, u, h0)), w)
}
infer to_u(frames: f32[Time, Batch, 2, 4, 6], w: f32[2, 2, 3, 3], u: f32[2, 2, 3, 3], h0: f32[Batch, 2, 4, 6]) -> f32[2, 2, 3, 3] {
  return gradient(sum(run(frames, w, u, h0)), u)
}
`

test('a convolution of the elements of a scan leaves the loop, one of what it carries stays; both have gradients', async () => {
  const programs = await compileWindowed(source, 'plain')
  for (const name of ['forward', 'to_w', 'to_u']) programs.check(name)
  const { calls } = programs.runner.program.entries.find(({ name }) => name === 'forward')!
  expect(calls.filter(({ kind }) => kind === 'convolution')).toHaveLength(1)
  const loop = calls.find((call) => call.kind === 'loop')!
  expect(loop.kind === 'loop' && loop.body.filter(({ kind }) => kind === 'convolution')).toHaveLength(1)
})
