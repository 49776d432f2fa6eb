import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { type EpochEvent, load, type Metrics, type Model } from '../../runtime/index.ts'
import { CLASSES, makeRows, source } from './program.ts'

const rows = makeRows(203)
const count = rows.label.length
/** Written by scikit_learn.py. */
const golden: Readonly<Record<string, number | readonly number[] | readonly (readonly number[])[]>> = JSON.parse(
  readFileSync(new URL('scikit-learn.json', import.meta.url), 'utf8'),
)

async function moduleOf(text: string): Promise<Uint8Array> {
  const { modules, diagnostics } = await compile(text, { file: 'metrics.nn', builds: ['plain'] })
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  return modules!.plain!
}

let wasm: Uint8Array
let model: Model
beforeAll(async () => {
  wasm = await moduleOf(source)
  model = await load(wasm)
})

function flat(value: Metrics[string] | undefined): number[] {
  return typeof value === 'number' ? [value] : Array.from(value!.data)
}

function expectClose(values: Metrics, expected: typeof golden): void {
  for (const [name, wanted] of Object.entries(expected)) {
    const found = flat(values[name])
    const right = [wanted].flat(2) as number[]
    expect(found.length, name).toBe(right.length)
    for (const [at, value] of found.entries())
      expect(Math.abs(value - right[at]!), `${name}[${at}]: ${value}, not ${right[at]}`).toBeLessThan(
        2e-6 * Math.max(1, Math.abs(right[at]!)),
      )
  }
}

describe('over an epoch', () => {
  test.each([1, 7, 64, 203])('in batches of %i every metric is what scikit-learn says of all rows', (batch) => {
    const values = model.evaluateAll('fit', { ...rows }, { batch })
    expectClose(values, golden)
  })

  test('the top k by counting the classes ahead', () => {
    let hits = 0
    for (let n = 0; n < count; n++) {
      const scores = Array.from(rows.x.subarray(n * CLASSES, (n + 1) * CLASSES))
      const order = scores.map((_, c) => c).sort((a, b) => scores[b]! - scores[a]! || a - b)
      if (order.slice(0, 2).includes(rows.label[n]!)) hits++
    }
    expect(model.evaluateAll('fit', { ...rows }, { batch: 50 }).top_2).toBeCloseTo(hits / count, 6)
  })

  test('training, validation and test values of fit are exact, and batches do not change them', async () => {
    for (const batch of [10, 64]) {
      const fresh = await load(wasm)
      const events = []
      for await (const event of fresh.fit(
        'fit',
        { ...rows },
        { valid: { ...rows }, test: { ...rows }, epochs: 2, batch },
      ))
        events.push(event)
      const epochs = events.filter((event): event is EpochEvent => event.kind === 'epoch')
      // The optimizer does not move, so training measures what evaluation does.
      for (const { train, valid } of epochs) {
        expectClose(train, golden)
        expectClose(valid!, golden)
      }
      const done = events.at(-1)!
      expectClose(done.kind === 'done' ? done.test! : ({} as Metrics), golden)
    }
  })

  test('of one example in ten thousand, agreement beyond chance keeps its figures', async () => {
    const own = await load(
      await moduleOf(`
        model Shift(x: f32[B, 3]) -> f32[B, 3] {
          param b: f32[3] = zeros
          return x + b
        }
        train fit(x: f32[B, 3], label: i32[B]) {
          loss cross_entropy(Shift(x), label)
          metric matthews = matthews_correlation(Shift(x), label)
          metric kappa = cohen_kappa(Shift(x), label)
          optimizer sgd(0.0)
        }`),
    )
    const count = 200_000
    const guess = (row: number): number => (row % 9000 === 0 ? 1 : row % 7000 === 3 ? 2 : 0)
    const label = Int32Array.from({ length: count }, (_, row) =>
      row % 18000 === 0 ? 1 : row % 7000 === 3 ? 2 : row % 50000 === 7 ? 1 : 0,
    )
    const x = new Float32Array(count * 3)
    const counts = [0, 1, 2].map(() => [0, 0, 0])
    for (let row = 0; row < count; row++) {
      x[row * 3 + guess(row)] = 1
      counts[label[row]!]![guess(row)]!++
    }
    const present = counts.map((row) => row[0]! + row[1]! + row[2]!)
    const claimed = [0, 1, 2].map((at) => counts[0]![at]! + counts[1]![at]! + counts[2]![at]!)
    const products = (a: number[], b: number[]): number =>
      a.reduce((sum, value, at) => sum + value * b[at]!, 0) / count ** 2
    const right = (counts[0]![0]! + counts[1]![1]! + counts[2]![2]!) / count
    const beyond = right - products(claimed, present)
    const expected = {
      matthews: beyond / Math.sqrt((1 - products(claimed, claimed)) * (1 - products(present, present))),
      kappa: beyond / (1 - products(claimed, present)),
    }
    expectClose(own.evaluateAll('fit', { x, label }, { batch: 500 }), { ...expected })
    // A guess that is always the same is no better than chance.
    x.forEach((_, at) => {
      x[at] = at % 3 === 0 ? 1 : 0
    })
    expectClose(own.evaluateAll('fit', { x, label }, { batch: 500 }), { matthews: 0, kappa: 0 })
  })

  test('measuring in between disturbs nothing', async () => {
    const fresh = await load(wasm)
    const part = (from: number, to: number) => ({
      x: rows.x.subarray(from * CLASSES, to * CLASSES),
      label: rows.label.subarray(from, to),
      target: rows.target.subarray(from, to),
      y: rows.y.subarray(from, to),
      keep: rows.keep.subarray(from, to),
    })
    const alone = fresh.evaluate('fit', part(0, 20))
    for await (const event of fresh.fit('fit', { ...rows }, { epochs: 1, batch: 20, progressEvery: 0 })) {
      if (event.kind === 'step') {
        fresh.evaluateAll('fit', { ...rows }, { batch: 33 })
        expect(fresh.evaluate('fit', part(0, 20))).toEqual(alone)
      }
      if (event.kind === 'epoch') expectClose(event.train, golden)
    }
  })

  test('totals are neither variables nor part of checkpoints', () => {
    expect(model.variables.names.some((name) => name.includes('metric'))).toBe(false)
    expect(new TextDecoder('latin1').decode(model.save())).not.toContain('/metric ')
  })
})

describe('definitions of one’s own', () => {
  const head = `
model Shift(x: f32[B]) -> f32[B] {
  param b: f32 = 0.0
  return x + b
}
train fit(x: f32[B]) {
  loss mean(Shift(x))
  optimizer sgd(0.0)
`
  async function evaluate(definition: string, metric: string, x: readonly number[], batch: number): Promise<Metrics> {
    const own = await load(await moduleOf(`${definition}${head}  metric own = ${metric}\n}\n`))
    return own.evaluateAll('fit', { x: Float32Array.from(x) }, { batch })
  }

  test('counts stay exact beyond 2²⁴', async () => {
    const definition = 'metric all(x: f32[...]) {\n  total sums = sum(x)\n  return sums\n}\n'
    const values = await evaluate(definition, 'all(Shift(x))', [2 ** 24, 1, 1, 1, 1], 1)
    expect(values.own).toBe(2 ** 24 + 4)
  })

  test('i32 totals, states with a first value, and metrics of metrics', async () => {
    const definition = `
metric least(x: f32[...]) {
  state low = inf
  update low = min(low, min(x))
  return low
}
metric positives(x: f32[...]) {
  total count = sum(int(if x > 0.0 then 1.0 else 0.0))
  return float(count)
}
metric both(x: f32[...]) -> f32[2] {
  return stack([least(x), positives(x)])
}
`
    const values = await evaluate(definition, 'both(x)', [3, -1, 2, 5, -4, 7], 4)
    expect(flat(values.own)).toEqual([-4, 4])
  })

  test('areas and correlations of what has none are NaN', async () => {
    const values = await evaluate('', 'roc_auc(Shift(x), ones_like(x))', [1, 2, 3], 2)
    expect(values.own).toBeNaN()
  })

  test('a score that is not a number ranks nothing, unless its weight is 0', async () => {
    const positive = 'if x > 1.5 then 1.0 else 0.0'
    const x = [1, 2, 3, 1]
    const broken = 'Shift(x) / (if x > 2.5 then 0.0 else 1.0) * (if x > 2.5 then 0.0 else 1.0)'
    for (const metric of [
      `roc_auc(${broken}, ${positive})`,
      `pr_auc(${broken}, ${positive})`,
      `spearman(${broken}, Shift(x))`,
      `median_absolute_error(${broken}, Shift(x))`,
    ])
      expect((await evaluate('', metric, x, 2)).own, metric).toBeNaN()
    const masked = await evaluate('', `roc_auc(${broken}, ${positive}, weight = if x > 2.5 then 0.0 else 1.0)`, x, 2)
    expect(masked.own).toBe(1)
  })
})
