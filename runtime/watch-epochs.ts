import type { Metrics, StopRule } from './api.ts'
import type { Engine } from './engine.ts'
import type { Plan } from './fit-plan.ts'
import type { ManifestTrain } from './manifest.ts'
import { elementCount } from './size.ts'
import { variableShape } from './variables.ts'

/** Follows the watched value over the epochs and keeps the best epoch's parameters. */
export interface EpochWatch {
  /** Takes note of an epoch; whether it is the best so far. */
  see(epoch: number, results: { readonly train: Metrics; readonly valid?: Metrics }): boolean
  /** Whether the stop rule says that enough epochs have passed without a better one. */
  exhausted(epoch: number): boolean
  /** 0 while no value was a number. */
  bestEpoch(): number
  /** Puts the best epoch's parameters and states back if it is not the last and they were to be kept. */
  restore(last: number): boolean
}

export function watchEpochs(
  engine: Engine,
  settings: ManifestTrain,
  { stop, startEpoch, valid, restoreBest }: Plan,
): EpochWatch {
  const part = stop?.part ?? (valid ? 'valid' : 'train')
  const metric = stop?.metric ?? 'loss'
  const sign = stop !== undefined && higherIsBetter(stop, settings) ? -1 : 1
  let bestValue = Number.POSITIVE_INFINITY
  let bestEpoch = 0
  let putBack: (() => void) | undefined
  return {
    see(epoch, results) {
      const value = sign * (results[part]![metric] as number)
      if (!(value < bestValue)) return false
      bestValue = value
      bestEpoch = epoch
      if (restoreBest) putBack = snapshot(engine)
      return true
    },
    exhausted: (epoch) => stop !== undefined && epoch - Math.max(bestEpoch, startEpoch - 1) >= stop.epochs,
    bestEpoch: () => bestEpoch,
    restore(last) {
      if (putBack === undefined || bestEpoch >= last) return false
      putBack()
      return true
    },
  }
}

function higherIsBetter(rule: StopRule, settings: ManifestTrain): boolean {
  const better = rule.better ?? settings.metrics.find(({ name }) => name === rule.metric)?.better
  return better === undefined ? /accuracy|precision|recall|f1|auc|score/i.test(rule.metric) : better === 'higher'
}

/** Remembers parameters and states; the result puts them back. */
function snapshot(engine: Engine): () => void {
  const kept = engine.manifest.variables
    .filter((variable) => variable.kind !== 'optimizer')
    .map((variable) => {
      const start = variable.offset / 4
      const count = elementCount(variableShape(engine.manifest, variable))
      return { start, words: engine.integers.slice(start, start + count) }
    })
  return () => {
    for (const { start, words } of kept) engine.integers.set(words, start)
  }
}
