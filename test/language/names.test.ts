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

interface Sequences {
  readonly data: Int32Array
  readonly shape: readonly number[]
}

function sequences(start: number, length: number, rows = batch): { ids: Sequences; targets: Sequences } {
  const at = (offset: number): Sequences => ({
    data: Int32Array.from({ length: rows * length }, (_, i) =>
      symbolAt(Math.floor(i / length), start + (i % length) + offset),
    ),
    shape: [rows, length],
  })
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

test('a smaller batch goes on with the first rows of the state and leaves the others; checkpoints keep all', async () => {
  const { modules } = await compile(source, { file: 'names.nn', builds: ['plain'] })
  const model = await load(modules!.plain!)
  model.init(3)
  const state = () =>
    Array.from({ length: 8 }, (_, row) => [...model.variables.get('bptt/h').slice(8 * row, 8 * row + 8)])
  expect(model.variables.list().find(({ name }) => name === 'bptt/h')!.shape).toEqual([8, 8])
  expect(
    state()
      .flat()
      .every((value) => value === 0),
  ).toBe(true)
  model.step('bptt', sequences(0, 6))
  const before = state()
  expect(before.map((row) => row.some((value) => value !== 0))).toEqual([
    true,
    true,
    true,
    true,
    ...Array(4).fill(false),
  ])
  const checkpoint = model.save()
  model.step('bptt', sequences(6, 6, 3))
  const after = state()
  expect(after.slice(3)).toEqual(before.slice(3))
  for (const row of [0, 1, 2]) expect(after[row]).not.toEqual(before[row])

  const loss = model.evaluate('bptt', sequences(12, 5)).loss
  expect(state()).toEqual(after)
  model.restore(checkpoint)
  expect(state()).toEqual(before)
  model.step('bptt', sequences(6, 6, 3))
  expect(model.evaluate('bptt', sequences(12, 5)).loss).toBe(loss)
  model.init(3)
  expect(
    state()
      .flat()
      .every((value) => value === 0),
  ).toBe(true)
})
