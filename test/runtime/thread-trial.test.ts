import { describe, expect, test } from 'vitest'
import { createThreadTrial } from '../../runtime/thread-trial.ts'

/** How many of `runs` runs were on all threads, when each way takes as long as given. */
function together(runs: number, alone: (run: number) => number, shared: (run: number) => number): number {
  const trial = createThreadTrial()
  let count = 0
  for (let run = 0; run < runs; run++) {
    const all = trial.together()
    if (all) count++
    trial.took(all ? shared(run) : alone(run))
  }
  return count
}

describe('an entry settles on the faster way', () => {
  test('all threads, where they help', () => {
    expect(
      together(
        1000,
        () => 2,
        () => 1.1,
      ),
    ).toBeGreaterThan(970)
  })

  test('one thread, where they hinder', () => {
    expect(
      together(
        1000,
        () => 1,
        () => 1.4,
      ),
    ).toBeLessThan(30)
  })

  test('and changes its mind when the machine does', () => {
    const trial = createThreadTrial()
    const ways: boolean[] = []
    for (let run = 0; run < 2000; run++) {
      const all = trial.together()
      ways.push(all)
      const busy = run >= 700
      trial.took(all ? (busy ? 3 : 1) : busy ? 2 : 1.9)
    }
    expect(ways.slice(400, 700).filter(Boolean).length).toBeGreaterThan(280)
    expect(ways.slice(1400).filter(Boolean).length).toBeLessThan(30)
  })

  test('a slow first run, while the engine still compiles, does not count', () => {
    expect(
      together(
        500,
        () => 2,
        (run) => (run === 0 ? 500 : 1),
      ),
    ).toBeGreaterThan(470)
  })
})

test('trying costs next to nothing where the other threads sleep or their core is taken', () => {
  for (const [alone, woken, awake] of [
    [0.016, 0.25, 0.02],
    [0.8, 8, 8],
    [60, 90, 90],
  ] as const) {
    const trial = createThreadTrial()
    let spent = 0
    let runs = 0
    let before = false
    for (; spent < 200 * Math.max(alone, 50); runs++) {
      const all = trial.together()
      const time = !all ? alone : before ? awake : woken
      before = all
      if (trial.timed()) trial.took(time)
      spent += time
    }
    expect(spent / (runs * alone)).toBeLessThan(1.035)
  }
})

test('a short entry gains by threads that look for work, though waking them took long', () => {
  const trial = createThreadTrial()
  let shared = 0
  let before = false
  for (let run = 0; run < 200_000; run++) {
    const all = trial.together()
    if (trial.timed()) trial.took(!all ? 0.016 : before ? 0.0095 : 0.25)
    before = all
    if (all) shared++
  }
  expect(shared).toBeGreaterThan(180_000)
})
