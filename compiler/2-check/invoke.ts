/** Expanding a function, layer or model in place: its body, elaborated with the inputs of one call. */
import type { Block, CallableDeclaration, Expression, Parameter, ResultType, TypeExpression } from '../1-parse/ast.ts'
import type { DiagnosticLabel, Span } from '../diagnostics/diagnostic.ts'
import { type Dim, isConstant, symbolsOf } from '../dimensions/dimension.ts'
import type { Located } from './arithmetic.ts'
import { dtypeOf, isElement, toElement, toTensor } from './arithmetic.ts'
import { differs } from './broadcast.ts'
import { evaluate } from './expressions.ts'
import { attachGradient } from './given-gradient.ts'
import { findGlobal, type Globals } from './globals.ts'
import type { Instance } from './instance.ts'
import { bind, createScope, lookUp } from './scope.ts'
import { type Frame, originLabel, report } from './session.ts'
import { bindInputs, evaluateType } from './signature.ts'
import { runBody } from './statements.ts'
import { describe, displayDim, displayType, errorValue, type Origin, type TensorValue, type Value } from './values.ts'

export const MAXIMUM_CALL_DEPTH = 200

export interface Invocation {
  readonly declaration: CallableDeclaration
  readonly globals: Globals
  readonly instance?: Instance
  readonly config: ReadonlyMap<string, Value>
  readonly inputs: ReadonlyMap<Parameter, Located>
  readonly span: Span
  /** How messages call it: "`fc2`". */
  readonly what: string
  /** Types of the pipeline's stages before, for messages. */
  readonly history?: readonly DiagnosticLabel[]
  /** Names bound besides the parameters: `step` in an optimizer. */
  readonly extra?: ReadonlyMap<string, Value>
  /** Frame settings of the body that differ from the caller's. */
  readonly overrides?: Partial<Frame>
}

export function invoke(caller: Frame, invocation: Invocation): Value {
  const { declaration, globals, instance, config, inputs, span, what } = invocation
  if (!checkDepth(caller, declaration, span)) return errorValue
  caller.session.elaborated.add(declaration)
  const scope = createScope()
  const elementwise = [...inputs.values()].some(({ value }) => isElement(value))
  const { indexed, instance: own, train, steps, loop, expected, statePrefix, ...inherited } = caller
  let base: Frame = {
    ...inherited,
    scope,
    bodyScope: scope,
    globals,
    declaration,
    floorDivision: false,
    callDepth: caller.callDepth + 1,
    caller: { frame: caller, span, name: what },
    ...(instance ? { instance, site: `${instance.path}` } : { site: `${caller.site}/${declaration.name.text}` }),
    ...(elementwise && indexed && { indexed }),
    ...invocation.overrides,
  }
  for (const [name, value] of config) bind(scope, name, value)
  for (const [name, value] of invocation.extra ?? []) bind(scope, name, value)
  const absent = [...(instance ? [] : declaration.config), ...declaration.inputs].filter(
    (parameter) => parameter.value && !inputs.has(parameter) && !scope.bindings.has(parameter.name.text),
  )
  if (!bindInputs(base, caller, declaration, inputs, absent, what, span, invocation.history ?? [])) return errorValue
  for (const [parameter, argument] of inputs)
    if (!scope.bindings.has(parameter.name.text)) bind(scope, parameter.name.text, argument.value)
  if (!checkConstraints(base, caller, declaration, span, what)) return errorValue
  if (declaration.kind === 'model') rememberDims(base, declaration)
  if (declaration.gradient) {
    const inputScope = createScope()
    for (const [name, binding] of scope.bindings) inputScope.bindings.set(name, binding)
    base = { ...base, inputScope }
  }
  const result = runBody(withExpected(base, declaration), declaration.body, declaration)
  const checked = declaration.result ? checkResult(base, declaration.result, result, span, declaration.body) : result
  return declaration.gradient ? attachGradient(base, declaration, declaration.gradient, checked) : checked
}

/** No recursion, and no more calls inside calls than the limit. */
function checkDepth(caller: Frame, declaration: CallableDeclaration, span: Span): boolean {
  for (let frame: Frame | undefined = caller; frame; frame = frame.caller?.frame) {
    if (frame.declaration !== declaration) continue
    report(caller, 'NN0218', span, `\`${declaration.name.text}\` calls itself: ${cycleText(caller, declaration)}`, {
      hint: 'everything is expanded when compiled; `repeat(n)` stacks a layer',
    })
    return false
  }
  if (caller.callDepth < MAXIMUM_CALL_DEPTH) return true
  report(caller, 'NN0262', span, `calls are nested more than ${MAXIMUM_CALL_DEPTH} deep here`)
  return false
}

function cycleText(caller: Frame, declaration: CallableDeclaration): string {
  const names = [declaration.name.text]
  for (let frame: Frame | undefined = caller; frame; frame = frame.caller?.frame) {
    if (frame.declaration) names.unshift(frame.declaration.name.text)
    if (frame.declaration === declaration) break
  }
  return names.join(' → ')
}

function checkConstraints(
  frame: Frame,
  caller: Frame,
  declaration: CallableDeclaration,
  span: Span,
  what: string,
): boolean {
  for (const constraint of declaration.where) {
    const value = evaluate({ ...frame, floorDivision: true }, constraint)
    if (value.kind === 'boolean' && value.value) continue
    if (value.kind === 'error') {
      if (frame.session.rigid) continue
      return false
    }
    const sizes = [...frame.scope.bindings].flatMap(([name, { value: bound }]) =>
      bound.kind === 'number' || bound.kind === 'dimension'
        ? [`${name} = ${bound.kind === 'number' ? bound.value : displayDim(bound.dim)}`]
        : [],
    )
    report(
      caller,
      'NN0207',
      span,
      value.kind === 'boolean'
        ? `${what} does not allow these sizes`
        : `${what} sets a condition that does not hold for every size`,
      {
        labels: [
          { span: constraint.span, message: sizes.length > 0 ? `not so with ${sizes.join(', ')}` : 'this is false' },
        ],
      },
    )
    return false
  }
  return true
}

/** Sizes a model was really used with, for its own entry point. */
function rememberDims(frame: Frame, declaration: CallableDeclaration): void {
  if (frame.session.modelDims.has(declaration)) return
  const sizes = new Map<string, Dim>()
  for (const [name, { value }] of frame.scope.bindings)
    if (value.kind === 'number' && value.integer && /^[A-Z]/.test(name)) sizes.set(name, value.value)
  frame.session.modelDims.set(declaration, sizes)
}

/** Lets `let y[i, j] = …` before `return y` take extents from the declared result. */
export function withExpected(frame: Frame, declaration: Pick<CallableDeclaration, 'body' | 'result'>): Frame {
  const last = declaration.body.statements.at(-1)
  const { result } = declaration
  if (last?.kind !== 'return' || last.value.kind !== 'name' || result?.kind !== 'single') return frame
  if (
    result.type.kind !== 'tensor' ||
    result.type.shape.some((item) => item.kind === 'ellipsis' && !frame.scope.ellipsis)
  )
    return frame
  const generic = result.type.shape.some(
    (item) =>
      item.kind === 'dimension' &&
      item.value.kind === 'name' &&
      !lookUp(frame.scope, item.value.name) &&
      !findGlobal(frame.globals, item.value.name),
  )
  if (generic) return frame
  const typed = evaluateType(frame, result.type)
  return typed ? { ...frame, expected: { name: last.value.name, shape: typed.type.shape } } : frame
}

/** Compares what a body returned with the declared result. */
export function checkResult(frame: Frame, result: ResultType, value: Value, span: Span, body: Block): Value {
  const last = body.statements.at(-1)
  const returned = last?.kind === 'return' ? headOf(last.value) : undefined
  if (value.kind === 'error') return value
  if (result.kind === 'single') return checkType(frame, result.type, value, span, returned)
  if (value.kind !== 'tuple' || value.items.length !== result.items.length)
    return report(
      frame,
      'NN0208',
      result.span,
      `the result is declared as ${result.items.length} values, but the body returns ${describe(value)}`,
      { labels: [returned && { span: returned, message: `this is ${describe(value)}` }] },
    )
  return {
    kind: 'tuple',
    items: result.items.map((item, at) => checkType(frame, item.type, value.items[at]!, span)),
  }
}

/** Compares a value with its declared type; each axis of the result remembers where its size was declared. */
export function checkType(frame: Frame, type: TypeExpression, value: Value, span: Span, returned?: Span): Value {
  if (value.kind === 'error' || type.kind === 'scalar') return value
  const typed = evaluateType(frame, type)
  if (!typed) return errorValue
  const { dtype, shape } = typed.type
  if (isElement(value))
    return toElement(
      frame,
      { value, span: type.span },
      dtypeOf(value) === undefined ? dtype : (dtypeOf(value) ?? dtype),
    )
  if (value.kind === 'tuple') return reportTuple(frame, type, value, returned ?? span)
  const located = { value, span: returned ?? type.span }
  const scalar = value.kind === 'number' || value.kind === 'boolean' || value.kind === 'dimension'
  const tensor = scalar ? toTensor(frame, located, dtype) : toTensor(frame, located)
  if (tensor.kind === 'error') return tensor
  const fits =
    tensor.type.dtype === dtype &&
    tensor.type.shape.length === shape.length &&
    shape.every((dim, axis) => !differs(frame, dim, tensor.type.shape[axis]!))
  if (!fits) {
    const axis =
      tensor.type.shape.length === shape.length
        ? shape.findIndex((dim, at) => differs(frame, dim, tensor.type.shape[at]!))
        : -1
    return report(
      frame,
      'NN0208',
      type.span,
      `declared as ${displayType(typed.type)}, but the value is ${displayType(tensor.type)}`,
      {
        labels: [
          returned && { span: returned, message: `this is ${displayType(tensor.type)}` },
          axis < 0
            ? undefined
            : originLabel(
                tensor.origins[axis],
                (note) => `${displayDim(tensor.type.shape[axis]!)}${note ? ` = ${note}` : ''} comes from here`,
              ),
          axis < 0
            ? undefined
            : originLabel(
                differentPlace(typed.origins[axis], type.span),
                () => `${displayDim(shape[axis]!)} comes from here`,
              ),
        ],
      },
    )
  }
  return {
    ...tensor,
    type: frame.session.rigid ? typed.type : tensor.type,
    origins: resultOrigins(typed.origins, tensor, span),
  }
}

/** Where a message points for a whole expression; for a loop its first word. */
export function headOf({ kind, span }: Expression): Span {
  return kind === 'scan' || kind === 'iterate' ? { ...span, end: span.start + kind.length } : span
}

/** A loop that yields and carries is what most often has more values than are declared. */
function reportTuple(frame: Frame, type: TypeExpression, { items }: Value & { kind: 'tuple' }, span: Span): Value {
  const names = ['y', ...items.slice(1).map((_, at) => `_last${at === 0 ? '' : at + 1}`)].join(', ')
  return report(frame, 'NN0209', span, `one tensor is declared, but this is ${items.length} values`, {
    labels: [{ span: type.span, message: 'declared here' }],
    hint: `take them apart first: \`let (${names}) = …\``,
  })
}

function differentPlace(origin: Origin | undefined, span: Span): Origin | undefined {
  return origin && (origin.span.start !== span.start || origin.span.file !== span.file) ? origin : undefined
}

/** Sizes worked out by a declaration (`H / stride`) are explained by the call; plain ones by where they came from. */
function resultOrigins(declared: readonly Origin[], tensor: TensorValue, span: Span): (Origin | undefined)[] {
  return declared.map((origin, axis) => {
    if (!origin.span.file.startsWith('std/')) return origin
    const own = tensor.origins[axis]
    if (own && !own.span.file.startsWith('std/')) return own
    const dim = tensor.type.shape[axis]!
    return { span, ...(!isConstant(dim) && symbolsOf(dim).length > 1 && { note: displayDim(dim) }) }
  })
}
