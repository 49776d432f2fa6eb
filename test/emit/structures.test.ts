/** What programs compile to: how many calls of which kind, and how many bytes of memory for values on the way. */
import { describe, expect, test } from 'vitest'
import type { Program } from '../../compiler/5-fuse/program.ts'
import { everyCall } from '../../compiler/5-fuse/program.ts'
import { compile } from '../../compiler/index.ts'

interface Structure {
  /** Calls by kind. */
  readonly calls: Readonly<Record<string, number>>
  /** Bytes for values on the way. */
  readonly arena: number
  /** Elements of the largest tensor kept in memory, inputs and variables apart. */
  readonly largest: number
}

/** Whether nothing is computed in more calls, or with more memory, than stated. */
function expectAtMost({ calls, arena }: Structure, stated: Readonly<Record<string, number>> & { arena: number }): void {
  const { arena: bytes, ...counts } = stated
  for (const [kind, count] of Object.entries(calls))
    expect(count, `${kind} in ${JSON.stringify(calls)}`).toBeLessThanOrEqual(counts[kind] ?? 0)
  expect(arena).toBeLessThanOrEqual(bytes)
}

async function structureOf(text: string, entry: string): Promise<Structure> {
  const { program, diagnostics } = await compile(text, { file: 'test.nn', stopAfter: 'fuse' })
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  return structure(program!, entry)
}

function structure(program: Program, name: string): Structure {
  const entry = program.entries.find((candidate) => candidate.name === name)!
  const calls: Record<string, number> = {}
  for (const { kind } of everyCall(entry.calls)) calls[kind] = (calls[kind] ?? 0) + 1
  const kept = program.buffers.filter(({ kind }) => kind === 'arena' || kind === 'output')
  return { calls, arena: entry.arenaBytes, largest: Math.max(0, ...kept.map(({ bytes }) => bytes / 4)) }
}

const [B, H, T, E] = [2, 4, 64, 16]
const attention = `const B = ${B}
const H = ${H}
const T = ${T}
const E = ${E}
fn attend(q: f32[B, H, T, E], k: f32[B, H, T, E], v: f32[B, H, T, E]) -> f32[B, H, T, E] {
  let score[b, h, i, j] = if j <= i then sum[e](q[b, h, i, e] * k[b, h, j, e]) / sqrt(E) else -inf
  let p = softmax(score)
  let mix[b, h, i, e] = sum[j](p[b, h, i, j] * v[b, h, j, e])
  return mix
}
infer forward(q: f32[B, H, T, E], k: f32[B, H, T, E], v: f32[B, H, T, E]) -> f32[B, H, T, E] {
  return attend(q, k, v)
}
infer slopes(q: f32[B, H, T, E], k: f32[B, H, T, E], v: f32[B, H, T, E]) -> (q: f32[B, H, T, E], k: f32[B, H, T, E], v: f32[B, H, T, E]) {
  let y = attend(q, k, v)
  let loss = sum(y * y)
  return (gradient(loss, q), gradient(loss, k), gradient(loss, v))
}`

describe('causal attention in index notation', () => {
  test('is one call and a copy to the wanted order of axes, and nothing is as large as the scores', async () => {
    const found = await structureOf(attention, 'forward')
    expectAtMost(found, { attention: 1, kernel: 1, arena: 68_000 })
    expect(found.calls.attention).toBe(1)
    expect(found.arena).toBeLessThan(B * H * T * T * 4)
  })

  test('has one call more with its gradients', async () => {
    const found = await structureOf(attention, 'slopes')
    expectAtMost(found, { attention: 1, attention_gradient: 1, kernel: 4, arena: 342_400 })
    expect(found.calls.attention_gradient).toBe(1)
  })
})

describe('convolutions in index notation', () => {
  const text = `fn same(x: f32[B, C, H, W], w: f32[O, C, K, K]) -> f32[B, O, H, W] {
  let y[b, o, i, j] = sum[c, p, q]((x[b, c, i + p - K / 2, j + q - K / 2] ?? 0.0) * w[o, c, p, q])
  return y
}
infer forward(x: f32[4, 3, 16, 16], w: f32[8, 3, 3, 3]) -> f32[4, 8, 16, 16] {
  return same(x, w)
}
infer slopes(x: f32[4, 3, 16, 16], w: f32[8, 3, 3, 3]) -> (x: f32[4, 3, 16, 16], w: f32[8, 3, 3, 3]) {
  let y = same(x, w)
  let loss = sum(y * y)
  return (gradient(loss, x), gradient(loss, w))
}
fn halved(x: f32[B, C, H, W]) -> f32[B, C, H / 2, W / 2] where H % 2 == 0, W % 2 == 0 {
  let y[b, c, i, j] = max[p, q](window(x)[b, c, i, p, j, q])
  return y
}
fn window(x: f32[B, C, H, W]) -> f32[B, C, H / 2, 2, W / 2, 2] {
  return rearrange(x, [b, c, (i, p), (j, q)] -> [b, c, i, p, j, q], p = 2, q = 2)
}
infer pooled(x: f32[4, 3, 16, 16]) -> f32[4, 3, 8, 8] {
  return halved(x)
}`

  test('are calls of the convolution kernel, the gradients too', async () => {
    expectAtMost(await structureOf(text, 'forward'), { convolution: 1, kernel: 1, arena: 39_040 })
    expectAtMost(await structureOf(text, 'slopes'), { convolution: 3, kernel: 9, arena: 82_752 })
  })

  test('windows that do not overlap are pooled by one call', async () => {
    expectAtMost(await structureOf(text, 'pooled'), { pool_max: 1, kernel: 1, arena: 3_136 })
  })
})

describe('other index notation', () => {
  const text = `infer normal(x: f32[32, 100], g: f32[100], b: f32[100]) -> f32[32, 100] {
  let m[i] = mean[c](x[i, c])
  let v[i] = mean[c]((x[i, c] - m[i]) ^ 2)
  let y[i, c] = g[c] * (x[i, c] - m[i]) * rsqrt(v[i] + 1e-5) + b[c]
  return y
}
infer whole(a: i32[64, 64], b: i32[64, 64]) -> i32[64, 64] {
  let y[i, j] = sum[k](a[i, k] * b[k, j])
  return y
}
infer distances(x: f32[100, 8], y: f32[200, 8]) -> f32[100, 200] {
  let d[i, j] = sum[k]((x[i, k] - y[j, k]) ^ 2)
  return d
}
infer bilinear(x: f32[32, 20], y: f32[32, 30], w: f32[10, 20, 30]) -> f32[32, 10] {
  let z[b, o] = sum[i, j](x[b, i] * w[o, i, j] * y[b, j])
  return z
}
infer bags(table: f32[1000, 16], ids: i32[32, 10]) -> f32[32, 16] {
  let y[b, d] = sum[t](table[ids[b, t], d])
  return y
}
infer order(x: f32[32, 100]) -> f32[32, 100] {
  return sort(x)
}
infer positions(x: f32[4, Time, 8], w: f32[512, 8]) -> f32[4, Time, 8] {
  let y[b, t, d] = x[b, t, d] + w[t, d]
  return y
}`

  test.each([
    ['normal', { kernel: 1, arena: 0 }],
    ['whole', { kernel: 1, arena: 0 }],
    ['distances', { kernel: 1, arena: 0 }],
    ['bilinear', { product: 2, arena: 97_408 }],
    ['bags', { gather: 1, kernel: 1, arena: 20_544 }],
    ['order', { argsort: 1, gather: 1, kernel: 1, arena: 25_728 }],
    ['positions', { kernel: 1, arena: 0 }],
  ])('%s needs no more than %j', async (name, stated) => {
    expectAtMost(await structureOf(text, name), stated)
  })
})

describe('a recurrent layer', () => {
  const text = `dim Time in 1..100
model Net(x: f32[8, Time, 5]) -> f32[8, Time, 16] {
  return x |> g: Gru(16)
}
train fit(x: f32[8, Time, 5]) {
  loss mean(Net(x) ^ 2)
  optimizer sgd(0.1)
}`
  const inLoops = async (name: string): Promise<Record<string, number>[]> => {
    const { program } = await compile(text, { file: 'test.nn', stopAfter: 'fuse' })
    const entry = program!.entries.find((candidate) => candidate.name === name)!
    return everyCall(entry.calls).flatMap((call) =>
      call.kind === 'loop'
        ? [Object.fromEntries(['product', 'pack'].map((kind) => [kind, count(call.body, kind)]))]
        : [],
    )
  }
  const count = (calls: readonly { kind: string }[], kind: string): number =>
    calls.filter((call) => call.kind === kind).length

  test('computes one product in each step, with the state; weights are packed before', async () => {
    expect(await inLoops('Net')).toEqual([{ product: 1, pack: 0 }])
    expect(await inLoops('fit.step')).toEqual([
      { product: 1, pack: 0 },
      { product: 1, pack: 0 },
    ])
    expectAtMost(await structureOf(text, 'Net'), { loop: 1, pack: 2, product: 2, kernel: 3, arena: 214_080 })
    expectAtMost(await structureOf(text, 'fit.step'), { loop: 2, pack: 3, product: 5, kernel: 11, arena: 623_680 })
  })
})
