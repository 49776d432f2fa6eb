/** Maps values to 0..1 along an axis, with the values worth a mark. */
export interface Axis {
  readonly logarithmic: boolean
  readonly ticks: readonly number[]
  /** Where a value lies: 0 at the lower end, 1 at the upper. */
  place(value: number): number
}

/** Values that span more than this factor are shown by their logarithms. */
const WIDE = 20

/** An axis for measured values, with some air at both ends; logarithmic where `mayBeLogarithmic` and they span decades. */
export function valueAxis(values: readonly number[], mayBeLogarithmic: boolean, about = 5): Axis {
  const low = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY)
  const high = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
  if (mayBeLogarithmic && low > 0 && high / low > WIDE) return logarithmicAxis(low, high, about)
  const air = (high - low) * 0.05 || Math.abs(high) * 0.05 || 0.05
  return linearAxis(low - air, high + air, about)
}

/** An axis from `low` to `high` exactly, with round marks in between; whole ones with `whole`. */
export function linearAxis(low: number, high: number, about = 5, whole = false): Axis {
  const step = Math.max(roundStep((high - low) / about), whole ? 1 : 0)
  const ticks: number[] = []
  for (let count = Math.ceil(low / step - 1e-9); count * step <= high + step * 1e-9; count++)
    ticks.push(Number((count * step).toPrecision(12)))
  return { logarithmic: false, ticks, place: (value) => (value - low) / (high - low) }
}

function logarithmicAxis(low: number, high: number, about: number): Axis {
  const from = Math.log10(low)
  const to = Math.log10(high)
  const air = (to - from) * 0.05
  const decades = to - from + 2 * air
  const place = (value: number): number => (Math.log10(value) - from + air) / decades
  const powers = Array.from({ length: Math.floor(to) - Math.floor(from) + 2 }, (_, index) => Math.floor(from) + index)
  const every = Math.ceil(decades / (about + 1))
  const parts = decades < 2 ? [1, 2, 5] : decades < 4 ? [1, 3] : [1]
  const ticks = powers
    .filter((power) => power % every === 0)
    .flatMap((power) => parts.map((part) => Number((part * 10 ** power).toPrecision(12))))
    .filter((value) => place(value) >= 0 && place(value) <= 1)
  return { logarithmic: true, ticks, place }
}

/** The nearest of 1, 2 and 5 times a power of ten that is not less. */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step))
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= step * 0.999) ?? 10
  return factor * power
}
