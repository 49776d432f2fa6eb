/** Models of many blocks: their code is that of one block, in loops over addresses, and computes the same bits. */
import { describe, expect, test } from 'vitest'
import { findRepetitions } from '../../compiler/5-fuse/find-runs.ts'
import type { Program } from '../../compiler/5-fuse/program.ts'
import { assemble } from '../../compiler/6-emit/assemble.ts'
import { emit } from '../../compiler/6-emit/emit.ts'
import { wasmSections } from '../../compiler/6-emit/wasm-sections.ts'
import { kernelLibrary } from '../../compiler/generated/library.ts'
import { compile } from '../../compiler/index.ts'
import { load } from '../../runtime/index.ts'

const transformer = (blocks: number): string => `
dim Batch in 1..4
dim Time in 1..8
layer Attention(Heads)(x: f32[B, T, D]) -> f32[B, T, D] {
  let (q, k, v) = split(x |> qkv: Linear(3 * D), 3)
  let qh = rearrange(q, [b, t, (h, e)] -> [b, h, t, e], h = Heads)
  let kh = rearrange(k, [b, t, (h, e)] -> [b, h, t, e], h = Heads)
  let vh = rearrange(v, [b, t, (h, e)] -> [b, h, t, e], h = Heads)
  let score[b, h, i, j] = if j <= i then sum[e](qh[b, h, i, e] * kh[b, h, j, e]) / sqrt(D / Heads) else -inf
  let mix[b, h, i, e] = sum[j](softmax(score)[b, h, i, j] * vh[b, h, j, e])
  return rearrange(mix, [b, h, t, e] -> [b, t, (h, e)]) |> proj: Linear(D)
}
layer Block(Heads)(x: f32[B, T, D]) -> f32[B, T, D] {
  let a = x + (x |> ln1: LayerNorm |> attn: Attention(Heads))
  return a + (a |> ln2: LayerNorm |> fc: Linear(2 * D) |> gelu_tanh |> out: Linear(D) |> Dropout(0.1))
}
model Deep(ids: i32[Batch, Time]) -> f32[Batch, Time, 11] {
  return ids |> embed: Embedding(11, 8) |> blocks: repeat(${blocks}) Block(2) |> head: Linear(11)
}
train fit(ids: i32[Batch, Time], targets: i32[Batch, Time]) {
  loss cross_entropy(Deep(ids), targets)
  optimizer adamw(lr = 1e-2, weight_decay = 0.01)
}
`

const recurrent = `
dim Batch in 1..4
dim Time in 1..8
layer Cell(x: f32[B, T, D]) -> f32[B, T, D] {
  return x + (x |> gru: Gru(D))
}
model Deep(ids: i32[Batch, Time]) -> f32[Batch, Time, 11] {
  return ids |> embed: Embedding(11, 8) |> cells: repeat(5) Cell |> head: Linear(11)
}
train fit(ids: i32[Batch, Time], targets: i32[Batch, Time]) {
  loss cross_entropy(Deep(ids), targets)
  optimizer adam(lr = 1e-2)
}
`

async function programOf(source: string): Promise<Program> {
  const { program, diagnostics } = await compile(source, { file: 'deep.nn', stopAfter: 'fuse' })
  expect(diagnostics).toEqual([])
  return program!
}

async function moduleOf(program: Program): Promise<Uint8Array> {
  const { source, manifest, dataOffset, constants } = emit(program)
  const { wasm } = await assemble(source, {
    build: 'plain',
    manifest: manifest('plain'),
    kernels: kernelLibrary,
    constants,
    memoryBytes: program.memory.total,
    optimizeLevel: 0,
    ...(dataOffset !== undefined && { dataOffset }),
  })
  return wasm
}

async function losses(wasm: Uint8Array): Promise<number[]> {
  const model = await load(wasm)
  model.init(7)
  const ids = Int32Array.from({ length: 24 }, (_, at) => (at * 7) % 11)
  const targets = ids.map((id) => (id * 3 + 1) % 11)
  const feeds = { ids: { data: ids, shape: [3, 8] }, targets: { data: targets, shape: [3, 8] } }
  return Array.from({ length: 5 }, () => model.step('fit', feeds).loss!)
}

function codeBytes(wasm: Uint8Array): number {
  const code = wasmSections(wasm).find(({ id }) => id === 10)!
  return code.end - code.body
}

const unrolled = (program: Program): Program => ({
  ...program,
  entries: program.entries.map((entry) => ({ ...entry, runs: [] })),
})

describe('blocks in a loop', () => {
  test('code does not grow with the number of blocks, and the loops compute what the list of calls does', async () => {
    const [shallow, deep] = [await programOf(transformer(5)), await programOf(transformer(12))]
    expect(deep.kernels).toHaveLength(shallow.kernels.length)
    for (const { calls, runs } of deep.entries) {
      const printed = calls.length - runs.reduce((sum, run) => sum + (run.end - run.first) - run.body.length, 0)
      expect(printed).toBeLessThan(150)
    }
    const [small, large] = [await moduleOf(shallow), await moduleOf(deep)]
    expect(codeBytes(large)).toBeLessThan(1.02 * codeBytes(small))
    const alone = await moduleOf(unrolled(shallow))
    expect(codeBytes(small)).toBeLessThan(codeBytes(alone))
    const expected = await losses(alone)
    expect(await losses(small)).toEqual(expected)
    expect(expected[4]).toBeLessThan(expected[0]!)
  }, 120_000)

  test('the loops of recurrent layers may be in a run', async () => {
    const program = await programOf(recurrent)
    const step = program.entries.find(({ kind }) => kind === 'step')!
    expect(step.runs.some(({ body }) => body.some(({ kind }) => kind === 'loop'))).toBe(true)
    expect(await losses(await moduleOf(program))).toEqual(await losses(await moduleOf(unrolled(program))))
  }, 120_000)

  test('the arena takes little more than what is alive at once', async () => {
    for (const blocks of [1, 4, 12]) {
      for (const { arenaBytes, liveBytes } of (await programOf(transformer(blocks))).entries) {
        expect(arenaBytes).toBeGreaterThanOrEqual(liveBytes)
        expect(arenaBytes).toBeLessThanOrEqual(1.15 * liveBytes)
      }
    }
  })

  test('the masks of dropout take no memory: they are drawn again', async () => {
    const source = transformer(3)
    const without = source.replace(' |> Dropout(0.1)', '')
    expect(without).not.toBe(source)
    const live = async (text: string): Promise<number> =>
      (await programOf(text)).entries.find(({ kind }) => kind === 'step')!.liveBytes
    expect(await live(source)).toBeLessThanOrEqual(1.01 * (await live(without)))
  })

  test('a small model has none', async () => {
    const program = await programOf(transformer(1))
    expect(program.entries.flatMap(({ runs }) => runs)).toEqual([])
    expect(program.tablesOffset).toBeUndefined()
  })
})

describe('repetitions of a sequence', () => {
  const worth = ({ period, times }: { period: number; times: number }): boolean => (times - 1) * period >= 6

  test('are found, whatever surrounds them', () => {
    const block = [1, 2, 1, 3, 3]
    const sequence = [9, 8, ...block, ...block, ...block, 1, 2, 7, ...Array(9).fill(4), 5]
    expect(findRepetitions(sequence, worth)).toEqual([
      { first: 2, period: 5, times: 3 },
      { first: 20, period: 1, times: 9 },
    ])
  })

  test('are what they say and do not overlap, in random sequences', () => {
    let state = 1
    const random = (limit: number): number => {
      state = (state * 48271) % 2147483647
      return state % limit
    }
    for (let trial = 0; trial < 200; trial++) {
      const sequence = Array.from({ length: 80 }, () => random(3))
      let end = 0
      for (const { first, period, times } of findRepetitions(sequence, worth)) {
        expect(first).toBeGreaterThanOrEqual(end)
        end = first + period * times
        for (let at = first + period; at < end; at++) expect(sequence[at]).toBe(sequence[at - period])
      }
    }
  })
})
