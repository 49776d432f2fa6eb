import { ModelError } from './error.ts'
import type { ManifestThreads } from './manifest.ts'

/** The threads beside the one that calls. */
export interface ThreadPool {
  readonly count: number
  /** Sets how many take part in the entries begun from now on: all, or the one that calls. */
  together(all: boolean): void
  /** Says that this thread has stopped in the middle of an entry, so that none waits for it. */
  fail(): void
  readonly failed: boolean
  close(): void
}

/** What both kinds of worker have in common. */
interface Thread {
  /** Resolves when the worker has its instance; rejects if it comes to none. */
  readonly ready: Promise<void>
  terminate(): void
}

interface ThreadTask {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly id: number
  /** Words of the memory. */
  readonly failed: number
  readonly sleeping: readonly number[]
}

/** Seconds one thread waits for another inside an entry. */
const PATIENCE = 30

/** Why this place cannot run several threads, or undefined if it can. */
export function threadObstacle(): string | undefined {
  if (typeof SharedArrayBuffer === 'undefined')
    return 'the page is not cross-origin isolated, so there is no shared memory: serve it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1)
  } catch {
    return 'the main thread of a page may not wait for others: make the model in a worker, as createInWorker does'
  }
  return undefined
}

/** Starts `count − 1` workers over `memory`, each with its own instance of the module, and waits for them to be ready. */
export async function startThreads(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  { control, sleeping }: ManifestThreads,
  count: number,
): Promise<ThreadPool> {
  const words = new Int32Array(memory.buffer)
  const failed = control / 4 + 2
  const sleepers = sleeping.map((offset) => offset / 4)
  words[control / 4] = count
  words[control / 4 + 3] = PATIENCE
  const start = threadStarter()
  const threads = Array.from({ length: count - 1 }, (_, at) =>
    start({ module, memory, id: at + 1, failed, sleeping: sleepers }),
  )
  const close = (): void => {
    for (const thread of threads) thread.terminate()
  }
  try {
    await Promise.all(threads.map(({ ready }) => ready))
  } catch (error) {
    close()
    throw new ModelError(
      'threads-failed',
      `a thread could not be started: ${error instanceof Error ? error.message : error}`,
    )
  }
  return {
    count,
    together(all) {
      words[control / 4] = all ? count : 1
    },
    get failed() {
      return Atomics.load(words, failed) !== 0
    },
    fail() {
      Atomics.store(words, failed, 1)
      for (const word of sleepers) Atomics.notify(words, word)
    },
    close,
  }
}

/**
 * What a worker does with its task, as text: it is the same in Node and in a browser, and an artifact has no file for it. A thread that
 * traps says so in the shared memory, where the others see it even while they block.
 */
const program = `async function work({ module, memory, id, failed, sleeping }, answer) {
  try {
    const instance = await WebAssembly.instantiate(module, { env: { memory } })
    answer('ready')
    instance.exports.work(id)
  } catch (error) {
    const words = new Int32Array(memory.buffer)
    Atomics.store(words, failed, 1)
    for (const word of sleeping) Atomics.notify(words, word)
    answer(String(error))
  }
}`

function threadStarter(): (task: ThreadTask) => Thread {
  // Asked for in a way that bundlers for the browser leave alone.
  const node = globalThis.process?.getBuiltinModule?.('node:worker_threads')
  if (node) {
    const text = `${program}
const { parentPort, workerData } = require('node:worker_threads')
work(workerData, (message) => parentPort.postMessage(message))`
    return (task) => {
      const worker = new node.Worker(text, { eval: true, workerData: task })
      const ready = new Promise<void>((resolve, reject) => {
        worker.once('message', (message) => (message === 'ready' ? resolve() : reject(new Error(message))))
        worker.once('error', reject)
        worker.once('exit', () => reject(new Error('it ended at once')))
      })
      // A model that is no longer used keeps no process alive.
      const free = ready.then(() => worker.unref())
      return { ready: free, terminate: () => void worker.terminate() }
    }
  }
  const text = `${program}
onmessage = ({ data }) => work(data, (message) => postMessage(message))`
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
  return (task) => {
    const worker = new Worker(url)
    const ready = new Promise<void>((resolve, reject) => {
      worker.onmessage = ({ data }) => (data === 'ready' ? resolve() : reject(new Error(String(data))))
      worker.onerror = (event) => reject(new Error(event.message || 'the page does not allow workers from a blob'))
    })
    worker.postMessage(task)
    return { ready, terminate: () => worker.terminate() }
  }
}
