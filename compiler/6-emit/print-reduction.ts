/** Reductions: where an accumulator starts, how a value joins it, and how four lanes become one result. */
import type { Reducer } from '../5-fuse/draft.ts'
import type { DType } from '../types.ts'
import { splatLiteral } from './print-operation.ts'

const LARGEST_I32 = 2147483647

/** The value that changes nothing, in every lane. */
export function identityOf(reducer: Reducer, dtype: DType): string {
  const float = dtype === 'f32'
  switch (reducer) {
    case 'sum':
      return splatLiteral(dtype, 0)
    case 'prod':
      return splatLiteral(dtype, 1)
    case 'max':
    case 'argmax':
      return splatLiteral(dtype, float ? Number.NEGATIVE_INFINITY : -LARGEST_I32 - 1)
    case 'min':
      return splatLiteral(dtype, float ? Number.POSITIVE_INFINITY : LARGEST_I32)
  }
}

/**
 * Whether an accumulator leaves NaN out and a second one remembers where there was one: three instructions a term, where `max` and
 * `min` take nine that wait for one another. In the end all bits of a lane with NaN are set, which is NaN.
 */
export function flagsNaN(reducer: Reducer, dtype: DType): reducer is 'max' | 'min' {
  return dtype === 'f32' && (reducer === 'max' || reducer === 'min')
}

/** Two accumulators, or an accumulator and a value, as one. */
export function combine(reducer: Exclude<Reducer, 'argmax'>, dtype: DType, a: string, b: string): string {
  const lanes = dtype === 'f32' ? 'f32x4' : 'i32x4'
  const extreme = dtype === 'f32' ? '' : '_s'
  switch (reducer) {
    case 'sum':
      return `${lanes}.add(${a}, ${b})`
    case 'prod':
      return `${lanes}.mul(${a}, ${b})`
    case 'max':
    case 'min':
      return `${lanes}.${reducer}${extreme}(${a}, ${b})`
  }
}

/** The result of all four lanes, in every lane. */
export function acrossLanes(reducer: Exclude<Reducer, 'argmax'>, dtype: DType, value: string): string {
  if (dtype === 'f32') return `f32x4.splat(${reducer}4(${value}))`
  if (reducer !== 'prod') return `i32x4.splat(${reducer}4i(${value}))`
  const lanes = [0, 1, 2, 3].map((lane) => `i32x4.extract_lane(${value}, ${lane})`)
  return `i32x4.splat(${lanes.join(' * ')})`
}

/** The smallest position at which some lane of some accumulator holds the largest value, in every lane. */
export function firstLargest(dtype: DType, best: readonly string[], at: readonly string[]): string {
  const lanes = dtype === 'f32' ? 'f32x4' : 'i32x4'
  const largest = acrossLanes(
    'max',
    dtype,
    best.reduce((a, b) => combine('max', dtype, a, b)),
  )
  const none = `i32x4.splat(${LARGEST_I32})`
  const candidates = best.map(
    (value, copy) => `v128.bitselect(${at[copy]}, ${none}, ${lanes}.eq(${value}, ${largest}))`,
  )
  return `i32x4.splat(min4i(${candidates.reduce((a, b) => `i32x4.min_s(${a}, ${b})`)}))`
}
