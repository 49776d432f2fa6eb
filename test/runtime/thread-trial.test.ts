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
