import { formatCount, formatMeasure, formatPercent } from '../numbers.ts'
import { type Axis, linearAxis, valueAxis } from './axis.ts'
import type { HistoryEpoch, TrainHistory } from './history.ts'
import { COLORS, escaped, svgPicture, tenths, text } from './svg.ts'

/** A run to draw and what to call it. */
export interface NamedHistory {
  readonly name: string
  readonly history: TrainHistory
}

const WIDTH = 880
const PADDING = 20
const PANEL_GAP = 28
const PANEL_HEIGHT = 250
/** Around a panel's axes: marks of the values, their last values, its title, marks of the epochs. */
const MARGIN = { left: 50, right: 54, top: 26, bottom: 34 }
const LINE_HEIGHT = 20
const LABEL_HEIGHT = 13
/** Of 12-pixel text, a little more than it takes. */
const CHARACTER = 6.8
/** A line has at most so many points; more would not be seen. */
const LINE_POINTS = 500
/** Up to so many epochs each is marked with a dot. */
const DOTTED_EPOCHS = 30

/**
 * A picture of training runs, SVG: a panel for each measure, over the epochs. One run has a colour for the training and
 * one for the validation data; of several each has a colour, with the training data dashed. It brings its own ground,
 * light or dark as the reader's screen is.
 */
export function drawCurves(runs: readonly NamedHistory[], measures: readonly string[] = measuresOf(runs)): string {
  const columns = measures.length === 1 ? 1 : 2
  const panelWidth = (WIDTH - 2 * PADDING - (columns - 1) * PANEL_GAP) / columns
  const epochs = Math.max(1, ...runs.map(({ history }) => history.epochs.at(-1)?.epoch ?? 0, 1))
  const legend = drawLegend(runs, PADDING, PADDING + 8)
  const top = PADDING + legend.height + 6
  const panels = measures.map((measure, index) => {
    const left = PADDING + (index % columns) * (panelWidth + PANEL_GAP)
    const box = { left, top: top + Math.floor(index / columns) * PANEL_HEIGHT, width: panelWidth, height: PANEL_HEIGHT }
    return drawPanel(measure, runs, epochs, box)
  })
  const height = top + Math.ceil(measures.length / columns) * PANEL_HEIGHT + PADDING / 2
  const title = `${measures.join(', ')} by epoch: ${runs.map(({ name }) => name).join(', ')}`
  return svgPicture({ width: WIDTH, height, title, content: [...legend.lines, ...panels] })
}

/** The measures of the runs, the loss first. */
export function measuresOf(runs: readonly NamedHistory[]): string[] {
  return [...new Set(['loss', ...runs.flatMap(({ history }) => history.metrics)])]
}

interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

interface Legend {
  readonly lines: readonly string[]
  readonly height: number
}

/** What was trained and what it came to; then the colours. */
function drawLegend(runs: readonly NamedHistory[], left: number, top: number): Legend {
  const right = WIDTH - PADDING
  if (runs.length === 1) {
    const { history } = runs[0]!
    const facts = `${formatCount(history.parameters)} parameters, batch ${history.batch}, seed ${history.seed}`
    const keys = partsOf(history).map((part, index) => ({ text: part, color: index }))
    return {
      lines: [
        `<text x="${left}" y="${top}"><tspan class="title">${escaped(history.file)}</tspan><tspan class="quiet">  ${facts}</tspan></text>`,
        ...drawKeys(keys, left, top + LINE_HEIGHT).lines,
        text(testText(history), right, top, 'end'),
      ],
      height: 2 * LINE_HEIGHT,
    }
  }
  const keys = runs.map(({ name, history }, index) => {
    const result = testText(history)
    return { text: result === '' ? name : `${name}: ${result}`, color: colorOf(index) }
  })
  const { lines, end } = drawKeys(keys, left, top)
  const both = runs.some(({ history }) => partsOf(history).length > 1)
  const note = both ? [text('solid: valid, dashed: train', left, end + LINE_HEIGHT, 'quiet')] : []
  return { lines: [...lines, ...note], height: end - top + (note.length + 1) * LINE_HEIGHT }
}

/** Colour and text, side by side as far as there is room. */
function drawKeys(
  keys: readonly { readonly text: string; readonly color: number }[],
  left: number,
  top: number,
): { readonly lines: readonly string[]; readonly end: number } {
  let x = left
  let y = top
  const lines = keys.map((key) => {
    const width = 26 + key.text.length * CHARACTER + 18
    if (x > left && x + width > WIDTH - PADDING) {
      x = left
      y += LINE_HEIGHT
    }
    const drawn = `<rect class="f${key.color}" x="${x}" y="${y - 6}" width="18" height="4" rx="2"/>${text(key.text, x + 25, y)}`
    x = Math.round(x + width)
    return drawn
  })
  return { lines, end: y }
}

function testText({ metrics, percent, result }: TrainHistory): string {
  const test = result?.test
  if (!test) return ''
  const shown = metrics.length > 0 ? metrics.slice(0, 2) : ['loss']
  return `test ${shown.map((measure) => `${measure} ${formatShown(percent.includes(measure), test[measure] ?? Number.NaN)}`).join(', ')}`
}

/** A line of one panel, in its order of drawing. */
interface Line {
  readonly points: readonly (readonly [number, number | null])[]
  readonly color: number
  readonly style: '' | 'faint' | 'dashed'
  readonly dots: boolean
  /** Whether its last value stands beside it. */
  readonly labelled: boolean
}

function drawPanel(measure: string, runs: readonly NamedHistory[], epochs: number, box: Box): string {
  const lines = runs.flatMap((run, index) => linesOf(measure, run.history, runs.length === 1 ? undefined : index))
  const left = box.left + MARGIN.left
  const right = box.left + box.width - MARGIN.right
  const top = box.top + MARGIN.top
  const bottom = box.top + box.height - MARGIN.bottom
  const values = lines.flatMap(({ points }) => points.flatMap(([, value]) => (value === null ? [] : [value])))
  const heading = (note: string): string =>
    `<text x="${box.left}" y="${box.top + 12}"><tspan class="title">${escaped(measure)}</tspan><tspan class="quiet">${note}</tspan></text>`
  if (values.length === 0) return heading('  no finite values')
  const share = runs.some(({ history }) => history.percent.includes(measure))
  const across = linearAxis(firstPoint(lines), epochs, Math.min(8, epochs), true)
  const up = valueAxis(values, !share)
  const x = (epoch: number): number => tenths(left + across.place(epoch) * (right - left))
  const y = (value: number): number => tenths(bottom - up.place(value) * (bottom - top))
  return [
    heading(up.logarithmic ? '  logarithmic scale' : ''),
    ...up.ticks.map((tick) => {
      const label = text(tickText(tick, share, up), left - 8, y(tick) + 4, 'quiet end')
      return `<path class="grid" d="M${left} ${y(tick)}H${right}"/>${label}`
    }),
    ...across.ticks.map((tick) => text(String(tick), x(tick), bottom + 16, 'quiet middle')),
    text('epoch', (left + right) / 2, bottom + 30, 'quiet middle'),
    ...lines.map((line) => drawLine(line, x, y)),
    ...endLabels(lines, share, y, right + 7, { top, bottom }),
  ].join('\n')
}

/** Where the epochs' axis begins: at the first epoch's end where there are no points within it. */
function firstPoint(lines: readonly Line[]): number {
  const first = Math.min(...lines.flatMap(({ points }) => (points.length > 0 ? [points[0]![0]] : [])))
  const last = Math.max(...lines.flatMap(({ points }) => (points.length > 0 ? [points.at(-1)![0]] : [])))
  return first === last ? Math.max(0, first - 1) : Math.min(first, Math.floor(first) === first ? first : 0)
}

/** @param run which of several, which decides the colour; alone, the part of the data does */
function linesOf(measure: string, history: TrainHistory, run: number | undefined): Line[] {
  const parts = partsOf(history)
  const dots = history.epochs.length <= DOTTED_EPOCHS
  const within =
    measure === 'loss' && history.steps.length >= 2 * Math.max(1, history.epochs.length) && run === undefined
      ? [{ points: thinned(history.steps), color: 0, style: 'faint', dots: false, labelled: false } satisfies Line]
      : []
  const byEpoch = parts.map((part, index): Line => {
    const main = run === undefined || part === parts.at(-1)
    const points = history.epochs.map((epoch) => [epoch.epoch, measureOf(epoch, part, measure)] as const)
    const color = run === undefined ? index : colorOf(run)
    return { points: thinned(points), color, style: main ? '' : 'dashed', dots: dots && main, labelled: main }
  })
  return [...within, ...byEpoch].filter(({ points }) => points.some(([, value]) => value !== null))
}

function partsOf({ epochs }: TrainHistory): ('train' | 'valid')[] {
  return epochs.some(({ valid }) => valid !== undefined) ? ['train', 'valid'] : ['train']
}

function measureOf(epoch: HistoryEpoch, part: 'train' | 'valid', measure: string): number | null {
  return epoch[part]?.[measure] ?? null
}

function colorOf(run: number): number {
  return run % COLORS.length
}

/** Evenly fewer points, the last among them. */
function thinned<Point>(points: readonly Point[]): readonly Point[] {
  const every = Math.ceil(points.length / LINE_POINTS)
  return points.filter((_, index) => index % every === 0 || index === points.length - 1)
}

/** A line with gaps where there is no finite value; a point alone is a dot. */
function drawLine({ points, color, style, dots }: Line, x: (epoch: number) => number, y: (value: number) => number) {
  const pieces: [number, number][][] = [[]]
  for (const [epoch, value] of points) {
    if (value === null) pieces.push([])
    else pieces.at(-1)!.push([x(epoch), y(value)])
  }
  const drawn = pieces.map((piece) => {
    const path = piece.map(([across, up]) => `${across},${up}`).join(' ')
    const line = piece.length > 1 ? `<polyline class="s${color}${style && ` ${style}`}" points="${path}"/>` : ''
    const dotted = dots || piece.length === 1 ? piece : []
    return line + dotted.map(([across, up]) => `<circle class="f${color}" cx="${across}" cy="${up}" r="2.5"/>`).join('')
  })
  return drawn.join('')
}

/** The last values to the right of their lines, moved apart where they would cover each other. */
function endLabels(
  lines: readonly Line[],
  share: boolean,
  y: (value: number) => number,
  x: number,
  { top, bottom }: { readonly top: number; readonly bottom: number },
): string[] {
  const labels = lines
    .filter(({ labelled }) => labelled)
    .map(({ points, color }) => ({ value: points.findLast(([, value]) => value !== null)![1]!, color }))
    .map(({ value, color }) => ({ text: formatShown(share, value), color, y: y(value) + 4 }))
    .sort((a, b) => a.y - b.y)
  const rows = Math.floor((bottom - top) / LABEL_HEIGHT)
  const shown = labels.slice(0, rows)
  let least = top
  for (const label of shown) {
    label.y = Math.max(label.y, least)
    least = label.y + LABEL_HEIGHT
  }
  let most = bottom + 4
  for (const label of shown.toReversed()) {
    label.y = Math.min(label.y, most)
    most = label.y - LABEL_HEIGHT
  }
  return shown.map((label) => text(label.text, x, tenths(label.y), `f${label.color}`))
}

function tickText(value: number, share: boolean, { ticks }: Axis): string {
  if (!share) return value === 0 || Math.abs(value) >= 1e-3 ? formatPlain(value) : value.toExponential(0)
  const step = ticks.length > 1 ? ticks[1]! - ticks[0]! : 1
  return `${(value * 100).toFixed(step >= 0.00999 ? 0 : step >= 0.000999 ? 1 : 2)} %`
}

function formatShown(share: boolean, value: number): string {
  return share ? formatPercent(value) : formatMeasure(value)
}

function formatPlain(value: number): string {
  return Math.abs(value) < 1e4 ? String(value) : formatMeasure(value)
}
