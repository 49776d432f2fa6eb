import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

/** A tab of a headless Chromium. */
export interface Page {
  open(url: string): Promise<void>
  /** The value of an expression, awaited, as JSON; an exception in the page is thrown here. */
  evaluate<Value>(expression: string): Promise<Value>
  /** A picture of what is visible, PNG. */
  screenshot(): Promise<Uint8Array>
}

export interface Browser {
  readonly page: Page
  /** Everything the page wrote to its console, and its uncaught exceptions. */
  readonly log: readonly string[]
  close(): Promise<void>
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Record<string, never>
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

const flags = [
  ...['--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--no-first-run', '--no-default-browser-check'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-extensions'],
  ...['--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', '--window-size=800,600'],
]

/**
 * Starts Chromium with a profile of its own and drives it over the DevTools protocol through a pipe, which needs no port
 * and no package: messages are JSON, ended by a zero byte.
 */
export async function startChromium(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'nnc-chromium-'))
  const child = spawn(findChromium(), [...flags, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  })
  const send = connect(child)
  const log: string[] = []
  try {
    const { targetId } = await send.call('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await send.call('Target.attachToTarget', { targetId, flatten: true })
    const call = (method: string, params: object = {}) => send.call(method, params, sessionId as string)
    send.listen('Runtime.consoleAPICalled', ({ args }: { args: { value?: unknown; description?: string }[] }) =>
      log.push(args.map((arg) => arg.value ?? arg.description).join(' ')),
    )
    send.listen('Runtime.exceptionThrown', ({ exceptionDetails }: { exceptionDetails: ExceptionDetails }) =>
      log.push(exceptionText(exceptionDetails)),
    )
    await call('Runtime.enable')
    await call('Page.enable')
    return { page: pageOf(call, send.once), log, close: () => stop(child, profile, send.call) }
  } catch (error) {
    await stop(child, profile, send.call)
    throw error
  }
}

interface ExceptionDetails {
  readonly text: string
  readonly exception?: { readonly description?: string }
}

function pageOf(
  call: (method: string, params?: object) => Promise<Record<string, unknown>>,
  once: (method: string) => Promise<void>,
): Page {
  return {
    async open(url) {
      const loaded = once('Page.loadEventFired')
      const { errorText } = await call('Page.navigate', { url })
      if (errorText) throw new Error(`${url}: ${errorText}`)
      await loaded
    },
    async evaluate<Value>(expression: string) {
      const options = { awaitPromise: true, returnByValue: true, userGesture: true }
      const { result, exceptionDetails } = await call('Runtime.evaluate', { expression, ...options })
      if (exceptionDetails) throw new Error(`in the page: ${exceptionText(exceptionDetails as ExceptionDetails)}`)
      return (result as { value: Value }).value
    },
    async screenshot() {
      const { data } = await call('Page.captureScreenshot', { format: 'png' })
      return Buffer.from(data as string, 'base64')
    },
  }
}

function connect(child: ChildProcess) {
  const [, , complaints, input, output] = child.stdio as unknown as [null, null, Readable, Writable, Readable]
  const waiting = new Map<number, { resolve(result: Record<string, unknown>): void; reject(error: Error): void }>()
  const listeners = new Map<string, Set<(params: never) => void>>()
  let said = ''
  let received = Buffer.alloc(0)
  let calls = 0
  complaints.on('data', (text: Buffer) => {
    said = (said + text).slice(-2000)
  })
  child.on('error', () => {})
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`Chromium ended with code ${code}: ${said}`))
    waiting.clear()
  })
  // Writing to a browser that is gone is answered by its exit, above.
  input.on('error', () => {})
  output.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes])
    for (let end = received.indexOf(0); end >= 0; end = received.indexOf(0)) {
      deliver(JSON.parse(received.toString('utf8', 0, end)))
      received = received.subarray(end + 1)
    }
  })
  const deliver = ({ id, method, params, result, error }: Message): void => {
    if (id === undefined) {
      for (const listener of listeners.get(method!) ?? []) listener(params as never)
      return
    }
    const caller = waiting.get(id)
    waiting.delete(id)
    if (error) caller?.reject(new Error(error.message))
    else caller?.resolve(result ?? {})
  }
  const listen = (method: string, listener: (params: never) => void): void => {
    listeners.set(method, (listeners.get(method) ?? new Set()).add(listener))
  }
  return {
    call(method: string, params: object, sessionId?: string) {
      const id = ++calls
      return new Promise<Record<string, unknown>>((resolve, reject) => {
        if (child.exitCode !== null) reject(new Error(`Chromium ended with code ${child.exitCode}: ${said}`))
        waiting.set(id, { resolve, reject })
        input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
      })
    },
    listen,
    once: (method: string) =>
      new Promise<void>((resolve) => {
        const listener = (): void => {
          listeners.get(method)!.delete(listener)
          resolve()
        }
        listen(method, listener)
      }),
  }
}

async function stop(
  child: ChildProcess,
  profile: string,
  call: (method: string, params: object) => Promise<unknown>,
): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })
  const patience = setTimeout(() => {
    // The whole group: the browser's own processes too.
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }, 3000)
  await Promise.race([call('Browser.close', {}).catch(() => {}), ended])
  await ended
  clearTimeout(patience)
  rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
}

function exceptionText({ text, exception }: ExceptionDetails): string {
  return exception?.description ?? text
}

/** CHROMIUM_PATH, or the first of the usual names on the PATH. */
function findChromium(): string {
  const given = process.env.CHROMIUM_PATH
  if (given) {
    if (existsSync(given)) return given
    throw new Error(`CHROMIUM_PATH is ${given}, which does not exist`)
  }
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
      const path = join(folder, name)
      if (existsSync(path)) return path
    }
  }
  throw new Error('the browser tests need Chromium: install the package `chromium`, or set CHROMIUM_PATH')
}
