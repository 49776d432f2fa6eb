import type { Part, SplitPlan } from './plan.ts'

/** Row numbers of each part. */
export type PartRows = Readonly<Partial<Record<Part, Int32Array>>>

/** Divides shuffled rows by the percentages; the last part takes what rounding leaves. */
export function splitRows(rows: number, split: SplitPlan): PartRows {
  const order = shuffledRows(rows, split.seed)
  const result: Partial<Record<Part, Int32Array>> = {}
  let percent = 0
  let from = 0
  for (const part of split.parts) {
    percent += part.percent
    const to = Math.round((rows * Math.min(100, percent)) / 100)
    result[part.part] = order.slice(from, to)
    from = to
  }
  return result
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
