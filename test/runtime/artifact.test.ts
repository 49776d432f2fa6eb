import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { artifactFiles } from '../../cli/artifact/artifact.ts'
// @ts-expect-error: a plain script without types
import { bundleRuntime } from '../../scripts/bundle-runtime.mjs'
import { buildToy, toyData, toyManifest } from './toy-module.ts'

const folder = mkdtempSync(join(tmpdir(), 'nnc-artifact-'))
afterAll(() => rmSync(folder, { recursive: true }))

const runtime = bundleRuntime()
let plain: Uint8Array<ArrayBuffer>
beforeAll(async () => {
  plain = await buildToy()
}, 60_000)

function write(name: string, inline: boolean): string {
  const target = join(folder, name)
  execFileSync('mkdir', ['-p', target])
  const files = artifactFiles({ manifest: toyManifest, modules: { plain }, runtime, inline })
  for (const [file, content] of files) writeFileSync(join(target, file), content)
  return target
}

const script = `
import { create, ModelError } from './toy.js'
const model = await create()
const { x, label } = JSON.parse(process.argv[2])
const losses = []
for await (const event of model.fit('fit', { x, label }, { progressEvery: 0 })) if (event.kind === 'step') losses.push(event.loss)
let code
try { model.predict('clasify', { x }) } catch (error) { code = error instanceof ModelError && error.code }
console.log(JSON.stringify({ losses, code, build: model.build, classes: [...model.predictAll('classify', { x }).class.data] }))
`

test.each([false, true])('an artifact trains in Node with nothing installed (inline: %s)', async (inline) => {
  const target = write(inline ? 'inline' : 'files', inline)
  writeFileSync(join(target, 'package.json'), '{"type":"module"}')
  writeFileSync(join(target, 'use.js'), script)
  const { x, label } = toyData(10)
  const argument = JSON.stringify({ x: [...x], label: [...label] })
  const output = execFileSync(process.execPath, [join(target, 'use.js'), argument], { cwd: tmpdir(), encoding: 'utf8' })
  const { losses, code, build, classes } = JSON.parse(output)
  expect([losses.length, code, build, classes.length]).toEqual([9, 'unknown-name', 'plain', 10])
  expect(losses.at(-1)).toBeLessThan(losses[0])
})

test('the declarations hold the names of the file and fit the code', () => {
  const target = write('types', false)
  writeFileSync(
    join(target, 'use.ts'),
    `import { create, createInWorker, ModelError, type ToyModel } from './toy.js'
const model: ToyModel = await create({ build: 'plain' })
const x = new Float32Array(8)
const { loss, accuracy }: { loss: number; accuracy: number } = model.step('fit', { x, label: [0, 1] })
const classes: Int32Array = model.predict('classify', { x: [[1, 2, 3, 4]] }).class.data
for await (const event of model.fit('fit', { x, label: new Uint8Array(2) }, { stop: false, epochs: 2 })) {
  if (event.kind === 'epoch') console.log(event.train.accuracy, loss, accuracy, classes)
}
model.parameters.set('w', model.parameters.get('b'))
model.hyper.set('lr', 0.1)
const remote = await createInWorker()
const there: number = (await remote.evaluate('fit', { x, label: [0, 1] })).accuracy
export const code = (error: unknown) => (error instanceof ModelError ? error.code : there)
// @ts-expect-error: no such train block
model.step('fitt', { x, label: [0, 1] })
// @ts-expect-error: no such input
model.step('fit', { x, labels: [0, 1] })
// @ts-expect-error: labels are whole numbers
model.step('fit', { x, label: new Float32Array(2) })
// @ts-expect-error: no such output
model.predict('classify', { x }).logits
// @ts-expect-error: no such hyper
model.hyper.get('rate')
`,
  )
  const compilerOptions = {
    ...{ noEmit: true, strict: true, target: 'es2022', module: 'nodenext' },
    ...{ lib: ['es2022', 'dom'], types: [] },
  }
  writeFileSync(join(target, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  writeFileSync(join(target, 'package.json'), '{"type":"module"}')
  const compiler = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc')
  execFileSync(process.execPath, [compiler, '-p', target], { stdio: 'inherit' })
})

test('the declarations read well', async () => {
  const files = artifactFiles({ manifest: toyManifest, modules: { plain }, runtime: { code: '', types: '' } })
  await expect(files.get('toy.d.ts')).toMatchFileSnapshot('./toy.d.ts.snapshot')
  expect([...files.keys()]).toEqual(['toy.wasm', 'toy.js', 'toy.d.ts', 'toy.worker.js'])
})

test('an artifact without its module stays small', () => {
  const files = artifactFiles({ manifest: toyManifest, modules: { plain }, runtime })
  const bytes = gzipSync(files.get('toy.js')!, { level: 9 }).length
  expect(bytes, 'gzipped').toBeLessThan(25_000)
})

test('a module file imports as a URL too', async () => {
  const { create } = await import(pathToFileURL(join(write('import', false), 'toy.js')).href)
  expect((await create()).manifest.name).toBe('toy')
})
