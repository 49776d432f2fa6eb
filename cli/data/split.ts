import type { Part, SplitPlan } from './plan.ts'

/** Row numbers of each part. */
export type PartRows = Readonly<Partial<Record<Part, Int32Array>>>

/** What a split may go by, for each row. */
export interface SplitKeys {
  /** Rows of the same group stay in one part. */
  readonly groups?: readonly string[]
  /** Rows with smaller values come first. */
  readonly order?: ArrayLike<number>
}

/**
 * Divides the rows, shuffled or in order, by the percentages. A group goes where its first row goes, so parts may be a
 * little larger or smaller than asked for; the last part takes what rounding leaves.
 */
export function splitRows(rows: number, split: SplitPlan, keys: SplitKeys = {}): PartRows {
  const units = unitsOf(rows, keys)
  const order = split.inOrder ? allRows(units.length) : shuffledRows(units.length, split.seed)
  const chosen: Partial<Record<Part, number[]>> = {}
  const ends = cumulativeEnds(rows, split)
  let taken = 0
  let part = 0
  for (const unit of order) {
    while (part < ends.length - 1 && taken >= ends[part]!) part++
    const members = units[unit]!
    const name = split.parts[part]!.part
    chosen[name] ??= []
    for (const row of members) chosen[name].push(row)
    taken += members.length
  }
  return Object.fromEntries(split.parts.map(({ part: name }) => [name, Int32Array.from(chosen[name] ?? [])]))
}

/** Cuts one sequence of so many elements into parts, in order. */
export function splitRange(length: number, split: SplitPlan): { part: Part; from: number; to: number }[] {
  const ends = cumulativeEnds(length, split)
  return split.parts.map(({ part }, index) => ({ part, from: ends[index - 1] ?? 0, to: ends[index]! }))
}

function cumulativeEnds(count: number, split: SplitPlan): number[] {
  let percent = 0
  return split.parts.map((part) => {
    percent += part.percent
    return Math.round((count * Math.min(100, percent)) / 100)
  })
}

/** Rows that stay together, ordered by their first rows. */
function unitsOf(rows: number, { groups, order }: SplitKeys): readonly (readonly number[])[] {
  const sorted = Array.from(allRows(rows))
  if (order) sorted.sort((a, b) => order[a]! - order[b]! || a - b)
  if (!groups) return sorted.map((row) => [row])
  const units = new Map<string, number[]>()
  for (const row of sorted) {
    const group = groups[row]!
    const members = units.get(group)
    if (members) members.push(row)
    else units.set(group, [row])
  }
  return [...units.values()]
}

/** 0 … rows − 1 in an order that depends on the seed only: Fisher–Yates with SplitMix32 (Steele, Lea and Flood 2014). */
export function shuffledRows(rows: number, seed: number): Int32Array {
  const order = allRows(rows)
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0
    let word = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
    return (word ^ (word >>> 16)) >>> 0
  }
  for (let last = rows - 1; last > 0; last--) {
    const chosen = Math.floor((next() / 2 ** 32) * (last + 1))
    const value = order[last]!
    order[last] = order[chosen]!
    order[chosen] = value
  }
  return order
}

export function allRows(rows: number): Int32Array {
  return Int32Array.from({ length: rows }, (_, row) => row)
}
