/** What a name means where it stands. */
import type { CallableDeclaration, ConstDeclaration, HyperDeclaration } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { symbol } from '../dimensions/dimension.ts'
import type { Hyper } from '../types.ts'
import { builtins } from './builtins/table.ts'
import { capture, rootOf } from './capture.ts'
import { emit, readVariable } from './entry.ts'
import { evaluate } from './expressions.ts'
import { findGlobal, type Globals, globalNames } from './globals.ts'
import { knownElsewhere } from './known-elsewhere.ts'
import { bind, createScope, lookUp, namesIn } from './scope.ts'
import { type Frame, report } from './session.ts'
import { readStep } from './step-count.ts'
import { describe, dimension, displayDim, errorValue, float, isStatic, type Value } from './values.ts'

/** The run-time range of a dimension without a declared one. */
export const DEFAULT_RANGE = { minimum: 1, maximum: 512 } as const

/** Names that are always there. */
const predefined: Readonly<Record<string, (frame: Frame) => Value>> = {
  training: (frame) => ({ kind: 'boolean', value: frame.training }),
  inf: () => float(Number.POSITIVE_INFINITY),
  pi: () => float(Math.PI),
}

export function resolveName(frame: Frame, name: string, span: Span): Value {
  return findName(frame, name, span) ?? unknownName(frame, name, span)
}

/** The value of a name, or undefined if nothing is called so. */
export function findName(frame: Frame, name: string, span: Span): Value | undefined {
  const binding = lookUp(frame.scope, name)
  if (binding) return visible(frame, span, binding.value)
  const global = findGlobal(frame.globals, name)
  if (global) {
    const { declaration, globals } = global
    switch (declaration.kind) {
      case 'const':
        return evaluateConst(frame, declaration, globals)
      case 'hyper':
        return readHyper(frame, declaration, span)
      case 'dim':
        return dimension(symbol(declaration.name.text), { span: declaration.name.span })
      default:
        return { kind: 'callable', declaration: declaration satisfies CallableDeclaration, globals }
    }
  }
  if (frame.globals.missing.has(name)) return errorValue
  if (Object.hasOwn(predefined, name)) return predefined[name]!(frame)
  if (name === 'step' && frame.steps) {
    if (frame.initializing) return { kind: 'prototype', type: { dtype: 'f32', shape: [] } }
    return capture(frame, span, readStep({ ...frame, entry: rootOf(frame.entry) }, frame.steps, span))
  }
  const builtin = builtins.get(name)
  return builtin && { kind: 'builtin', builtin }
}

/**
 * Variables are read at their present value; a loop's body captures what it reads from outside; from `init`, tensors of
 * other entries are only shapes.
 */
function visible(frame: Frame, span: Span, value: Value): Value {
  if (value.kind === 'variable')
    return frame.initializing ? { kind: 'prototype', type: value.type } : readVariable(frame, span, value)
  if (value.kind === 'tensor' && value.entry !== frame.entry)
    return frame.initializing ? { kind: 'prototype', type: value.type } : capture(frame, span, value)
  if ((value.kind === 'tuple' || value.kind === 'list') && frame.entry.loop)
    return { kind: value.kind, items: value.items.map((item) => visible(frame, span, item)) }
  return value
}

function unknownName(frame: Frame, name: string, span: Span): Value {
  const candidates = [
    ...namesIn(frame.scope).filter((own) => !reportedBefore(frame, own)),
    ...globalNames(frame.globals),
    ...Object.keys(predefined),
    ...(frame.steps ? ['step'] : []),
    ...builtins.keys(),
  ]
  const elsewhere = knownElsewhere(name)
  const similar = suggest(name, candidates)
  // A single small letter in a subscript is an index nobody bound, whatever dimension has the capital.
  const index = frame.floorDivision && /^[a-z]$/.test(name)
  const suggestion = elsewhere
    ? `here one writes \`${elsewhere}\``
    : similar && !index && `did you mean \`${similar}\`?`
  // Said once in a body.
  bind(frame.bodyScope, name, errorValue)
  if (frame.indexed && frame.floorDivision) {
    const meant = similar && lookUp(frame.scope, similar)?.value.kind === 'affine' && `did you mean \`${similar}\`?`
    return report(frame, 'NN0219', span, `\`${name}\` is not an index here`, {
      hint: meant || `bind it on the left (\`let y[${name}] = …\`) or in a reduction (\`sum[${name}](…)\`)`,
    })
  }
  return report(frame, 'NN0201', span, `there is nothing called \`${name}\` here`, {
    hint:
      (suggestion || undefined) ??
      (/^[A-Z]/.test(name)
        ? `declare it: \`const ${name} = …\`, or name it in the signature`
        : frame.floorDivision
          ? `sizes begin with a capital letter; an index is bound on the left, \`let y[${name}] = …\``
          : undefined),
  })
}

/** A name that is bound to nothing but the report about it. */
function reportedBefore(frame: Frame, name: string): boolean {
  const known = lookUp(frame.scope, name)
  return known?.value.kind === 'error' && !known.span
}

/** The constant's value, evaluated once; `--set` decides where it names the constant. */
export function evaluateConst(frame: Frame, declaration: ConstDeclaration, globals: Globals): Value {
  const name = declaration.name.text
  if (globals.evaluated.has(name)) {
    const known = globals.evaluated.get(name)
    return known ? known.value : report(frame, 'NN0218', declaration.name.span, `\`${name}\` is defined through itself`)
  }
  globals.evaluated.set(name, undefined)
  const value = constValue(frame, declaration, globals)
  globals.evaluated.set(name, { value })
  return value
}

function constValue(frame: Frame, declaration: ConstDeclaration, globals: Globals): Value {
  const { session } = frame
  const name = declaration.name.text
  if (globals === session.user && Object.hasOwn(session.settings, name)) {
    const value = session.settings[name]!
    return {
      kind: 'number',
      value,
      integer: Number.isInteger(value),
      origin: { span: declaration.name.span, note: '--set' },
    }
  }
  const scope = createScope()
  const value = evaluate({ ...globalFrame(frame, globals), scope, bodyScope: scope }, declaration.value)
  if (value.kind === 'error') return value
  if (!isStatic(value))
    return report(
      frame,
      'NN0215',
      declaration.value.span,
      `a constant must be known when compiled, but this is ${describe(value)}`,
    )
  if (value.kind === 'number' && !value.origin) return { ...value, origin: { span: declaration.value.span } }
  return value
}

/** A frame outside every body, for declarations of a file. */
function globalFrame(frame: Frame, globals: Globals): Frame {
  const { session, callDepth } = frame
  const scope = createScope()
  return {
    session,
    entry: session.init,
    scope,
    bodyScope: scope,
    globals,
    training: false,
    site: '',
    callDepth,
    initializing: true,
  }
}

function readHyper(frame: Frame, declaration: HyperDeclaration, span: Span): Value {
  const name = declaration.name.text
  const hyper = frame.session.hypers.get(name)
  if (!hyper) return errorValue
  const key = `hyper ${name}`
  const entry = rootOf(frame.entry)
  const known = entry.constants.get(key)
  if (known) return capture(frame, span, known)
  const type = { dtype: 'f32', shape: [] } as const
  const made = emit({ ...frame, entry }, span, type, { op: 'hyper', attributes: { name } }, [])
  entry.constants.set(key, made)
  return capture(frame, span, made)
}

/** Default and range of a hyper; reports what is wrong with them. */
export function evaluateHyper(frame: Frame, declaration: HyperDeclaration, globals: Globals): Hyper | undefined {
  const at = globalFrame(frame, globals)
  const number = (expression: HyperDeclaration['value']): number | undefined => {
    const value = evaluate(at, expression)
    if (value.kind === 'number') return value.value
    if (value.kind !== 'error')
      report(frame, 'NN0215', expression.span, `expected a number, but this is ${describe(value)}`)
    return undefined
  }
  const name = declaration.name.text
  const written = number(declaration.value)
  const setting = Object.hasOwn(frame.session.settings, name) ? frame.session.settings[name] : undefined
  const value = setting ?? written
  const { range, scale } = declaration
  if (!range) return value === undefined ? undefined : { name, default: value, scale }
  const minimum = number(range.from)
  const maximum = number(range.to)
  if (value === undefined || minimum === undefined || maximum === undefined) return undefined
  if (minimum > maximum || (scale === 'log' && minimum <= 0)) {
    report(
      frame,
      'NN0250',
      range.span,
      `the range ${minimum}..${maximum} is ${minimum > maximum ? 'empty' : 'not positive, as `log` needs'}`,
    )
    return undefined
  }
  if (value < minimum || value > maximum)
    report(
      frame,
      'NN0250',
      declaration.value.span,
      `\`${name}\` = ${value} lies outside its range ${minimum}..${maximum}`,
    )
  return { name, default: value, minimum, maximum, scale }
}

/** The range of `dim Batch in 1..512`. */
export function evaluateRange(
  frame: Frame,
  globals: Globals,
  range: { readonly from: HyperDeclaration['value']; readonly to: HyperDeclaration['value']; readonly span: Span },
): { minimum: number; maximum: number } {
  const at = globalFrame(frame, globals)
  const bound = (expression: HyperDeclaration['value']): number | undefined => {
    const value = evaluate(at, expression)
    if (value.kind === 'error') return undefined
    if (value.kind === 'number' && Number.isInteger(value.value) && value.value >= 0) return value.value
    report(
      frame,
      'NN0250',
      expression.span,
      `a size must be a whole number, but this is ${value.kind === 'dimension' ? displayDim(value.dim) : describe(value)}`,
    )
    return undefined
  }
  const minimum = bound(range.from)
  const maximum = bound(range.to)
  if (minimum === undefined || maximum === undefined) return DEFAULT_RANGE
  if (minimum > maximum || maximum < 1 || maximum > 2 ** 31 - 1) {
    report(frame, 'NN0250', range.span, `${minimum}..${maximum} is not a range of sizes`, {
      hint: 'the smallest size comes first: `dim Batch in 1..512`',
    })
    return DEFAULT_RANGE
  }
  return { minimum, maximum }
}
