/** The playground: a page that checks, compiles and trains a `.nn` file by itself. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
// @ts-expect-error: a plain script without types
import { buildPlayground } from '../../scripts/playground.mjs'
import { type Browser, startChromium } from './chromium.ts'
import { serveFiles } from './serve-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'nnc-playground-'))
let browser: Browser
let server: Awaited<ReturnType<typeof serveFiles>>

beforeAll(async () => {
  await buildPlayground(folder)
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const files = names.map(({ name, parentPath }): [string, Uint8Array] => {
    const path = join(parentPath, name)
    return [path.slice(folder.length + 1), readFileSync(path)]
  })
  server = await serveFiles(new Map(files))
  browser = await startChromium()
  await browser.page.open(`${server.origin}/index.html`)
}, 120_000)

afterAll(async () => {
  await browser?.close()
  await server?.close()
  rmSync(folder, { recursive: true, force: true })
})

const evaluate = <Value>(expression: string): Promise<Value> => browser.page.evaluate<Value>(expression)

/** Waits in the page until an expression is true. */
async function until(condition: string): Promise<void> {
  await evaluate(`new Promise((resolve) => (function wait() { ${condition} ? resolve() : setTimeout(wait, 20) })())`)
}

async function picture(name: string): Promise<void> {
  const generated = new URL('../generated/', import.meta.url)
  mkdirSync(generated, { recursive: true })
  writeFileSync(new URL(`playground-${name}.png`, generated), await browser.page.screenshot())
}

const text = (id: string): Promise<string> => evaluate(`document.getElementById('${id}').innerText`)

/** Puts a text in place of the editor's, as a person who selects all and pastes. */
async function write(source: string): Promise<void> {
  await evaluate(`(() => {
    const content = document.querySelector('.cm-content')
    content.focus()
    document.execCommand('selectAll')
    document.execCommand('insertText', false, ${JSON.stringify(source)})
  })()`)
}

test('iris trains in the tab, predicts, and gives its module and parameters', async () => {
  await until(`!document.getElementById('train').disabled`)
  await evaluate(`document.getElementById('train').click()`)
  await until(`document.getElementById('status').innerText === 'done'`)
  expect(await text('facts')).toMatch(
    /^131 parameters, compiled in .*\n105 train · 15 valid · 30 test rows; batch 16, seed 1$/,
  )
  expect(await text('closing')).toMatch(/trained 60 epochs in .*\ntest: loss 0\.\d+, accuracy \d+\.\d\d % on 30 rows/)
  expect(await evaluate(`document.querySelectorAll('#epochs tr').length`)).toBe(61)
  expect(await evaluate(`document.querySelectorAll('#picture svg polyline').length`)).toBeGreaterThan(3)
  await evaluate(`document.getElementById('run').click()`)
  await until(`document.getElementById('predictions').innerText !== ''`)
  const predicted = JSON.parse(await text('predictions')) as readonly { output: readonly number[]; label: string }[]
  expect(predicted.map(({ label }) => label)).toEqual(['setosa', 'setosa'])
  expect(predicted[0]!.output.reduce((sum, value) => sum + value)).toBeCloseTo(1, 5)
  await picture('iris')
  expect(browser.log).toEqual([])
}, 120_000)

test('mistakes are marked as they are written', async () => {
  const iris = readFileSync(new URL('../../examples/iris/iris.nn', import.meta.url), 'utf8')
  await write(iris.replace('|> relu', '|> reluu'))
  await until(`document.getElementById('status').innerText === '1 mistake'`)
  expect(await evaluate(`document.querySelector('.cm-lintRange-error').textContent`)).toBe('reluu')
  await picture('mistake')
  await evaluate(`document.getElementById('train').click()`)
  await until(`!document.getElementById('error').hidden`)
  expect(await text('error')).toContain('there is nothing called `reluu` here (NN0201)')
  expect(await text('error')).toContain('did you mean `relu`?')
}, 60_000)

test('data of one’s own, and a run that is stopped', async () => {
  await write(`model Line(x: f32[Batch]) -> f32[Batch] {
  return x |> expand_dims(axis = 1) |> fc: Linear(1) |> flatten
}
data table {
  source csv("mine.csv")
  x = a
  y = b
}
train fit(x: f32[Batch], y: f32[Batch]) on table {
  loss mean_squared_error(Line(x), y)
  optimizer sgd(0.05)
  batch 4  epochs 100000000  seed 1
}
`)
  await until(`document.getElementById('status').innerText === 'ready'`)
  await evaluate(`document.getElementById('train').click()`)
  await until(`!document.getElementById('error').hidden`)
  expect(await text('error')).toContain('`mine.csv` is not in this page')
  expect(await text('error')).toContain('help: add a file called mine.csv')
  await evaluate(`(() => {
    const data = new DataTransfer()
    data.items.add(new File(['a,b\\n0,1\\n1,3\\n2,5\\n-1,-1\\n'], 'mine.csv'))
    dispatchEvent(Object.assign(new Event('drop', { cancelable: true }), { dataTransfer: data }))
  })()`)
  await until(`document.getElementById('status').innerText === 'added mine.csv'`)
  await evaluate(`document.getElementById('train').click()`)
  await until(`document.querySelectorAll('#epochs tr').length > 50`)
  await evaluate(`document.getElementById('stop').click()`)
  await until(`document.getElementById('status').innerText === 'done'`)
  expect(await text('closing')).toMatch(/^stopped in epoch \d+ after/)
  await evaluate(`document.getElementById('rows').value = 'a\\n10\\n'; document.getElementById('run').click()`)
  await until(`document.getElementById('predictions').innerText !== ''`)
  expect(Number((await text('predictions')).split('\n')[1])).toBeCloseTo(21, 1)
  expect(browser.log).toEqual([])
}, 60_000)
