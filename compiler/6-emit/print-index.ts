/** Index maps as expressions: sizes, positions of lanes. */
import type { IndexMap, Size } from '../5-fuse/program.ts'

/** A map's value in each lane, i32. */
export function printIndex(map: IndexMap, laneAxis: number | undefined, copy: number): string {
  const stride = coefficient(map, laneAxis)
  const first = `i32x4.splat(${printScalarIndex(map, laneAxis, copy)})`
  if (stride === 0) return first
  if (stride === 1) return `i32x4.add(${first}, laneIndices())`
  return `i32x4.add(${first}, i32x4.mul(laneIndices(), i32x4.splat(${printSize(stride)})))`
}

/** A map's value in the first lane of a copy. */
export function printScalarIndex(map: IndexMap, laneAxis: number | undefined, copy: number): string {
  const terms = map.terms.map(({ axis, coefficient: factor }) => {
    const index = axis === laneAxis && copy > 0 ? `(${variable(axis)} + ${4 * copy})` : variable(axis)
    return factor === 1 ? index : `${index} * ${printSize(factor)}`
  })
  if (map.constant !== 0) terms.push(printSize(map.constant))
  return terms.length === 0 ? '0' : terms.join(' + ')
}

export function coefficient(map: IndexMap, axis: number | undefined): Size {
  return map.terms.find((term) => term.axis === axis)?.coefficient ?? 0
}

export function printSize(size: Size): string {
  return typeof size === 'number' ? String(size) : `n${size.parameter}`
}

export function variable(axis: number): string {
  return `i${axis}`
}

export function letter(copy: number): string {
  return 'abcd'[copy]!
}
