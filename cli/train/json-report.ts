import type { Terminal } from '../terminal.ts'
import type { TrainReport } from './train-report.ts'

/** One JSON object per line: `start`, an `epoch` each, and `done` last. Numbers that are not finite become null. */
export function jsonReport(terminal: Terminal): TrainReport {
  const line = (event: string, fields: object): void => terminal.write(`${JSON.stringify({ event, ...fields })}\n`)
  return {
    preparing: () => undefined,
    start: (facts) => line('start', facts),
    step: () => undefined,
    epoch: ({ kind: _, ...fields }) => line('epoch', fields),
    interrupted: () => undefined,
    done: ({ done: { kind: _, ...fields }, ...files }) => line('done', { ...fields, ...files }),
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
