import { plainMetrics } from '../metric-table.ts'
import type { Terminal } from '../terminal.ts'
import { jsonLines } from '../train/json-lines.ts'
import type { SweepReport } from './sweep-report.ts'

/** One JSON object per line: `start`, a `trial` each, and `done` last. Numbers that are not finite become null. */
export function jsonSweepReport(terminal: Terminal): SweepReport {
  const { line, start } = jsonLines(terminal)
  return {
    preparing: () => undefined,
    start,
    step: () => undefined,
    // The record has the course of each.
    trial: ({ course: _, ...result }) => line('trial', result),
    interrupted: (trials) => line('done', { reason: 'cancelled', trials }),
    done: ({ best: { course: _, ...best }, test, ...result }) =>
      line('done', { reason: 'finished', best, ...result, ...(test && { test: plainMetrics(test) }) }),
    failed: () => undefined,
  }
}

/** Says nothing, for `--quiet`. */
export const quietSweepReport: SweepReport = {
  preparing: () => undefined,
  start: () => undefined,
  step: () => undefined,
  trial: () => undefined,
  interrupted: () => undefined,
  done: () => undefined,
  failed: () => undefined,
}
