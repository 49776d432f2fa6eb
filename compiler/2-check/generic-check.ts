/** Declarations nothing calls are checked once with sizes nobody has chosen, so that their mistakes show. */
import type { CallableDeclaration, Parameter } from '../1-parse/ast.ts'
import { symbol } from '../dimensions/dimension.ts'
import type { Located } from './arithmetic.ts'
import { constant, createEntry, emit } from './entry.ts'
import { entryFrame, runEntry } from './entry-point.ts'
import { evaluate } from './expressions.ts'
import { createInstance } from './instance.ts'
import { invoke } from './invoke.ts'
import { metricContext } from './metrics.ts'
import { bind, createScope } from './scope.ts'
import type { Frame, Session } from './session.ts'
import { evaluateType, genericNames } from './signature.ts'
import { dimension, errorValue, integer, type Value } from './values.ts'

/** Axes `...` stands for in turn. */
const ranks = [1, 2]

export function checkUnused(session: Session): void {
  for (const declaration of session.user.declarations.values()) {
    if (!('body' in declaration) || session.elaborated.has(declaration)) continue
    const open = declaration.inputs.some(
      ({ type }) => type?.kind === 'tensor' && type.shape.some((item) => item.kind === 'ellipsis'),
    )
    for (const rank of open ? ranks : [0])
      for (const training of [true, false]) runEntry(() => checkGeneric(session, declaration, rank, training))
  }
}

function checkGeneric(session: Session, declaration: CallableDeclaration, rank: number, training: boolean): void {
  const rigid: Session = {
    ...session,
    dims: new Map(session.dims),
    variables: new Map(),
    init: createEntry('init', 'init'),
    sites: new Set(),
    modelDims: new Map(),
    rigid: true,
  }
  const name = declaration.name.text
  const entry = createEntry(name, 'step')
  const scope = createScope()
  const frame: Frame = { ...entryFrame(rigid, entry, training, name), scope, bodyScope: scope }
  const config = new Map<string, Value>()
  for (const parameter of declaration.config) {
    const value = freeSetting(frame, parameter)
    config.set(parameter.name.text, value)
    bind(scope, parameter.name.text, value)
  }
  for (const generic of genericNames(frame, declaration.inputs))
    bind(scope, generic.name, dimension(symbol(generic.name), { span: generic.span }))
  scope.ellipsis = Array.from({ length: rank }, (_, axis) => symbol(`Axis${axis}`))
  const inputs = new Map<Parameter, Located>()
  for (const parameter of declaration.inputs) {
    const value = freeInput(frame, declaration, parameter)
    if (value) inputs.set(parameter, { value, span: parameter.span })
    else if (parameter.type?.kind === 'tensor') return
  }
  const instance = createInstance({ path: '', role: 'model', model: name, declaration, globals: session.user, config })
  const owns = declaration.kind === 'layer' || declaration.kind === 'model'
  const { span } = declaration.name
  invoke(frame, {
    declaration,
    globals: session.user,
    ...(owns && { instance }),
    config,
    inputs,
    span,
    what: `\`${name}\``,
    ...(declaration.kind === 'optimizer' && {
      extra: new Map([['step', constant(frame, span, 1, 'f32')]]),
      overrides: { statePrefix: { prefix: 'optimizer/', kind: 'optimizer' as const } },
    }),
    ...(declaration.kind === 'metric' && {
      overrides: { metric: metricContext(name, name), statePrefix: { prefix: 'metric/', kind: 'total' as const } },
    }),
  })
}

/** A capitalised setting may be any size; others have their default, or stay unknown. */
function freeSetting(frame: Frame, parameter: Parameter): Value {
  const name = parameter.name.text
  if (/^[A-Z]/.test(name)) return dimension(symbol(name), { span: parameter.name.span })
  if (parameter.value) return evaluate(frame, parameter.value)
  return parameter.type?.kind === 'scalar' && parameter.type.name === 'int' ? integer(1) : errorValue
}

function freeInput(frame: Frame, declaration: CallableDeclaration, parameter: Parameter): Value | undefined {
  const { type, name, span } = parameter
  const sizes = [symbol('P'), symbol('Q')]
  const matrix = { dtype: 'f32' as const, shape: sizes }
  if (type?.kind === 'tensor') {
    const typed = evaluateType(frame, type)
    return (
      typed &&
      emit(
        frame,
        span,
        typed.type,
        { op: 'input', attributes: { name: name.text, type: typed.type } },
        [],
        typed.origins,
      )
    )
  }
  if (type === undefined && declaration.kind === 'initializer') return { kind: 'prototype', type: matrix }
  if (type === undefined && declaration.kind === 'optimizer') {
    const isParameter = parameter === declaration.inputs[0]
    if (isParameter) return { kind: 'variable', name: name.text, type: matrix, updatable: true, origins: [] }
    return emit(frame, span, matrix, { op: 'input', attributes: { name: name.text, type: matrix } }, [])
  }
  return parameter.value ? undefined : freeSetting(frame, parameter)
}
