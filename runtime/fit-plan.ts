import type { FitOptions, StopRule } from './api.ts'
import { rowsAtATime } from './batches.ts'
import { batchSize, type Dataset, type Inputs, prepareDataset } from './dataset.ts'
import type { Engine } from './engine.ts'
import { ModelError } from './error.ts'
import type { ManifestTrain } from './manifest.ts'
import { find } from './names.ts'

/** Everything a run of `fit` needs, checked. */
export interface Plan {
  readonly train: Dataset
  readonly valid: Dataset | undefined
  readonly test: Dataset | undefined
  readonly batch: number
  readonly epochs: number
  readonly startEpoch: number
  readonly seed: number
  readonly shuffle: boolean
  readonly progressEvery: number
  readonly progressSteps: number | undefined
  readonly signal: AbortSignal | undefined
  readonly stop: StopRule | undefined
  readonly restoreBest: boolean
}

/** Options over settings over defaults. Whatever is wrong with data or options is found here. */
export function planOf(engine: Engine, settings: ManifestTrain, data: Inputs, options: FitOptions): Plan {
  const known = [
    'valid',
    'test',
    'batch',
    'epochs',
    'startEpoch',
    'seed',
    'shuffle',
    'signal',
    'progressEvery',
    'progressSteps',
    'stop',
    'restoreBest',
  ].map((name) => ({ name }))
  for (const name of Object.keys(options)) find(known, name, 'fit option', 'bad-option')
  const entry = (name: string) => engine.manifest.entries.find((candidate) => candidate.name === name)!
  const train = prepareDataset(engine, entry(settings.step), data, settings.batchDim)
  const evaluation = (part: Inputs | undefined): Dataset | undefined => {
    if (part === undefined) return undefined
    const dataset = prepareDataset(engine, entry(settings.evaluate), part, settings.batchDim)
    rowsAtATime(engine, dataset)
    return dataset
  }
  const batch = batchSize(engine, train, options.batch ?? settings.batch, 32)
  if (settings.order === 'streams' && train.rows < batch)
    throw new ModelError(
      'bad-option',
      `\`${settings.name}\` takes its batches in ${batch} streams, but there are ${train.rows} rows: choose a smaller batch, or give more data`,
    )
  const valid = evaluation(options.valid)
  const stop = stopRule(settings, options.stop ?? settings.stop ?? false, valid !== undefined)
  return {
    train,
    valid,
    test: evaluation(options.test),
    batch,
    epochs: whole('epochs', options.epochs ?? settings.epochs ?? 1, 0),
    startEpoch: whole('startEpoch', options.startEpoch ?? 1, 1),
    seed: whole('seed', options.seed ?? engine.integers[engine.manifest.seedOffset / 4]!, -(2 ** 31)),
    shuffle: flag('shuffle', options.shuffle ?? true),
    progressEvery: number('progressEvery', options.progressEvery ?? 100),
    progressSteps: options.progressSteps === undefined ? undefined : whole('progressSteps', options.progressSteps, 1),
    signal: options.signal,
    stop,
    restoreBest: flag('restoreBest', options.restoreBest ?? stop !== undefined),
  }
}

function stopRule(settings: ManifestTrain, rule: StopRule | false, hasValid: boolean): StopRule | undefined {
  if (rule === false) return undefined
  find([{ name: 'train' }, { name: 'valid' }], rule.part, 'part', 'bad-option')
  const metrics = [{ name: 'loss' }, ...settings.metrics.filter(({ scalar }) => scalar)]
  find(metrics, rule.metric, 'metric', 'bad-option')
  whole('stop.epochs', rule.epochs, 1)
  if (rule.part === 'valid' && !hasValid) {
    throw new ModelError(
      'bad-option',
      `the stop rule watches valid.${rule.metric}, but there is no validation data; give { valid } or switch the rule off with { stop: false }`,
    )
  }
  return rule
}

function whole(name: string, value: unknown, minimum: number): number {
  if (Number.isInteger(value) && (value as number) >= minimum && (value as number) < 2 ** 31) return value as number
  throw new ModelError('bad-option', `${name} is ${String(value)}; it must be a whole number from ${minimum}`)
}

function number(name: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0) return value
  throw new ModelError('bad-option', `${name} is ${String(value)}; it must be a number from 0`)
}

function flag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new ModelError('bad-option', `${name} is ${String(value)}; it must be true or false`)
}
