/**
 * A kernel while it is being put together: loop axes shared by all stages (`outer`), then stages in order, each an
 * inner loop nest that stores values, accumulates reductions, or (without inner axes) does work once per outer index.
 * Values are one table per draft, in topological order, equal values merged.
 */
import type { Dim } from '../dimensions/dimension.ts'
import type { OpName } from '../ops/op.ts'
import type { DType } from '../types.ts'
import { type Affine, affineKey, renameAxes } from './affine.ts'

export type Reducer = 'sum' | 'max' | 'min' | 'prod' | 'argmax'

export type DraftValue =
  | { readonly kind: 'constant'; readonly dtype: DType; readonly value: number }
  | { readonly kind: 'load'; readonly dtype: DType; readonly buffer: number; readonly offset: Affine }
  /** The value of an affine map itself, i32. */
  | { readonly kind: 'position'; readonly dtype: 'i32'; readonly offset: Affine }
  /** A size, i32. */
  | { readonly kind: 'size'; readonly dtype: 'i32'; readonly dim: Dim }
  /** 0 ≤ offset < limit */
  | { readonly kind: 'inside'; readonly dtype: 'bool'; readonly offset: Affine; readonly limit: Dim }
  | {
      readonly kind: 'random'
      readonly dtype: 'f32'
      readonly distribution: 'uniform' | 'normal'
      readonly site: number
      readonly element: Affine
    }
  | {
      readonly kind: 'operation'
      readonly dtype: DType
      readonly op: OpName
      readonly operandType: DType
      readonly operands: readonly number[]
    }
  /** The result, per outer index, of reducing `operands[0]` over `axes`; argmax: the position along its one axis. */
  | {
      readonly kind: 'reduction'
      readonly dtype: DType
      readonly reducer: Reducer
      readonly operands: readonly number[]
      readonly axes: readonly number[]
    }

export interface DraftStore {
  readonly buffer: number
  readonly offset: Affine
  readonly value: number
  /** Adds to what the buffer holds. */
  readonly accumulate: boolean
}

export interface DraftStage {
  inner: number[]
  reductions: number[]
  stores: DraftStore[]
}

export interface Draft {
  readonly values: DraftValue[]
  readonly known: Map<string, number>
  outer: number[]
  readonly stages: DraftStage[]
  /** Only one stage, no reductions: `outer` is empty and any leading axes could become outer ones. */
  flexible: boolean
  /** The graph nodes whose work is done here, for reports and comments. */
  readonly nodes: Set<number>
}

export function emptyDraft(): Draft {
  return { values: [], known: new Map(), outer: [], stages: [], flexible: true, nodes: new Set() }
}

/** The number of a value in the draft, merged with an equal one. */
export function intern(draft: Draft, value: DraftValue): number {
  const key = valueKey(value)
  const known = draft.known.get(key)
  if (known !== undefined) return known
  draft.values.push(value)
  draft.known.set(key, draft.values.length - 1)
  return draft.values.length - 1
}

const NONE: readonly number[] = []

export function operandsOf(value: DraftValue): readonly number[] {
  return value.kind === 'operation' || value.kind === 'reduction' ? value.operands : NONE
}

/** Every affine map a value reads through. */
export function mapOf(value: DraftValue): Affine | undefined {
  switch (value.kind) {
    case 'load':
    case 'position':
    case 'inside':
      return value.offset
    case 'random':
      return value.element
    default:
      return undefined
  }
}

/** The value with its map replaced. */
export function withMap(value: DraftValue, change: (map: Affine) => Affine): DraftValue {
  switch (value.kind) {
    case 'load':
    case 'position':
    case 'inside':
      return { ...value, offset: change(value.offset) }
    case 'random':
      return { ...value, element: change(value.element) }
    default:
      return value
  }
}

/** The value with operands renumbered and axes renamed. */
export function translateValue(
  value: DraftValue,
  operand: (id: number) => number,
  axes: ReadonlyMap<number, number>,
): DraftValue {
  if (value.kind === 'operation') return { ...value, operands: value.operands.map(operand) }
  if (value.kind === 'reduction')
    return { ...value, operands: value.operands.map(operand), axes: value.axes.map((axis) => axes.get(axis) ?? axis) }
  return withMap(value, (map) => renameAxes(map, axes))
}

/** The numbers of the values some roots need, ascending (operands come before their users). */
export function reachable(values: readonly DraftValue[], roots: Iterable<number>): number[] {
  const needed = new Uint8Array(values.length)
  let last = -1
  for (const id of roots) {
    needed[id] = 1
    if (id > last) last = id
  }
  const ids: number[] = []
  for (let id = last; id >= 0; id--) {
    if (needed[id] === 0) continue
    ids.push(id)
    for (const operand of operandsOf(values[id]!)) needed[operand] = 1
  }
  return ids.reverse()
}

export function stageRoots(stage: DraftStage): number[] {
  return [...stage.reductions, ...stage.stores.map((store) => store.value)]
}

/** The buffers a draft loads from. */
export function buffersRead(draft: Draft): Set<number> {
  const read = new Set<number>()
  for (const id of reachable(draft.values, draft.stages.flatMap(stageRoots))) {
    const value = draft.values[id]!
    if (value.kind === 'load') read.add(value.buffer)
  }
  return read
}

export function buffersWritten(draft: Draft): Set<number> {
  const written = new Set<number>()
  for (const { stores } of draft.stages) for (const { buffer } of stores) written.add(buffer)
  return written
}

function valueKey(value: DraftValue): string {
  switch (value.kind) {
    case 'constant':
      return `c ${value.dtype} ${Object.is(value.value, -0) ? '-0' : value.value}`
    case 'load':
      return `l ${value.buffer} ${affineKey(value.offset)}`
    case 'position':
      return `p ${affineKey(value.offset)}`
    case 'size':
      return `s ${typeof value.dim === 'number' ? value.dim : value.dim.key}`
    case 'inside':
      return `i ${affineKey(value.offset)} < ${typeof value.limit === 'number' ? value.limit : value.limit.key}`
    case 'random':
      return `r ${value.distribution} ${value.site} ${affineKey(value.element)}`
    case 'operation':
      return `o ${value.op} ${value.dtype} ${value.operandType} ${value.operands.join(' ')}`
    case 'reduction':
      return `x ${value.reducer} ${value.operands.join(' ')} over ${value.axes.join(' ')}`
  }
}
