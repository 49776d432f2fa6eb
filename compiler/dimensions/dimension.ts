/**
 * Arithmetic on dimensions. A dimension is either a plain integer or a symbolic expression over named
 * run-time (or, inside a signature, generic) dimensions, kept in one canonical form: a polynomial with integer
 * coefficients whose atoms are names and floor divisions. Equal expressions therefore have equal keys.
 */

/** A named dimension, or `floor(numerator / denominator)` that could not be simplified. */
export type DimensionAtom =
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'floor'; readonly numerator: Dim; readonly denominator: Dim }

/** `coefficient · factors[0] · factors[1] · …`, the factors sorted by key and repeated for powers. */
export interface DimensionTerm {
  readonly coefficient: number
  readonly factors: readonly DimensionAtom[]
}

/** A dimension that depends on at least one name. Never constructed by hand: use the functions below. */
export interface SymbolicDim {
  readonly terms: readonly DimensionTerm[]
  readonly constant: number
  /** Canonical text; two dimensions are equal exactly when their keys are. */
  readonly key: string
}

export type Dim = number | SymbolicDim

/** The largest size or product of sizes the compiler accepts; beyond it arithmetic is a {@link DimensionError}. */
export const MAXIMUM_DIMENSION = 2 ** 31 - 1

/** Thrown when arithmetic leaves the supported range; the checker turns it into a diagnostic with a place. */
export class DimensionError extends Error {}

export function symbol(name: string): SymbolicDim {
  return polynomial([{ coefficient: 1, factors: [{ kind: 'symbol', name }] }], 0) as SymbolicDim
}

export function isConstant(dim: Dim): dim is number {
  return typeof dim === 'number'
}

export function add(left: Dim, right: Dim): Dim {
  if (isConstant(left) && isConstant(right)) return checkedConstant(left + right)
  if (left === 0) return right
  if (right === 0) return left
  if (isConstant(left)) return canonical((right as SymbolicDim).terms, left + constantOf(right))
  if (isConstant(right)) return canonical(left.terms, left.constant + right)
  return polynomial([...termsOf(left), ...termsOf(right)], constantOf(left) + constantOf(right))
}

export function subtract(left: Dim, right: Dim): Dim {
  return add(left, multiply(-1, right))
}

export function multiply(left: Dim, right: Dim): Dim {
  if (isConstant(left) && isConstant(right)) return checkedConstant(left * right)
  if (left === 1) return right
  if (right === 1) return left
  if (isConstant(left)) return scaled(right as SymbolicDim, left)
  if (isConstant(right)) return scaled(left, right)
  const terms: DimensionTerm[] = []
  for (const a of allTerms(left)) {
    for (const b of allTerms(right)) {
      terms.push({ coefficient: a.coefficient * b.coefficient, factors: [...a.factors, ...b.factors] })
    }
  }
  return polynomial(terms, 0)
}

export function product(dims: readonly Dim[]): Dim {
  return dims.reduce(multiply, 1)
}

/** floor(left / right). Exact where every coefficient divides; a floor atom otherwise. */
export function floorDivide(left: Dim, right: Dim): Dim {
  if (right === 0) throw new DimensionError('division by zero')
  if (isConstant(left) && isConstant(right)) return Math.floor(left / right)
  const exact = divideExactly(left, right)
  if (exact !== undefined) return exact
  if (isConstant(right) && right > 0 && !isConstant(left)) {
    // floor((right·q + r) / right) = q + floor(r / right)
    const whole = left.terms.filter((term) => term.coefficient % right === 0)
    const wholeConstant = Math.floor(left.constant / right)
    if (whole.length > 0 || wholeConstant !== 0) {
      const quotient = polynomial(
        whole.map((term) => ({ ...term, coefficient: term.coefficient / right })),
        wholeConstant,
      )
      const rest = polynomial(
        left.terms.filter((term) => term.coefficient % right !== 0),
        left.constant - wholeConstant * right,
      )
      return add(quotient, floorAtom(rest, right))
    }
  }
  return floorAtom(left, right)
}

/** left / right if it is a polynomial with integer coefficients again, else undefined. */
export function divideExactly(left: Dim, right: Dim): Dim | undefined {
  if (right === 0) return undefined
  if (isConstant(left) && isConstant(right)) return left % right === 0 ? left / right : undefined
  if (dimEqual(left, right)) return 1
  const divisors = allTerms(right)
  if (divisors.length !== 1) return undefined
  const divisor = divisors[0]!
  const terms: DimensionTerm[] = []
  for (const term of allTerms(left)) {
    if (term.coefficient % divisor.coefficient !== 0) return undefined
    const factors = [...term.factors]
    for (const atom of divisor.factors) {
      const at = factors.findIndex((factor) => atomKey(factor) === atomKey(atom))
      if (at < 0) return undefined
      factors.splice(at, 1)
    }
    terms.push({ coefficient: term.coefficient / divisor.coefficient, factors })
  }
  return polynomial(terms, 0)
}

/** left − right · floor(left / right). */
export function modulo(left: Dim, right: Dim): Dim {
  return subtract(left, multiply(right, floorDivide(left, right)))
}

export function dimEqual(left: Dim, right: Dim): boolean {
  return dimKey(left) === dimKey(right)
}

export function shapeEqual(left: readonly Dim[], right: readonly Dim[]): boolean {
  return left.length === right.length && left.every((dim, axis) => dimEqual(dim, right[axis]!))
}

export function dimKey(dim: Dim): string {
  return isConstant(dim) ? String(dim) : dim.key
}

/** The text a person reads and the reader of printed graphs parses again: `3 * Hidden + 1`, `(H - K) / 2`. */
export function formatDim(dim: Dim): string {
  return dimKey(dim)
}

export function formatShape(shape: readonly Dim[]): string {
  return `[${shape.map(formatDim).join(', ')}]`
}

/** The names a dimension depends on, sorted, each once. */
export function symbolsOf(dim: Dim): string[] {
  const names = new Set<string>()
  const visit = (inner: Dim): void => {
    for (const term of termsOf(inner)) {
      for (const atom of term.factors) {
        if (atom.kind === 'symbol') names.add(atom.name)
        else {
          visit(atom.numerator)
          visit(atom.denominator)
        }
      }
    }
  }
  visit(dim)
  return [...names].sort()
}

/** Replaces names by dimensions; a name without a binding stays. */
export function substitute(dim: Dim, bindings: ReadonlyMap<string, Dim>): Dim {
  if (isConstant(dim)) return dim
  let total: Dim = dim.constant
  for (const term of dim.terms) {
    let value: Dim = term.coefficient
    for (const atom of term.factors) {
      const factor: Dim =
        atom.kind === 'symbol'
          ? (bindings.get(atom.name) ?? symbol(atom.name))
          : floorDivide(substitute(atom.numerator, bindings), substitute(atom.denominator, bindings))
      value = multiply(value, factor)
    }
    total = add(total, value)
  }
  return total
}

/** The size for given values of all names. Throws `internal:` if one is missing. */
export function evaluateDim(dim: Dim, values: Readonly<Record<string, number>>): number {
  if (isConstant(dim)) return dim
  let total = dim.constant
  for (const term of dim.terms) {
    let value = term.coefficient
    for (const atom of term.factors) {
      if (atom.kind === 'symbol') {
        const size = values[atom.name]
        if (size === undefined) throw new Error(`internal: dimension ${atom.name} has no value`)
        value *= size
      } else {
        value *= Math.floor(evaluateDim(atom.numerator, values) / evaluateDim(atom.denominator, values))
      }
    }
    total += value
  }
  return total
}

/** The sum of terms and a constant, in canonical form. */
export function sumOf(terms: readonly DimensionTerm[], constant: number): Dim {
  return polynomial(terms, constant)
}

/**
 * Solves `pattern = actual` for the one name in `unknowns` that the pattern uses, if the pattern is linear in it
 * and the division is exact. Other names in the pattern must already be substituted.
 */
export function solveFor(
  pattern: Dim,
  actual: Dim,
  unknowns: ReadonlySet<string>,
): { name: string; value: Dim } | undefined {
  if (isConstant(pattern)) return undefined
  const used = symbolsOf(pattern).filter((name) => unknowns.has(name))
  if (used.length !== 1) return undefined
  const name = used[0]!
  const holding = pattern.terms.filter((term) =>
    term.factors.some((atom) =>
      atom.kind === 'symbol'
        ? atom.name === name
        : symbolsOf(floorAtom(atom.numerator, atom.denominator)).includes(name),
    ),
  )
  const term = holding[0]
  if (holding.length !== 1 || term === undefined) return undefined
  const own = term.factors.filter((atom) => atom.kind === 'symbol' && atom.name === name)
  if (own.length !== 1) return undefined
  const others = term.factors.filter((atom) => atom !== own[0])
  if (
    others.some(
      (atom) => atom.kind === 'floor' && symbolsOf(floorAtom(atom.numerator, atom.denominator)).includes(name),
    )
  )
    return undefined
  const rest = polynomial(
    pattern.terms.filter((candidate) => candidate !== term),
    pattern.constant,
  )
  const factor = polynomial([{ coefficient: term.coefficient, factors: others }], 0)
  const value = divideExactly(subtract(actual, rest), factor)
  return value === undefined ? undefined : { name, value }
}

function constantOf(dim: Dim): number {
  return isConstant(dim) ? dim : dim.constant
}

function termsOf(dim: Dim): readonly DimensionTerm[] {
  return isConstant(dim) ? [] : dim.terms
}

function allTerms(dim: Dim): readonly DimensionTerm[] {
  const constant = constantOf(dim)
  return constant === 0 && !isConstant(dim) ? termsOf(dim) : [...termsOf(dim), { coefficient: constant, factors: [] }]
}

function atomKey(atom: DimensionAtom): string {
  if (atom.kind === 'symbol') return atom.name
  const { numerator, denominator } = atom
  const above = isSum(numerator) ? `(${dimKey(numerator)})` : dimKey(numerator)
  return `${above} / ${isProduct(denominator) ? `(${dimKey(denominator)})` : dimKey(denominator)}`
}

function isSum(dim: Dim): boolean {
  return isConstant(dim)
    ? dim < 0
    : dim.terms.length + (dim.constant === 0 ? 0 : 1) > 1 || dim.terms[0]!.coefficient < 0
}

function isProduct(dim: Dim): boolean {
  if (isSum(dim)) return true
  if (isConstant(dim)) return false
  const term = dim.terms[0]!
  return term.coefficient !== 1 || term.factors.length > 1 || term.factors[0]!.kind === 'floor'
}

function floorAtom(numerator: Dim, denominator: Dim): Dim {
  if (isConstant(numerator) && isConstant(denominator)) return Math.floor(numerator / denominator)
  return polynomial([{ coefficient: 1, factors: [{ kind: 'floor', numerator, denominator }] }], 0)
}

function factorsKey(factors: readonly DimensionAtom[]): string {
  const only = factors[0]
  if (factors.length === 1 && only!.kind === 'symbol') return only!.name
  return factors.map((atom) => (atom.kind === 'floor' ? `(${atomKey(atom)})` : atomKey(atom))).join(' * ')
}

function checkedConstant(value: number): number {
  if (!Number.isSafeInteger(value) || Math.abs(value) > MAXIMUM_DIMENSION)
    throw new DimensionError(`a dimension exceeds the largest supported size, ${MAXIMUM_DIMENSION}`)
  // Not negative zero, which compares as another number where objects do.
  return value + 0
}

/** Multiplied by a number, a canonical form keeps its order. */
function scaled(dim: SymbolicDim, factor: number): Dim {
  if (factor === 0) return 0
  const constant = checkedConstant(dim.constant * factor)
  return canonical(
    dim.terms.map(({ coefficient, factors }) => ({ coefficient: checkedConstant(coefficient * factor), factors })),
    constant,
  )
}

/** The dimension of terms that are sorted, merged and not zero. */
function canonical(terms: readonly DimensionTerm[], constant: number): SymbolicDim {
  const checked = checkedConstant(constant)
  return { terms, constant: checked, key: render(terms, checked) }
}

function polynomial(terms: readonly DimensionTerm[], constant: number): Dim {
  const merged = new Map<string, { coefficient: number; factors: readonly DimensionAtom[] }>()
  let total = constant
  for (const term of terms) {
    if (term.factors.length === 0) {
      total += term.coefficient
      continue
    }
    const factors =
      term.factors.length === 1 ? term.factors : [...term.factors].sort((a, b) => (atomKey(a) < atomKey(b) ? -1 : 1))
    const key = factorsKey(factors)
    const known = merged.get(key)
    if (known) known.coefficient += term.coefficient
    else merged.set(key, { coefficient: term.coefficient, factors })
  }
  checkedConstant(total)
  const kept = [...merged.entries()].filter(([, term]) => term.coefficient !== 0)
  for (const [, term] of kept) checkedConstant(term.coefficient)
  if (kept.length === 0) return total
  kept.sort(([keyA, a], [keyB, b]) => b.factors.length - a.factors.length || (keyA < keyB ? -1 : 1))
  const sorted = kept.map(([, term]) => term)
  return canonical(sorted, total)
}

function render(terms: readonly DimensionTerm[], constant: number): string {
  let text = ''
  for (const term of terms) {
    const size = Math.abs(term.coefficient)
    const alone = term.factors.length === 1 && terms.length === 1 && constant === 0 && size === 1
    const body = alone && term.factors[0]!.kind === 'floor' ? atomKey(term.factors[0]!) : factorsKey(term.factors)
    const piece = size === 1 ? body : `${size} * ${body}`
    if (text === '') text = term.coefficient < 0 ? `-${piece}` : piece
    else text += `${term.coefficient < 0 ? ' - ' : ' + '}${piece}`
  }
  if (constant !== 0) text += `${constant < 0 ? ' - ' : ' + '}${Math.abs(constant)}`
  return text
}
