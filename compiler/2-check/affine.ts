/** Arithmetic on subscripts: Σ coefficient · index + constant. */
import type { BinaryOperator } from '../1-parse/ast.ts'
import { add, type Dim, divideExactly, isConstant, multiply, subtract } from '../dimensions/dimension.ts'
import type { AffineSubscript } from './checked.ts'
import { dimOf, type Value } from './values.ts'

export function affineOf(value: Value): AffineSubscript | undefined {
  if (value.kind === 'affine') return value.subscript
  const dim = dimOf(value)
  return dim === undefined ? undefined : { coefficients: {}, constant: dim }
}

/** The combined subscript, or undefined where the result is not affine with whole coefficients. */
export function combineAffine(
  operator: BinaryOperator,
  left: AffineSubscript,
  right: AffineSubscript,
): AffineSubscript | undefined {
  switch (operator) {
    case '+':
      return sum(left, right, 1)
    case '-':
      return sum(left, right, -1)
    case '*':
      if (isPlain(right)) return scale(left, right.constant)
      return isPlain(left) ? scale(right, left.constant) : undefined
    case '/':
      return isPlain(right) ? divide(left, right.constant) : undefined
    default:
      return undefined
  }
}

/** The name of the index when the subscript is that index and nothing else. */
export function soleIndex(subscript: AffineSubscript): string | undefined {
  const [name, ...others] = Object.keys(subscript.coefficients)
  return name !== undefined && others.length === 0 && subscript.coefficients[name] === 1 && subscript.constant === 0
    ? name
    : undefined
}

function isPlain(subscript: AffineSubscript): boolean {
  return Object.keys(subscript.coefficients).length === 0
}

function sum(left: AffineSubscript, right: AffineSubscript, sign: 1 | -1): AffineSubscript {
  const coefficients: Record<string, number> = { ...left.coefficients }
  for (const [name, coefficient] of Object.entries(right.coefficients)) {
    const total = (coefficients[name] ?? 0) + sign * coefficient
    if (total === 0) delete coefficients[name]
    else coefficients[name] = total
  }
  const constant = sign === 1 ? add(left.constant, right.constant) : subtract(left.constant, right.constant)
  return { coefficients, constant }
}

function scale(subscript: AffineSubscript, factor: Dim): AffineSubscript | undefined {
  if (!isConstant(factor)) return undefined
  if (factor === 0) return { coefficients: {}, constant: 0 }
  const coefficients = Object.fromEntries(
    Object.entries(subscript.coefficients).map(([name, coefficient]) => [name, coefficient * factor]),
  )
  return { coefficients, constant: multiply(subscript.constant, factor) }
}

function divide(subscript: AffineSubscript, divisor: Dim): AffineSubscript | undefined {
  if (!isConstant(divisor) || divisor === 0) return undefined
  const constant = divideExactly(subscript.constant, divisor)
  if (constant === undefined) return undefined
  const coefficients: Record<string, number> = {}
  for (const [name, coefficient] of Object.entries(subscript.coefficients)) {
    if (coefficient % divisor !== 0) return undefined
    coefficients[name] = coefficient / divisor
  }
  return { coefficients, constant }
}
