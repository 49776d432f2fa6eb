/** Calls and pipelines: what is called, with which arguments, under which name. */
import type {
  CallableDeclaration,
  CallExpression,
  Expression,
  Name,
  PipelineExpression,
  PipelineStage,
} from '../1-parse/ast.ts'
import type { DiagnosticLabel, Span } from '../diagnostics/diagnostic.ts'
import { bindArguments, bindConfig, type CallArgument, givenTwice, tooMany, unknownArgument } from './arguments.ts'
import type { Located } from './arithmetic.ts'
import type { Builtin } from './builtin.ts'
import { builtins } from './builtins/table.ts'
import { evaluate, locate } from './expressions.ts'
import { findGlobal, type Globals } from './globals.ts'
import { createInstance, type Instance, joinPath } from './instance.ts'
import { invoke } from './invoke.ts'
import { applyMetric } from './metrics.ts'
import { type Frame, report } from './session.ts'
import { describe, displayType, type ErrorValue, errorValue, type Value } from './values.ts'

/** Where an instance stands: what owns it in the tree of names, and the name written, if any. */
interface Place {
  readonly owner: object
  readonly index: number
  readonly name?: Name | undefined
  readonly suffix?: string
}

const MAXIMUM_REPEAT = 10_000

export function evaluateCall(frame: Frame, call: CallExpression): Value {
  const callee = evaluate(frame, call.callee)
  const given = evaluateArguments(frame, call)
  const called = call.callee.kind === 'name' ? call.callee.name : undefined
  return applyValue(frame, callee, given, call.callee.span, call.span, { owner: call, index: 0 }, [], called)
}

export function evaluateArguments(frame: Frame, call: CallExpression): CallArgument[] {
  return call.arguments.map((argument) => ({
    ...locate(frame, argument.value),
    ...(argument.name && { name: argument.name }),
  }))
}

/** `use cell = GruCell(H)` */
export function evaluateUse(frame: Frame, target: Expression, owner: object, name: Name): Value {
  const callee = evaluate(frame, target.kind === 'call' ? target.callee : target)
  const given = target.kind === 'call' ? evaluateArguments(frame, target) : []
  if (callee.kind === 'error' || callee.kind === 'instance') return callee
  if (callee.kind === 'callable' && (callee.declaration.kind === 'layer' || callee.declaration.kind === 'model')) {
    const instance = instantiate(frame, callee.declaration, callee.globals, given, target.span, {
      owner,
      index: 0,
      name,
    })
    return instance ? { kind: 'instance', instance } : errorValue
  }
  return report(frame, 'NN0213', target.span, `\`use\` makes an instance of a layer, but this is ${describe(callee)}`, {
    hint: `for a value write \`let ${name.text} = …\``,
  })
}

export function evaluatePipeline(frame: Frame, pipeline: PipelineExpression): Value {
  let current: Located = locate(frame, pipeline.input)
  const history: DiagnosticLabel[] = []
  for (const stage of pipeline.stages) {
    const value = applyStage(frame, stage, current, history.slice(-2))
    if (value.kind === 'tensor') history.push({ span: stage.target.span, message: displayType(value.type) })
    current = { value, span: stage.target.span }
  }
  return current.value
}

function applyStage(frame: Frame, stage: PipelineStage, input: Located, history: readonly DiagnosticLabel[]): Value {
  const { target } = stage
  const callee = evaluateStageTarget(frame, target)
  const given = target.kind === 'call' ? evaluateArguments(frame, target) : []
  const count = stage.repeat ? repeatCount(frame, stage.repeat) : 1
  if (callee.kind === 'error' || count === undefined) return errorValue
  let current = input
  for (let index = 0; index < count; index++) {
    const suffix = stage.repeat ? String(index) : undefined
    const place: Place = { owner: stage, index, name: stage.name, ...(suffix && { suffix }) }
    const value = applyStageOnce(frame, callee, target, given, current, place, history)
    current = { value, span: target.span }
  }
  return current.value
}

/** A layer with its settings, and what flows beside the pipeline still to come: `x |> cross: Attention(4)(memory)`. */
interface SetLayer {
  readonly kind: 'set-layer'
  readonly declaration: CallableDeclaration
  readonly globals: Globals
  readonly settings: readonly CallArgument[]
}

/** What a stage applies. The layer of `Layer(settings)(inputs)` is made by the stage, which names and repeats it. */
function evaluateStageTarget(frame: Frame, target: Expression): Value | SetLayer {
  if (target.kind !== 'call') return evaluate(frame, target)
  const { callee } = target
  if (callee.kind !== 'call') return evaluate(frame, callee)
  const layer = evaluate(frame, callee.callee)
  if (layer.kind === 'error') return layer
  const { declaration } = layer.kind === 'callable' ? layer : {}
  const settable =
    (declaration?.kind === 'layer' || declaration?.kind === 'model') &&
    (declaration.config.length > 0 || callee.arguments.length === 0)
  if (layer.kind !== 'callable' || !settable) return evaluate(frame, callee)
  return { ...layer, kind: 'set-layer', settings: evaluateArguments(frame, callee) }
}

function applyStageOnce(
  frame: Frame,
  callee: Exclude<Value, ErrorValue> | SetLayer,
  target: Expression,
  given: readonly CallArgument[],
  input: Located,
  place: Place,
  history: readonly DiagnosticLabel[],
): Value {
  const calleeSpan = target.kind === 'call' ? target.callee.span : target.span
  const isLayer =
    callee.kind === 'callable' && (callee.declaration.kind === 'layer' || callee.declaration.kind === 'model')
  if (!isLayer && callee.kind !== 'set-layer')
    return applyValue(frame, callee, [input, ...given], calleeSpan, target.span, place, history)
  const { declaration, globals } = callee
  // Without fixed settings the arguments after the first flow too: `x |> mix(y)`.
  const flowing = callee.kind === 'set-layer' || declaration.config.length === 0
  const settings = callee.kind === 'set-layer' ? callee.settings : flowing ? [] : given
  const instance = instantiate(frame, declaration, globals, settings, target.span, place)
  if (!instance) return errorValue
  return applyInstance(frame, instance, flowing ? [input, ...given] : [input], target.span, place.name?.text, history)
}

function repeatCount(frame: Frame, expression: Expression): number | undefined {
  const value = evaluate(frame, expression)
  if (value.kind === 'error') return undefined
  if (value.kind === 'number' && Number.isInteger(value.value) && value.value >= 0 && value.value <= MAXIMUM_REPEAT)
    return value.value
  report(
    frame,
    'NN0215',
    expression.span,
    `\`repeat\` needs a whole number from 0 to ${MAXIMUM_REPEAT}, known when compiled, but this is ${describe(value)}`,
  )
  return undefined
}

function applyValue(
  frame: Frame,
  callee: Value,
  given: readonly CallArgument[],
  calleeSpan: Span,
  span: Span,
  place: Place,
  history: readonly DiagnosticLabel[] = [],
  called?: string,
): Value {
  switch (callee.kind) {
    case 'error':
      return callee
    case 'builtin':
      return applyBuiltin(frame, callee.builtin, given, span)
    case 'instance':
      return applyInstance(frame, callee.instance, given, span, undefined, history)
    case 'callable':
      return applyCallable(frame, callee.declaration, callee.globals, given, calleeSpan, span, place, history)
    default:
      return report(frame, 'NN0213', calleeSpan, `${describe(callee)} cannot be called`, {
        hint:
          called && isFunction(frame, called)
            ? `this \`${called}\` hides the function of that name: give it another`
            : undefined,
      })
  }
}

function isFunction(frame: Frame, name: string): boolean {
  return builtins.has(name) || findGlobal(frame.globals, name)?.declaration.kind === 'fn'
}

function applyCallable(
  frame: Frame,
  declaration: CallableDeclaration,
  globals: Globals,
  given: readonly CallArgument[],
  calleeSpan: Span,
  span: Span,
  place: Place,
  history: readonly DiagnosticLabel[],
): Value {
  const name = declaration.name.text
  switch (declaration.kind) {
    case 'fn': {
      const inputs = bindArguments(
        frame,
        [...declaration.config, ...declaration.inputs],
        given,
        `\`${name}\``,
        span,
        declaration,
      )
      if (!inputs) return errorValue
      return invoke(frame, {
        declaration,
        globals,
        config: new Map(),
        inputs: inputs.parameters,
        span,
        what: `\`${name}\``,
        history,
      })
    }
    case 'layer':
    case 'model': {
      const settingsOnly = declaration.config.length > 0 || (given.length === 0 && declaration.inputs.length > 0)
      const instance = instantiate(frame, declaration, globals, settingsOnly ? given : [], span, place)
      if (!instance) return errorValue
      return settingsOnly
        ? { kind: 'instance', instance }
        : applyInstance(frame, instance, given, span, undefined, history)
    }
    case 'initializer': {
      const config = bindConfig(frame, declaration, globals, given, span)
      return config ? { kind: 'initializer', declaration, globals, config } : errorValue
    }
    case 'metric':
      return applyMetric(frame, declaration, globals, given, span)
    case 'optimizer':
      return report(frame, 'NN0213', calleeSpan, `the optimizer \`${name}\` cannot be called`, {
        hint: `write \`optimizer ${name}(…)\` in a train block`,
      })
  }
}

function applyBuiltin(frame: Frame, builtin: Builtin, given: readonly CallArgument[], span: Span): Value {
  const named: Record<string, Located> = {}
  let position = 0
  for (const argument of given) {
    if (argument.value.kind === 'error') return errorValue
    const parameter = argument.name
      ? builtin.parameters.find((candidate) => candidate.name === argument.name!.text)
      : builtin.parameters[position++]
    if (!parameter)
      return argument.name
        ? unknownArgument(
            frame,
            argument.name,
            builtin.parameters.map(({ name }) => name),
            `\`${builtin.name}\``,
          )
        : tooMany(frame, argument.span, `\`${builtin.name}\``, builtin.parameters.length)
    if (Object.hasOwn(named, parameter.name))
      return givenTwice(frame, argument, parameter.name, `it is called as \`${builtin.signature}\``)
    named[parameter.name] = argument
  }
  const missing = builtin.parameters.find(({ name, optional }) => !optional && !Object.hasOwn(named, name))
  if (missing)
    return report(frame, 'NN0210', span, `\`${builtin.name}\` needs \`${missing.name}\``, {
      hint: `it is called as \`${builtin.signature}\``,
    })
  return builtin.apply({ frame, span, name: builtin.name, arguments: named })
}

function applyInstance(
  frame: Frame,
  instance: Instance,
  given: readonly CallArgument[],
  span: Span,
  label: string | undefined,
  history: readonly DiagnosticLabel[] = [],
): Value {
  const { declaration, globals } = instance
  if (!declaration || !globals) throw new Error('internal: check: an instance without a declaration')
  const what = `\`${label ?? declaration.name.text}\``
  const inputs = bindArguments(frame, declaration.inputs, given, what, span, declaration)
  if (!inputs) return errorValue
  return invoke(frame, {
    declaration,
    globals,
    instance,
    config: instance.config,
    inputs: inputs.parameters,
    span,
    what,
    history,
  })
}

/** The instance at a place: made once, found again when the body around it is elaborated again. */
export function instantiate(
  frame: Frame,
  declaration: CallableDeclaration,
  globals: Globals,
  given: readonly CallArgument[],
  span: Span,
  place: Place,
): Instance | undefined {
  const config = bindConfig(frame, declaration, globals, given, span)
  if (!config) return undefined
  if (declaration.kind === 'model') return modelInstance(frame, declaration, globals, config, span)
  const parent = frame.instance
  const known = parent?.children.get(place.owner)?.[place.index]
  if (known) {
    known.config = config
    return known
  }
  const base = parent ? childName(frame, parent, declaration, place, span) : declaration.name.text
  const name = place.suffix ? `${base}.${place.suffix}` : base
  const instance = createInstance({
    path: joinPath(parent?.path ?? '', name),
    role: 'layer',
    declaration,
    globals,
    config,
    ...(parent?.model !== undefined && { model: parent.model }),
    ...(!place.name && { unnamed: { span, reported: false } }),
  })
  if (parent) {
    const siblings = parent.children.get(place.owner) ?? []
    siblings[place.index] = instance
    parent.children.set(place.owner, siblings)
  }
  return instance
}

/** A model exists once in an entry, however often it is called. */
function modelInstance(
  frame: Frame,
  declaration: CallableDeclaration,
  globals: Globals,
  config: ReadonlyMap<string, Value>,
  span: Span,
): Instance | undefined {
  const known = frame.entry.models.get(declaration)
  if (known) {
    known.config = config
    return known
  }
  const name = declaration.name.text
  const { modelNames, severalModels } = frame.session
  const namesake = modelNames.get(name)
  if (namesake && namesake !== declaration) {
    report(
      frame,
      'NN0202',
      span,
      `two models are called \`${name}\`, so that their parameters would have the same paths`,
      {
        labels: [
          { span: namesake.name.span, message: 'this one' },
          { span: declaration.name.span, message: 'and this one' },
        ],
      },
    )
    return undefined
  }
  modelNames.set(name, declaration)
  const path = severalModels ? name : ''
  const instance = createInstance({ path, role: 'model', model: name, declaration, globals, config })
  frame.entry.models.set(declaration, instance)
  return instance
}

/** The written name, or the layer's in lower case with a number where that is taken. */
function childName(frame: Frame, parent: Instance, declaration: CallableDeclaration, place: Place, span: Span): string {
  // Under a name that is taken already, what follows would be compared with another layer's parameters.
  if (place.name && claimName(frame, parent, place.name.text, place.owner, place.name.span)) return place.name.text
  const base = place.name?.text ?? declaration.name.text.toLowerCase()
  const owned = (name: string): boolean => parent.names.get(name)?.owner === place.owner
  let name = base
  for (let count = 2; parent.names.has(name) && !owned(name); count++) name = `${base}${count}`
  if (!parent.names.has(name)) parent.names.set(name, { owner: place.owner, span })
  return name
}

/** Registers a name under an instance; a second owner is an error, as checkpoints could not tell them apart, and gives false. */
export function claimName(frame: Frame, instance: Instance, name: string, owner: object, span: Span): boolean {
  const known = instance.names.get(name)
  if (!known) instance.names.set(name, { owner, span })
  if (!known || known.owner === owner) return true
  report(frame, 'NN0202', span, `\`${name}\` is already the name of another part of this layer`, {
    labels: [{ span: known.span, message: 'first used here' }],
    hint: 'names become parameter paths in checkpoints: choose another one',
  })
  return false
}
