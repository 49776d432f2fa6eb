import { expect, test } from 'vitest'
import { format } from '../../compiler/1-parse/format.ts'
import { parse } from '../../compiler/1-parse/parse.ts'
import { printAst } from '../../compiler/1-parse/print.ts'
import { renderDiagnostics } from '../../compiler/diagnostics/render.ts'
import { corpus, random } from './corpus.ts'
import { damaged, excerpt } from './mutations.ts'

const files = Number(process.env.FUZZ_FILES ?? 10_000)
const seed = Number(process.env.FUZZ_SEED ?? 20260)

// FUZZ_FILES=50000 FUZZ_SEED=7 npx vitest run test/parse/fuzz.test.ts: the long run, or one seed again.
/** Milliseconds a file may take. */
const LIMIT = 1000

/** A slow file is timed again: other processes take the machine now and then. */
function fastestOfThree(text: string): number {
  const times = Array.from({ length: 3 }, () => {
    const start = performance.now()
    parse(text, 'fuzz.nn')
    return performance.now() - start
  })
  return Math.min(...times)
}

test(`${files} damaged files give a tree or a diagnostic, in time (FUZZ_SEED=${seed})`, () => {
  let rejected = 0
  let slowest = 0
  let longest = 0
  for (let i = 0; i < files; i++) {
    const next = random(seed + i * 7919)
    const text = damaged(excerpt(corpus[next(corpus.length)]!.text, next), next)
    try {
      const start = performance.now()
      const { ast, diagnostics } = parse(text, 'fuzz.nn')
      const milliseconds = performance.now() - start
      longest = Math.max(longest, milliseconds)
      slowest = Math.max(slowest, milliseconds < LIMIT ? 0 : fastestOfThree(text))
      if (diagnostics.length > 0) rejected++
      for (const { span, message } of diagnostics) {
        if (!(span.start >= 0 && span.start <= span.end && span.end <= text.length) || message === '') {
          throw new Error(`a diagnostic without a place: ${JSON.stringify({ span, message })}`)
        }
      }
      if (i % 4 === 0) {
        printAst(ast)
        renderDiagnostics(diagnostics, new Map([['fuzz.nn', text]]))
        const formatted = format(text, 'fuzz.nn')
        if (diagnostics.length === 0 && format(formatted.text, 'fuzz.nn').text !== formatted.text) {
          throw new Error('formatting again changes the file')
        }
      }
    } catch (problem) {
      throw new Error(`file ${i}: ${problem}\n${text}`)
    }
  }
  console.log(`longest ${longest.toFixed(0)} ms at the first try, ${rejected} of ${files} refused`)
  expect(slowest).toBeLessThan(LIMIT)
  // Most damage must be noticed, some (in a comment, say) is none.
  expect(rejected).toBeGreaterThan(files / 2)
  expect(rejected).toBeLessThan(files)
}, 7_200_000)
