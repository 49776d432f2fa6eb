import { plainMetrics } from '../metric-table.ts'
import type { Terminal } from '../terminal.ts'
import type { TrainReport } from './train-report.ts'

/** One JSON object per line: `start`, an `epoch` each, and `done` last. Numbers that are not finite become null. */
export function jsonReport(terminal: Terminal): TrainReport {
  const line = (event: string, fields: object): void => terminal.write(`${JSON.stringify({ event, ...fields })}\n`)
  return {
    preparing: () => undefined,
    start: ({ metrics, categories: _, ...facts }) =>
      line('start', { ...facts, metrics: metrics.map(({ name }) => name) }),
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
