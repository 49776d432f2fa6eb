// Contestants in Chromium: a page with the headers for shared memory, and a worker in it for each contestant.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { importSource, root } from './import-source.mjs'

const page = `<!doctype html>
<meta charset="utf-8" />
<title>benchmark</title>
<script>
  const workers = new Map()
  const answer = (worker) =>
    new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data))
      worker.onerror = ({ message }) => reject(new Error(message))
    })
  const start = (name, order) => {
    const worker = new Worker('worker.js', { type: 'module' })
    workers.set(name, worker)
    const ready = answer(worker)
    worker.postMessage(order)
    return ready
  }
  const turn = (name, milliseconds) => {
    const measured = answer(workers.get(name))
    workers.get(name).postMessage(milliseconds)
    return measured
  }
  const stop = (name) => {
    workers.get(name)?.terminate()
    workers.delete(name)
  }
</script>
`

/** Starts Chromium; `contestant` gives one that loads a module there. */
export async function startBrowser() {
  const [{ startChromium }, { serveFiles }] = await Promise.all([
    importSource('test/browser/chromium.ts'),
    importSource('test/browser/serve-files.ts'),
  ])
  const { outputFiles } = await build({
    entryPoints: [join(root, 'bench/browser-worker.mjs')],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'error',
  })
  const files = new Map([
    ['page.html', page],
    ['worker.js', outputFiles[0].text],
  ])
  const server = await serveFiles(files)
  const browser = await startChromium()
  await browser.page.open(`${server.origin}/isolated/page.html`)
  const call = (name, ...values) =>
    browser.page.evaluate(`${name}(${values.map((value) => JSON.stringify(value)).join(', ')})`)
  return {
    version: await browser.page.evaluate('navigator.userAgent.match(/Chrome\\/(\\d+)/)[1]'),
    contestant(name, id, path, threads) {
      return {
        name,
        async start() {
          const module = `${name}.wasm`
          files.set(module, readFileSync(path))
          const warm = Number(process.env.BENCH_WARM_MS ?? 1000)
          const ready = await call('start', name, { id, module, threads, warm })
          return {
            ready,
            turn: (milliseconds) => call('turn', name, milliseconds),
            close: () => call('stop', name),
          }
        },
      }
    },
    async close() {
      await browser.close()
      await server.close()
    },
  }
}
