import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { artifactFiles } from '../../cli/artifact/artifact.ts'
import { compile } from '../../compiler/index.ts'
import type { ModelErrorCode } from '../../runtime/index.ts'
// @ts-expect-error: a plain script without types
import { bundleRuntime } from '../../scripts/bundle-runtime.mjs'

const page = readFileSync(new URL('../../docs/runtime.md', import.meta.url), 'utf8')
const blocks = [...page.matchAll(/```js( browser)?\n([\s\S]*?)```/g)].map(([, browser, code]) => ({ browser, code }))
const folder = mkdtempSync(join(tmpdir(), 'nnc-docs-'))

beforeAll(async () => {
  const source = readFileSync(new URL('../../examples/digits/digits.nn', import.meta.url), 'utf8')
  const { manifest, modules } = await compile(source, { file: 'digits.nn', builds: ['plain'] })
  const files = artifactFiles({ manifest: manifest!, modules: { plain: modules!.plain! }, runtime: bundleRuntime() })
  for (const [name, content] of files) writeFileSync(join(folder, name), content)
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true }))

test.each(blocks.filter(({ browser }) => !browser))('example %# of docs/runtime.md runs', ({ code }) => {
  // What a line says in a comment behind console.log is what it must print.
  const expected = [...code!.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text)
  expect(expected.length).toBeGreaterThan(0)
  writeFileSync(join(folder, 'example.js'), code!)
  const output = execFileSync(process.execPath, [join(folder, 'example.js')], { encoding: 'utf8' })
  for (const text of expected) expect(output.replace(/\[ | \]/g, (bracket) => bracket.trim())).toContain(text)
})

test('every error code is on the page', () => {
  const codes: Record<ModelErrorCode, true> = {
    'not-wasm': true,
    'damaged-module': true,
    'foreign-module': true,
    'newer-module': true,
    'bad-manifest': true,
    'unsupported-engine': true,
    'build-unavailable': true,
    'unknown-name': true,
    'missing-input': true,
    'unknown-input': true,
    'wrong-shape': true,
    'wrong-dtype': true,
    'dimension-mismatch': true,
    'dimension-range': true,
    'label-range': true,
    'not-an-integer': true,
    'not-finite': true,
    'bad-option': true,
    'not-a-step': true,
    'hyper-range': true,
    'damaged-checkpoint': true,
    'foreign-checkpoint': true,
    'checkpoint-mismatch': true,
    'pretrained-mismatch': true,
    trap: true,
    'threads-failed': true,
    'worker-failed': true,
  }
  const listed = [...page.slice(page.indexOf('## Errors')).matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([^`]+)`/g)].map(([, code]) => code),
  )
  expect(listed.sort()).toEqual(Object.keys(codes).sort())
})
