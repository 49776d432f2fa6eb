/** Inputs a call leaves out: their defaults, which may be made from the inputs before them. */
import type { Parameter } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { isElement, type Located } from './arithmetic.ts'
import { evaluate } from './expressions.ts'
import { bind } from './scope.ts'
import type { Frame } from './session.ts'
import { alignAxes, type Inference, requireSolved, solve, tensorInput } from './signature.ts'
import type { Value } from './values.ts'
import { initialized } from './variables.ts'

/**
 * Binds the defaults of a call in `frame` (the callee's), in order. A tensor decides the generic dimensions of its type as
 * one that was passed does; a number or a condition fills the type. Returns false after a report.
 */
export function bindDefaults(frame: Frame, caller: Frame, absent: readonly Parameter[], inference: Inference): boolean {
  const filled: { parameter: Parameter; value: Value; span: Span }[] = []
  for (const parameter of absent) {
    const { name, type, value: expression } = parameter
    if (!expression) continue
    const value = evaluate(frame, expression)
    const argument: Located = { value, span: expression.span }
    if (type?.kind === 'tensor' && (value.kind === 'tensor' || value.kind === 'prototype')) {
      const { what, callSpan, history } = inference
      const tensor = tensorInput(frame, type, argument, parameter, what)
      if (!tensor) return false
      const alignment = { parameter, argument, value: tensor, type, what, history, callSpan }
      if (!alignAxes(frame, caller, alignment, inference.open) || !solve(frame, caller, inference)) return false
    } else if (type?.kind === 'tensor') {
      filled.push({ parameter, ...argument })
      continue
    }
    bind(frame.scope, name.text, value, name.span)
  }
  if (!requireSolved(frame, caller, inference)) return false
  for (const { parameter, value, span } of filled) {
    const { name } = parameter
    bind(frame.scope, name.text, isElement(value) ? value : initialized(frame, parameter.type, value, span), name.span)
  }
  return true
}
