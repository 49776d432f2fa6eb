/** What one run of the checker shares, and the frame every piece of elaboration works in. */
import type { CallableDeclaration, Name } from '../1-parse/ast.ts'
import type { Diagnostic, DiagnosticCode, DiagnosticLabel, Span } from '../diagnostics/diagnostic.ts'
import type { Dim } from '../dimensions/dimension.ts'
import type { Hyper, MetricTraits, RuntimeDim, Variable } from '../types.ts'
import type { Entry } from './entry.ts'
import type { Globals } from './globals.ts'
import type { IndexContext } from './index-context.ts'
import type { Instance } from './instance.ts'
import type { MetricContext } from './metrics.ts'
import type { Scope } from './scope.ts'
import { type ErrorValue, errorValue, type Origin, type TensorValue, type Value } from './values.ts'

export interface Session {
  readonly diagnostics: Diagnostic[]
  /** One report per code and place, however often a layer is elaborated. */
  readonly reported: Set<string>
  readonly user: Globals
  readonly library: Globals
  readonly settings: Readonly<Record<string, number>>
  readonly dims: Map<string, RuntimeDim>
  readonly hypers: Map<string, Hyper>
  readonly variables: Map<string, VariableRecord>
  readonly init: Entry
  readonly sites: Set<number>
  /** Callables whose body has been elaborated at least once. */
  readonly elaborated: Set<CallableDeclaration>
  /** The constant sizes a model's generic dimensions had when it was called, for the model's own entry. */
  readonly modelDims: Map<CallableDeclaration, ReadonlyMap<string, Dim>>
  /** The last train block that trains each parameter, and where its average is kept, if it is. */
  readonly trainers: Map<string, { readonly train: Name; readonly averaged: Span | undefined }>
  /** The parameters some train block trains or freezes. */
  readonly settled: Set<string>
  readonly severalModels: boolean
  /** The model that has each name: names begin the paths of parameters. */
  readonly modelNames: Map<string, CallableDeclaration>
  /** Declarations are being checked with sizes nobody has chosen. */
  readonly rigid: boolean
  readonly progress: { expressionDepth: number; evaluations: number }
}

export interface VariableRecord extends Variable {
  readonly span: Span
  readonly origins: readonly (Origin | undefined)[]
}

export interface Frame {
  readonly session: Session
  readonly entry: Entry
  readonly scope: Scope
  /** The scope of the whole body, where `param` and `state` inside `when` are declared too. */
  readonly bodyScope: Scope
  readonly globals: Globals
  readonly training: boolean
  readonly instance?: Instance
  /** Names the random sites of this body. */
  readonly site: string
  readonly caller?: { readonly frame: Frame; readonly span: Span; readonly name: string }
  readonly declaration?: CallableDeclaration
  /** The inputs of a function with a gradient of its own, under their names. */
  readonly inputScope?: Scope
  readonly callDepth: number
  /** Inside index notation. */
  readonly indexed?: IndexContext
  /** In shapes, `where` and subscripts `/` is floor division. */
  readonly floorDivision?: boolean
  /** Inside `init`, tensors of other entries are only types. */
  readonly initializing?: boolean
  /** What `state` in an optimizer, a metric or a train block is named after. */
  readonly statePrefix?: { readonly prefix: string; readonly kind: 'optimizer' | 'state' | 'total' }
  readonly train?: TrainContext
  /** The metric of a train block whose value is being elaborated. */
  readonly metric?: MetricContext
  /** The train block whose `step` is known here, in the bodies of its loops too. */
  readonly steps?: TrainContext
  /** Inside the body of a loop. */
  readonly loop?: LoopContext
  /** The declared result, so that an index no read fixes gets its extent from it. */
  readonly expected?: { readonly name: string; readonly shape: readonly Dim[] }
}

/** Filled while a train block's statements are elaborated. */
export interface TrainContext {
  readonly name: string
  /** `step` as an f32 scalar, once something has read it. */
  step?: TensorValue
  loss?: { readonly value: TensorValue | ErrorValue; readonly span: Span }
  readonly metrics: Measure[]
}

/** One `metric name = …`. */
export interface Measure {
  readonly name: string
  readonly value: Value
  readonly span: Span
  /** Whether the value is of the epoch so far; of one batch, to be averaged, otherwise. */
  readonly ofEpoch: boolean
  readonly traits: MetricTraits
}

/** Filled by the `yield` of a loop's body. */
export interface LoopContext {
  readonly keyword: 'scan' | 'iterate'
  readonly carries: readonly { readonly name: Name; readonly first: TensorValue | ErrorValue }[]
  result?: { readonly yields: readonly TensorValue[]; readonly carries: readonly TensorValue[] } | ErrorValue
}

export interface ReportOptions {
  readonly labels?: readonly (DiagnosticLabel | undefined)[]
  readonly hint?: string | undefined
  readonly severity?: 'error' | 'warning'
}

/** Elaboration of an entry cannot go on (a limit was hit); caught where the entry began. */
export class ElaborationStop extends Error {}

/** Records a diagnostic. A place inside the standard library is shown as a label of the user's call. */
export function report(
  frame: Frame,
  code: DiagnosticCode,
  span: Span,
  message: string,
  options: ReportOptions = {},
): ErrorValue {
  const place = userPlace(frame, span)
  const labels = (options.labels ?? []).filter((label) => label !== undefined)
  if (place.library) labels.unshift({ span: place.library, message: `in the standard library's ${place.name}` })
  addDiagnostic(frame.session, {
    code,
    severity: options.severity ?? 'error',
    span: place.span,
    message,
    labels,
    ...(options.hint !== undefined && { hint: options.hint }),
  })
  return errorValue
}

export function addDiagnostic(session: Pick<Session, 'diagnostics' | 'reported'>, diagnostic: Diagnostic): void {
  const key = `${diagnostic.code} ${diagnostic.span.file} ${diagnostic.span.start} ${diagnostic.span.end}`
  if (session.reported.has(key)) return
  session.reported.add(key)
  session.diagnostics.push(diagnostic)
}

export function isLibrarySpan(span: Span): boolean {
  return span.file.startsWith('std/')
}

/** The innermost place in the user's own file, and the library's place if that is where it happened. */
export function userPlace(frame: Frame, span: Span): { span: Span; library?: Span; name?: string } {
  if (!isLibrarySpan(span)) return { span }
  let current: Frame | undefined = frame
  let name: string | undefined
  while (current?.caller) {
    name ??= current.declaration && `\`${current.declaration.name.text}\``
    if (!isLibrarySpan(current.caller.span)) return { span: current.caller.span, library: span, name }
    current = current.caller.frame
  }
  return { span }
}

export function originLabel(
  origin: Origin | undefined,
  message: (note: string | undefined) => string,
): DiagnosticLabel | undefined {
  return origin && { span: origin.span, message: message(origin.note) }
}
