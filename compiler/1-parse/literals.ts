/** The values of number and text literals. */
import type { DiagnosticCode } from '../diagnostics/diagnostic.ts'

export interface LiteralProblem {
  readonly code: DiagnosticCode
  readonly message: string
  readonly hint?: string
  /** Offsets within the literal, where only a part of it is wrong. */
  readonly start?: number
  readonly end?: number
}

const wellFormed = /^[0-9]+(?:_[0-9]+)*(?:\.[0-9]+(?:_[0-9]+)*)?(?:[eE][+-]?[0-9]+)?$/
const largestF32 = 3.4028234663852886e38

export function readNumber(text: string): { value: number; integer: boolean; problem?: LiteralProblem } {
  if (!wellFormed.test(text)) {
    const problem: LiteralProblem = {
      code: 'NN0110',
      message: `\`${text}\` is not a number`,
      hint: 'numbers look like `12`, `0.5`, `1e-3` or `60_000`; names do not begin with a digit',
    }
    return { value: 0, integer: true, problem }
  }
  const value = Number(text.replaceAll('_', ''))
  const integer = /^[0-9_]+$/.test(text)
  if (integer && !Number.isSafeInteger(value)) {
    const problem: LiteralProblem = {
      code: 'NN0111',
      message: 'this whole number is too large to be exact',
      hint: `the largest is ${Number.MAX_SAFE_INTEGER}; write it with a point or an exponent to round it`,
    }
    return { value: 0, integer, problem }
  }
  const vanishes = Math.fround(value) === 0 && /[1-9]/.test(text.replace(/[eE].*/, ''))
  if (value > largestF32 || vanishes) {
    const problem: LiteralProblem = {
      code: 'NN0111',
      message: `this number is too ${vanishes ? 'small' : 'large'} for \`f32\``,
      hint: '`f32` holds 1.4e-45 to 3.4e38',
    }
    return { value: 0, integer, problem }
  }
  return { value, integer }
}

const escapes: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', n: '\n', t: '\t' }

export function readString(text: string): { value: string; problem?: LiteralProblem } {
  if (text.startsWith("'")) {
    const problem: LiteralProblem = {
      code: 'NN0107',
      message: 'texts stand in double quotes',
      hint: `write \`"${text.slice(1, -1)}"\``,
    }
    return { value: text.slice(1, -1), problem }
  }
  let value = ''
  let problem: LiteralProblem | undefined
  let position = 1
  while (position < text.length && text[position] !== '"') {
    const character = text[position]!
    if (character !== '\\') {
      value += character
      position++
      continue
    }
    const meaning = escapes[text[position + 1] ?? '']
    if (meaning === undefined) {
      problem ??= {
        code: 'NN0108',
        message: `\`${text.slice(position, position + 2)}\` is no escape`,
        hint: 'the escapes are `\\"`, `\\\\`, `\\n` and `\\t`',
        start: position,
        end: position + 2,
      }
    }
    value += meaning ?? text[position + 1] ?? ''
    position += 2
  }
  if (position >= text.length) {
    problem = { code: 'NN0107', message: 'this text is never closed', hint: 'texts end with `"` on the same line' }
  }
  return problem === undefined ? { value } : { value, problem }
}
