import { beforeAll, describe, expect, test } from 'vitest'
import { type FitEvent, type FitOptions, load, type Model } from '../../runtime/index.ts'
import { shuffledOrder } from '../../runtime/shuffle.ts'
import { buildToy, toyData } from './toy-module.ts'

let wasm: Uint8Array<ArrayBuffer>
beforeAll(async () => {
  wasm = await buildToy()
}, 60_000)

const data = toyData(21)
const valid = toyData(9)

async function run(model: Model, options: FitOptions = {}): Promise<FitEvent[]> {
  const events: FitEvent[] = []
  for await (const event of model.fit('fit', data, options)) events.push(event)
  return events
}

function losses(events: readonly FitEvent[]): number[] {
  return events.flatMap((event) => (event.kind === 'step' ? [event.loss] : []))
}

function epochs(events: readonly FitEvent[]) {
  return events.flatMap((event) => (event.kind === 'epoch' ? [event] : []))
}

function done(events: readonly FitEvent[]) {
  const last = events.at(-1)!
  if (last.kind !== 'done') throw new Error(`the last event is ${last.kind}`)
  return last
}

describe('fit', () => {
  test('a second run on the same model takes over, and the first ends with an error', async () => {
    const model = await load(wasm)
    const first = model.fit('fit', data, { progressEvery: 0 })
    await first.next()
    const alone = done(await run(model, { progressEvery: 0 }))
    expect(alone.reason).toBe('finished')
    const bytes = model.save()
    await expect(first.next()).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringContaining('another `fit` of `fit` has begun on this model'),
    })
    expect(model.save()).toEqual(bytes)
    // Nor does one that was left earlier stand in the way.
    for await (const event of model.fit('fit', data)) if (event.kind === 'epoch') break
    expect(done(await run(model)).reason).toBe('finished')
  })

  test('takes its settings from the file, the last short batch included', async () => {
    const model = await load(wasm)
    const events = await run(model, { progressEvery: 0 })
    expect(losses(events)).toHaveLength(3 * 6)
    expect(epochs(events).map(({ epoch, epochs }) => [epoch, epochs])).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ])
    expect(model.steps).toBe(18)
    expect(model.variables.get('count')).toEqual(Int32Array.of(63))
    expect(done(events)).toMatchObject({ reason: 'finished', epochs: 3, restored: false })
  })

  test('equals stepping by hand in the order of the shuffle', async () => {
    const model = await load(wasm)
    const events = await run(model, { progressEvery: 0, epochs: 2 })
    const other = await load(wasm)
    const byHand: number[] = []
    let rows = 0
    let mean = 0
    for (const epoch of [1, 2]) {
      const order = shuffledOrder(21, 7, epoch)
      mean = rows = 0
      for (let start = 0; start < 21; start += 4) {
        const batch = [...order.subarray(start, start + 4)]
        const x = batch.flatMap((row) => [...data.x.subarray(row * 4, row * 4 + 4)])
        const { loss } = other.step('fit', { x, label: batch.map((row) => data.label[row]!) })
        byHand.push(loss)
        mean += loss * batch.length
        rows += batch.length
      }
    }
    expect(losses(events)).toEqual(byHand)
    expect(epochs(events)[1]!.train.loss).toBeCloseTo(mean / rows, 12)
    const values = ({ variables }: Model) => variables.names.map((name) => variables.get(name))
    expect(values(model)).toEqual(values(other))
    expect(model.steps).toBe(other.steps)
  })

  test('gives the same bits twice, others for another seed or without shuffling', async () => {
    const runs = [{}, {}, { seed: 8 }, { shuffle: false }, { batch: 8 }].map(async (options) => {
      const model = await load(wasm)
      return losses(await run(model, { ...options, progressEvery: 0 })).join()
    })
    const [first, second, ...others] = await Promise.all(runs)
    expect(second).toBe(first)
    expect(new Set([first, ...others]).size).toBe(4)
  })

  test('evaluates validation and test data', async () => {
    const model = await load(wasm)
    const events = await run(model, { valid, test: data })
    const expected = model.evaluateAll('fit', valid)
    expect(epochs(events).at(-1)!.valid).toEqual(expected)
    expect(done(events).test).toEqual(model.evaluateAll('fit', data))
  })

  test('throttles step events', async () => {
    const model = await load(wasm)
    const events = await run(model, { epochs: 200, progressEvery: 5 })
    const { seconds } = done(events)
    expect(losses(events).length).toBeLessThanOrEqual((seconds * 1000) / 5)
    expect(epochs(events)).toHaveLength(200)
  })

  test('stops when the watched value stands still, and puts the best parameters back', async () => {
    const model = await load(wasm)
    model.hyper.set('lr', 1)
    const stop = { part: 'valid', metric: 'loss', epochs: 2 } as const
    const bests: Uint8Array[] = []
    const events: FitEvent[] = []
    const flipped = { x: valid.x, label: valid.label.map((label) => (label + 1) % 3) }
    for await (const event of model.fit('fit', data, { valid: flipped, epochs: 50, stop })) {
      events.push(event)
      if (event.kind === 'epoch' && event.best) bests.push(model.parameters.get('w') as never)
    }
    const end = done(events)
    expect(end).toMatchObject({ reason: 'stopped', restored: true, epochs: end.bestEpoch + 2 })
    expect(model.parameters.get('w')).toEqual(bests.at(-1))

    const kept = await load(wasm)
    kept.hyper.set('lr', 1)
    const unrestored = await run(kept, { valid: flipped, epochs: 50, stop, restoreBest: false })
    expect(done(unrestored)).toMatchObject({ reason: 'stopped', restored: false, epochs: end.epochs })
    expect(kept.parameters.get('w')).not.toEqual(bests.at(-1))
  })

  test('takes a larger accuracy for a better one', async () => {
    const model = await load(wasm)
    const events = await run(model, { epochs: 30, stop: { part: 'train', metric: 'accuracy', epochs: 3 } })
    let best = Number.NEGATIVE_INFINITY
    for (const { train, best: isBest } of epochs(events)) {
      expect(isBest).toBe((train.accuracy as number) > best)
      best = Math.max(best, train.accuracy as number)
    }
    expect(done(events).reason).toBe('stopped')
  })

  test('is cancelled by a signal, also before it begins, and the model goes on', async () => {
    const model = await load(wasm)
    const controller = new AbortController()
    const events: FitEvent[] = []
    for await (const event of model.fit('fit', data, { epochs: 1000, progressEvery: 0, signal: controller.signal })) {
      events.push(event)
      if (events.length === 10) controller.abort()
    }
    expect(events).toHaveLength(11)
    expect(done(events)).toMatchObject({ reason: 'cancelled', epochs: 1 })
    expect(done(await run(model, { signal: controller.signal }))).toMatchObject({ reason: 'cancelled', epochs: 0 })
    expect(done(await run(model)).reason).toBe('finished')
  })

  test('lets timers in while it runs', async () => {
    const model = await load(wasm)
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 30)
    const events = await run(model, { epochs: 1e6, progressEvery: 1e9, signal: controller.signal })
    expect(done(events).reason).toBe('cancelled')
    expect(done(events).seconds).toBeLessThan(5)
  })

  test('can be left at any event', async () => {
    const model = await load(wasm)
    for await (const event of model.fit('fit', data, { progressEvery: 0 })) if (event.kind === 'step') break
    expect(model.steps).toBe(1)
    expect(done(await run(model)).reason).toBe('finished')
  })

  test('gives the same bits when resumed from a checkpoint', async () => {
    const straight = await load(wasm)
    straight.hyper.set('lr', 0.2)
    const whole = losses(await run(straight, { epochs: 5, progressEvery: 0 }))
    const first = await load(wasm)
    first.hyper.set('lr', 0.2)
    const begun = losses(await run(first, { epochs: 2, progressEvery: 0 }))
    const second = await load(wasm)
    second.init(99)
    second.restore(first.save())
    const ended = losses(await run(second, { epochs: 5, startEpoch: 3, progressEvery: 0 }))
    expect([...begun, ...ended]).toEqual(whole)
    expect(second.save()).toEqual(straight.save())
  })

  test('goes on with early stopping when resumed, to the bits', async () => {
    const stop = { part: 'valid', metric: 'loss', epochs: 3 } as const
    const flipped = { x: valid.x, label: valid.label.map((label) => (label + 1) % 3) }
    const options = { valid: flipped, epochs: 50, stop } as const
    const begin = async (): Promise<Model> => {
      const model = await load(wasm)
      model.hyper.set('lr', 1)
      return model
    }
    const straight = await begin()
    const whole = await run(straight, options)
    const end = done(whole)
    expect(end).toMatchObject({ reason: 'stopped', restored: true })
    const told = (events: readonly FitEvent[]) => epochs(events).map(({ epoch, best, valid }) => [epoch, best, valid])

    // After each epoch: before the best, at it, and while none is better.
    for (let last = 1; last < end.epochs; last++) {
      const first = await begin()
      const begun: FitEvent[] = []
      for await (const event of first.fit('fit', data, options)) {
        begun.push(event)
        if (event.kind === 'epoch' && event.epoch === last) break
      }
      const second = await load(wasm)
      second.init(99)
      second.restore(first.save())
      expect(second.save()).toEqual(first.save())
      const ended = await run(second, { ...options, startEpoch: last + 1 })
      expect([...told(begun), ...told(ended)]).toEqual(told(whole))
      expect(done(ended)).toMatchObject({ ...end, seconds: expect.any(Number) })
      expect(second.save()).toEqual(straight.save())
    }

    // What was seen belongs to that train block, value and epoch; without it the run is watched from its first epoch on.
    const first = await begin()
    for await (const event of first.fit('fit', data, options))
      if (event.kind === 'epoch' && event.epoch === end.epochs - 1) break
    const other = await run(first, { ...options, stop: { ...stop, metric: 'accuracy' }, startEpoch: end.epochs })
    expect(epochs(other)[0]!.best).toBe(true)
    const weights = first.save({ optimizer: false })
    expect(new TextDecoder().decode(weights)).not.toContain('nnc.best/')
  })
})

describe('the shuffle', () => {
  test('is a permutation, the same for the same seed and epoch', () => {
    for (const rows of [0, 1, 2, 17, 1000]) {
      const order = shuffledOrder(rows, 5, 2)
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, row) => row))
      expect(shuffledOrder(rows, 5, 2)).toEqual(order)
    }
    expect(shuffledOrder(1000, 5, 3)).not.toEqual(shuffledOrder(1000, 5, 2))
    expect(shuffledOrder(1000, 6, 2)).not.toEqual(shuffledOrder(1000, 5, 2))
    // The generator is part of what a seed means: this order is never to change.
    expect([...shuffledOrder(8, 1, 1)]).toMatchInlineSnapshot(`
      [
        0,
        2,
        6,
        4,
        7,
        1,
        5,
        3,
      ]
    `)
  })

  test('puts every row everywhere equally often', () => {
    const rows = 10
    const trials = 20_000
    const counts = new Float64Array(rows * rows)
    for (let seed = 0; seed < trials; seed++)
      shuffledOrder(rows, seed, 1).forEach((row, place) => {
        counts[row * rows + place]! += 1
      })
    const expected = trials / rows
    const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
    // 81 degrees of freedom: the 99.99 % quantile is 134.
    expect(chiSquared).toBeLessThan(134)
  })
})
