import type { Terminal } from '../terminal.ts'
import type { TrainFacts } from './train-report.ts'

/** Writes one JSON object per line. Numbers that are not finite become null. */
export interface JsonLines {
  line(event: string, fields: object): void
  /** The line `start`, with the names of the metrics. */
  start(facts: Omit<TrainFacts, 'rows' | 'startEpoch'>): void
}

export function jsonLines(terminal: Terminal): JsonLines {
  const line = (event: string, fields: object): void => terminal.write(`${JSON.stringify({ event, ...fields })}\n`)
  return {
    line,
    start: ({ metrics, categories: _, ...facts }) =>
      line('start', { ...facts, metrics: metrics.map(({ name }) => name) }),
  }
}
