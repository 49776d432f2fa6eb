/** A newer Node.js than the tests run on, whose executable NNC_NEWER_NODE names: its engine, its revectoriser, the command. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../cli/temporary-folder.ts'

const node = process.env.NNC_NEWER_NODE
const root = fileURLToPath(new URL('../../', import.meta.url))
// Without what this run of the tests tells its own workers.
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(VITEST|TEST$|NODE_)/.test(name)),
)

function run(words: readonly string[], folder: string, environment: Record<string, string>): string {
  const { status, stdout, stderr } = spawnSync(node!, words, {
    cwd: folder,
    env: { ...inherited, ...environment },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (status !== 0) expect.fail(`${words.join(' ')} ended with ${status}\n${stdout}\n${stderr}`)
  return stdout
}

describe.skipIf(!node)('a newer Node.js', () => {
  test('runs kernels and random graphs of the wide build, all code by the revectoriser', () => {
    const files = [
      ...['test/kernels/wide.test.ts', 'test/kernels/matmul.test.ts', 'test/kernels/winograd.test.ts'],
      ...['test/kernels/vector.test.ts', 'test/emit/random.test.ts', 'test/emit/random-convolutions.test.ts'],
    ]
    const words = ['node_modules/vitest/vitest.mjs', 'run', '--maxWorkers=1', ...files]
    expect(run(words, root, { NNC_REVECTORISE: '1', NNC_BUILD: 'wide' })).toMatch(/\b[1-9]\d* passed, 0 failed/)
  }, 300_000)

  describe('the command', () => {
    const folder = temporaryFolder()
    const nnc = (...words: string[]): string =>
      run([join(root, 'dist/cli/main.js'), ...words], folder, { NNC_CACHE: join(folder, 'cache') })
    const trained = (output: string, ...options: string[]): Buffer => {
      nnc('train', join(root, 'examples/digits/digits.nn'), '--epochs', '1', '--quiet', '-o', output, ...options)
      return readFileSync(join(folder, output, 'digits.safetensors'))
    }

    test('trains digits to the same bits with two threads and, where the processor has them, with 256-bit vectors', () => {
      const weights = trained('one')
      expect(trained('two', '--threads', '2').equals(weights)).toBe(true)
      const flags = readFileSync('/proc/cpuinfo', 'utf8')
      if (/\bavx2\b/.test(flags) && /\bfma\b/.test(flags)) expect(trained('wide', '--avx2').equals(weights)).toBe(true)
    }, 180_000)
  })
})
