import { type Dim, dimEqual, divideExactly, isConstant, multiply } from '../dimensions/dimension.ts'

/** Axes that a reshape turns into one another: neighbours on both sides, with one number of elements. */
export interface AxisGroup {
  readonly from: readonly number[]
  readonly to: readonly number[]
}

/**
 * The smallest groups a reshape falls into, in order; an axis of size one may be a group of its own, with nothing on
 * the other side. Undefined if sizes that depend on names cannot be compared.
 */
export function axisGroups(from: readonly Dim[], to: readonly Dim[]): AxisGroup[] | undefined {
  const groups: AxisGroup[] = []
  let [i, j] = [0, 0]
  while (i < from.length || j < to.length) {
    const group = { from: [] as number[], to: [] as number[] }
    const take = {
      from: (): Dim => from[group.from[group.from.push(i++) - 1]!]!,
      to: (): Dim => to[group.to[group.to.push(j++) - 1]!]!,
    }
    groups.push(group)
    if (i < from.length && dimEqual(from[i]!, 1) && !(j < to.length && dimEqual(to[j]!, 1))) {
      take.from()
      continue
    }
    if (j < to.length && dimEqual(to[j]!, 1) && !(i < from.length && dimEqual(from[i]!, 1))) {
      take.to()
      continue
    }
    if (i >= from.length || j >= to.length) return undefined
    let [left, right] = [take.from(), take.to()]
    while (!dimEqual(left, right)) {
      const extend = smaller(left, right)
      if (extend === 'left' && i < from.length) left = multiply(left, take.from())
      else if (extend === 'right' && j < to.length) right = multiply(right, take.to())
      else return undefined
    }
  }
  return groups
}

function smaller(left: Dim, right: Dim): 'left' | 'right' | undefined {
  if (isConstant(left) && isConstant(right)) return left < right ? 'left' : 'right'
  if (divideExactly(right, left) !== undefined) return 'left'
  return divideExactly(left, right) !== undefined ? 'right' : undefined
}
