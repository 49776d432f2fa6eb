import type { DoneEvent, EpochEvent, Metrics, StepEvent } from '../../runtime/api.ts'
import { metricTables, scalarMetrics } from '../metric-table.ts'
import { formatBytes, formatCount, formatDuration, formatMeasure } from '../numbers.ts'
import { shellWord } from '../shell-word.ts'
import { type Style, styleFor } from '../style.ts'
import type { Terminal } from '../terminal.ts'
import { liveLines } from './live-lines.ts'
import { measureCells, measureHead, scalarMeasures } from './measure-columns.ts'
import type { TrainFacts, TrainReport } from './train-report.ts'

const BAR_WIDTH = 28
const PACE_WIDTH = 14
/** For "59 min 59 s" and two spaces. */
const TIME_WIDTH = 13
/** A terminal shows about so many epochs of a long run, evenly; a log gets them all. */
const SHOWN_EPOCHS = 25

/** A table with a row per epoch; on a terminal, below it a progress line that moves. */
export function textReport(terminal: Terminal): TrainReport {
  const style = styleFor(terminal.outputColor)
  const { live, say, move, moveInTime, clear } = liveLines(terminal)
  let facts: TrainFacts | undefined
  let began = 0
  let columns: readonly Column[] = []
  let drawnEpoch = 0
  return {
    preparing: (what) => move(style.dim(`${what} …`)),
    start(given) {
      facts = given
      began = performance.now()
      columns = live ? shownColumns(given, terminal.columns()) : ['pace', 'time']
      for (const line of opening(given, columns, style)) say(line)
    },
    step(event) {
      const validates = facts!.rows.valid !== undefined && event.step === event.steps && drawnEpoch === event.epoch
      moveInTime(() => {
        drawnEpoch = event.epoch
        return progressLine(event, facts!, performance.now() - began, style, terminal.columns())
      }, validates)
    },
    epoch(event) {
      const every = live ? Math.ceil(event.epochs / SHOWN_EPOCHS) : 1
      if (event.epoch % every === 0 || event.epoch === event.epochs) say(epochRow(event, facts!, columns, style))
    },
    interrupted() {
      say(style.yellow('interrupted; saving a checkpoint …'))
    },
    failed: clear,
    done({ done, weights, weightsBytes, history, curve }) {
      for (const line of closing(done, facts!, style)) say(line)
      say(
        `${style.green('saved')} ${style.bold(weights)} (${formatBytes(weightsBytes)})${curve === undefined ? '' : ` and ${style.bold(curve)}`}`,
      )
      const commands =
        done.reason === 'cancelled'
          ? [`npx nnc train ${shellWord(facts!.file)} --resume ${shellWord(weights)}`]
          : [
              `npx nnc predict ${shellWord(facts!.file)} --weights ${shellWord(weights)} --input FILE`,
              ...(curve === undefined ? [`npx nnc curve ${shellWord(history)}`] : []),
              `npx nnc build ${shellWord(facts!.file)} -o dist`,
            ]
      commands.forEach((command, index) => {
        say(`${index === 0 ? style.dim('next ') : '     '} ${style.cyan(command)}`)
      })
    },
  }
}

/** "1 row", "2 rows". */
function counted(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`
}

function opening(facts: TrainFacts, columns: readonly Column[], style: Style): string[] {
  const rows = Object.entries(facts.rows).map(([part, count]) => `${formatCount(count)} ${part}`)
  const steps = Math.ceil(facts.rows.train! / facts.batch)
  const schedule = `batch ${facts.batch}, ${formatCount(steps)} ${steps === 1 ? 'step' : 'steps'} an epoch, seed ${facts.seed}`
  const resumed = facts.startEpoch > 1 ? [`${style.dim('from ')} epoch ${facts.startEpoch}`] : []
  const loaded = (facts.pretrained ?? []).map(
    ({ name, file, tensors }) =>
      `${style.dim('load ')} ${name} from ${file}, ${formatCount(tensors)} ${tensors === 1 ? 'tensor' : 'tensors'}`,
  )
  return [
    modelLine(facts, style),
    `${style.dim('data ')} ${rows.join(' · ')} ${Object.values(facts.rows).at(-1) === 1 ? 'row' : 'rows'}; ${schedule}`,
    ...resumed,
    ...loaded,
    '',
    ...tableHead(facts, columns, style),
  ]
}

/** What is trained, and where it came from. */
export function modelLine(facts: Omit<TrainFacts, 'rows' | 'startEpoch'>, style: Style): string {
  const compiled = facts.fromCache
    ? 'compiled before, from the cache'
    : `compiled in ${formatDuration(facts.compileMilliseconds)}`
  const simd = { plain: 'SIMD', relaxed: 'relaxed SIMD', wide: '256-bit SIMD' }[facts.build]
  const threads = facts.threads > 1 ? `, ${facts.threads} threads` : ''
  return `${style.dim('model')} ${style.bold(facts.file)}, ${formatCount(facts.parameters)} parameters, ${simd}${threads}, ${compiled}`
}

function partsOf(facts: TrainFacts): ('train' | 'valid')[] {
  return facts.rows.valid === undefined ? ['train'] : ['train', 'valid']
}

/** The first column: "17/40". */
function countWidth(facts: TrainFacts): number {
  return Math.max(9, 2 * String(facts.epochs).length + 3)
}

/** What a row has besides the measures, where there is room. */
type Column = 'pace' | 'time'

const COLUMNS: Readonly<Record<Column, { readonly head: string; readonly width: number }>> = {
  pace: { head: 'samples/s', width: PACE_WIDTH },
  time: { head: 'time', width: TIME_WIDTH },
}
const BEST = '  best'

/** A narrow terminal goes without the pace, then without the time, rather than with rows of two lines. */
function shownColumns(facts: TrainFacts, width: number): readonly Column[] {
  const measures = measureHead(scalarMeasures(facts.metrics)).length * partsOf(facts).length
  const room = width - countWidth(facts) - measures - BEST.length
  if (room >= PACE_WIDTH + TIME_WIDTH) return ['pace', 'time']
  return room >= TIME_WIDTH ? ['time'] : []
}

function tableHead(facts: TrainFacts, columns: readonly Column[], style: Style): string[] {
  const names = measureHead(scalarMeasures(facts.metrics))
  const groups = partsOf(facts).map((part) => ` ${'─'.repeat(3)} ${part} ${'─'.repeat(names.length - part.length - 6)}`)
  const first = countWidth(facts)
  return [
    style.dim(`${' '.repeat(first)}${groups.join('')}`),
    style.bold(
      `${'epoch'.padStart(first)}${names.repeat(partsOf(facts).length)}${columns.map((each) => COLUMNS[each].head.padStart(COLUMNS[each].width)).join('')}${BEST}`,
    ),
  ]
}

function epochRow(event: EpochEvent, facts: TrainFacts, columns: readonly Column[], style: Style): string {
  const measures = scalarMeasures(facts.metrics)
  const cells = partsOf(facts).map((part) => measureCells(measures, event[part]))
  const count = `${event.epoch}/${event.epochs}`.padStart(countWidth(facts))
  const values = { pace: formatCount(event.samplesPerSecond), time: formatDuration(event.seconds * 1000) }
  const rest = columns.map((each) => values[each].padStart(COLUMNS[each].width)).join('')
  return `${count}${cells.join('')}${style.dim(rest)}${event.best ? style.green('     ●') : ''}`
}

function progressLine(event: StepEvent, facts: TrainFacts, elapsed: number, style: Style, columns: number): string {
  const share = event.step / event.steps
  const passed = event.epoch - facts.startEpoch + share
  const left = (elapsed / passed) * (facts.epochs - facts.startEpoch + 1 - passed)
  const filled = Math.round(share * BAR_WIDTH)
  const plain = [
    `loss ${formatMeasure(event.meanLoss)}`,
    event.step === event.steps && facts.rows.valid !== undefined
      ? 'validating'
      : `${formatCount(event.samplesPerSecond)} samples/s`,
    `${formatDuration(left)} left`,
  ].join('   ')
  const count = `${event.epoch}/${facts.epochs}`.padStart(countWidth(facts))
  const all = formatCount(event.steps)
  const steps = `${formatCount(event.step).padStart(all.length)}/${all} ${event.steps === 1 ? 'step' : 'steps'}`
  const room = columns - 1 - count.length - BAR_WIDTH - steps.length - 7
  const bar = style.cyan('━'.repeat(filled)) + style.dim('─'.repeat(BAR_WIDTH - filled))
  return `${count}  ${bar}  ${steps}   ${plain.slice(0, Math.max(0, room))}`
}

function closing(done: DoneEvent, facts: TrainFacts, style: Style): string[] {
  const time = formatDuration(done.seconds * 1000)
  if (done.reason === 'cancelled') return ['', `interrupted in epoch ${done.epochs + 1} after ${time}`]
  const which = done.restored ? `; parameters of epoch ${done.bestEpoch}, the best` : ''
  const ended =
    done.reason === 'stopped'
      ? `stopped early after epoch ${done.epochs}`
      : `trained ${counted(done.epochs - facts.startEpoch + 1, 'epoch')}`
  return ['', ...testLine(done.test, facts, style), `${ended} in ${time}${which}`]
}

function testLine(test: Metrics | undefined, facts: TrainFacts, style: Style): string[] {
  if (!test) return []
  const values = scalarMetrics(test, facts.metrics, style)
  const tables = metricTables(test, facts.metrics, facts.categories, style)
  return [
    `${style.bold('test')}  ${values} on ${counted(facts.rows.test!, 'row')} it was never trained on`,
    ...tables,
    ...(tables.length > 0 ? [''] : []),
  ]
}
