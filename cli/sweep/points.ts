import type { Assignments } from '../options.ts'
import type { AxisValues, Space } from './space.ts'

/** Draws that bring nothing new before a space counts as used up. */
const VAIN_DRAWS = 1000

/**
 * The settings to try, at most `count`, all different. First those of the file itself, unless a grid has them; where all
 * combinations of lists fit they are the grid, else points that fill the space evenly.
 */
export function sweepPoints(space: Space, count: number): readonly Assignments[] {
  const own = Object.fromEntries(space.map((axis) => [axis.name, axis.own]))
  const grid = gridOf(space, count)
  const points = new Map<string, Assignments>()
  const add = (point: Assignments): void => void points.set(JSON.stringify(point), point)
  if (grid) {
    // The file's own combination first, if it is among them.
    for (const point of grid) if (JSON.stringify(point) === JSON.stringify(own)) add(point)
    grid.forEach(add)
    return [...points.values()]
  }
  add(own)
  for (let drawn = 1, vain = 0; points.size < count && vain < VAIN_DRAWS; drawn++) {
    const before = points.size
    add(pointOf(space, drawn))
    vain = points.size === before ? vain + 1 : 0
  }
  return [...points.values()]
}

/** Every combination, the first axis slowest; undefined where there is a range, or more than `most`. */
function gridOf(space: Space, most: number): readonly Assignments[] | undefined {
  let points: Assignments[] = [{}]
  for (const { name, values } of space) {
    if (!('list' in values) || points.length * values.list.length > most) return undefined
    points = points.flatMap((point) => values.list.map((value) => ({ ...point, [name]: value })))
  }
  return points
}

/**
 * The n-th point of an additive recurrence with powers of the generalised golden ratio, whose points keep apart from
 * one another in any number of dimensions (M. Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018).
 */
function pointOf(space: Space, n: number): Assignments {
  const ratio = goldenRatio(space.length)
  return Object.fromEntries(
    space.map(({ name, values }, at) => [name, valueAt(values, (0.5 + n * ratio ** -(at + 1)) % 1)]),
  )
}

/** The root above 1 of x^(dimensions + 1) = x + 1. */
function goldenRatio(dimensions: number): number {
  let ratio = 2
  for (let turn = 0; turn < 40; turn++) ratio = (1 + ratio) ** (1 / (dimensions + 1))
  return ratio
}

/** The value a share of the way along an axis, of three significant digits, so that a person can give it again. */
function valueAt(values: AxisValues, share: number): number {
  if ('list' in values) return values.list[Math.floor(share * values.list.length)]!
  const { minimum, maximum, scale, whole } = values
  const between = (high: number): number =>
    scale === 'log' ? minimum * (high / minimum) ** share : minimum + (high - minimum) * share
  // Each whole number has as long a piece of the axis, by ratios or by differences.
  const value = whole ? Math.floor(between(maximum + 1)) : Number(between(maximum).toPrecision(3))
  return Math.min(maximum, Math.max(minimum, value))
}
