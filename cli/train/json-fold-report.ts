import { plainMetrics } from '../metric-table.ts'
import type { Terminal } from '../terminal.ts'
import type { FoldReport } from './fold-report.ts'
import { jsonLines } from './json-lines.ts'

/** One JSON object per line: `start`, a `fold` each, and `done` last. Numbers that are not finite become null. */
export function jsonFoldReport(terminal: Terminal): FoldReport {
  const { line, start } = jsonLines(terminal)
  return {
    preparing: () => undefined,
    start,
    step: () => undefined,
    fold: ({ fold, rows, done: { reason, epochs, bestEpoch, restored, seconds }, test }) =>
      line('fold', { fold, rows, reason, epochs, bestEpoch, restored, seconds, test: plainMetrics(test) }),
    interrupted: (folds) => line('done', { reason: 'cancelled', folds }),
    done: ({ mean, deviation, seconds }) => line('done', { reason: 'finished', mean, deviation, seconds }),
    failed: () => undefined,
  }
}

/** Says nothing, for `--quiet`. */
export const quietFoldReport: FoldReport = {
  preparing: () => undefined,
  start: () => undefined,
  step: () => undefined,
  fold: () => undefined,
  interrupted: () => undefined,
  done: () => undefined,
  failed: () => undefined,
}
