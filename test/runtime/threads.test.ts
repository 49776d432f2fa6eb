import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { assemble } from '../../compiler/6-emit/assemble.ts'
import { emit } from '../../compiler/6-emit/emit.ts'
import { kernelLibrary } from '../../compiler/generated/library.ts'
import { compile, renderDiagnostics } from '../../compiler/index.ts'
import { createEngine } from '../../runtime/engine.ts'
import { load, type Model } from '../../runtime/index.ts'
import { INPUT_WIDTH, randomProgram, VOCABULARY } from '../language/random-program.ts'

/** The same file for one thread, and for several with everything shared that can be. */
async function bothBuilds(source: string): Promise<{ readonly alone: Uint8Array; readonly shared: Uint8Array }> {
  const compilation = await compile(source, { file: 'shared.nn', builds: ['plain'] })
  const errors = compilation.diagnostics.filter(({ severity }) => severity === 'error')
  expect(renderDiagnostics(errors, compilation.sources), source).toBe('')
  const emission = emit(compilation.program!, { threads: 'always' })
  const manifest = emission.manifest('plain-threads')
  const { wasm } = await assemble(emission.source, {
    build: 'plain-threads',
    manifest,
    kernels: kernelLibrary,
    constants: emission.constants,
    memoryBytes: manifest.threads!.privateOffset,
  })
  return { alone: compilation.modules!.plain!, shared: wasm }
}

/** Without pattern, in −1..1. */
function numbers(count: number, key: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => Math.sin((index + 1) * 12.9898 + key * 78.233))
}

function bits(model: Model): Record<string, number[]> {
  return Object.fromEntries(
    model.variables.names.map((name) => {
      const { buffer } = model.variables.get(name)
      return [name, [...new Int32Array(buffer)]]
    }),
  )
}

const networks: Record<
  string,
  { readonly source: string; readonly rows: readonly number[]; inputs(rows: number): object }
> = {
  'convolution, batch norm, pooling, dropout': {
    source: `
        dim Batch in 1..7
        model Net(x: f32[Batch, 2, 9, 8]) -> f32[Batch, 3] {
          return x |> c1: Conv(8, 3) |> n1: BatchNorm |> relu |> c2: Conv(10, 3)
            |> c3: DepthwiseConv2d(3, padding = 1) |> c4: Conv2d(6, 3, stride = 2, padding = 1, groups = 2) |> MaxPool(2)
            |> flatten(from = 1) |> Dropout(0.3) |> fc: Linear(3)
        }
        train fit(x: f32[Batch, 2, 9, 8], y: i32[Batch]) {
          loss cross_entropy(Net(x), y)
          optimizer adamw(lr = 1e-2)
          clip global_norm(1.0)
        }`,
    rows: [7, 1, 4],
    inputs: (rows) => ({ x: numbers(rows * 144, 1), y: Int32Array.from({ length: rows }, (_, row) => row % 3) }),
  },
  'pooled convolutions': {
    source: `
        dim Batch in 1..7
        model Net(x: f32[Batch, 1, 12, 12]) -> f32[Batch, 3] {
          return x |> c1: Conv(6, 3) |> relu |> MaxPool(2) |> c2: Conv(9, 3) |> relu |> MaxPool(2)
            |> flatten(from = 1) |> fc: Linear(3)
        }
        train fit(x: f32[Batch, 1, 12, 12], y: i32[Batch]) {
          loss cross_entropy(Net(x), y)
          optimizer adam(lr = 1e-2)
        }`,
    rows: [7, 1, 4],
    inputs: (rows) => ({ x: numbers(rows * 144, 1), y: Int32Array.from({ length: rows }, (_, row) => row % 3) }),
  },
  'recurrence over time, embedding': {
    source: `
        dim Batch in 1..6
        model Chars(ids: i32[Batch, 9]) -> f32[Batch, 9, 7] {
          return ids |> embed: Embedding(7, 10) |> gru: Gru(24) |> head: Linear(7)
        }
        train fit(ids: i32[Batch, 9], y: i32[Batch, 9]) {
          loss cross_entropy(Chars(ids), y)
          optimizer adam(lr = 1e-2)
        }`,
    rows: [6, 1, 5],
    inputs: (rows) => {
      const ids = Int32Array.from({ length: rows * 9 }, (_, at) => (at * 5) % 7)
      return { ids, y: ids.map((id) => (id + 1) % 7) }
    },
  },
  'gradients added up, updates in some steps': {
    source: `
        dim Batch in 1..7
        model Net(x: f32[Batch, 12]) -> f32[Batch, 3] { return x |> deep: repeat(5) Linear(12) |> relu |> fc: Linear(3) }
        train fit(x: f32[Batch, 12], y: f32[Batch, 3]) {
          loss mean_squared_error(Net(x), y)
          optimizer muon(lr = 1e-2)
          clip global_norm(0.5)
          accumulate 2
        }`,
    rows: [7, 1, 4],
    inputs: (rows) => ({ x: numbers(rows * 12, 1), y: numbers(rows * 3, 2) }),
  },
  'attention of one head in several blocks of queries, and of heads that share keys': {
    source: `
        dim Batch in 1..3
        model Net(x: f32[Batch, 150, 4]) -> f32[Batch, 150, 4] {
          let y = x |> long: MultiHeadAttention(1, causal = true)
          return y |> shared: MultiHeadAttention(4, KvHeads = 2, alibi = true)
        }
        train fit(x: f32[Batch, 150, 4], y: f32[Batch, 150, 4]) {
          loss mean_squared_error(Net(x), y)
          optimizer adam(lr = 1e-2)
        }`,
    rows: [3, 1],
    inputs: (rows) => ({ x: numbers(rows * 600, 1), y: numbers(rows * 600, 2) }),
  },
  'attention, layer norm, a fixed point': {
    source: `
        dim Batch in 1..5
        layer Attention(Heads)(x: f32[B, T, D]) -> f32[B, T, D] where D % Heads == 0 {
          let (q, k, v) = split(x |> qkv: Linear(3 * D), 3)
          let qh = rearrange(q, [b, t, (h, e)] -> [b, h, t, e], h = Heads)
          let kh = rearrange(k, [b, t, (h, e)] -> [b, h, t, e], h = Heads)
          let vh = rearrange(v, [b, t, (h, e)] -> [b, h, t, e], h = Heads)
          let score[b, h, i, j] = if j <= i then sum[e](qh[b, h, i, e] * kh[b, h, j, e]) / sqrt(D / Heads) else -inf
          let p = softmax(score)
          let mix[b, h, i, e] = sum[j](p[b, h, i, j] * vh[b, h, j, e])
          return rearrange(mix, [b, h, t, e] -> [b, t, (h, e)]) |> proj: Linear(D)
        }
        model Net(x: f32[Batch, 11, 16]) -> f32[Batch, 11, 16] {
          param w: f32[16, 16] = normal(std = 0.1)
          let y = x + (x |> norm: LayerNorm |> attention: Attention(2))
          return iterate z = zeros_like(y) until 1e-5 within 30 { yield carry tanh(0.5 * (z @ w) + y) }
        }
        train fit(x: f32[Batch, 11, 16], y: f32[Batch, 11, 16]) {
          loss mean_squared_error(Net(x), y)
          optimizer sgd(0.1, momentum = 0.9)
        }`,
    rows: [5, 1, 3],
    inputs: (rows) => ({ x: numbers(rows * 176, 1), y: numbers(rows * 176, 2) }),
  },
}

describe('every number of threads gives the bits of one', () => {
  test.each(Object.entries(networks))('%s', async (_name, { source, rows, inputs }) => {
    const { alone, shared } = await bothBuilds(source)
    const expected = await load(alone)
    const models = await Promise.all([1, 2, 3, 5].map((threads) => load(shared, { threads })))
    expect(models.map(({ threads }) => threads)).toEqual([1, 2, 3, 5])
    for (const count of [...rows, ...rows]) {
      const wanted = expected.step('fit', inputs(count) as never)
      const evaluated = expected.evaluate('fit', inputs(count) as never)
      for (const model of models) {
        expect(model.step('fit', inputs(count) as never)).toEqual(wanted)
        expect(model.evaluate('fit', inputs(count) as never)).toEqual(evaluated)
        expect(bits(model)).toEqual(bits(expected))
      }
    }
    for (const model of models) model.close()
  })

  test('steps that add gradients up, one right after the other', async () => {
    const { alone, shared } = await bothBuilds(`
      dim Batch in 1..5
      model Net(x: f32[Batch, 24]) -> f32[Batch, 3] {
        return x |> fc1: Linear(24) |> tanh |> fc2: Linear(24) |> tanh |> fc3: Linear(3)
      }
      train fit(x: f32[Batch, 24], y: f32[Batch, 3]) {
        loss mean_squared_error(Net(x), y)
        optimizer adamw(lr = 1e-3)
        clip global_norm(0.3)
        average ema(0.9)
        accumulate 3
      }`)
    const inputs = [5, 2, 5, 3].map((rows, at) => ({ x: numbers(rows * 24, at), y: numbers(rows * 3, at + 10) }))
    const [one, two, three] = await Promise.all([
      load(alone),
      load(shared, { threads: 2 }),
      load(shared, { threads: 3 }),
    ])
    for (const model of [one, two, three]) for (let at = 0; at < 400; at++) model.step('fit', inputs[at % 4]!)
    expect(bits(two)).toEqual(bits(one))
    expect(bits(three)).toEqual(bits(one))
    for (const model of [two, three]) model.close()
  })

  const seed = Number(process.env.NNC_SEED ?? Date.now() % 1_000_000)
  test(`random programs (NNC_SEED=${seed})`, async () => {
    const arbitrary = fc.record({
      choices: fc.array(fc.nat(), { minLength: 80, maxLength: 80, size: 'max' }),
      statements: fc.integer({ min: 4, max: 14 }),
    })
    const programs = fc
      .sample(arbitrary, { numRuns: 10, seed })
      .map(({ choices, statements }, index) => randomProgram(String(index), choices, statements))
    const source = `dim Batch in 0..9\n${programs.map((program) => program.source).join('\n')}`
    const { alone, shared } = await bothBuilds(source)
    const [one, three] = await Promise.all([load(alone), load(shared, { threads: 3 })])
    for (const { train, infer, width, source: text } of programs) {
      for (const batch of [9, 0, 1, 4]) {
        const x = numbers(batch * INPUT_WIDTH, 1)
        const ids = Int32Array.from({ length: batch }, (_, row) => (row * 7 + batch) % VOCABULARY)
        const given = { x, ids, target: numbers(batch * width, 2) }
        expect(three.step(train, given), text).toEqual(one.step(train, given))
        expect(three.predict(infer, { x, ids }), text).toEqual(one.predict(infer, { x, ids }))
      }
    }
    expect(bits(three)).toEqual(bits(one))
    three.close()
  })
})

test('what is prepared on all threads serves entries of one thread too', async () => {
  const source = `
    dim Batch in 1..512
    layer Low(x: f32[B, D]) -> f32[B, D] {
      param a: f32[D, 8] = normal(std = 0.1)
      param b: f32[8, D] = normal(std = 0.1)
      return x @ (a @ b)
    }
    model Net(x: f32[Batch, 256]) -> f32[Batch, 256] { return x |> low: Low }
    infer one(x: f32[1, 256]) -> f32[1, 256] { return Net(x) }`
  const { modules } = await compile(source, { file: 'low.nn', builds: ['plain', 'plain-threads'] })
  const [alone, shared] = [await load(modules!.plain!), await load(modules!['plain-threads']!, { threads: 2 })]
  const entryOf = (name: string) => shared.manifest.entries.find((entry) => entry.name === name)!
  expect([entryOf('Net').shared, entryOf('one').shared]).toEqual([expect.any(Number), undefined])
  for (const key of [1, 2, 3]) {
    for (const model of [alone, shared]) model.parameters.set('low.a', numbers(256 * 8, key))
    const row = { x: numbers(256, key) }
    if (key === 2) expect(shared.predict('one', row)).toEqual(alone.predict('one', row))
    const rows = { x: numbers(512 * 256, key) }
    expect(shared.predict('Net', rows)).toEqual(alone.predict('Net', rows))
    expect(shared.predict('one', row)).toEqual(alone.predict('one', row))
  }
  shared.close()
})

describe('where there are no threads to be had', () => {
  const source = `
    model Line(x: f32[Batch, 2]) -> f32[Batch, 1] { return x |> fc: Linear(1) }`
  const large = 'model Large(x: f32[64, 512]) -> f32[64, 512] { return x |> fc: Linear(512) }'

  test('one thread runs, and the model says why', async () => {
    const { modules } = await compile(large, { file: 'large.nn', builds: ['plain', 'plain-threads'] })
    const one = await load(modules!.plain!, { threads: 2 })
    expect([one.threads, one.obstacle]).toEqual([1, 'the module was compiled for one thread'])
    const chosen = await load({ plain: modules!.plain!, 'plain-threads': modules!['plain-threads']! }, { threads: 2 })
    expect([chosen.build, chosen.threads, chosen.obstacle]).toEqual(['plain-threads', 2, undefined])
    chosen.close()
    vi.stubGlobal('SharedArrayBuffer', undefined)
    const isolated = await load({ plain: modules!.plain!, 'plain-threads': modules!['plain-threads']! }, { threads: 2 })
    vi.unstubAllGlobals()
    expect([isolated.build, isolated.threads]).toEqual(['plain', 1])
    expect(isolated.obstacle).toMatch(/cross-origin isolated.*Cross-Origin-Opener-Policy/)
  })

  test('what is too short to share has the module of one thread', async () => {
    const { modules } = await compile(source, { file: 'line.nn', builds: ['plain-threads'] })
    const { build, threads, obstacle } = await load(modules!['plain-threads']!, { threads: 2 })
    expect([build, threads]).toEqual(['plain-threads', 1])
    expect(obstacle).toBe('nothing the module does takes long enough for several threads to gain by it')
  })

  test('a number that makes no sense is refused', async () => {
    const { modules } = await compile(large, { file: 'large.nn', builds: ['plain-threads'] })
    const module = modules!['plain-threads']!
    await expect(load(module, { threads: 0 })).rejects.toThrow('threads is 0; it must be a whole number from 1')
    await expect(load(module, { threads: 17 })).rejects.toThrow('threads is 17; a module runs on up to 16')
  })

  test('a thread that dies ends the step with an error', async () => {
    const { shared } = await bothBuilds(source)
    const started: Worker[] = []
    class Watched extends Worker {
      constructor(...given: ConstructorParameters<typeof Worker>) {
        super(...given)
        started.push(this)
      }
    }
    const builtin = vi.spyOn(process, 'getBuiltinModule').mockReturnValue({ Worker: Watched } as never)
    const engine = await createEngine(shared, { threads: 2 })
    builtin.mockRestore()
    // The seconds to wait, in the control block.
    engine.integers[engine.manifest.threads!.control / 4 + 3] = 1
    const entry = engine.manifest.entries.find(({ kind }) => kind === 'infer')!
    engine.run(entry, { Batch: 2 })
    await started[0]!.terminate()
    expect(() => engine.run(entry, { Batch: 2 })).toThrow(expect.objectContaining({ code: 'threads-failed' }))
    expect(() => engine.run(entry, { Batch: 2 })).toThrow('a thread of this model has died')
  })
})
