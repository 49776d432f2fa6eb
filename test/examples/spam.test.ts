/** The spam example: two of its variants, the second for fewer epochs, and folds. */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../cli/temporary-folder.ts'
import { runCommand } from '../cli/test-terminal.ts'

const directory = fileURLToPath(new URL('../../examples/spam/', import.meta.url))
const scratch = temporaryFolder({})
const options = { directory, environment: { NNC_CACHE: `${scratch}/cache` } }

async function linesOf(line: readonly string[]) {
  const { code, output, error } = await runCommand([...line, '--json', '-o', `${scratch}/out`], options)
  expect({ code, error }).toEqual({ code: 0, error: '' })
  return output
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text))
}

describe.each([
  ['feed_forward', 6, 0.97, 0.99],
  ['convolution', 1, 0.93, 0.98],
])('%s, %i epochs', (name, epochs, f1, rocAuc) => {
  test(`F1 of at least ${f1} on threads it never saw`, { timeout: 200_000 }, async () => {
    const [start, ...lines] = await linesOf(['train', 'spam.nn', '--train', name, '--epochs', String(epochs)])
    expect(start.rows.train + start.rows.valid + start.rows.test).toBe(5711)
    const { test: measured } = lines.at(-1)
    expect(measured.f1).toBeGreaterThanOrEqual(f1)
    expect(measured.roc_auc).toBeGreaterThanOrEqual(rocAuc)
  })
})

test('folds are made of the threads that are not the test part', { timeout: 200_000 }, async () => {
  const [, first, second, done] = await linesOf([
    ...['train', 'spam.nn', '--train', 'feed_forward', '--epochs', '2', '--folds', '2'],
  ])
  expect(first.rows.test + second.rows.test).toBe(4859)
  expect(done.mean.f1).toBeGreaterThan(0.92)
})
