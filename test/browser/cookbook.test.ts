/** The blocks of docs/cookbook.md that are for a page, in one. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { artifactFiles } from '../../cli/artifact/artifact.ts'
import { compile } from '../../compiler/index.ts'
// @ts-expect-error: a plain script without types
import { bundleRuntime } from '../../scripts/bundle-runtime.mjs'
import { chapters } from '../cookbook/recipes.ts'
import { type Browser, startChromium } from './chromium.ts'
import { serveFiles } from './serve-files.ts'

const { blocks } = chapters.find(({ name }) => name === 'In a program')!
const page = `<!doctype html>
<button id="stop">stop</button> <p id="status"></p> <input id="rows" type="file" />
<script type="module">
  import * as first from './train.js'
  import * as second from './private.js'
  const features = Array.from({ length: 60 }, (_, i) => [i % 3, 1, 2 - (i % 3), 0.5])
  const label = Int32Array.from(features, ([kind]) => kind)
  const status = document.getElementById('status')
  window.cancelled = async () => {
    const training = first.trainInPage(features, label)
    while (!/epoch [2-9]/.test(status.textContent)) await new Promise(requestAnimationFrame)
    document.getElementById('stop').click()
    const model = await training
    const { output } = await model.predictAll('classify', { features })
    model.close()
    return { status: status.textContent, shape: output.shape }
  }
  const choose = () => {
    const chosen = new DataTransfer()
    chosen.items.add(new File([features.map((row, i) => [...row, label[i]].join()).join('\\n') + '\\n'], 'rows.csv'))
    const input = document.getElementById('rows')
    input.files = chosen.files
    return input.files[0]
  }
  window.trainOn = (epochs) => second.trainOn(choose(), epochs)
  window.ready = true
</script>`

let browser: Browser
let server: Awaited<ReturnType<typeof serveFiles>>

beforeAll(async () => {
  const source = blocks.find(({ file }) => file === 'flowers.nn')!.code
  const { manifest, modules } = await compile(source, { file: 'flowers.nn', builds: ['plain'] })
  const files = new Map<string, string | Uint8Array>([['page.html', page]])
  const artifact = artifactFiles({ manifest: manifest!, modules: { plain: modules!.plain! }, runtime: bundleRuntime() })
  for (const [name, content] of artifact) files.set(`dist/${name}`, content)
  for (const { language, file, code } of blocks) if (language === 'js browser') files.set(file!, code)
  server = await serveFiles(files)
  browser = await startChromium()
  await open()
}, 120_000)

afterAll(async () => {
  await browser?.close()
  await server?.close()
})

async function open(): Promise<void> {
  await browser.page.open(`${server.origin}/page.html`)
  await browser.page.evaluate(
    'new Promise((resolve) => (function wait() { window.ready ? resolve() : setTimeout(wait, 10) })())',
  )
}

test('train.js trains in a worker until the button is pressed', async () => {
  const { status, shape } = await browser.page.evaluate<{ status: string; shape: number[] }>('cancelled()')
  expect(status).toMatch(/^epoch \d+: loss [\d.]+, cancelled$/)
  expect(shape).toEqual([60, 3])
})

test('private.js goes on after the page has been left', async () => {
  expect(await browser.page.evaluate('trainOn(3)')).toBe(3)
  await open()
  expect(await browser.page.evaluate('trainOn(2)')).toBe(5)
  expect(browser.log).toEqual([])
})
