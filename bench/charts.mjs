// Pictures of measurements, in the look of `nnc curve`.
import { importSource } from './import-source.mjs'

const { COLORS, svgPicture, tenths, text } = await importSource('cli/curve/svg.ts')

const WIDTH = 880
const PADDING = 20
/** Of 12-pixel text, a little more than it takes. */
const CHARACTER = 6.8

/** Colour and text, side by side as far as there is room; gives the lines and where the last row is. */
function drawKeys(names, top) {
  let x = PADDING
  let y = top
  const lines = names.map((name, index) => {
    const width = 26 + name.length * CHARACTER + 14
    if (x > PADDING && x + width > WIDTH - PADDING) {
      x = PADDING
      y += 20
    }
    const color = index % COLORS.length
    const drawn = `<circle class="f${color}" cx="${x + 6}" cy="${y - 4}" r="5"/>${text(name, x + 16, y)}`
    x = Math.round(x + width)
    return drawn
  })
  return { lines, end: y }
}

/** A logarithmic axis over exactly these values; `ticks` is what is marked. */
function logarithmic(low, high, ticks) {
  return { ticks, place: (value) => Math.log(value / low) / Math.log(high / low) }
}

/** 1, 2 and 5 times powers of ten from `low` to `high`; powers alone over many decades. */
function roundTicks(low, high) {
  const decades = Math.log10(high / low)
  const factors = decades > 3 ? [1] : decades > 1.5 ? [1, 3] : [1, 2, 5]
  const first = Math.floor(Math.log10(low))
  const powers = Array.from({ length: Math.ceil(decades) + 2 }, (_, index) => first + index)
  return powers
    .flatMap((power) => factors.map((factor) => Number((factor * 10 ** power).toPrecision(6))))
    .filter((tick) => tick >= low && tick <= high)
}

/**
 * A dot for each contestant on a line for each workload, where the value is on a logarithmic scale.
 * @param rows `{ name, values }`, values by contestant; `base` is the value marked as that of the one all are compared with
 */
export function drawDots({ title, note, contestants, rows, base }) {
  const labels = Math.max(...rows.map(({ name }) => name.length)) * CHARACTER + 16
  const keys = drawKeys(contestants, PADDING + 44)
  const [left, right] = [PADDING + labels, WIDTH - PADDING - 24]
  const top = keys.end + 26
  const rowHeight = 28
  const bottom = top + rows.length * rowHeight
  const values = rows.flatMap((row) => Object.values(row.values))
  const [low, high] = [Math.min(base, ...values) / 1.2, Math.max(base, ...values) * 1.2]
  const axis = logarithmic(low, high, roundTicks(low, high))
  const x = (value) => tenths(left + axis.place(value) * (right - left))
  const grid = axis.ticks.flatMap((tick) => [
    `<path class="grid" d="M${x(tick)} ${top}V${bottom}"/>`,
    text(`${tick}`, x(tick), bottom + 16, 'quiet middle'),
  ])
  const drawn = rows.map(({ name, values: own }, row) => {
    const y = top + (row + 0.5) * rowHeight
    const dots = contestants.flatMap((contestant, index) =>
      own[contestant] === undefined
        ? []
        : [`<circle class="f${index % COLORS.length}" cx="${x(own[contestant])}" cy="${y}" r="5" opacity=".85"/>`],
    )
    return `${text(name, PADDING, y + 4)}<path class="grid" d="M${left} ${y}H${right}"/>${dots.join('')}`
  })
  const height = bottom + 30
  return svgPicture({
    width: WIDTH,
    height,
    title,
    content: [
      text(title, PADDING, PADDING + 4, 'title'),
      text(note, PADDING, PADDING + 20, 'quiet'),
      ...keys.lines,
      ...grid,
      `<path class="s0" fill="none" stroke-dasharray="4 4" d="M${x(base)} ${top}V${bottom}"/>`,
      ...drawn,
    ],
  })
}

/**
 * Panels side by side in two columns, both axes logarithmic.
 * @param panels `{ title, across, up, lines: [{ name, points: [[x, y], …] }] }`; lines of one name have one colour
 */
export function drawPanels({ title, note, panels }) {
  const names = [...new Set(panels.flatMap(({ lines }) => lines.map(({ name }) => name)))]
  const keys = drawKeys(names, PADDING + 44)
  const columns = panels.length === 1 ? 1 : 2
  const gap = 28
  const width = (WIDTH - 2 * PADDING - (columns - 1) * gap) / columns
  const panelHeight = 264
  const top = keys.end + 22
  const content = panels.map((panel, index) =>
    drawPanel(panel, names, {
      left: PADDING + (index % columns) * (width + gap),
      top: top + Math.floor(index / columns) * panelHeight,
      width,
      height: panelHeight,
    }),
  )
  const height = top + Math.ceil(panels.length / columns) * panelHeight + PADDING / 2
  return svgPicture({
    width: WIDTH,
    height,
    title,
    content: [
      text(title, PADDING, PADDING + 4, 'title'),
      text(note, PADDING, PADDING + 20, 'quiet'),
      ...keys.lines,
      ...content,
    ],
  })
}

function drawPanel({ title, across, up, lines }, names, box) {
  const [left, right] = [box.left + 46, box.left + box.width - 12]
  const [top, bottom] = [box.top + 26, box.top + box.height - 38]
  const points = lines.flatMap((line) => line.points)
  const places = [...new Set(points.map(([place]) => place))].sort((a, b) => a - b)
  const values = points.map(([, value]) => value)
  const [low, high] = [Math.min(...values) / 1.3, Math.max(...values) * 1.3]
  const horizontal = logarithmic(places[0], places.at(-1), places)
  const vertical = logarithmic(low, high, roundTicks(low, high))
  const x = (value) => tenths(left + 14 + horizontal.place(value) * (right - left - 28))
  const y = (value) => tenths(bottom - vertical.place(value) * (bottom - top))
  return [
    text(title, box.left, box.top + 10, 'title'),
    text(up, right, box.top + 10, 'quiet end'),
    ...vertical.ticks.flatMap((tick) => [
      `<path class="grid" d="M${left} ${y(tick)}H${right}"/>`,
      text(`${tick}`, left - 8, y(tick) + 4, 'quiet end'),
    ]),
    ...places.map((place) => text(`${place}`, x(place), bottom + 16, 'quiet middle')),
    text(across, (left + right) / 2, bottom + 31, 'quiet middle'),
    ...lines.map((line) => {
      const color = names.indexOf(line.name) % COLORS.length
      const path = line.points.map(([place, value]) => `${x(place)},${y(value)}`)
      const dots = line.points.map(
        ([place, value]) => `<circle class="f${color}" cx="${x(place)}" cy="${y(value)}" r="2.5"/>`,
      )
      return `<polyline class="s${color}" points="${path.join(' ')}"/>${dots.join('')}`
    }),
  ].join('\n')
}
