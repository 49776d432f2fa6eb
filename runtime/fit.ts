import type { DoneEvent, EpochEvent, FitEvent, FitOptions, Metrics, StopRule } from './api.ts'
import { createAverage, evaluateRows, rowsAtATime } from './batches.ts'
import { batchSize, type Dataset, feedRows, type Inputs, prepareDataset, readMetrics } from './dataset.ts'
import type { Engine } from './engine.ts'
import { ModelError } from './error.ts'
import type { ManifestTrain } from './manifest.ts'
import { find } from './names.ts'
import { shuffledOrder } from './shuffle.ts'
import { elementCount, shapeValue } from './size.ts'

/** How long the loop may hold the thread before it lets the page, a signal or Ctrl-C in, in milliseconds. */
const SLICE = 12

interface Plan {
  readonly train: Dataset
  readonly valid: Dataset | undefined
  readonly test: Dataset | undefined
  readonly batch: number
  readonly epochs: number
  readonly startEpoch: number
  readonly seed: number
  readonly shuffle: boolean
  readonly progressEvery: number
  readonly signal: AbortSignal | undefined
  readonly stop: StopRule | undefined
  readonly restoreBest: boolean
}

/** Checks data and options, then returns the loop; see `Model.fit`. */
export function startFit(
  engine: Engine,
  settings: ManifestTrain,
  data: Inputs,
  options: FitOptions,
): AsyncGenerator<FitEvent, void, void> {
  return run(engine, planOf(engine, settings, data, options))
}

async function* run(engine: Engine, plan: Plan): AsyncGenerator<FitEvent, void, void> {
  const { train, valid, batch, signal, stop } = plan
  const began = performance.now()
  const steps = Math.ceil(train.rows / batch)
  const watched = stop ?? ({ part: valid ? 'valid' : 'train', metric: 'loss' } as const)
  const sign = stop !== undefined && higherIsBetter(stop) ? -1 : 1
  let bestValue = Number.POSITIVE_INFINITY
  let bestEpoch = 0
  let best: (() => void) | undefined
  let epoch = plan.startEpoch
  let reason: DoneEvent['reason'] = 'finished'
  let paused = began
  const pause = async (): Promise<void> => {
    if (performance.now() - paused < SLICE) return
    await nextTask()
    paused = performance.now()
  }
  const evaluate = async (dataset: Dataset): Promise<Metrics> => {
    const steps = evaluateRows(engine, dataset)
    for (;;) {
      const step = steps.next()
      if (step.done) return step.value
      await pause()
    }
  }

  training: for (; epoch <= plan.epochs; epoch++) {
    const order = plan.shuffle ? shuffledOrder(train.rows, plan.seed, epoch) : undefined
    const average = createAverage()
    const epochBegan = performance.now()
    // When the last step event was sent, and the rows since.
    let told = epochBegan
    let toldRows = 0
    for (let step = 0; step < steps; step++) {
      await pause()
      if (signal?.aborted) {
        reason = 'cancelled'
        break training
      }
      const start = step * batch
      const count = Math.min(batch, train.rows - start)
      engine.run(train.entry, feedRows(engine, train, order, start, count))
      const metrics = readMetrics(engine, train.entry)
      average.add(metrics, count)
      toldRows += count
      const elapsed = performance.now() - told
      if (elapsed >= plan.progressEvery) {
        yield {
          kind: 'step',
          epoch,
          step: step + 1,
          steps,
          loss: metrics.loss!,
          meanLoss: average.read().loss,
          samplesPerSecond: (1000 * toldRows) / Math.max(elapsed, 0.01),
        }
        told = performance.now()
        toldRows = 0
      }
    }
    const seconds = (performance.now() - epochBegan) / 1000
    const results: { train: Metrics; valid?: Metrics } = { train: average.read() }
    if (valid) results.valid = await evaluate(valid)
    const value = sign * results[watched.part]![watched.metric]!
    const better = value < bestValue
    if (better) {
      bestValue = value
      bestEpoch = epoch
      if (plan.restoreBest) best = snapshot(engine)
    }
    const event: EpochEvent = {
      kind: 'epoch',
      epoch,
      epochs: plan.epochs,
      ...results,
      seconds,
      samplesPerSecond: train.rows / Math.max(seconds, 1e-5),
      best: better,
    }
    yield event
    if (stop && epoch - Math.max(bestEpoch, plan.startEpoch - 1) >= stop.epochs && epoch < plan.epochs) {
      reason = 'stopped'
      epoch++
      break
    }
  }

  const last = Math.max(epoch, plan.startEpoch) - 1
  const restored = reason !== 'cancelled' && best !== undefined && bestEpoch < last
  if (restored) best!()
  const test = plan.test && reason !== 'cancelled' ? await evaluate(plan.test) : undefined
  yield {
    kind: 'done',
    reason,
    epochs: last,
    bestEpoch,
    restored,
    seconds: (performance.now() - began) / 1000,
    ...(test && { test }),
  }
}

function planOf(engine: Engine, settings: ManifestTrain, data: Inputs, options: FitOptions): Plan {
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
  const valid = evaluation(options.valid)
  const stop = stopRule(settings, options.stop ?? settings.stop ?? false, valid !== undefined)
  return {
    train,
    valid,
    test: evaluation(options.test),
    batch: batchSize(engine, train, options.batch ?? settings.batch, 32),
    epochs: whole('epochs', options.epochs ?? settings.epochs ?? 1, 0),
    startEpoch: whole('startEpoch', options.startEpoch ?? 1, 1),
    seed: whole('seed', options.seed ?? engine.integers[engine.manifest.seedOffset / 4]!, -(2 ** 31)),
    shuffle: flag('shuffle', options.shuffle ?? true),
    progressEvery: number('progressEvery', options.progressEvery ?? 100),
    signal: options.signal,
    stop,
    restoreBest: flag('restoreBest', options.restoreBest ?? stop !== undefined),
  }
}

function stopRule(settings: ManifestTrain, rule: StopRule | false, hasValid: boolean): StopRule | undefined {
  if (rule === false) return undefined
  find([{ name: 'train' }, { name: 'valid' }], rule.part, 'part', 'bad-option')
  const metrics = ['loss', ...settings.metrics].map((name) => ({ name }))
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

function higherIsBetter(rule: StopRule): boolean {
  return rule.better === undefined
    ? /accuracy|precision|recall|f1|auc|score/i.test(rule.metric)
    : rule.better === 'higher'
}

/** Remembers parameters and states; the result puts them back. */
function snapshot(engine: Engine): () => void {
  const largest = Object.fromEntries(engine.manifest.dims.map((dim) => [dim.name, dim.maximum]))
  const kept = engine.manifest.variables
    .filter((variable) => variable.kind !== 'optimizer')
    .map(({ offset, shape }) => {
      const start = offset / 4
      return { start, words: engine.integers.slice(start, start + elementCount(shapeValue(shape, largest))) }
    })
  return () => {
    for (const { start, words } of kept) engine.integers.set(words, start)
  }
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

/** Resolves after everything else that waits for the thread has had its turn. Timers would wait 4 ms in a page. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => {
        port1.close()
        resolve()
      }
      port2.postMessage(0)
    }
  })
}
