/** The spam example: two of its variants, the second for fewer epochs. */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../cli/temporary-folder.ts'
import { runCommand } from '../cli/test-terminal.ts'

const directory = fileURLToPath(new URL('../../examples/spam/', import.meta.url))
const scratch = temporaryFolder({})
const options = { directory, environment: { NNC_CACHE: `${scratch}/cache` } }

describe.each([
  ['feed_forward', 6, 0.94, 0.985],
  ['convolution', 2, 0.9, 0.97],
])('%s, %i epochs', (name, epochs, f1, rocAuc) => {
  test(`F1 of at least ${f1} on threads it never saw`, { timeout: 200_000 }, async () => {
    const line = ['train', 'spam.nn', '--train', name, '--epochs', String(epochs), '--json', '-o', `${scratch}/${name}`]
    const { code, output, error } = await runCommand(line, options)
    expect({ code, error }).toEqual({ code: 0, error: '' })
    const [start, ...lines] = output
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text))
    expect(start.rows.train + start.rows.valid + start.rows.test).toBe(5711)
    const { test: measured } = lines.at(-1)
    expect(measured.f1).toBeGreaterThanOrEqual(f1)
    expect(measured.roc_auc).toBeGreaterThanOrEqual(rocAuc)
  })
})
