import type {
  FitEvent,
  FitOptions,
  GenerateOptions,
  LoadOptions,
  MessagePortLike,
  Model,
  ModelInWorker,
  Signature,
} from './api.ts'
import type { Inputs } from './dataset.ts'
import { ModelError } from './error.ts'
import { errorMessage, type Reply, type Request } from './worker-messages.ts'

/** Connects to a worker that runs `serveModel` and makes the model there. */
export async function connectWorker<S extends Signature = Signature>(
  port: MessagePortLike,
  options: LoadOptions = {},
): Promise<ModelInWorker<S>> {
  const listeners = new Map<number, (reply: Reply) => void>()
  let failure: ModelError | undefined
  let calls = 0

  const fail = (error: ModelError): void => {
    failure ??= error
    for (const [id, listener] of [...listeners]) listener({ id, error })
  }
  port.addEventListener('message', (message) => {
    const reply = (message as MessageEvent<Reply>).data
    listeners.get(reply.id)?.(reply)
  })
  for (const type of ['error', 'messageerror'] as const) {
    port.addEventListener(type, (event) =>
      fail(
        new ModelError(
          'worker-failed',
          errorMessage((event as ErrorEvent).message ?? `it could not start (${type})`).message,
        ),
      ),
    )
  }
  port.start?.()

  /** Sends a request; `onEvent` hears of each event, the promise of the end. */
  const send = (request: (id: number) => Request, onEvent?: (event: unknown) => void): [number, Promise<unknown>] => {
    const id = ++calls
    const done = new Promise<unknown>((resolve, reject) => {
      if (failure) throw failure
      listeners.set(id, (reply) => {
        if ('event' in reply) {
          onEvent?.(reply.event)
          return
        }
        listeners.delete(id)
        if ('error' in reply) reject(new ModelError(reply.error.code, reply.error.message))
        else resolve(reply.done)
      })
      try {
        port.postMessage(request(id))
      } catch (error) {
        listeners.delete(id)
        throw new ModelError('worker-failed', errorMessage(error).message)
      }
    })
    return [id, done]
  }
  const method =
    (call: string) =>
    (...args: readonly unknown[]): Promise<unknown> =>
      send((id) => ({ id, call, args }))[1]
  const access = (group: string) => ({ get: method(`${group}.get`), set: method(`${group}.set`) })

  /** The events of a call that sends several, as they come. */
  async function* follow<Event>(
    call: 'fit' | 'generate',
    args: readonly unknown[],
    signal?: AbortSignal,
  ): AsyncGenerator<Event, void, void> {
    const events: Event[] = []
    let ended = false
    let wake: () => void = () => {}
    const [id, done] = send(
      (id) => {
        if (signal?.aborted) port.postMessage({ id, cancel: true } satisfies Request)
        return { id, call, args }
      },
      (event) => {
        events.push(event as Event)
        wake()
      },
    )
    const end = done.finally(() => {
      ended = true
      wake()
    })
    // Whoever leaves early never looks at this promise; its failure is then nobody's concern.
    end.catch(() => {})
    const cancel = (): void => port.postMessage({ id, cancel: true } satisfies Request)
    signal?.addEventListener('abort', cancel)
    try {
      while (events.length > 0 || !ended) {
        if (events.length > 0) yield events.shift()!
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
      await end
    } finally {
      signal?.removeEventListener('abort', cancel)
      if (!ended) {
        cancel()
        await end.catch(() => {})
      }
    }
  }

  const made = send((id) => ({ id, create: options }))[1]
  const model = {
    ...((await made) as Pick<Model, 'manifest' | 'build' | 'threads' | 'obstacle'>),
    fit: (train: string, data: Inputs, { signal, ...rest }: FitOptions = {}) =>
      follow<FitEvent>('fit', [train, data, rest], signal),
    generate: (infer: string, options: GenerateOptions) => follow<number>('generate', [infer, options]),
    parameters: access('parameters'),
    variables: access('variables'),
    hyper: access('hyper'),
    close() {
      port.terminate?.()
      port.close?.()
      fail(new ModelError('worker-failed', 'the worker was closed'))
    },
    ...Object.fromEntries(
      ['init', 'step', 'evaluate', 'predict', 'evaluateAll', 'predictAll', 'save', 'restore', 'loadPretrained'].map(
        (name) => [name, method(name)],
      ),
    ),
  }
  // The methods are made from their names, and the worker answers each as the model's own method does.
  return model as unknown as ModelInWorker<S>
}
