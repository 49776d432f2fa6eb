/** Parameters and states: their names, their types, and their first values in the `init` entry. */
import type { Expression, ParamStatement, StateStatement, TypeExpression } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { isConstant, shapeEqual, symbolsOf } from '../dimensions/dimension.ts'
import type { TensorType, Variable } from '../types.ts'
import { bindConfig } from './arguments.ts'
import { toTensor } from './arithmetic.ts'
import { differs, expandTo } from './broadcast.ts'
import { claimName } from './calls.ts'
import { evaluate } from './expressions.ts'
import { joinPath } from './instance.ts'
import { invoke } from './invoke.ts'
import { bind } from './scope.ts'
import { type Frame, originLabel, report, type VariableRecord } from './session.ts'
import { evaluateType, type TypedShape } from './signature.ts'
import {
  describe,
  displayDim,
  displayType,
  type ErrorValue,
  errorValue,
  type InitializerValue,
  type Origin,
  type TensorValue,
  type Value,
} from './values.ts'

/** `param w: f32[Out, In] = glorot_uniform` */
export function declareParam(frame: Frame, statement: ParamStatement): void {
  const { name } = statement
  if (!requirePlace(frame, statement.span, 'param', name.text)) return
  const typed = variableType(frame, statement.type, 'parameter')
  if (!typed) return
  if (typed.type.dtype !== 'f32') {
    report(frame, 'NN0205', statement.type.span, `a parameter is trained and must be f32, not ${typed.type.dtype}`, {
      hint: 'use `state` for values that are carried but not trained',
    })
    return
  }
  if (!statement.initializer) {
    report(frame, 'NN0233', statement.span, `the parameter \`${name.text}\` has no first value`, {
      hint: 'write `= glorot_uniform` for weights, `= zeros` for biases',
    })
    return
  }
  const place = declarePlace(frame, statement.name, statement)
  register(frame, { ...place, kind: 'parameter' }, typed, statement.initializer, name.span)
  const value = {
    kind: 'variable',
    name: place.name,
    type: typed.type,
    updatable: false,
    origins: typed.origins,
  } as const
  bind(frame.bodyScope, name.text, value, name.span)
}

/** `state v = zeros_like(p)` */
export function declareState(frame: Frame, statement: StateStatement): void {
  const { name, initializer } = statement
  const { statePrefix } = frame
  if (!statePrefix && !requirePlace(frame, statement.span, 'state', name.text)) return
  const place = statePrefix ? { name: `${statePrefix.prefix}${name.text}` } : declarePlace(frame, name, statement)
  if (frame.train && name.text === 'step') {
    report(frame, 'NN0202', name.span, 'a train block has its own `step`, which counts its updates')
    return
  }
  const kind = statePrefix?.kind ?? 'state'
  let typed: TypedShape | undefined
  if (statement.type) {
    typed = variableType(frame, statement.type, 'state')
    if (!typed) return
  }
  const type = register(frame, { ...place, kind }, typed, initializer, name.span)
  if (!type) return
  const value = { kind: 'variable', name: place.name, type, updatable: true, origins: typed?.origins ?? [] } as const
  bind(frame.bodyScope, name.text, value, name.span)
}

/** A variable the compiler itself keeps, `<train>/step` say. */
export function declareInternal(frame: Frame, variable: Variable, span: Span, value: TensorValue): void {
  const { session } = frame
  if (session.variables.has(variable.name)) return
  session.variables.set(variable.name, { ...variable, span, origins: [] })
  session.init.variables.set(variable.name, { value, leaf: value, updated: true })
}

/** The frame initial values are elaborated in: the same names, but in the `init` entry. */
export function initFrame(frame: Frame, site: string): Frame {
  const { indexed, ...rest } = frame
  return { ...rest, entry: frame.session.init, initializing: true, training: false, site }
}

function requirePlace(frame: Frame, span: Span, keyword: string, name: string): boolean {
  if (frame.instance?.model !== undefined) return true
  const where = frame.declaration ? `\`${frame.declaration.name.text}\`` : 'this block'
  report(frame, 'NN0232', span, `${where} has a \`${keyword} ${name}\`, but it is not used inside a model`, {
    hint: 'parameters and states belong to a model: call the layer in a `model`, and the model here',
  })
  return false
}

function declarePlace(
  frame: Frame,
  name: { readonly text: string; readonly span: Span },
  owner: object,
): { name: string; model?: string } {
  const instance = frame.instance!
  claimName(frame, instance, name.text, owner, name.span)
  if (instance.unnamed && !instance.unnamed.reported && !frame.session.rigid) {
    instance.unnamed.reported = true
    const layer = instance.declaration?.name.text ?? ''
    report(
      frame,
      'NN0271',
      instance.unnamed.span,
      `this ${layer} has parameters but no name; they are called \`${instance.path}.…\``,
      {
        severity: 'warning',
        hint: `name it, so that checkpoints survive changes around it: \`name: ${layer}(…)\` in a pipeline, or \`use name = ${layer}(…)\``,
      },
    )
  }
  return { name: joinPath(instance.path, name.text), ...(instance.model !== undefined && { model: instance.model }) }
}

/**
 * The declared type; sizes must be fixed when compiled. Only the first axis of a state may be as long as a batch: then the
 * first rows of what is stored are the rows of a smaller batch.
 */
function variableType(frame: Frame, expression: TypeExpression, kind: 'parameter' | 'state'): TypedShape | undefined {
  if (expression.kind !== 'tensor') {
    report(frame, 'NN0209', expression.span, 'a parameter or state is a tensor: `f32`, `f32[C]`')
    return undefined
  }
  const typed = evaluateType(frame, expression)
  if (!typed || frame.session.rigid) return typed
  const empty = typed.type.shape.indexOf(0)
  if (empty >= 0) {
    report(
      frame,
      'NN0261',
      expression.span,
      `a parameter or state has at least one element, but axis ${empty} has none`,
    )
    return undefined
  }
  const axis = typed.type.shape.findIndex((dim, at) => !isConstant(dim) && (kind === 'parameter' || at > 0))
  if (axis < 0) return typed
  const dim = typed.type.shape[axis]!
  const [name] = symbolsOf(dim)
  report(
    frame,
    'NN0230',
    expression.span,
    kind === 'parameter'
      ? `the size ${displayDim(dim)} is only known at run time, but parameters have fixed sizes`
      : `the size ${displayDim(dim)} is only known at run time, and of a state only the first axis may be so`,
    {
      labels: [originLabel(typed.origins[axis], () => `${displayDim(dim)} comes from here`)],
      hint:
        kind === 'parameter'
          ? `fix it: \`const ${name} = 64\``
          : `put that axis first, or fix the size: \`const ${name} = 64\``,
    },
  )
  return undefined
}

/** Adds the variable once, with its first value; later declarations must agree. Returns its type. */
function register(
  frame: Frame,
  variable: Pick<Variable, 'name' | 'kind' | 'model'>,
  typed: TypedShape | undefined,
  initializer: Expression,
  span: Span,
): TensorType | undefined {
  const { session } = frame
  const known = session.variables.get(variable.name)
  if (known) {
    if (typed && !shapeEqual(known.type.shape, typed.type.shape)) reportConflict(frame, known, typed, span)
    return known.type
  }
  const value = initialValue(initFrame(frame, variable.name), initializer, typed)
  const type = typed?.type ?? value?.type
  if (!type) return undefined
  const origins: readonly (Origin | undefined)[] = typed?.origins ?? []
  session.variables.set(variable.name, { ...variable, type, span, origins })
  if (value) session.init.variables.set(variable.name, { value, leaf: value, updated: true })
  return type
}

function reportConflict(frame: Frame, known: VariableRecord, typed: TypedShape, span: Span): void {
  const axis = typed.type.shape.findIndex(
    (dim, at) => known.type.shape[at] === undefined || displayDim(dim) !== displayDim(known.type.shape[at]),
  )
  report(
    frame,
    'NN0231',
    span,
    `\`${known.name}\` is ${displayType(typed.type)} here, but ${displayType(known.type)} where the model was used before`,
    {
      labels: [
        originLabel(typed.origins[axis], () => `${displayDim(typed.type.shape[axis] ?? 0)} comes from here`),
        originLabel(known.origins[axis], () => `${displayDim(known.type.shape[axis] ?? 0)} comes from here`),
      ],
      hint: 'a model has one set of parameters: call it with the same sizes everywhere',
    },
  )
}

/**
 * A value declared with a tensor type: an initializer, a number or a condition fills it, `let h: f32[B, Hid] = zeros`; others, and
 * numbers declared as scalars, stay as they are.
 */
export function initialized(frame: Frame, type: TypeExpression | undefined, value: Value, span: Span): Value {
  if (type?.kind !== 'tensor') return value
  const scalar = value.kind === 'number' || value.kind === 'boolean' || value.kind === 'dimension'
  const initializer = scalar ? undefined : initializerOf(frame, value, span)
  if (!scalar && !initializer) return value
  if (initializer?.kind === 'error') return initializer
  const typed = evaluateType(frame, type)
  if (!typed) return errorValue
  if (initializer) return applyInitializer(frame, initializer, typed.type, span)
  if (typed.type.shape.length === 0) return value
  const tensor = toTensor(frame, { value, span }, typed.type.dtype)
  return tensor.kind === 'tensor' ? expandTo(frame, span, tensor, typed.type.shape, typed.origins) : errorValue
}

/** The initializer a value is: one with its settings, or one by its name alone. */
function initializerOf(frame: Frame, value: Value, span: Span): InitializerValue | ErrorValue | undefined {
  if (value.kind === 'initializer') return value
  if (value.kind !== 'callable' || value.declaration.kind !== 'initializer') return undefined
  const { declaration, globals } = value
  const config = bindConfig(frame, declaration, globals, [], span)
  return config ? { kind: 'initializer', declaration, globals, config } : errorValue
}

/** The first value, in the init entry: an initializer, a scalar to repeat, or a whole tensor. */
function initialValue(frame: Frame, expression: Expression, typed: TypedShape | undefined): TensorValue | undefined {
  let value = evaluate(frame, expression)
  value = initializerOf(frame, value, expression.span) ?? value
  if (value.kind === 'initializer') {
    if (typed) value = applyInitializer(frame, value, typed.type, expression.span)
    else {
      report(frame, 'NN0206', expression.span, 'the shape of this state is not known', {
        hint: 'declare its type: `state v: f32[C] = zeros`, or write `zeros_like(p)`',
      })
      return undefined
    }
  }
  if (value.kind === 'callable' || value.kind === 'builtin') {
    report(
      frame,
      'NN0209',
      expression.span,
      `a first value must be an initializer or a value, but this is ${describe(value)}`,
    )
    return undefined
  }
  if (value.kind === 'prototype') {
    report(
      frame,
      'NN0209',
      expression.span,
      'a first value cannot depend on values that are only known while the program runs',
      { hint: 'begin with `zeros`, or with the shape alone: `zeros_like(p)`, `mean(zeros_like(p), axis = 0)`' },
    )
    return undefined
  }
  const dtype = typed?.type.dtype ?? (value.kind === 'number' ? 'f32' : undefined)
  const tensor = toTensor(frame, { value, span: expression.span }, dtype)
  if (tensor.kind === 'error') return undefined
  if (!typed) return tensor
  const { shape } = typed.type
  if (tensor.type.shape.length === 0) return expandTo(frame, expression.span, tensor, shape)
  if (
    tensor.type.shape.length === shape.length &&
    shape.every((dim, axis) => !differs(frame, dim, tensor.type.shape[axis]!))
  )
    return tensor
  report(
    frame,
    'NN0203',
    expression.span,
    `the first value is ${displayType(tensor.type)}, but ${displayType(typed.type)} is declared`,
  )
  return undefined
}

function applyInitializer(frame: Frame, initializer: InitializerValue, type: TensorType, span: Span) {
  const { declaration, globals, config } = initializer
  const [parameter] = declaration.inputs
  const inputs = new Map(parameter ? [[parameter, { value: { kind: 'prototype', type } as const, span }]] : [])
  return invoke(frame, {
    declaration,
    globals,
    config,
    inputs,
    span,
    what: `\`${declaration.name.text}\``,
    overrides: { site: frame.site, training: false },
  })
}
