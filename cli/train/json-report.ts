import { plainMetrics } from '../metric-table.ts'
import type { Terminal } from '../terminal.ts'
import { jsonLines } from './json-lines.ts'
import type { TrainReport } from './train-report.ts'

/** One JSON object per line: `start`, an `epoch` each, and `done` last. Numbers that are not finite become null. */
export function jsonReport(terminal: Terminal): TrainReport {
  const { line, start } = jsonLines(terminal)
  return {
    preparing: () => undefined,
    start,
    step: () => undefined,
    epoch: ({ kind: _, train, valid, ...fields }) => {
      const { epoch, epochs, ...rest } = fields
      line('epoch', {
        epoch,
        epochs,
        train: plainMetrics(train),
        ...(valid && { valid: plainMetrics(valid) }),
        ...rest,
      })
    },
    interrupted: () => undefined,
    done: ({ done: { kind: _, test, ...fields }, ...files }) =>
      line('done', { ...fields, ...(test && { test: plainMetrics(test) }), ...files }),
    failed: () => undefined,
  }
}

/** Says nothing, for `--quiet`. */
export const quietReport: TrainReport = {
  preparing: () => undefined,
  start: () => undefined,
  step: () => undefined,
  epoch: () => undefined,
  interrupted: () => undefined,
  done: () => undefined,
  failed: () => undefined,
}
