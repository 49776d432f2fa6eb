import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { interpret } from '../../compiler/3-graph/interpret.ts'
import { buildGraphs } from '../../compiler/3-graph/lower.ts'
import { programOf } from './check-text.ts'

/** The schedule's factor in step `step`, in float64. */
function factorAt(call: string, step: number): number {
  const { graphs } = buildGraphs(programOf(`infer f(step: f32) -> f32 {\n  return ${call}\n}`))
  const graph = graphs.find(({ name }) => name === 'f')!
  return interpret(graph, { inputs: { step: [step] } }).outputs.output!.data[0]!
}

const half = (part: number): number => 0.5 * (1 + Math.cos(Math.PI * part))

const schedules: readonly (readonly [call: string, formula: (t: number) => number])[] = [
  ['constant_factor(step, 5, factor = 0.2)', (t) => (t < 5 ? 0.2 : 1)],
  ['step_decay(step, 4)', (t) => 0.1 ** Math.floor(t / 4)],
  ['exponential_decay(step, 10, factor = 0.5)', (t) => 0.5 ** (t / 10)],
  ['polynomial_decay(step, 10)', (t) => Math.max(0, 1 - t / 10)],
  ['polynomial_decay(step, 10, power = 2.0, end = 0.1)', (t) => 0.1 + 0.9 * Math.max(0, 1 - t / 10) ** 2],
  ['cosine_decay(step, 10, end = 0.05)', (t) => 0.05 + 0.95 * half(Math.min(1, t / 10))],
  ['cosine_restarts(step, 4)', (t) => half((t % 4) / 4)],
  // Periods of 3, 6 and 12 steps.
  [
    'cosine_restarts(step, 3, growth = 2.0, end = 0.1)',
    (t) => 0.1 + 0.9 * half(t < 3 ? t / 3 : t < 9 ? (t - 3) / 6 : (t - 9) / 12),
  ],
  [
    'one_cycle(step, 10, warm = 0.4)',
    (t) => (t < 4 ? 0.04 + 0.96 * (1 - half(t / 4)) : 4e-6 + (1 - 4e-6) * half(Math.min(1, (t - 4) / 6))),
  ],
  ['multi_step_decay(step, [3, 8])', (t) => (t < 3 ? 1 : t < 8 ? 0.1 : 0.01)],
  ['inverse_square_root(step, 4)', (t) => Math.min((t + 1) / 4, Math.sqrt(4 / (t + 1)))],
  [
    'warmup_cosine(step, 3, 10, end = 0.2)',
    (t) => (t < 3 ? (t + 1) / 3 : 0.2 + 0.8 * half(Math.min(1, (t + 1 - 3) / 7))),
  ],
  ['linear_warmup(step, 5)', (t) => Math.min(1, (t + 1) / 5)],
]

test.each(schedules)('%s', (call, formula) => {
  for (let step = 1; step <= 16; step++) expect(factorAt(call, step), `step ${step}`).toBeCloseTo(formula(step - 1), 9)
  expect(Number.isFinite(factorAt(call, 0))).toBe(true)
})

const golden: Readonly<Record<string, readonly number[]>> = JSON.parse(
  readFileSync(new URL('../golden/schedules.json', import.meta.url), 'utf8'),
)

test.each(Object.entries(golden))('%s is as in PyTorch', (call, factors) => {
  for (const [t, factor] of factors.entries()) expect(factorAt(call, t + 1), `step ${t + 1}`).toBeCloseTo(factor, 9)
})
