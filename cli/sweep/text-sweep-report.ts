import { metricTables, scalarMetrics } from '../metric-table.ts'
import { formatCount, formatDuration, formatMeasure, formatMetric } from '../numbers.ts'
import type { Assignments } from '../options.ts'
import { type Style, styleFor } from '../style.ts'
import type { Terminal } from '../terminal.ts'
import { liveLines } from '../train/live-lines.ts'
import { measureCells, measureHead, scalarMeasures } from '../train/measure-columns.ts'
import { modelLine } from '../train/text-report.ts'
import { describeSpace } from './space.ts'
import type { SweepReport, SweepResult, SweepStart, TrialResult } from './sweep-report.ts'

const FIRST_WIDTH = 9
const EPOCHS_WIDTH = 11
const TIME_WIDTH = 13

/** A table with a row per trial, then the best; on a terminal, below it a progress line that moves. */
export function textSweepReport(terminal: Terminal): SweepReport {
  const style = styleFor(terminal.outputColor)
  const { say, move, moveInTime, clear } = liveLines(terminal)
  let facts: SweepStart | undefined
  return {
    preparing: (what) => move(style.dim(`${what} …`)),
    start(given) {
      facts = given
      for (const line of opening(given, style)) say(line)
    },
    step(trial, values, { epoch, step, steps, meanLoss }, fold) {
      const where = fold === undefined ? '' : `fold ${fold}/${facts!.folds}  `
      const line = (): string =>
        `${count(trial, facts!)}  ${describeValues(values)}  ${where}epoch ${epoch}/${facts!.epochs}  ${formatCount(step)}/${formatCount(steps)} ${steps === 1 ? 'step' : 'steps'}  loss ${formatMeasure(meanLoss)}`
      moveInTime(() => style.dim(line().slice(0, terminal.columns() - 1)))
    },
    trial(result) {
      say(trialRow(result, facts!, style))
    },
    interrupted(trials) {
      say(
        `${style.yellow('stopped by Ctrl-C')} after ${trials} of ${facts!.trials} trials; the same command with ${style.cyan('--resume')} goes on`,
      )
    },
    failed: clear,
    done(result) {
      for (const line of closing(result, facts!, style)) say(line)
    },
  }
}

/** "lr 0.001  Hidden 64" */
function describeValues(values: Assignments): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${value}`)
    .join('  ')
}

function opening(facts: SweepStart, style: Style): string[] {
  const { space, trials, objective, folds, rows, batch, epochs, seed, metrics } = facts
  const counts = Object.entries(rows).map(([part, number]) => `${formatCount(number)} ${part}`)
  const chosen =
    objective.of === 'folds' ? `the mean ${objective.metric} of ${folds} folds` : `valid ${objective.metric}`
  const names = space.map(({ name }) => `  ${name.padStart(nameWidth(name))}`).join('')
  return [
    modelLine(facts, style),
    ...(counts.length > 0 ? [`${style.dim('data ')} ${counts.join(' · ')} rows`] : []),
    `${style.dim('sweep')} ${trials} ${trials === 1 ? 'trial' : 'trials'} of ${describeSpace(space)}; up to ${formatCount(epochs)} epochs each, batch ${batch}, seed ${seed}`,
    `${style.dim('by   ')} ${chosen}, ${objective.better} is better`,
    '',
    style.bold(
      `${'trial'.padStart(FIRST_WIDTH)}${names}${measureHead(scalarMeasures(metrics))}${'epochs'.padStart(EPOCHS_WIDTH)}${'time'.padStart(TIME_WIDTH)}  best`,
    ),
  ]
}

function nameWidth(name: string): number {
  return Math.max(8, name.length)
}

function count(trial: number, { trials }: SweepStart): string {
  return `${trial}/${trials}`.padStart(FIRST_WIDTH)
}

function trialRow(result: TrialResult, facts: SweepStart, style: Style): string {
  const { trial, values, outcome, measures, epochs, seconds, best, message } = result
  const cells = facts.space.map(({ name }) => `  ${String(values[name]).padStart(nameWidth(name))}`).join('')
  const first = `${count(trial, facts)}${cells}`
  if (outcome === 'failed') return style.dim(`${first}  ${message}`)
  const ran = (outcome === 'finished' ? String(epochs) : `left at ${epochs}`).padStart(EPOCHS_WIDTH)
  const time = formatDuration(seconds * 1000).padStart(TIME_WIDTH)
  const row = `${first}${measureCells(scalarMeasures(facts.metrics), measures)}`
  if (outcome !== 'finished') return style.dim(`${row}${ran}${time}`)
  return `${row}${style.dim(ran + time)}${best ? style.green('     ●') : ''}`
}

function closing(
  { best, test, seconds, weights, record, next }: SweepResult,
  facts: SweepStart,
  style: Style,
): string[] {
  const { objective, metrics, categories, rows, space } = facts
  const measure = scalarMeasures(metrics).find(({ name }) => name === objective.metric)!
  const value = formatMetric(measure, best.value!)
  const values = describeValues(best.values).replaceAll('  ', ', ')
  const own = space.every(({ name, own: given }) => best.values[name] === given) ? ", the file's own values" : ''
  const tested = test
    ? [
        `${style.bold('test')}  ${scalarMetrics(test, metrics, style)} on ${formatCount(rows.test!)} rows that had no part in the choice`,
        ...metricTables(test, metrics, categories, style),
      ]
    : []
  return [
    '',
    `${style.bold('best')}  trial ${best.trial}: ${style.bold(values)}${own}; ${objective.metric} ${style.bold(value)}${best.epoch < best.epochs ? ` at epoch ${best.epoch}` : ''}`,
    ...tested,
    `${style.dim('took ')}${formatDuration(seconds * 1000)}`,
    `${style.green('saved')} ${weights === undefined ? '' : `${style.bold(weights)} and `}${style.bold(record)}`,
    ...next.map((command, index) => `${index === 0 ? style.dim('next ') : '     '} ${style.cyan(command)}`),
  ]
}
