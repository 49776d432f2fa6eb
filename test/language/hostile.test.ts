import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compile, renderDiagnostics } from '../../compiler/index.ts'
import { random } from '../parse/corpus.ts'
import { damaged } from '../parse/mutations.ts'

// FUZZ_FILES=50000 FUZZ_SEED=7 npx vitest run test/language/hostile.test.ts: the long run, or one seed again.
const files = Number(process.env.FUZZ_FILES ?? 1_000)
const seed = Number(process.env.FUZZ_SEED ?? 20261)
/**
 * Milliseconds of processor time from text to AssemblyScript, about what the most operations the limits allow take; so it does
 * not matter what else the machine does.
 */
const LIMIT = 20_000
/** Bytes by which the heap may grow in one compilation, what could be collected included. */
const MEMORY_LIMIT = 2 ** 30

const root = join(import.meta.dirname, '../..')

/** Whole programs, so that damage reaches the checker and what follows it. */
const programs = ['examples', 'test/fixtures/language', 'test/fixtures/check'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.nn'))
    .sort()
    .map((name) => readFileSync(join(root, folder, name), 'utf8')),
)

async function timed(text: string): Promise<{ milliseconds: number; bytes: number; emitted: boolean }> {
  const before = process.memoryUsage().heapUsed
  const start = process.cpuUsage()
  const { diagnostics, sources, assemblyScript } = await compile(text, { file: 'hostile.nn', stopAfter: 'emit' })
  renderDiagnostics(diagnostics, sources)
  const { user, system } = process.cpuUsage(start)
  const milliseconds = (user + system) / 1000
  const bytes = process.memoryUsage().heapUsed - before
  return { milliseconds, bytes, emitted: assemblyScript !== undefined }
}

test('programs with any of their numbers made zero compile or say why not', async () => {
  const folder = join(root, 'test/fixtures/language')
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((own) => own.endsWith('.nn'))) {
    const program = readFileSync(join(folder, name), 'utf8')
    // Every third number is enough.
    for (const { index, 0: number } of [...program.matchAll(/\b\d+\b/g)].filter((_, at) => at % 3 === 0)) {
      const text = `${program.slice(0, index)}0${program.slice(index + number.length)}`
      await timed(text).catch((problem) => expect.fail(`${problem}\n${text}`))
    }
  }
}, 300_000)

test(`${files} damaged programs compile or say why not (FUZZ_SEED=${seed})`, async () => {
  let emitted = 0
  const most = { milliseconds: 0, bytes: 0, length: 0 }
  for (let file = 0; file < files; file++) {
    const next = random(seed + file * 7919)
    const program = programs[next(programs.length)]!
    // Numbers and names changed in place pass the parser more often than other damage does.
    const numbers = [...program.matchAll(/\b\d+\b/g)]
    const number = numbers[next(numbers.length || 1)]
    const text =
      next(2) === 0 || !number
        ? damaged(program, next)
        : program.slice(0, number.index) + next(10) ** next(8) + program.slice(number.index + number[0].length)
    try {
      const result = await timed(text)
      expect(result.milliseconds).toBeLessThan(LIMIT)
      expect(result.bytes).toBeLessThan(MEMORY_LIMIT)
      most.milliseconds = Math.max(most.milliseconds, result.milliseconds)
      most.bytes = Math.max(most.bytes, result.bytes)
      most.length = Math.max(most.length, text.length)
      if (result.emitted) emitted++
    } catch (problem) {
      throw new Error(`file ${file}: ${problem}\n${text}`)
    }
  }
  console.log(
    `slowest ${most.milliseconds.toFixed(0)} ms, largest growth of the heap ${(most.bytes / 2 ** 20).toFixed(0)} MiB, longest file ${most.length} characters, ${emitted} of ${files} compiled`,
  )
  // Some damage is none: the rest of the compiler is reached too.
  expect(emitted).toBeGreaterThan(files / 50)
  expect(emitted).toBeLessThan(files)
}, 7_200_000)
