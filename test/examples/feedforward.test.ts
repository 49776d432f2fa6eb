/** The feed-forward examples: back-propagation by hand, penguins and cars. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { loadData } from '../../cli/data/load-data.ts'
import type { DataDeclaration } from '../../compiler/1-parse/ast.ts'
import { compile } from '../../compiler/index.ts'
import { load, type Model } from '../../runtime/index.ts'
import { temporaryFolder } from '../cli/temporary-folder.ts'
import { runCommand } from '../cli/test-terminal.ts'

const examples = fileURLToPath(new URL('../../examples/', import.meta.url))
const scratch = temporaryFolder({})
const options = { directory: examples, environment: { NNC_CACHE: `${scratch}/cache` } }

type Line = Record<string, unknown> & { readonly test: Readonly<Record<string, number>> }

/** Trains an example; its last line of JSON. */
async function trained(name: string, ...more: readonly string[]): Promise<Line> {
  const file = `${name}/${name}.nn`
  const { code, output, error } = await runCommand(
    ['train', file, '--json', '-o', `${scratch}/${name}`, ...more],
    options,
  )
  expect(error).toBe('')
  expect(code).toBe(0)
  return JSON.parse(output.trimEnd().split('\n').at(-1)!) as Line
}

describe('back-propagation by hand', () => {
  test('moves every weight as the derived gradient does, step for step', async () => {
    const path = `${examples}backpropagation/backpropagation.nn`
    const text = readFileSync(path, 'utf8')
    const { modules, ast, diagnostics } = await compile(text, { file: 'backpropagation.nn', builds: ['plain'] })
    expect(diagnostics).toEqual([])
    const declaration = ast!.declarations.find((found): found is DataDeclaration => found.kind === 'data')!
    const wanted = [
      { name: 'x', dtype: 'f32', shape: [4] },
      { name: 'y', dtype: 'f32', shape: [3] },
      { name: 'label', dtype: 'i32', shape: [] },
    ] as const
    const { parts } = await loadData(declaration, { name: 'backpropagation.nn', path, text }, wanted)
    const { x, y, label } = parts.train!
    const [byHand, derived] = [await load(modules!.plain!), await load(modules!.plain!)]
    const weights = (model: Model): number[] =>
      model.parameters.names.flatMap((name) => Array.from(model.parameters.get(name)))
    const start = weights(byHand)
    expect(weights(derived)).toEqual(start)
    for (let step = 0; step < 60; step++) {
      const from = (step * 10) % 90
      const batch = {
        x: x!.data.subarray(from * 4, (from + 10) * 4) as Float32Array,
        y: y!.data.subarray(from * 3, (from + 10) * 3) as Float32Array,
        label: label!.data.subarray(from, from + 10) as Int32Array,
      }
      const [one, other] = [byHand.step('by_hand', batch), derived.step('derived', batch)]
      expect(one.loss).toBeCloseTo(other.loss, 5)
      const [left, right] = [weights(byHand), weights(derived)]
      const worst = Math.max(...left.map((weight, at) => Math.abs(weight - right[at]!)))
      expect(worst, `after step ${step + 1}`).toBeLessThan(2e-5)
    }
    const moved = Math.max(...weights(byHand).map((weight, at) => Math.abs(weight - start[at]!)))
    expect(moved).toBeGreaterThan(0.5)
  })

  test('learns the irises either way', async () => {
    for (const name of ['by_hand', 'derived']) {
      const { test: measured } = await trained('backpropagation', '--train', name)
      expect(measured.accuracy).toBeGreaterThanOrEqual(0.93)
    }
  })
})

test('penguins: F1 of every species, with missing values', async () => {
  const { test: measured } = await trained('penguins')
  expect(measured.loss).toBeLessThan(0.25)
  const { f1_by_species: scores, confusion_matrix: counts } = measured as unknown as Record<
    string,
    number[] & number[][]
  >
  expect(Math.min(...(scores as number[]))).toBeGreaterThan(0.93)
  expect((counts as number[][]).flat().reduce((sum, count) => sum + count, 0)).toBe(69)

  const evaluated = await runCommand(
    ['eval', 'penguins/penguins.nn', '--weights', `${scratch}/penguins/penguins.safetensors`, '--part', 'valid'],
    options,
  )
  expect(evaluated.error).toBe('')
  expect(evaluated.output).toMatch(/^valid {2}loss .*, accuracy \d+\.\d\d %, f1 \d+\.\d\d % on 68 rows$/m)
  expect(evaluated.output).toMatch(/^confusion_matrix +Adelie +Chinstrap +Gentoo$/m)
  expect(evaluated.output).toMatch(/^ {2}Gentoo +0 +0 +24$/m)
})

test('penguins: a bird nobody measured is still named', async () => {
  await trained('penguins', '--epochs', '20')
  const unmeasured = {
    'Beak Length (mm)': null,
    'Beak Depth (mm)': null,
    'Flipper Length (mm)': null,
    'Body Mass (g)': null,
  }
  const input = JSON.stringify([{ ...unmeasured, Island: 'Biscoe', Sex: null }])
  const predicted = await runCommand(
    ['predict', 'penguins/penguins.nn', '--weights', `${scratch}/penguins/penguins.safetensors`, '--input', '-'],
    { ...options, input },
  )
  expect(predicted.error).toBe('')
  expect(predicted.output).toMatch(/"label":"(?:Adelie|Chinstrap|Gentoo)"/)
})

test('cars: miles per gallon', async () => {
  const { test: measured, reason } = await trained('cars')
  expect(reason).toBe('stopped')
  expect(measured.r2).toBeGreaterThan(0.84)
  expect(measured.mae).toBeLessThan(2.3)
  expect(measured.rmse).toBeCloseTo(Math.sqrt(measured.loss!), 4)
})
