/** A run interrupted within an epoch goes on with the next batch, to the bits of one that was not. */
import { beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { type FitEvent, type FitOptions, load, type Model } from '../../runtime/index.ts'

const source = `dim Batch in 1..8
model Net(x: f32[Batch, 3]) -> f32[Batch] {
  return x |> hidden: Linear(4) |> Dropout(0.3) |> tanh |> out: Linear(1) |> flatten
}
train fit(x: f32[Batch, 3], y: f32[Batch]) {
  let logits = Net(x)
  loss binary_cross_entropy(logits, y)
  metric largest = max(abs(logits))
  metric f1 = binary_f1(logits, y)
  metric roc_auc = roc_auc(logits, y)
  metric spearman = spearman(logits, y)
  optimizer adam(0.05)
  accumulate 2
  batch 4  epochs 3  seed 3
}
train streams(x: f32[Batch, 3], y: f32[Batch]) {
  state h: f32[Batch] = zeros
  let logits = Net(x) + h
  update h = 0.5 * h + 0.1 * y
  loss binary_cross_entropy(logits, y)
  metric f1 = binary_f1(logits, y)
  optimizer adam(0.05)
  batch 4 in streams  epochs 2  seed 3
}
`

let wasm: Uint8Array<ArrayBuffer>
beforeAll(async () => {
  const { modules, diagnostics } = await compile(source, { file: 'resume.nn', builds: ['plain'] })
  if (!modules?.plain) throw new Error(diagnostics.map(({ message }) => message).join('\n'))
  wasm = new Uint8Array(modules.plain)
}, 60_000)

const rows = 22
const data = {
  x: Float32Array.from({ length: 3 * rows }, (_, i) => Math.sin(i * i)),
  y: Float32Array.from({ length: rows }, (_, i) => ((i * 7) % 3) & 1),
}

/** What a run tells that is no time. */
function told(events: readonly FitEvent[]): unknown[] {
  return events.flatMap((event) =>
    event.kind === 'step'
      ? [[event.epoch, event.step, event.loss, event.meanLoss]]
      : event.kind === 'epoch'
        ? [[event.epoch, event.train, event.valid, event.best]]
        : [],
  )
}

async function run(model: Model, train: string, options: FitOptions, until?: number): Promise<FitEvent[]> {
  const events: FitEvent[] = []
  const controller = new AbortController()
  const all = { valid: data, progressEvery: 0, signal: controller.signal, ...options }
  for await (const event of model.fit(train, data, all)) {
    events.push(event)
    if (events.length === until) controller.abort()
  }
  return events
}

async function another(bytes: Uint8Array): Promise<Model> {
  const model = await load(wasm)
  model.init(99)
  model.restore(bytes)
  return model
}

describe.each(['fit', 'streams'])('%s', (train) => {
  test('at every event, through a checkpoint and without one', async () => {
    const straight = await load(wasm)
    const whole = await run(straight, train, {})
    const events = whole.length - 1
    expect(events).toBeGreaterThan(10)
    // After its last step a run is at its end.
    for (let until = 1; until < events - 1; until++) {
      const first = await load(wasm)
      const begun = await run(first, train, {}, until)
      const end = begun.at(-1)!
      if (end.kind !== 'done') throw new Error('fit ended without saying so')
      expect(end.reason).toBe('cancelled')
      const bytes = first.save()
      for (const second of [await another(bytes), first]) {
        const ended = await run(second, train, { startEpoch: end.epochs + 1 })
        expect([...told(begun), ...told(ended)]).toEqual(told(whole))
        expect(second.save()).toEqual(straight.save())
      }
    }
  })
})

test('a checkpoint saved while the run waits at a step is taken up as well', async () => {
  const straight = await load(wasm)
  await run(straight, 'fit', {})
  const first = await load(wasm)
  let bytes = new Uint8Array()
  for await (const event of first.fit('fit', data, { valid: data, progressEvery: 0 })) {
    if (event.kind !== 'step' || event.epoch !== 2 || event.step !== 3) continue
    bytes = first.save()
    break
  }
  const second = await another(bytes)
  await run(second, 'fit', { startEpoch: 2 })
  expect(second.save()).toEqual(straight.save())
})

describe('an epoch is begun anew', () => {
  const interrupted = async (): Promise<Model> => {
    const model = await load(wasm)
    await run(model, 'fit', {}, 3)
    return model
  }
  const firstStep = (events: readonly FitEvent[]) => events.find((event) => event.kind === 'step')

  test('with batches of another size, another seed or other rows', async () => {
    const model = await interrupted()
    expect(firstStep(await run(model, 'fit', {}, 1))).toMatchObject({ epoch: 1, step: 4 })
    for (const options of [{ batch: 3 }, { seed: 5 }, { shuffle: false }] satisfies FitOptions[])
      expect(firstStep(await run(await interrupted(), 'fit', options, 1))).toMatchObject({ epoch: 1, step: 1 })
    const fewer = { x: data.x.subarray(3), y: data.y.subarray(1) }
    for await (const event of (await interrupted()).fit('fit', fewer, { progressEvery: 0 })) {
      expect(event).toMatchObject({ epoch: 1, step: 1 })
      break
    }
  })

  test('by another train block, after a step by hand, and after init', async () => {
    expect(firstStep(await run(await interrupted(), 'streams', {}, 1))).toMatchObject({ step: 1 })
    const stepped = await interrupted()
    stepped.step('fit', { x: data.x.subarray(0, 6), y: data.y.subarray(0, 2) })
    expect(firstStep(await run(stepped, 'fit', {}, 1))).toMatchObject({ step: 1 })
    const fresh = await interrupted()
    fresh.init()
    expect(firstStep(await run(fresh, 'fit', {}, 1))).toMatchObject({ step: 1 })
  })

  test('weights without the optimizer hold no place in an epoch', async () => {
    const model = await interrupted()
    expect(new TextDecoder('latin1').decode(model.save())).toContain('nnc.epoch/')
    expect(new TextDecoder('latin1').decode(model.save({ optimizer: false }))).not.toContain('nnc.epoch/')
  })
})
