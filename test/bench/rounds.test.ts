import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
// @ts-expect-error: a plain script without types
import { figure, replaceBlock, table, times } from '../../bench/markdown.mjs'
// @ts-expect-error: a plain script without types
import { measureTurn, warmUp } from '../../bench/measure-turn.mjs'
// @ts-expect-error: a plain script without types
import { ratioOf, takeRounds, timesOf } from '../../bench/rounds.mjs'
// @ts-expect-error: a plain script without types
import { sourceOf } from '../../bench/sources.mjs'
// @ts-expect-error: a plain script without types
import { workloads } from '../../bench/workloads.mjs'
import { checkSource } from '../../compiler/index.ts'

interface Turn {
  readonly median: number
  readonly minimum: number
}

function contestant(name: string, log: string[], turnOf: (turn: number) => Turn) {
  let turns = 0
  return {
    name,
    start: async () => ({
      ready: { losses: [1] },
      turn: async () => {
        log.push(name)
        return turnOf(turns++)
      },
      close: async () => log.push(`${name} closed`),
    }),
  }
}

test('contestants take turns there and back; one that fails is left out with its error, and all are closed', async () => {
  const log: string[] = []
  const results = await takeRounds(
    [
      contestant('a', log, (turn) => ({ median: 2 + turn, minimum: 1 })),
      contestant('b', log, (turn) => {
        if (turn === 1) throw new Error('broken')
        return { median: 6, minimum: 4 }
      }),
      { name: 'c', start: () => Promise.reject(new Error('cannot start')) },
    ],
    { rounds: 3, milliseconds: 1 },
  )
  expect(log).toEqual(['a', 'b', 'b', 'a', 'a', 'a closed', 'b closed'])
  const [a, b, c] = results
  expect(a).toMatchObject({ contestant: 'a', ready: { losses: [1] } })
  expect(timesOf(a)).toEqual({ median: 3, minimum: 1 })
  expect(b.error).toBe('broken')
  expect(ratioOf(b, a)).toBe(3)
  expect(c).toMatchObject({ error: 'cannot start', rounds: [] })
  expect(timesOf(c)).toBeUndefined()
  expect(ratioOf(a, c)).toBeUndefined()
})

test('ratios are taken within a round, so that a slow round of both counts nothing', () => {
  const result = (...medians: number[]) => ({ rounds: medians.map((median) => ({ median, minimum: median })) })
  expect(ratioOf(result(2, 20, 2), result(1, 10, 1))).toBe(2)
  expect(ratioOf(result(2, 4), result(1, 1))).toBe(3)
})

test('a turn measures many short steps, and a single one that is longer than the turn', async () => {
  const short = await measureTurn(() => 0, 20)
  expect(short.steps).toBeGreaterThan(100)
  expect(short.minimum).toBeLessThanOrEqual(short.median)
  let calls = 0
  const slow = await measureTurn(async () => {
    calls++
    await new Promise((resolve) => setTimeout(resolve, 30))
  }, 10)
  expect([slow.steps, calls]).toEqual([1, 1])
  expect(slow.median).toBeGreaterThan(20)
  let step = 0
  expect(await warmUp(() => step++, 0)).toEqual([0, 1, 2, 3, 4])
})

test('tables go between the marks of a page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nnc-bench-test-'))
  try {
    const page = join(folder, 'page.md')
    writeFileSync(page, 'before\n\n<!-- measured: one -->\nold\n<!-- end: one -->\n\nafter\n')
    replaceBlock(
      page,
      'one',
      table([
        ['a', 'b'],
        ['x', undefined],
      ]),
    )
    const text =
      'before\n\n<!-- measured: one -->\n\n| a | b |\n| --- | --: |\n| x | – |\n\n<!-- end: one -->\n\nafter\n'
    expect(readFileSync(page, 'utf8')).toBe(text)
    expect(() => replaceBlock(page, 'two', '')).toThrow('measured: two')
  } finally {
    rmSync(folder, { recursive: true })
  }
  expect([0.012345, 1.5, 123.4, undefined].map((value) => figure(value))).toEqual(['0.0123', '1.50', '123', undefined])
  expect([0.844, 12.34, 140.2].map((value) => times(value))).toEqual(['0.84', '12.3', '140'])
})

test.each(Object.keys(workloads))('workload %s is a program without a mistake', (id) => {
  expect(checkSource(sourceOf(workloads[id]), { file: `${id}.nn` }).diagnostics).toEqual([])
})

test.each([
  [
    'docs/performance.md',
    ['losses', 'builds', 'relaxed', 'wide', 'products', 'memory', 'compiling', 'threads', 'curves'],
  ],
  ['README.md', ['training']],
])('every place of %s that a script fills is there', (path, names) => {
  const page = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
  for (const name of names) {
    expect(page).toContain(`<!-- measured: ${name} -->`)
    expect(page).toContain(`<!-- end: ${name} -->`)
  }
})
