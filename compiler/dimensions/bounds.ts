/** The least and the largest size a dimension can have when each name lies in its range. */
import {
  type Dim,
  type DimensionAtom,
  DimensionError,
  type DimensionTerm,
  isConstant,
  MAXIMUM_DIMENSION,
  multiply,
  product,
  type SymbolicDim,
  substitute,
  subtract,
  sumOf,
  symbol,
  symbolsOf,
} from './dimension.ts'

export interface DimRange {
  readonly minimum: number
  readonly maximum: number
}

type Ranges = Readonly<Record<string, DimRange>>

/** Beyond these a dimension gets the plain interval of its terms, which is sound as well. */
const MAXIMUM_REFINED_TERMS = 12
const MAXIMUM_REFINED_DEGREE = 4
const MAXIMUM_RELAXATIONS = 6

/** Bounds of a dimension when each name lies in its range: always sound, tight for what real programs prove. */
export function boundsOf(dim: Dim, ranges: Ranges): DimRange {
  if (isConstant(dim)) return { minimum: dim, maximum: dim }
  const plain = intervalOf(dim, ranges)
  if (!isRefinable(dim)) return plain
  const { minimum } = plain
  const negated = intervalOf(multiply(-1, dim), ranges).minimum
  return {
    minimum: Math.max(minimum, refinedMinimum(dim, ranges, MAXIMUM_RELAXATIONS)),
    maximum: 0 - Math.max(negated, refinedMinimum(multiply(-1, dim), ranges, MAXIMUM_RELAXATIONS)),
  }
}

/** Terms without a common name are independent, and their intervals already tight. */
function isRefinable(dim: SymbolicDim): boolean {
  if (dim.terms.length < 2 || dim.terms.length > MAXIMUM_REFINED_TERMS) return false
  if (dim.terms.some((term) => term.factors.length > MAXIMUM_REFINED_DEGREE)) return false
  const seen = new Set<string>()
  for (const term of dim.terms) {
    const names = symbolsOf(sumOf([term], 0))
    if (names.some((name) => seen.has(name))) return true
    for (const name of names) seen.add(name)
  }
  return false
}

/** The best of several lower bounds; each of them is one. */
function refinedMinimum(dim: Dim, ranges: Ranges, relaxations: number): number {
  if (isConstant(dim)) return dim
  let best = intervalOf(dim, ranges).minimum
  if (!isRefinable(dim)) return best
  try {
    for (const end of ['minimum', 'maximum'] as const) best = Math.max(best, minimumFrom(dim, ranges, end))
    if (relaxations > 0) best = Math.max(best, minimumWithoutFloor(dim, ranges, relaxations - 1) ?? best)
  } catch (error) {
    // A rewritten form may leave the range of the arithmetic; the plain interval still holds.
    if (!(error instanceof DimensionError)) throw error
  }
  return best
}

/** The interval with every name counted from one end of its range, where terms such as N * N - N do not cancel out. */
function minimumFrom(dim: SymbolicDim, ranges: Ranges, end: 'minimum' | 'maximum'): number {
  const moved = new Map<string, Dim>()
  const distances: Record<string, DimRange> = {}
  for (const name of symbolsOf(dim)) {
    const range = ranges[name] ?? { minimum: 0, maximum: MAXIMUM_DIMENSION }
    const distance = symbol(name)
    moved.set(name, end === 'minimum' ? subtract(distance, -range.minimum) : subtract(range.maximum, distance))
    distances[name] = { minimum: 0, maximum: range.maximum - range.minimum }
  }
  const shifted = substitute(dim, moved)
  return isConstant(shifted) ? shifted : intervalOf(shifted, distances).minimum
}

/**
 * A lower bound with one floor(n / d) replaced by n / d or (n - d + 1) / d, whichever is on the safe side: in
 * H - (H - 1) / 2 both occurrences of H then count together. The sum is multiplied by d to stay whole.
 */
function minimumWithoutFloor(dim: SymbolicDim, ranges: Ranges, relaxations: number): number | undefined {
  for (const term of dim.terms) {
    const at = term.factors.findIndex((atom) => atom.kind === 'floor' && isConstant(atom.denominator))
    const floor = term.factors[at]
    if (floor?.kind !== 'floor' || !isConstant(floor.denominator) || floor.denominator < 1) continue
    const others = sumOf([{ coefficient: 1, factors: term.factors.toSpliced(at, 1) }], 0)
    if (boundsOf(others, ranges).minimum < 0) continue
    const divisor = floor.denominator
    const quotient = term.coefficient > 0 ? subtract(floor.numerator, divisor - 1) : floor.numerator
    const rest = sumOf(
      dim.terms.filter((other) => other !== term),
      dim.constant,
    )
    const scaled = subtract(multiply(divisor, rest), product([-term.coefficient, others, quotient]))
    return Math.ceil(refinedMinimum(scaled, ranges, relaxations) / divisor)
  }
  return undefined
}

/** Interval arithmetic, term by term. */
function intervalOf(dim: Dim, ranges: Ranges): DimRange {
  if (isConstant(dim)) return { minimum: dim, maximum: dim }
  let minimum = dim.constant
  let maximum = dim.constant
  for (const term of dim.terms) {
    const { minimum: low, maximum: high } = factorsInterval(term, ranges)
    minimum += term.coefficient > 0 ? term.coefficient * low : term.coefficient * high
    maximum += term.coefficient > 0 ? term.coefficient * high : term.coefficient * low
  }
  return { minimum, maximum }
}

function factorsInterval(term: DimensionTerm, ranges: Ranges): DimRange {
  let low = 1
  let high = 1
  for (const atom of term.factors) {
    const bounds = atomBounds(atom, ranges)
    const corners = [low * bounds.minimum, low * bounds.maximum, high * bounds.minimum, high * bounds.maximum]
    low = Math.min(...corners)
    high = Math.max(...corners)
  }
  return { minimum: low, maximum: high }
}

function atomBounds(atom: DimensionAtom, ranges: Ranges): DimRange {
  if (atom.kind === 'symbol') return ranges[atom.name] ?? { minimum: 0, maximum: MAXIMUM_DIMENSION }
  const above = boundsOf(atom.numerator, ranges)
  const below = boundsOf(atom.denominator, ranges)
  const low = Math.max(1, below.minimum)
  const high = Math.max(1, below.maximum)
  return {
    minimum: Math.floor(above.minimum / (above.minimum < 0 ? low : high)),
    maximum: Math.floor(above.maximum / (above.maximum < 0 ? high : low)),
  }
}
