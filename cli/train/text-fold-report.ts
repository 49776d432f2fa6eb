import { formatCount, formatDuration, formatMeasure } from '../numbers.ts'
import { type Style, styleFor } from '../style.ts'
import type { Terminal } from '../terminal.ts'
import type { FoldReport, FoldResult, FoldsFacts, FoldsSummary } from './fold-report.ts'
import { liveLines } from './live-lines.ts'
import { measureCells, measureHead, scalarMeasures } from './measure-columns.ts'
import { modelLine } from './text-report.ts'

const FIRST_WIDTH = 9
const ROWS_WIDTH = 9
const EPOCHS_WIDTH = 8
const TIME_WIDTH = 13

/** A table with a row per fold, then their mean and standard deviation. */
export function textFoldReport(terminal: Terminal): FoldReport {
  const style = styleFor(terminal.outputColor)
  const { say, move, moveInTime, clear } = liveLines(terminal)
  let facts: FoldsFacts | undefined
  let parts: FoldParts = []
  return {
    preparing: (what) => move(style.dim(`${what} …`)),
    start(given) {
      facts = given
      for (const line of opening(given, style)) say(line)
    },
    step(fold, { epoch, step, steps, meanLoss }) {
      const { folds, epochs } = facts!
      const line = (): string =>
        `${count(fold, folds)}  epoch ${epoch}/${epochs}  ${formatCount(step)}/${formatCount(steps)} ${steps === 1 ? 'step' : 'steps'}  loss ${formatMeasure(meanLoss)}`
      moveInTime(() => style.dim(line().slice(0, terminal.columns() - 1)))
    },
    fold(result) {
      if (parts.length === 0) {
        parts = partsOf(result)
        say(style.bold(head(parts, facts!)))
      }
      say(foldRow(result, parts, facts!, style))
    },
    interrupted(folds) {
      say(`${style.yellow('interrupted')} after ${folds} of ${facts!.folds} folds`)
    },
    failed: clear,
    done(summary) {
      for (const line of closing(summary, parts, facts!, style)) say(line)
    },
  }
}

type FoldParts = readonly ('train' | 'valid' | 'test')[]

function partsOf({ rows }: FoldResult): FoldParts {
  return (['train', 'valid', 'test'] as const).filter((part) => rows[part] !== undefined)
}

function opening(facts: FoldsFacts, style: Style): string[] {
  return [
    modelLine(facts, style),
    `${style.dim('folds')} ${facts.folds}, each tested once by what was learned from others; batch ${facts.batch}, up to ${formatCount(facts.epochs)} epochs, seed ${facts.seed}`,
    '',
  ]
}

function count(fold: number, folds: number): string {
  return `${fold}/${folds}`.padStart(FIRST_WIDTH)
}

function head(parts: FoldParts, { metrics }: FoldsFacts): string {
  const names = measureHead(scalarMeasures(metrics))
  const rows = parts.map((part) => part.padStart(ROWS_WIDTH))
  return `${'fold'.padStart(FIRST_WIDTH)}${rows.join('')}${'epochs'.padStart(EPOCHS_WIDTH)}${names}${'time'.padStart(TIME_WIDTH)}`
}

function foldRow({ fold, rows, done, test }: FoldResult, parts: FoldParts, facts: FoldsFacts, style: Style): string {
  const counts = parts.map((part) => formatCount(rows[part]!).padStart(ROWS_WIDTH))
  const epochs = String(done.restored ? done.bestEpoch : done.epochs).padStart(EPOCHS_WIDTH)
  const time = formatDuration(done.seconds * 1000).padStart(TIME_WIDTH)
  const cells = measureCells(scalarMeasures(facts.metrics), test)
  return `${count(fold, facts.folds)}${style.dim(counts.join('') + epochs)}${cells}${style.dim(time)}`
}

function closing(
  { mean, deviation, seconds }: FoldsSummary,
  parts: FoldParts,
  facts: FoldsFacts,
  style: Style,
): string[] {
  const measures = scalarMeasures(facts.metrics)
  const gap = ' '.repeat(ROWS_WIDTH * parts.length + EPOCHS_WIDTH)
  return [
    '',
    `${style.bold('mean'.padStart(FIRST_WIDTH))}${gap}${style.bold(measureCells(measures, mean))}${style.dim(formatDuration(seconds * 1000).padStart(TIME_WIDTH))}`,
    `${'±'.padStart(FIRST_WIDTH)}${gap}${measureCells(measures, deviation)}`,
  ]
}
