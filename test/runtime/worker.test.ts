import { beforeAll, describe, expect, test } from 'vitest'
import {
  connectWorker,
  type FitEvent,
  load,
  type MessagePortLike,
  type Model,
  serveModel,
} from '../../runtime/index.ts'
import { buildToy, toyData } from './toy-module.ts'

let wasm: Uint8Array<ArrayBuffer>
beforeAll(async () => {
  wasm = await buildToy()
}, 60_000)

const data = toyData(21)

/** A model behind a channel, as it would be in a worker, and the model itself. */
async function connected() {
  const { port1, port2 } = new MessageChannel()
  let model: Model | undefined
  serveModel(
    async (options) => {
      model = await load(wasm, options)
      return model
    },
    port1 as unknown as MessagePortLike,
  )
  const remote = await connectWorker(port2 as unknown as MessagePortLike)
  const close = (): void => {
    port1.close()
    remote.close()
  }
  return { remote, model: model!, close }
}

describe('a model in a worker', () => {
  test('answers as the model itself does', async () => {
    const { remote, close } = await connected()
    const local = await load(wasm)
    expect([remote.build, remote.manifest]).toEqual([local.build, local.manifest])
    await remote.init(5)
    local.init(5)
    await remote.hyper.set('lr', 0.5)
    local.hyper.set('lr', 0.5)
    expect(await remote.step('fit', toyData(4))).toEqual(local.step('fit', toyData(4)))
    expect(await remote.parameters.get('w')).toEqual(local.parameters.get('w'))
    expect(await remote.predictAll('classify', { x: data.x })).toEqual(local.predictAll('classify', { x: data.x }))
    const file = await remote.save()
    expect(file).toEqual(local.save())
    await remote.init(6)
    await remote.restore(file)
    expect(await remote.save()).toEqual(file)
    close()
  })

  test('trains to the same bits', async () => {
    const { remote, close } = await connected()
    const collect = async (events: AsyncIterable<FitEvent>): Promise<number[]> => {
      const losses: number[] = []
      for await (const event of events) if (event.kind === 'step') losses.push(event.loss)
      return losses
    }
    const local = await load(wasm)
    const options = { epochs: 4, progressEvery: 0 }
    expect(await collect(remote.fit('fit', data, options))).toEqual(await collect(local.fit('fit', data, options)))
    expect(await remote.save()).toEqual(local.save())
    close()
  })

  test('carries errors over with their code', async () => {
    const { remote, close } = await connected()
    await expect(remote.predict('clasify', { x: data.x })).rejects.toMatchObject({
      name: 'ModelError',
      code: 'unknown-name',
      message: expect.stringContaining('did you mean `classify`'),
    })
    await expect(remote.fit('fit', data, { batch: 99 }).next()).rejects.toMatchObject({ code: 'bad-option' })
    const uncloneable = { x: [() => 1] } as never
    await expect(remote.predict('classify', uncloneable)).rejects.toMatchObject({ code: 'worker-failed' })
    expect((await remote.evaluateAll('fit', data)).loss).toBeGreaterThan(0)
    close()
  })

  test('fails to connect when the model cannot be made', async () => {
    const { port1, port2 } = new MessageChannel()
    serveModel(() => load(wasm.slice(0, 99)), port1 as unknown as MessagePortLike)
    await expect(connectWorker(port2 as unknown as MessagePortLike)).rejects.toMatchObject({ code: 'damaged-module' })
    port1.close()
  })

  test('is cancelled by a signal', async () => {
    const { remote, model, close } = await connected()
    const controller = new AbortController()
    const events: FitEvent[] = []
    for await (const event of remote.fit('fit', data, { epochs: 1e6, signal: controller.signal, progressEvery: 5 })) {
      events.push(event)
      if (event.kind === 'step') controller.abort()
    }
    expect(events.at(-1)).toMatchObject({ kind: 'done', reason: 'cancelled' })
    const steps = model.steps
    await remote.step('fit', toyData(4))
    expect(model.steps).toBe(steps + 1)
    const early = remote.fit('fit', data, { signal: controller.signal })
    expect((await early.next()).value).toMatchObject({ kind: 'done', reason: 'cancelled' })
    close()
  })

  test('stops when the loop is left', async () => {
    const { remote, model, close } = await connected()
    for await (const event of remote.fit('fit', data, { epochs: 1e6, progressEvery: 5 }))
      if (event.kind === 'step') break
    const steps = model.steps
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(model.steps).toBe(steps)
    expect((await remote.evaluateAll('fit', data)).loss).toBeGreaterThan(0)
    close()
  })

  test('fails what is under way when it is closed, and whatever comes after', async () => {
    const { remote, close } = await connected()
    const pending = remote.predictAll('classify', { x: data.x })
    const stream = remote.fit('fit', data, { epochs: 1e6 }).next()
    close()
    await expect(pending).rejects.toMatchObject({ code: 'worker-failed', message: 'the worker was closed' })
    await expect(stream).rejects.toMatchObject({ code: 'worker-failed' })
    await expect(remote.save()).rejects.toMatchObject({ code: 'worker-failed' })
  })
})
