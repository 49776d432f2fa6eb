import type { DoneEvent, EpochEvent, FitEvent, FitOptions, Metrics } from './api.ts'
import { evaluatePart } from './batches.ts'
import { type Dataset, feedRows, type Inputs } from './dataset.ts'
import type { Engine } from './engine.ts'
import { type EpochRecord, epochOrder, epochToGoOnWith, stepsOf } from './epoch-record.ts'
import { ModelError } from './error.ts'
import { type Plan, planOf } from './fit-plan.ts'
import type { ManifestTrain } from './manifest.ts'
import { beginMeasures } from './measures.ts'
import { nextTask } from './next-task.ts'
import { shuffledOrder, streamOrder } from './shuffle.ts'
import { watchEpochs } from './watch-epochs.ts'

/** How long the loop may hold the thread before it lets the page, a signal or Ctrl-C in, in milliseconds. */
const SLICE = 12

/** Checks data and options, then returns the loop; see `Model.fit`. */
export function startFit(
  engine: Engine,
  settings: ManifestTrain,
  data: Inputs,
  options: FitOptions,
): AsyncGenerator<FitEvent, void, void> {
  return alone(engine, settings, planOf(engine, settings, data, options))
}

/**
 * However the loop ends, where it stood is kept as it was then. One that another has begun beside, which would move the same
 * parameters between its steps, ends with an error.
 */
async function* alone(engine: Engine, settings: ManifestTrain, plan: Plan): AsyncGenerator<FitEvent, void, void> {
  const self = {}
  const { runs } = engine.memory
  runs.set(settings, self)
  const goOn = (): void => {
    if (runs.get(settings) === self) return
    throw new ModelError(
      'bad-option',
      `another \`fit\` of \`${settings.name}\` has begun on this model while this one was going on; let one end before the next, or load a model for each`,
    )
  }
  try {
    yield* run(engine, settings, plan, goOn)
  } finally {
    if (runs.get(settings) === self) rememberEnd(engine, settings)
  }
}

function rememberEnd(engine: Engine, settings: ManifestTrain): void {
  engine.memory.runs.delete(settings)
  const record = engine.memory.epoch?.()
  engine.memory.epoch = record && (() => record)
}

/** @param goOn called after every pause: throws where the run may not go on */
async function* run(
  engine: Engine,
  settings: ManifestTrain,
  plan: Plan,
  goOn: () => void,
): AsyncGenerator<FitEvent, void, void> {
  const { train, valid, batch, signal } = plan
  const began = performance.now()
  const inStreams = settings.order === 'streams'
  const rows = inStreams ? train.rows - (train.rows % batch) : train.rows
  const steps = Math.ceil(rows / batch)
  const watch = watchEpochs(engine, settings, plan)
  let epoch = plan.startEpoch
  const earlier = epochToGoOnWith(engine, epochOrder(settings, plan, epoch))
  let reason: DoneEvent['reason'] = 'finished'
  let paused = began
  const pause = async (): Promise<void> => {
    await nextTask()
    goOn()
    paused = performance.now()
  }
  const isDue = (now: number): boolean => now - paused >= SLICE
  const evaluate = async (dataset: Dataset): Promise<Metrics> => {
    const steps = evaluatePart(engine, settings, dataset)
    for (;;) {
      const step = steps.next()
      if (step.done) return step.value
      if (isDue(performance.now())) await pause()
    }
  }

  training: for (; epoch <= plan.epochs; epoch++) {
    const resumed = epoch === plan.startEpoch ? earlier : undefined
    if (!resumed) engine.carried.begin(settings)
    const order = inStreams
      ? streamOrder(rows, batch)
      : plan.shuffle
        ? shuffledOrder(rows, plan.seed, epoch)
        : undefined
    const measures = beginMeasures(engine, settings, train.entry, resumed?.measures)
    const epochBegan = performance.now() - 1000 * (resumed?.seconds ?? 0)
    // When the last step event was sent, and the rows since.
    let told = performance.now()
    let toldRows = 0
    let now = told
    // 0 as well while a step is being taken: what stops within one leaves nothing to go on from.
    let taken = resumed?.step ?? 0
    engine.memory.epoch = (): EpochRecord | undefined =>
      taken === 0 || taken === steps
        ? undefined
        : {
            ...epochOrder(settings, plan, epoch),
            step: taken,
            steps: stepsOf(engine),
            seconds: (performance.now() - epochBegan) / 1000,
            measures: measures.record(),
          }
    for (let step = taken; step < steps; step++) {
      if (isDue(now)) await pause()
      if (signal?.aborted) {
        reason = 'cancelled'
        break training
      }
      const start = step * batch
      const count = Math.min(batch, rows - start)
      const dims = feedRows(engine, train, order, start, count)
      taken = 0
      engine.run(train.entry, dims)
      measures.add(dims, count)
      taken = step + 1
      toldRows += count
      now = performance.now()
      const elapsed = now - told
      if (elapsed >= plan.progressEvery || atNotedStep(plan, step + 1, steps)) {
        yield {
          kind: 'step',
          epoch,
          step: step + 1,
          steps,
          loss: measures.loss(),
          meanLoss: measures.meanLoss(),
          samplesPerSecond: (1000 * toldRows) / Math.max(elapsed, 0.01),
        }
        goOn()
        told = performance.now()
        toldRows = 0
      }
    }
    const seconds = (performance.now() - epochBegan) / 1000
    const results: { train: Metrics; valid?: Metrics } = { train: measures.read() }
    if (valid) results.valid = await evaluate(valid)
    const event: EpochEvent = {
      kind: 'epoch',
      epoch,
      epochs: plan.epochs,
      ...results,
      seconds,
      samplesPerSecond: rows / Math.max(seconds, 1e-5),
      best: watch.see(epoch, results),
    }
    yield event
    goOn()
    if (watch.exhausted(epoch) && epoch < plan.epochs) {
      reason = 'stopped'
      epoch++
      break
    }
  }

  const last = Math.max(epoch, plan.startEpoch) - 1
  const restored = reason !== 'cancelled' && watch.restore(last)
  const bestEpoch = watch.bestEpoch()
  // The parameters are no longer the last epoch's, or the rule has had its say.
  if (restored || reason === 'stopped') watch.forget()
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

/** Every `progressSteps` steps of an epoch, and its last. */
function atNotedStep({ progressSteps }: Plan, step: number, steps: number): boolean {
  return progressSteps !== undefined && (step % progressSteps === 0 || step === steps)
}
