import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Metrics } from '../../runtime/api.ts'
import { simdOf } from '../../runtime/builds.ts'
import { cacheKey } from '../cache.ts'
import { makeFolder } from '../make-folder.ts'
import { batchOf, parameterCount } from '../open-model.ts'
import type { Assignments } from '../options.ts'
import { replaceFile } from '../replace-file.ts'
import { shellWord } from '../shell-word.ts'
import { displayName } from '../source-file.ts'
import type { Terminal } from '../terminal.ts'
import { UserError } from '../user-error.ts'
import { objectiveOf } from './objective.ts'
import { sweepPoints } from './points.ts'
import { type Preparer, preparer, type SweepOptions } from './prepare.ts'
import { readRecord, type SweepFacts, writeRecord } from './record.ts'
import { runTrial } from './run-trial.ts'
import { constantsOf, hypersOf, type Space, spaceOf } from './space.ts'
import type { SweepReport } from './sweep-report.ts'
import { bestTrial, type Trial } from './trial.ts'

/**
 * Trains with one setting after another of the file's hypers and constants, keeps the best parameters and what every trial
 * came to. Trials are compared by validation rows or by folds, never by the test part, which is measured once, at the end.
 * @returns false if Ctrl-C ended it
 */
export async function sweep(
  file: string,
  options: SweepOptions,
  terminal: Terminal,
  report: SweepReport,
): Promise<boolean> {
  report.preparing(`compiling ${file}`)
  const prepare = preparer(file, options, terminal)
  const first = await prepare({})
  const { compiled, model } = first.open
  const { source } = compiled
  const space = spaceOf(source.name, model.manifest.hypers, compiled.constants, options.tries, {
    ...options.set,
    ...options.hyper,
  })
  const objective = objectiveOf(first.settings, options, first.dataset?.parts.valid !== undefined)
  const points = sweepPoints(space, options.trials)
  const folder = resolve(terminal.directory, options.out)
  await makeFolder(folder, options.out)
  const { name } = model.manifest
  const recordPath = join(folder, `${name}.sweep.json`)
  const weightsPath = join(folder, `${name}.sweep.safetensors`)
  const record = displayName(recordPath, terminal.directory)
  const { epochs, batch, seed, hyper, set, folds, leave } = options
  const facts: SweepFacts = {
    file: source.name,
    source: cacheKey([source.text]),
    train: first.settings.name,
    space,
    objective,
    fixed: { epochs, batch, seed, hyper, set, folds, foldsOver: folds && options.foldsOver, leave },
  }
  const trials: Trial[] = options.resume ? [...(await readRecord(recordPath, record, facts))] : []
  report.start({
    file: source.name,
    train: first.settings.name,
    parameters: parameterCount(model),
    build: simdOf(model.build),
    threads: model.threads,
    compileMilliseconds: compiled.milliseconds,
    fromCache: compiled.fromCache,
    rows: first.dataset?.rows ?? {},
    batch: batch ?? batchOf(model, first.settings),
    epochs: epochs ?? first.settings.epochs ?? 1,
    seed: seed ?? first.settings.seed ?? model.seed >>> 0,
    metrics: first.settings.metrics,
    categories: first.dataset?.categories ?? {},
    space,
    objective,
    trials: points.length,
    ...(folds !== undefined && { folds }),
  })
  const began = performance.now()
  const interruption = new AbortController()
  const release = terminal.onInterrupt(() => {
    release()
    interruption.abort()
  })
  const shared = { options, space, objective, report, signal: interruption.signal, prepare }
  const tell = (trial: Trial, number: number): void =>
    report.trial({ ...trial, trial: number, best: trial === bestTrial(trials, objective) })
  try {
    const behind = new Set(trials.map(({ values }) => JSON.stringify(values)))
    trials.forEach((trial, at) => {
      tell(trial, at + 1)
    })
    for (const values of points) {
      if (behind.has(JSON.stringify(values))) continue
      const ended = await runTrial(shared, values, trials)
      if (!ended) {
        report.interrupted(trials.length)
        return false
      }
      const { trial, parameters } = ended
      trials.push(trial)
      if (parameters && trial === bestTrial(trials, objective)) await replaceFile(weightsPath, parameters())
      await writeRecord(recordPath, facts, trials)
      tell(trial, trials.length)
    }
  } finally {
    release()
  }
  const best = bestTrial(trials, objective)
  if (!best)
    throw new UserError(
      `none of the ${trials.length} trials came to a number`,
      `${record} says how each ended; a range with smaller learning rates may do better`,
    )
  const test = folds === undefined ? await measureTest(prepare, space, best, weightsPath) : undefined
  const weights = folds === undefined ? displayName(weightsPath, terminal.directory) : undefined
  report.done({
    best: { ...best, trial: trials.indexOf(best) + 1, best: true },
    seconds: (performance.now() - began) / 1000,
    ...(test && { test }),
    ...(weights !== undefined && { weights }),
    record,
    next: nextCommands(source.name, options, space, best, weights),
  })
  return true
}

/** The best trial's parameters, on the part of the data that nothing was chosen by. */
async function measureTest(
  prepare: Preparer,
  space: Space,
  { values }: Trial,
  weightsPath: string,
): Promise<Metrics | undefined> {
  const { open, settings, dataset } = await prepare(constantsOf(space, values))
  const test = dataset?.parts.test
  if (!test) return undefined
  open.model.restore(await readFile(weightsPath))
  return open.model.evaluateAll(settings.name, test)
}

/** What trains again with the values found, to the same bits, and what predicts with the parameters kept. */
function nextCommands(
  file: string,
  options: SweepOptions,
  space: Space,
  { values }: Trial,
  weights: string | undefined,
): readonly string[] {
  const { train, epochs, batch, seed, folds } = options
  const given = (option: string, value: unknown): string[] => (value === undefined ? [] : [`${option} ${value}`])
  const assigned = (option: string, own: Assignments): string[] =>
    Object.entries(own).map(([name, value]) => `${option} ${name}=${value}`)
  const set = assigned('--set', { ...options.set, ...constantsOf(space, values) })
  const training = [
    `npx nnc train ${shellWord(file)}`,
    ...assigned('--hyper', { ...options.hyper, ...hypersOf(space, values) }),
    ...set,
    ...given('--train', train),
    ...given('--epochs', epochs),
    ...given('--batch', batch),
    ...given('--seed', seed),
    ...given('--folds', folds),
  ]
  const predicting = [
    `npx nnc predict ${shellWord(file)}`,
    ...set,
    `--weights ${shellWord(weights ?? '')} --input FILE`,
  ]
  return [training.join(' '), ...(weights === undefined ? [] : [predicting.join(' ')])]
}
