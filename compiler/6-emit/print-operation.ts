/** Elementwise operations on four lanes. f32 and i32 are lanes of a v128; bool is a mask, all ones or all zeros. */
import type { OpName } from '../ops/op.ts'
import type { DType } from '../types.ts'

/** A literal in every lane. */
export function splatLiteral(dtype: DType, value: number): string {
  if (dtype === 'bool') return `i32x4.splat(${value === 0 ? 0 : -1})`
  if (dtype === 'i32') return `i32x4.splat(${value})`
  return `f32x4.splat(${floatLiteral(value)})`
}

export function floatLiteral(value: number): string {
  const single = Math.fround(value)
  if (Number.isNaN(single)) return 'f32.NaN'
  if (single === Number.POSITIVE_INFINITY) return 'f32.POSITIVE_INFINITY'
  if (single === Number.NEGATIVE_INFINITY) return 'f32.NEGATIVE_INFINITY'
  if (Object.is(single, -0)) return '-0.0'
  // The shortest decimal of the f64 given rounds to the same f32.
  const text = String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

/**
 * The larger or smaller of `value` and a number that is not NaN, in one instruction instead of nine: the result is NaN where `value`
 * is, and where both are zero the sign is that of `value`.
 */
export function printBound(op: 'maximum' | 'minimum', value: string, bound: string): string {
  return `f32x4.${op === 'maximum' ? 'pmax' : 'pmin'}(${value}, ${bound})`
}

/** The expression for one operation on operands that are expressions of v128. */
export function printOperation(op: OpName, operandType: DType, dtype: DType, operands: readonly string[]): string {
  const [a, b, c] = operands as [string, string, string]
  const float = operandType === 'f32'
  const lanes = float ? 'f32x4' : 'i32x4'
  switch (op) {
    case 'neg':
    case 'abs':
      return `${lanes}.${op}(${a})`
    case 'sign':
      return float ? `sign(${a})` : `v128.or(i32x4.shr_s(${a}, 31), i32x4.shr_u(i32x4.neg(${a}), 31))`
    case 'exp':
    case 'log':
    case 'tanh':
    case 'sigmoid':
    case 'erf':
    case 'sin':
    case 'cos':
    case 'rsqrt':
    case 'reciprocal':
      return `${op}(${a})`
    case 'sqrt':
    case 'floor':
      return `f32x4.${op}(${a})`
    case 'not':
      return `v128.not(${a})`
    case 'cast':
      return printCast(operandType, dtype, a)
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
      return `${lanes}.${op}(${a}, ${b})`
    case 'pow':
      return `pow(${a}, ${b})`
    case 'maximum':
      return float ? `f32x4.max(${a}, ${b})` : `i32x4.max_s(${a}, ${b})`
    case 'minimum':
      return float ? `f32x4.min(${a}, ${b})` : `i32x4.min_s(${a}, ${b})`
    case 'less':
      return float ? `f32x4.lt(${a}, ${b})` : `i32x4.lt_s(${a}, ${b})`
    case 'less_equal':
      return float ? `f32x4.le(${a}, ${b})` : `i32x4.le_s(${a}, ${b})`
    case 'equal':
      return `${lanes}.eq(${a}, ${b})`
    case 'not_equal':
      return `${lanes}.ne(${a}, ${b})`
    case 'and':
    case 'or':
      return `v128.${op}(${a}, ${b})`
    case 'select':
      return `choose(${b}, ${c}, ${a})`
    default:
      throw new Error(`internal: emit: no code for the operation ${op}`)
  }
}

function printCast(from: DType, to: DType, value: string): string {
  if (from === to) return value
  if (to === 'bool') return `${from}x4.ne(${value}, ${splatLiteral(from, 0)})`
  if (from === 'bool') return `v128.and(${value}, ${splatLiteral(to, 1)})`
  return to === 'i32' ? `i32x4.trunc_sat_f32x4_s(${value})` : `f32x4.convert_i32x4_s(${value})`
}
