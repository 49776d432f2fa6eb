import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { load } from '../../runtime/index.ts'

const source = readFileSync(new URL('../fixtures/language/names.nn', import.meta.url), 'utf8')
const [batch, vocabulary] = [4, 11]

/** Each row counts upwards from its own start, by one or by three steps at a time in turn for 15 symbols each. */
function symbolAt(row: number, position: number): number {
  const block = Math.floor(position / 15)
  const before = Math.ceil(block / 2) * 15 + Math.floor(block / 2) * 45
  const stride = block % 2 === 0 ? 1 : 3
  return (5 * row + before + stride * (position % 15)) % vocabulary
}

function sequences(start: number, length: number): { ids: Int32Array; targets: Int32Array } {
  const at = (offset: number) =>
    Int32Array.from({ length: batch * length }, (_, i) =>
      symbolAt(Math.floor(i / length), start + (i % length) + offset),
    )
  return { ids: at(0), targets: at(1) }
}

test('a recurrent network learns from pieces of a sequence, its state carried from one to the next', async () => {
  const { modules, diagnostics } = await compile(source, { file: 'names.nn', builds: ['plain'] })
  expect(diagnostics).toEqual([])
  const model = await load(modules!.plain!)
  model.init(3)
  const losses: number[] = []
  let position = 0
  for (let step = 0; step < 1200; step++) {
    const length = [24, 7, 16, 1][step % 4]!
    losses.push(model.step('bptt', sequences(position, length)).loss!)
    position += length
  }
  const average = (some: readonly number[]): number => some.reduce((total, loss) => total + loss, 0) / some.length
  expect(average(losses.slice(0, 8))).toBeGreaterThan(2)
  const last = losses.slice(1000)
  expect(average(last)).toBeLessThan(0.4)
  // One symbol tells nothing about the stride: without the state from the piece before, log 2 = 0.69 is the best.
  expect(average(last.filter((_, step) => step % 4 === 3))).toBeLessThan(0.3)
})
