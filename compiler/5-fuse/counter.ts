/** The position of a loop as a symbol in dimensions: offsets into what a loop walks through contain it. */
import { type Dim, isConstant, substitute, subtract, symbolsOf } from '../dimensions/dimension.ts'

/** No name of the language begins like this. */
const PREFIX = '#'

/** The counter of an entry's loop number `loop`. */
export function counterName(loop: number): string {
  return `${PREFIX}${loop}`
}

export function isCounter(name: string): boolean {
  return name.startsWith(PREFIX)
}

/** What of an offset changes from step to step, and what does not. */
export function splitMoving(dim: Dim): { moving: Dim; fixed: Dim } {
  if (isConstant(dim)) return { moving: 0, fixed: dim }
  const counters = symbolsOf(dim).filter(isCounter)
  if (counters.length === 0) return { moving: 0, fixed: dim }
  const fixed = substitute(dim, new Map(counters.map((name) => [name, 0])))
  return { moving: subtract(dim, fixed), fixed }
}
