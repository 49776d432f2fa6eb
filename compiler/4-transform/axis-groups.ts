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
    const [iStart, jStart] = [i, j]
    const [fromOne, toOne] = [isOne(from[i]), isOne(to[j])]
    if (fromOne && !toOne) i++
    else if (toOne && !fromOne) j++
    else {
      if (i === from.length || j === to.length) return undefined
      let [left, right] = [from[i++]!, to[j++]!]
      while (!dimEqual(left, right)) {
        const side = smaller(left, right)
        if (side === 'left' && i < from.length) left = multiply(left, from[i++]!)
        else if (side === 'right' && j < to.length) right = multiply(right, to[j++]!)
        else return undefined
      }
    }
    groups.push({ from: range(iStart, i), to: range(jStart, j) })
  }
  return groups
}

function isOne(dim: Dim | undefined): boolean {
  return dim !== undefined && dimEqual(dim, 1)
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, at) => start + at)
}

function smaller(left: Dim, right: Dim): 'left' | 'right' | undefined {
  if (isConstant(left) && isConstant(right)) return left < right ? 'left' : 'right'
  if (divideExactly(right, left) !== undefined) return 'left'
  return divideExactly(left, right) !== undefined ? 'right' : undefined
}
