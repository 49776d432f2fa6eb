import type { ManifestMetric } from '../../runtime/manifest.ts'
import { formatCount, formatDuration, formatMeasure, formatMetric } from '../numbers.ts'
import { type Style, styleFor } from '../style.ts'
import type { Terminal } from '../terminal.ts'
import { type FoldReport, type FoldResult, type FoldsFacts, type FoldsSummary, scalarMeasures } from './fold-report.ts'
import { modelLine } from './text-report.ts'

const ERASE_LINE = '\r\u001b[2K'
const FIRST_WIDTH = 9
const ROWS_WIDTH = 9
const EPOCHS_WIDTH = 8
const TIME_WIDTH = 13
/** The progress line is renewed at most so often, in milliseconds. */
const REDRAWN_EVERY = 80

/** A table with a row per fold, then their mean and standard deviation. */
export function textFoldReport(terminal: Terminal): FoldReport {
  const style = styleFor(terminal.outputColor)
  const live = terminal.outputIsTerminal
  const say = (text: string): void => terminal.write(`${live ? ERASE_LINE : ''}${text}\n`)
  let facts: FoldsFacts | undefined
  let parts: FoldParts = []
  let drawn = 0
  return {
    preparing(what) {
      if (live) terminal.write(`${ERASE_LINE}${style.dim(`${what} …`)}`)
    },
    start(given) {
      facts = given
      for (const line of opening(given, style)) say(line)
    },
    step(fold, { epoch, step, steps, meanLoss }) {
      const now = performance.now()
      if (!live || !facts || now - drawn < REDRAWN_EVERY) return
      drawn = now
      const line = `${count(fold, facts.folds)}  epoch ${epoch}/${facts.epochs}  ${formatCount(step)}/${formatCount(steps)} ${steps === 1 ? 'step' : 'steps'}  loss ${formatMeasure(meanLoss)}`
      terminal.write(ERASE_LINE + style.dim(line.slice(0, terminal.columns() - 1)))
    },
    fold(result) {
      if (parts.length === 0) {
        parts = partsOf(result)
        say(style.bold(head(parts, facts!)))
      }
      say(foldRow(result, parts, facts!, style))
    },
    interrupted(folds) {
      say(`${style.yellow('stopped by Ctrl-C')} after ${folds} of ${facts!.folds} folds`)
    },
    failed() {
      if (live) terminal.write(ERASE_LINE)
    },
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

function widthOf({ name }: ManifestMetric): number {
  return Math.max(10, name.length)
}

function head(parts: FoldParts, { metrics }: FoldsFacts): string {
  const names = scalarMeasures(metrics).map((measure) => `  ${measure.name.padStart(widthOf(measure))}`)
  const rows = parts.map((part) => part.padStart(ROWS_WIDTH))
  return `${'fold'.padStart(FIRST_WIDTH)}${rows.join('')}${'epochs'.padStart(EPOCHS_WIDTH)}${names.join('')}${'time'.padStart(TIME_WIDTH)}`
}

function foldRow({ fold, rows, done, test }: FoldResult, parts: FoldParts, facts: FoldsFacts, style: Style): string {
  const counts = parts.map((part) => formatCount(rows[part]!).padStart(ROWS_WIDTH))
  const epochs = String(done.restored ? done.bestEpoch : done.epochs).padStart(EPOCHS_WIDTH)
  const time = formatDuration(done.seconds * 1000).padStart(TIME_WIDTH)
  const values = Object.fromEntries(Object.entries(test).filter(([, value]) => typeof value === 'number'))
  const cells = measureCells(values as Record<string, number>, facts)
  return `${count(fold, facts.folds)}${style.dim(counts.join('') + epochs)}${cells}${style.dim(time)}`
}

function measureCells(values: Readonly<Record<string, number>>, { metrics }: FoldsFacts): string {
  return scalarMeasures(metrics)
    .map((measure) => `  ${formatMetric(measure, values[measure.name]!).padStart(widthOf(measure))}`)
    .join('')
}

function closing(
  { mean, deviation, seconds }: FoldsSummary,
  parts: FoldParts,
  facts: FoldsFacts,
  style: Style,
): string[] {
  const gap = ' '.repeat(ROWS_WIDTH * parts.length + EPOCHS_WIDTH)
  return [
    '',
    `${style.bold('mean'.padStart(FIRST_WIDTH))}${gap}${style.bold(measureCells(mean, facts))}${style.dim(formatDuration(seconds * 1000).padStart(TIME_WIDTH))}`,
    `${'±'.padStart(FIRST_WIDTH)}${gap}${measureCells(deviation, facts)}`,
  ]
}
