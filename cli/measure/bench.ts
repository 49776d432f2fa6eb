import type { Entry, EntryTensor, Program } from '../../compiler/5-fuse/program.ts'
import { evaluateCount } from '../../compiler/5-fuse/work.ts'
import type { BuildName, Model, ShapedInput } from '../../runtime/index.ts'
import { randomInput, type Sizes, shapeAt, steadyRandom } from './sizes.ts'

/** One entry point's time, in the form `--json` prints. */
export interface EntryMeasure {
  readonly entry: string
  readonly build: BuildName
  readonly threads: number
  /** Of one call, feeding its inputs included. */
  readonly ms_median: number
  readonly ms_min: number
  /** Operations of one call, counted by the compiler. */
  readonly flops: number
  /** 10⁹ operations a second at the median. */
  readonly gflops: number
  /** Read and written by one call, each tensor once for each kernel that uses it. */
  readonly bytes: number
  readonly sizes: Sizes
}

/** So many batches take turns: a model that knows its batch by heart has tiny gradients, and tiny numbers are slow. */
const BATCHES = 8
/** A sample takes at least so long: shorter ones drown in the clock's steps. */
const SHORTEST_SAMPLE = 0.25
/** Share of the time spent on calls that are not measured, until the engine has optimised the code. */
const WARM_UP = 0.3

/** Times each entry point for `seconds`, on random inputs at the given sizes. */
export function* benchEntries(
  program: Program,
  model: Model,
  sizes: Sizes,
  seconds: number,
): Generator<EntryMeasure, void, void> {
  for (const entry of program.entries) {
    model.init(1)
    const times = sample(callOf(entry, model, sizes), seconds * 1000)
    const count = (part: 'flops' | 'bytes'): number =>
      entry.calls.reduce((sum, call) => sum + evaluateCount(call.work[part], sizes), 0)
    const median = times[times.length >> 1]!
    const flops = count('flops')
    yield {
      entry: entry.name,
      build: model.build,
      threads: model.threads,
      ms_median: median,
      ms_min: times[0]!,
      flops,
      gflops: flops / median / 1e6,
      bytes: count('bytes'),
      sizes: Object.fromEntries(entry.dims.map(({ name }) => [name, sizes[name]!])),
    }
  }
}

/** A call of an entry point, on batches that take turns. */
export function callOf(entry: Entry, model: Model, sizes: Sizes): (turn: number) => void {
  const random = steadyRandom()
  const batches = Array.from({ length: BATCHES }, () => inputsOf(entry.inputs, sizes, random))
  const batch = (turn: number): Record<string, ShapedInput> => batches[turn % BATCHES]!
  const train = entry.name.slice(0, entry.name.lastIndexOf('.'))
  switch (entry.kind) {
    case 'init':
      return () => model.init(1)
    case 'step':
      return (turn) => void model.step(train, batch(turn))
    case 'evaluate':
      return (turn) => void model.evaluate(train, batch(turn))
    case 'infer':
      return (turn) => void model.predict(entry.name, batch(turn))
  }
}

/** One random batch. */
export function inputsOf(
  inputs: readonly EntryTensor[],
  sizes: Sizes,
  random: () => number,
): Record<string, ShapedInput> {
  return Object.fromEntries(
    inputs.map((tensor) => [tensor.name, { data: randomInput(tensor, sizes, random), shape: shapeAt(tensor, sizes) }]),
  )
}

/** Milliseconds a call, ascending: one or many calls a sample, so that each is long enough for the clock. */
function sample(call: (turn: number) => void, budget: number): readonly number[] {
  let turn = 0
  const timed = (calls: number): number => {
    const start = performance.now()
    for (let at = 0; at < calls; at++) call(turn++)
    return (performance.now() - start) / calls
  }
  const started = performance.now()
  let last = timed(1)
  while (performance.now() - started < WARM_UP * budget) last = timed(Math.max(1, Math.ceil(SHORTEST_SAMPLE / last)))
  const calls = Math.max(1, Math.ceil(SHORTEST_SAMPLE / last))
  const times: number[] = []
  do times.push(timed(calls))
  while (performance.now() - started < budget)
  return times.sort((a, b) => a - b)
}
