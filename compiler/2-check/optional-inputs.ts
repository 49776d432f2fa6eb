/** Inputs a call leaves out: their defaults, which may be made from the inputs before them. */
import type { Parameter } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { isElement, type Located, toTensor } from './arithmetic.ts'
import { expandTo } from './broadcast.ts'
import { evaluate } from './expressions.ts'
import { bind } from './scope.ts'
import type { Frame } from './session.ts'
import { alignAxes, evaluateType, type Inference, requireSolved, solve, tensorInput } from './signature.ts'
import { errorValue, type Value } from './values.ts'
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
    bind(frame.scope, name.text, fill(frame, parameter, value, span), name.span)
  }
  return true
}

/** A number, a condition or an initializer in the shape of the parameter's type; a scalar stays the number it is. */
function fill(frame: Frame, { type }: Parameter, value: Value, span: Span): Value {
  if (type?.kind !== 'tensor' || value.kind === 'error' || isElement(value)) return value
  const scalar = value.kind === 'number' || value.kind === 'boolean' || value.kind === 'dimension'
  if (!scalar) return initialized(frame, type, value, span)
  const typed = evaluateType(frame, type)
  if (!typed) return errorValue
  if (typed.type.shape.length === 0) return value
  const tensor = toTensor(frame, { value, span }, typed.type.dtype)
  return tensor.kind === 'tensor' ? expandTo(frame, span, tensor, typed.type.shape, typed.origins) : errorValue
}
