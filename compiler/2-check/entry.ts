/** One entry point, or the body of a loop in one, while it is being written: a flat list of values. */
import type { CallableDeclaration } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { boundsOf, type DimRange } from '../dimensions/bounds.ts'
import { type Dim, isConstant } from '../dimensions/dimension.ts'
import type { Operation } from '../ops/op.ts'
import type { DType, EntryKind, TensorType } from '../types.ts'
import { capture, rootOf } from './capture.ts'
import type { CheckedEntry, CheckedValue } from './checked.ts'
import type { Instance } from './instance.ts'
import { ElaborationStop, type Frame, report, userPlace } from './session.ts'
import { displayDim, displayType, type Origin, type TensorValue, type VariableReference } from './values.ts'

export const MAXIMUM_VALUES = 200_000
/** Bytes of one tensor at the largest sizes its dimensions may take. */
export const MAXIMUM_TENSOR_BYTES = 2 ** 31

export interface Entry {
  readonly name: string
  readonly kind: EntryKind
  readonly values: CheckedValue[]
  readonly outputs: { name: string; value: number }[]
  /** What reading a variable gives now, and whether that is an update. */
  readonly variables: Map<string, { value: TensorValue; leaf: TensorValue; updated: boolean; total?: boolean }>
  readonly constants: Map<string, TensorValue>
  /** How many random values each instance has drawn. */
  readonly draws: Map<string, number>
  readonly models: Map<CallableDeclaration, Instance>
  /** What reading a variable for the first time gives in place of its value. */
  readonly substitute?: (
    frame: Frame,
    span: Span,
    reference: VariableReference,
    value: TensorValue,
  ) => TensorValue | undefined
  /** Set for the body of a loop. */
  readonly loop?: LoopPlace
}

/** Where a loop's body stands, and what it takes from there. */
export interface LoopPlace {
  readonly parent: Entry
  /** The steps of a scan; absent for `iterate`. */
  readonly length?: Dim
  /** Values of the parent, the axis stepped through first. */
  readonly elements: TensorValue[]
  readonly outside: TensorValue[]
  /** The body's own value for each value of the parent it reads. */
  readonly captured: Map<number, TensorValue>
}

export function createEntry(name: string, kind: EntryKind): Entry {
  return {
    name,
    kind,
    values: [],
    outputs: [],
    variables: new Map(),
    constants: new Map(),
    draws: new Map(),
    models: new Map(),
  }
}

/** The body of a loop: values of its own, all else shared with the entry point it belongs to. */
export function createBody(parent: Entry, length?: Dim): { entry: Entry; place: LoopPlace } {
  const place: LoopPlace = {
    parent,
    ...(length !== undefined && { length }),
    elements: [],
    outside: [],
    captured: new Map(),
  }
  return { entry: { ...parent, values: [], constants: new Map(), loop: place }, place }
}

/**
 * An evaluation stores the totals of metrics only: measuring must not change what training goes on from.
 * @param kept whether it also keeps the new value of a variable
 */
export function finishEntry(entry: Entry, kept: (variable: string) => boolean = () => false): CheckedEntry {
  const updates = [...entry.variables]
    .filter(([variable, state]) => state.updated && (entry.kind !== 'evaluate' || state.total || kept(variable)))
    .map(([variable, state]) => ({ variable, value: state.value.id }))
  return { name: entry.name, kind: entry.kind, values: entry.values, outputs: entry.outputs, updates }
}

/** Appends an operation. Stops the entry when a limit is hit. */
export function emit(
  frame: Frame,
  span: Span,
  type: TensorType,
  operation: Operation,
  operands: readonly TensorValue[],
  origins: readonly (Origin | undefined)[] = [],
): TensorValue {
  for (const operand of operands)
    if (operand.entry !== frame.entry)
      throw new Error(`internal: check: a value of ${operand.entry.name} in ${frame.entry.name}`)
  return append(
    frame,
    span,
    type,
    { kind: 'operation', operands: operands.map((operand) => operand.id), ...operation },
    origins,
  )
}

export function append(
  frame: Frame,
  span: Span,
  type: TensorType,
  form: CheckedValue['form'],
  origins: readonly (Origin | undefined)[],
): TensorValue {
  const { entry } = frame
  if (entry.values.length >= MAXIMUM_VALUES) {
    report(frame, 'NN0262', span, `\`${entry.name}\` needs more than ${MAXIMUM_VALUES.toLocaleString('en')} operations`)
    throw new ElaborationStop()
  }
  checkSize(frame, span, type)
  const place = userPlace(frame, span)
  entry.values.push({ type, span: place.span, ...(place.library && { origin: place.library }), form })
  return { kind: 'tensor', entry, id: entry.values.length - 1, type, origins }
}

/** A scalar constant; equal ones are made once. */
export function constant(frame: Frame, span: Span, value: number, dtype: DType): TensorValue {
  const key = `${dtype} ${Object.is(value, -0) ? '-0' : value}`
  const known = frame.entry.constants.get(key)
  if (known) return known
  const made = emit(frame, span, { dtype, shape: [] }, { op: 'constant', attributes: { value, dtype } }, [])
  frame.entry.constants.set(key, made)
  return made
}

/** The size of a dimension at run time, as an f32 or i32 scalar. */
export function dimensionScalar(frame: Frame, span: Span, dim: Dim, dtype: DType): TensorValue {
  if (isConstant(dim)) return constant(frame, span, dim, dtype)
  const key = `${dtype} dimension ${dim.key}`
  const known = frame.entry.constants.get(key)
  if (known) return known
  const size = emit(frame, span, { dtype: 'i32', shape: [] }, { op: 'dimension', attributes: { dim } }, [])
  const made = dtype === 'i32' ? size : cast(frame, span, size, dtype)
  frame.entry.constants.set(key, made)
  return made
}

export function cast(frame: Frame, span: Span, value: TensorValue, dtype: DType): TensorValue {
  if (value.type.dtype === dtype) return value
  return emit(
    frame,
    span,
    { dtype, shape: value.type.shape },
    { op: 'cast', attributes: { dtype } },
    [value],
    value.origins,
  )
}

/** The variable's value at this point of the entry: what it was before, or the latest update. */
export function readVariable(frame: Frame, span: Span, reference: VariableReference): TensorValue {
  const outside = { ...frame, entry: rootOf(frame.entry) }
  return capture(frame, span, variableState(outside, span, reference).value)
}

export function updateVariable(frame: Frame, span: Span, reference: VariableReference, value: TensorValue): void {
  const state = variableState(frame, span, reference)
  frame.entry.variables.set(reference.name, { ...state, value, updated: true })
}

function variableState(frame: Frame, span: Span, reference: VariableReference) {
  const known = frame.entry.variables.get(reference.name)
  if (known) return known
  const { name, type } = reference
  const stored = emit(frame, span, type, { op: 'variable', attributes: { name, type } }, [], reference.origins)
  const leaf = frame.entry.substitute?.(frame, span, reference, stored) ?? stored
  const state = { value: leaf, leaf, updated: false, total: frame.session.variables.get(name)?.kind === 'total' }
  frame.entry.variables.set(name, state)
  return state
}

function checkSize(frame: Frame, span: Span, type: TensorType): void {
  const negative = type.shape.find((dim) => isConstant(dim) && dim < 0)
  if (negative !== undefined) {
    report(frame, 'NN0261', span, `a tensor ${displayType(type)} has an axis of size ${displayDim(negative)}`, {
      hint: 'sizes begin at 0: look at the constants and subtractions it is made of',
    })
    throw new ElaborationStop()
  }
  if (frame.session.rigid) return
  let bytes = 4
  for (const dim of type.shape) bytes *= isConstant(dim) ? dim : Math.max(0, boundsOf(dim, rangesOf(frame)).maximum)
  if (bytes <= MAXIMUM_TENSOR_BYTES) return
  report(
    frame,
    'NN0260',
    span,
    `a tensor ${displayType(type)} takes ${(bytes / 2 ** 30).toFixed(1)} GiB at its largest; the limit is 2 GiB`,
    { hint: 'lower the ranges of the run-time dimensions (`dim Batch in 1..64`) or the fixed sizes' },
  )
  throw new ElaborationStop()
}

/** The ranges of the run-time dimensions known so far. */
export function rangesOf(frame: Frame): Readonly<Record<string, DimRange>> {
  return Object.fromEntries(frame.session.dims)
}
