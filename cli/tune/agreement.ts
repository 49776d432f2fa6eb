import type { Entry } from '../../compiler/5-fuse/program.ts'
import type { Model } from '../../runtime/index.ts'
import { inputsOf } from '../measure/bench.ts'
import { type Sizes, steadyRandom } from '../measure/sizes.ts'

/** Builds round differently: of the largest number, a result may be off by so much. */
const TOLERANCE = 1e-3
const STEPS = 2

/** What an entry gives on the same random batches each time: the losses of some steps, or its outputs. */
export function resultsOf(entry: Entry, model: Model, sizes: Sizes): readonly number[] {
  const random = steadyRandom()
  const batch = () => inputsOf(entry.inputs, sizes, random)
  model.init(1)
  if (entry.kind === 'infer')
    // Whole numbers, as the place of a maximum, may rightly jump.
    return Object.values(model.predict(entry.name, batch())).flatMap(({ data }) =>
      data instanceof Float32Array ? [...data] : [],
    )
  const train = entry.name.slice(0, entry.name.lastIndexOf('.'))
  return Array.from({ length: STEPS }, () => model.step(train, batch()).loss as number)
}

/** Whether two builds' results are the same but for rounding. */
export function agree(actual: readonly number[], expected: readonly number[]): boolean {
  const largest = expected.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0)
  return (
    actual.length === expected.length &&
    actual.every(
      (value, at) => Object.is(value, expected[at]) || Math.abs(value - expected[at]!) <= TOLERANCE * largest,
    )
  )
}
