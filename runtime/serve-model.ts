import type { FitEvent, FitOptions, LoadOptions, MessagePortLike, Model } from './api.ts'
import type { Inputs } from './dataset.ts'
import { nextTask } from './next-task.ts'
import { type CallMessage, errorMessage, type Reply, type Request } from './worker-messages.ts'

/**
 * Runs in a worker: makes the model when the page connects, then answers its calls. One call is answered after the
 * other; only a cancellation overtakes.
 */
export function serveModel(
  create: (options: LoadOptions) => Promise<Model>,
  port: MessagePortLike = globalThis as unknown as MessagePortLike,
): void {
  const running = new Map<number, AbortController>()
  let model: Model | undefined
  let queue: Promise<void> = Promise.resolve()
  const reply = (message: Reply): void => port.postMessage(message)

  const answer = async (request: Exclude<Request, { cancel: true }>): Promise<unknown> => {
    if ('create' in request) {
      model = await create(request.create)
      const { manifest, build, threads, obstacle } = model
      return { manifest, build, threads, ...(obstacle !== undefined && { obstacle }) }
    }
    if (model === undefined) throw new Error(`${request.call} was called before the model was made`)
    if (request.call === 'generate') {
      const { signal } = running.get(request.id)!
      for (const event of model.generate(...(request.args as Parameters<Model['generate']>))) {
        reply({ id: request.id, event })
        await nextTask()
        if (signal.aborted) break
      }
      return undefined
    }
    if (request.call !== 'fit') return callMethod(model, request)
    const [train, data, options] = request.args as [string, Inputs, FitOptions]
    const { signal } = running.get(request.id)!
    for await (const event of model.fit(train, data, { ...options, signal }) as AsyncIterable<FitEvent>)
      reply({ id: request.id, event })
    return undefined
  }

  port.addEventListener('message', (message) => {
    const request = (message as MessageEvent<Request>).data
    const { id } = request
    const controller = running.get(id) ?? new AbortController()
    running.set(id, controller)
    if ('cancel' in request) {
      controller.abort()
      return
    }
    queue = queue
      .then(() => answer(request))
      .then(
        (done) => reply({ id, done }),
        (error) => reply({ id, error: errorMessage(error) }),
      )
      .then(() => void running.delete(id))
  })
  port.start?.()
}

function callMethod(model: Model, { call, args }: CallMessage): unknown {
  let owner: unknown = model
  const path = call.split('.')
  for (const part of path.slice(0, -1)) owner = (owner as Record<string, unknown>)[part]
  return (owner as Record<string, (...args: readonly unknown[]) => unknown>)[path.at(-1)!]!(...args)
}
