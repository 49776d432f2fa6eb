import type { Metrics } from '../../runtime/api.ts'
import { simdOf } from '../../runtime/builds.ts'
import type { FoldRows } from '../data/folds.ts'
import { loadFolds } from '../data/load-data.ts'
import {
  batchOf,
  chooseTrain,
  dataOf,
  type OpenOptions,
  openModel,
  parameterCount,
  stepEntry,
  wantedInputs,
} from '../open-model.ts'
import type { Assignments } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { beginRun } from './begin-run.ts'
import { type FoldReport, type FoldResult, summarize } from './fold-report.ts'
import { trainFold } from './train-fold.ts'

export interface CrossValidationOptions extends OpenOptions {
  readonly train?: string
  readonly epochs?: number
  readonly batch?: number
  readonly seed?: number
  readonly hyper?: Assignments
  readonly folds: number
  readonly foldsOver: FoldRows
}

/**
 * Trains afresh for every fold of the data, from the same seed, and measures each on the rows it has not seen. The best
 * epoch and the end of a fold's training are decided by its own validation rows.
 * @returns false if Ctrl-C ended it
 */
export async function crossValidate(
  file: string,
  options: CrossValidationOptions,
  terminal: Terminal,
  report: FoldReport,
): Promise<boolean> {
  report.preparing(`compiling ${file}`)
  const open = await openModel(file, { ...options, purpose: 'training' }, terminal)
  const { compiled, model } = open
  const settings = chooseTrain(model, compiled.source.name, options.train)
  const wanted = wantedInputs(stepEntry(model, settings), settings.batchDim)
  report.preparing('reading the data')
  const count = options.folds
  const over = options.foldsOver
  const folds = await loadFolds(dataOf(compiled, settings), compiled.source, wanted, { count, over })
  const began = performance.now()
  const interruption = new AbortController()
  const release = terminal.onInterrupt(() => {
    release()
    interruption.abort()
  })
  const results: FoldResult[] = []
  try {
    for (const [index, load] of folds.entries()) {
      report.preparing(`reading fold ${index + 1} of ${count}`)
      const { parts, rows, categories } = await load()
      const pretrained = await beginRun(open, options)
      if (index === 0)
        report.start({
          file: compiled.source.name,
          train: settings.name,
          parameters: parameterCount(model),
          ...(pretrained.length > 0 && { pretrained }),
          build: simdOf(model.build),
          threads: model.threads,
          compileMilliseconds: compiled.milliseconds,
          fromCache: compiled.fromCache,
          batch: options.batch ?? batchOf(model, settings),
          epochs: options.epochs ?? settings.epochs ?? 1,
          seed: model.seed >>> 0,
          metrics: settings.metrics,
          categories,
          folds: count,
        })
      const done = await trainFold(open, settings, parts, options, interruption.signal, (event) =>
        report.step(index + 1, event),
      )
      if (done.reason === 'cancelled') {
        report.interrupted(results.length)
        return false
      }
      const result = { fold: index + 1, rows, done, test: done.test as Metrics }
      results.push(result)
      report.fold(result)
    }
  } finally {
    release()
  }
  report.done(summarize(results, settings.metrics, (performance.now() - began) / 1000))
  return true
}
