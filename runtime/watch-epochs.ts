import type { Metrics } from './api.ts'
import type { Engine } from './engine.ts'
import type { Plan } from './fit-plan.ts'
import type { ManifestTrain, ManifestVariable } from './manifest.ts'
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
  /** Forgets what was seen: a run that goes on from here is watched anew. */
  forget(): void
}

/** What a watch has seen, at the end of an epoch. The model remembers the latest, in checkpoints too. */
export interface WatchRecord extends WatchedValue {
  /** The epochs before the first that was seen, and the last one seen. */
  readonly before: number
  readonly seen: number
  /** 0 while no value was a number. */
  readonly bestEpoch: number
  readonly best: number
  /** The words of the best epoch's parameters and states, if they are to be put back. */
  readonly kept?: ReadonlyMap<ManifestVariable, Int32Array>
}

interface WatchedValue {
  readonly train: string
  readonly part: 'train' | 'valid'
  readonly metric: string
  readonly better: 'lower' | 'higher'
}

/** A run that begins where what the model remembers ends goes on with it. */
export function watchEpochs(
  engine: Engine,
  settings: ManifestTrain,
  { stop, startEpoch, valid, restoreBest }: Plan,
): EpochWatch {
  const value: WatchedValue = {
    train: settings.name,
    part: stop?.part ?? (valid ? 'valid' : 'train'),
    metric: stop?.metric ?? 'loss',
    better: stop === undefined ? 'lower' : (stop.better ?? betterOf(settings, stop.metric)),
  }
  const sign = value.better === 'higher' ? -1 : 1
  const before = startEpoch - 1
  const earlier = engine.memory.watch
  let record: WatchRecord =
    earlier && goesOn(earlier, value, before, restoreBest)
      ? earlier
      : { ...value, before, seen: before, bestEpoch: 0, best: sign * Number.POSITIVE_INFINITY }
  engine.memory.watch = record
  return {
    see(epoch, results) {
      const found = results[value.part]![value.metric] as number
      const better = sign * found < sign * record.best
      record = {
        ...record,
        seen: epoch,
        ...(better && { best: found, bestEpoch: epoch, ...(restoreBest && { kept: snapshot(engine) }) }),
      }
      engine.memory.watch = record
      return better
    },
    exhausted: (epoch) => stop !== undefined && epoch - Math.max(record.bestEpoch, record.before) >= stop.epochs,
    bestEpoch: () => record.bestEpoch,
    restore(last) {
      if (!restoreBest || record.kept === undefined || record.bestEpoch >= last) return false
      engine.variablesChanged()
      for (const [variable, words] of record.kept) engine.integers.set(words, variable.offset / 4)
      return true
    },
    forget() {
      engine.memory.watch = undefined
    },
  }
}

/** Whether a run after so many epochs takes up the record: of the same value, up to that epoch, with all it needs. */
function goesOn(earlier: WatchRecord, value: WatchedValue, epochs: number, restoreBest: boolean): boolean {
  const same = (['train', 'part', 'metric', 'better'] as const).every((key) => earlier[key] === value[key])
  const complete = !restoreBest || earlier.bestEpoch === 0 || earlier.kept !== undefined
  return same && complete && earlier.seen === epochs
}

/** The variables a best epoch is remembered by. */
export function keptVariables(engine: Engine): readonly ManifestVariable[] {
  return engine.manifest.variables.filter(({ kind }) => kind !== 'optimizer')
}

/** Which values of the loss or of a metric are better: as its definition says, else as its name does. */
export function betterOf({ metrics }: ManifestTrain, metric: string): 'lower' | 'higher' {
  const declared = metrics.find(({ name }) => name === metric)?.better
  return declared ?? (/accuracy|precision|recall|f1|auc|score/i.test(metric) ? 'higher' : 'lower')
}

function snapshot(engine: Engine): ReadonlyMap<ManifestVariable, Int32Array> {
  return new Map(
    keptVariables(engine).map((variable) => {
      const start = variable.offset / 4
      return [variable, engine.integers.slice(start, start + elementCount(variableShape(engine.manifest, variable)))]
    }),
  )
}
