/** Shapes as types: reading them, and finding generic dimensions by comparing them with what is passed. */
import type { CallableDeclaration, Expression, Parameter, TensorTypeExpression } from '../1-parse/ast.ts'
import type { DiagnosticLabel, Span } from '../diagnostics/diagnostic.ts'
import { type Dim, solveFor, symbol, symbolsOf } from '../dimensions/dimension.ts'
import type { TensorType } from '../types.ts'
import { isElement, type Located, toTensor } from './arithmetic.ts'
import { differs, expandTo } from './broadcast.ts'
import { checkRanges, rangeOf } from './declared-range.ts'
import { evaluate } from './expressions.ts'
import { findGlobal } from './globals.ts'
import { bindDefaults } from './optional-inputs.ts'
import { bind, findScope, lookUp } from './scope.ts'
import { type Frame, originLabel, report } from './session.ts'
import {
  describe,
  dimension,
  dimOf,
  displayDim,
  displayShape,
  displayType,
  type Origin,
  type TensorValue,
  type Value,
} from './values.ts'

/** Marks a generic dimension that is still to be inferred. */
const UNKNOWN = '?'

/**
 * Capitalised names in the types of `parameters` that mean nothing yet: dimensions to infer. With `ranged` those declared by `dim`
 * are too, which a call may give any size in their range.
 */
export function genericNames(
  frame: Frame,
  parameters: readonly Parameter[],
  ranged = false,
): { name: string; span: Span }[] {
  const found = new Map<string, Span>()
  const visit = (expression: Expression): void => {
    if (expression.kind === 'name') {
      const known =
        lookUp(frame.scope, expression.name) ||
        (findGlobal(frame.globals, expression.name) && !(ranged && rangeOf(frame, expression.name))) ||
        frame.globals.missing.has(expression.name)
      if (!known && /^[A-Z]/.test(expression.name) && !found.has(expression.name))
        found.set(expression.name, expression.span)
    } else if (expression.kind === 'binary') {
      visit(expression.left)
      visit(expression.right)
    } else if (expression.kind === 'unary') visit(expression.operand)
  }
  for (const { type } of parameters) {
    if (type?.kind !== 'tensor') continue
    for (const item of type.shape) if (item.kind === 'dimension') visit(item.value)
  }
  return [...found].map(([name, span]) => ({ name, span }))
}

export interface TypedShape {
  readonly type: TensorType
  readonly origins: readonly Origin[]
}

/** The type an expression in a declaration stands for; undefined if it was wrong (and reported). */
export function evaluateType(frame: Frame, expression: TensorTypeExpression): TypedShape | undefined {
  const shape: Dim[] = []
  const origins: Origin[] = []
  for (const item of expression.shape) {
    if (item.kind === 'ellipsis') {
      const scope = findScope(frame.scope, (candidate) => candidate.ellipsis !== undefined)
      if (!scope?.ellipsis) {
        report(frame, 'NN0206', item.span, 'nothing says which axes `...` stands for', {
          hint: 'it takes its meaning from the tensors passed in: `(x: f32[..., C])`',
        })
        return undefined
      }
      for (const dim of scope.ellipsis) {
        shape.push(dim)
        origins.push({ span: item.span })
      }
      continue
    }
    const size = evaluateSize(frame, item.value)
    if (!size) return undefined
    shape.push(size.dim)
    origins.push(size.origin)
  }
  return { type: { dtype: expression.dtype, shape }, origins }
}

function evaluateSize(frame: Frame, expression: Expression): { dim: Dim; origin: Origin } | undefined {
  const value = evaluate({ ...frame, floorDivision: true }, expression)
  if (value.kind === 'error') return undefined
  const dim = dimOf(value)
  if (dim === undefined || (typeof dim === 'number' && dim < 0)) {
    report(
      frame,
      'NN0215',
      expression.span,
      `a size must be a whole number known when compiled, but this is ${describe(value)}`,
    )
    return undefined
  }
  const own = value.kind === 'number' || value.kind === 'dimension' ? value.origin : undefined
  return { dim, origin: own ?? { span: expression.span } }
}

export interface PendingAxis {
  readonly expression: Expression
  readonly actual: Dim
  readonly origin: Origin | undefined
  readonly argument: Located
  readonly parameter: Parameter
  readonly axis: number
}

/**
 * Binds the inputs of a call in `frame` (the callee's): infers generic dimensions and `...`, and compares every size.
 * `absent` are the parameters that take their defaults, in order. Returns false after a report.
 */
export function bindInputs(
  frame: Frame,
  caller: Frame,
  declaration: Pick<CallableDeclaration, 'inputs'>,
  inputs: ReadonlyMap<Parameter, Located>,
  absent: readonly Parameter[],
  what: string,
  callSpan: Span,
  history: readonly (DiagnosticLabel | undefined)[],
): boolean {
  const unknown = new Map(
    genericNames(frame, declaration.inputs, true).map(({ name, span }) => [UNKNOWN + name, { name, span }]),
  )
  for (const [mark, { name }] of unknown) bind(frame.scope, name, { kind: 'dimension', dim: symbol(mark) })
  const pending: PendingAxis[] = []
  let elementwise = false
  const scalars: { parameter: Parameter; argument: Located }[] = []
  const bound: { parameter: Parameter; value: Value }[] = []
  for (const parameter of declaration.inputs) {
    const argument = inputs.get(parameter)
    if (!argument) continue
    const { type } = parameter
    if (type?.kind !== 'tensor') {
      if (!acceptStatic(caller, parameter, argument)) return false
      bound.push({ parameter, value: argument.value })
      continue
    }
    if (isElement(argument.value)) {
      if (type.shape.some((item) => item.kind === 'dimension')) {
        report(caller, 'NN0223', argument.span, `${what} needs a whole tensor here, not one element`)
        return false
      }
      elementwise = true
      bound.push({ parameter, value: argument.value })
      continue
    }
    if (argument.value.kind === 'number' && type.shape.some((item) => item.kind === 'ellipsis')) {
      scalars.push({ parameter, argument })
      continue
    }
    const value = tensorInput(caller, type, argument, parameter, what)
    if (!value || !alignAxes(frame, caller, { parameter, argument, value, type, what, history, callSpan }, pending))
      return false
    bound.push({ parameter, value })
  }
  const inference: Inference = { unknown, rest: new Set(unknown.keys()), open: pending, what, callSpan, history }
  if (!solve(frame, caller, inference) || !checkRanges(frame, caller, inference)) return false
  // Inside index notation a function of any shape works on single elements.
  if (elementwise) frame.scope.ellipsis ??= []
  for (const { parameter, value } of bound) bind(frame.scope, parameter.name.text, value, parameter.name.span)
  if (!elementwise && absent.some(({ type }) => type?.kind === 'tensor'))
    return bindScalars(frame, caller, scalars) && bindDefaults(frame, caller, absent, inference)
  if (!requireSolved(frame, caller, inference) || !bindScalars(frame, caller, scalars)) return false
  return bindDefaults(frame, caller, absent, inference)
}

/** Numbers passed for a tensor of any shape take the shape of the other arguments. */
function bindScalars(
  frame: Frame,
  caller: Frame,
  scalars: readonly { parameter: Parameter; argument: Located }[],
): boolean {
  for (const { parameter, argument } of scalars) {
    if (parameter.type?.kind !== 'tensor') continue
    frame.scope.ellipsis ??= []
    const typed = evaluateType(frame, parameter.type)
    const value = typed && toTensor(caller, argument, typed.type.dtype)
    if (!typed || value?.kind !== 'tensor') return false
    const whole = expandTo(caller, argument.span, value, typed.type.shape, typed.origins)
    bind(frame.scope, parameter.name.text, whole, parameter.name.span)
  }
  return true
}

export function tensorInput(
  caller: Frame,
  type: TensorTypeExpression,
  argument: Located,
  parameter: Parameter,
  what: string,
): TensorValue | (Value & { kind: 'prototype' }) | undefined {
  const { value, span } = argument
  if (value.kind === 'prototype') return value
  if (value.kind === 'tensor' && value.type.dtype !== type.dtype) {
    report(
      caller,
      'NN0205',
      span,
      `${what} needs ${type.dtype} for \`${parameter.name.text}\`, but this is ${displayType(value.type)}`,
      {
        labels: [{ span: type.span, message: 'declared here' }],
        hint:
          type.dtype === 'f32'
            ? 'convert it with `float(…)`'
            : type.dtype === 'i32'
              ? 'convert it with `int(…)`'
              : undefined,
      },
    )
    return undefined
  }
  const tensor = toTensor(caller, argument, type.dtype)
  return tensor.kind === 'error' ? undefined : tensor
}

/** Which generic dimensions a call has still to decide, and from which axes. */
export interface Inference {
  readonly unknown: ReadonlyMap<string, { readonly name: string; readonly span: Span }>
  readonly rest: Set<string>
  open: PendingAxis[]
  readonly what: string
  readonly callSpan: Span
  readonly history: readonly (DiagnosticLabel | undefined)[]
}

export interface Alignment {
  readonly parameter: Parameter
  readonly argument: Located
  readonly value: { readonly type: TensorType; readonly origins?: readonly (Origin | undefined)[] }
  readonly type: TensorTypeExpression
  readonly what: string
  readonly history: readonly (DiagnosticLabel | undefined)[]
  readonly callSpan: Span
}

/** Pairs each written size with the argument's axis; `...` takes what is left. */
export function alignAxes(frame: Frame, caller: Frame, alignment: Alignment, pending: PendingAxis[]): boolean {
  const { parameter, argument, value, type, what, history } = alignment
  const { shape } = value.type
  const ellipses = type.shape.filter((item) => item.kind === 'ellipsis').length
  const written = type.shape.length - ellipses
  if (ellipses > 1) {
    report(frame, 'NN0204', type.span, 'only one `...` fits in a shape')
    return false
  }
  if (written > shape.length || (ellipses === 0 && written !== shape.length)) {
    const needs = `${ellipses ? 'at least ' : ''}${written} ${written === 1 ? 'axis' : 'axes'}`
    report(
      caller,
      'NN0204',
      argument.span,
      `${what} needs ${needs} for \`${parameter.name.text}\`, but this is ${displayType(value.type)}`,
      {
        labels: [...history, { span: type.span, message: `${needs} declared here` }],
        hint:
          shape.length > written
            ? '`flatten(from = 1)` joins all axes but the batch'
            : written === shape.length + 1 && shape.length > 0
              ? '`expand_dims(1)` inserts an axis of size 1'
              : undefined,
      },
    )
    return false
  }
  let axis = 0
  for (const item of type.shape) {
    if (item.kind === 'dimension') {
      pending.push({
        expression: item.value,
        actual: shape[axis]!,
        origin: value.origins?.[axis],
        argument,
        parameter,
        axis,
      })
      axis++
      continue
    }
    const count = shape.length - written
    const dims = shape.slice(axis, axis + count)
    axis += count
    const known = frame.scope.ellipsis
    if (!known) frame.scope.ellipsis = dims
    else if (known.length !== dims.length || known.some((dim, at) => differs(frame, dim, dims[at]!))) {
      report(
        caller,
        'NN0203',
        argument.span,
        `the leading axes of \`${parameter.name.text}\` are ${displayShape(dims)}, but those of the inputs before it are ${displayShape(known)}`,
        {
          labels: [...history, { span: item.span, message: `\`...\` is the same for all inputs of ${what}` }],
        },
      )
      return false
    }
  }
  return true
}

/** Decides what the open axes decide and compares the rest; false after a report. */
export function solve(frame: Frame, caller: Frame, inference: Inference): boolean {
  const { unknown, rest, what, history } = inference
  for (let progress = true; progress; ) {
    progress = false
    const later: PendingAxis[] = []
    for (const item of inference.open) {
      const size = evaluateSize(frame, item.expression)
      if (!size) return false
      const unsolved = symbolsOf(size.dim).filter((name) => rest.has(name))
      if (unsolved.length === 0) {
        if (!differs(frame, size.dim, item.actual)) continue
        reportSize(frame, caller, item, size, what, history)
        return false
      }
      const solution = solveFor(size.dim, item.actual, rest)
      if (!solution) {
        later.push(item)
        continue
      }
      rest.delete(solution.name)
      const { name } = unknown.get(solution.name)!
      bind(frame.scope, name, dimension(solution.value, item.origin ?? { span: item.argument.span }))
      progress = true
    }
    inference.open = later
  }
  return true
}

/** Reports a generic dimension that nothing decided. */
export function requireSolved(frame: Frame, caller: Frame, inference: Inference): boolean {
  const { unknown, rest, open, what, callSpan } = inference
  const [left] = rest
  if (left === undefined && open.length === 0) return true
  if (frame.session.rigid) return true
  const { name, span } = left === undefined ? { name: '', span: callSpan } : unknown.get(left)!
  report(caller, 'NN0206', callSpan, `\`${name}\` of ${what} cannot be inferred from this call`, {
    labels: [{ span, message: 'used here' }],
  })
  return false
}

/** "`fc2` needs 1050 …, but its input has 1568", with where both come from. */
function reportSize(
  frame: Frame,
  caller: Frame,
  item: PendingAxis,
  size: { readonly dim: Dim; readonly origin: Origin },
  what: string,
  history: readonly (DiagnosticLabel | undefined)[],
): void {
  const { expression, actual, origin, argument, parameter, axis } = item
  const written = expression.kind === 'name' ? `\`${expression.name}\` = ` : ''
  const fixed = frame.instance?.config.get(expression.kind === 'name' ? expression.name : '')
  report(
    caller,
    'NN0203',
    argument.span,
    `${what} needs ${written}${displayDim(size.dim)} in axis ${axis} of \`${parameter.name.text}\`, but this has ${displayDim(actual)}`,
    {
      labels: [
        ...history,
        originLabel(origin, (note) => `${displayDim(actual)}${note ? ` = ${note}` : ''} comes from here`),
        originLabel(size.origin, (note) => `${displayDim(size.dim)}${note ? ` = ${note}` : ''} comes from here`),
      ],
      hint:
        fixed &&
        expression.kind === 'name' &&
        !frame.declaration?.config.some((own) => own.name.text === expression.name)
          ? `drop \`${expression.name}\`; it is inferred from the input`
          : undefined,
    },
  )
}

/** Inputs without a tensor type: a compile-time `int`, `float` or `string`, a dimension, or anything. */
export function acceptStatic(caller: Frame, parameter: Parameter, argument: Located): boolean {
  const { value, span } = argument
  if (value.kind === 'error') return caller.session.rigid
  const name = parameter.name.text
  const wanted = parameter.type?.kind === 'scalar' ? parameter.type.name : undefined
  const isSize = parameter.type === undefined && /^[A-Z]/.test(name)
  const fits =
    wanted === 'int' || isSize
      ? dimOf(value) !== undefined
      : wanted === 'float'
        ? value.kind === 'number'
        : wanted === 'string'
          ? value.kind === 'string'
          : true
  if (fits) return true
  const kind =
    wanted === 'string'
      ? 'a string'
      : wanted === 'float'
        ? 'a number known when compiled'
        : 'a whole number known when compiled'
  report(caller, 'NN0215', span, `\`${name}\` must be ${kind}, but this is ${describe(value)}`)
  return false
}
