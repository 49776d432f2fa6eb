/** What names and expressions stand for while a program is elaborated. */
import type { CallableDeclaration } from '../1-parse/ast.ts'
import type { Span } from '../diagnostics/diagnostic.ts'
import { type Dim, isConstant, type SymbolicDim } from '../dimensions/dimension.ts'
import type { DType, EpochStatistic, TensorType } from '../types.ts'
import type { Builtin } from './builtin.ts'
import type { AffineSubscript, IndexedExpression } from './checked.ts'
import type { Entry } from './entry.ts'
import type { Globals } from './globals.ts'
import type { IndexContext } from './index-context.ts'
import type { Instance } from './instance.ts'

/** Where a size was decided, for the labels of shape errors. */
export interface Origin {
  readonly span: Span
  readonly note?: string
}

export type Value =
  | NumberValue
  | DimensionValue
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | TensorValue
  | PrototypeValue
  | ElementValue
  | AffineValue
  | { readonly kind: 'tuple'; readonly items: readonly Value[] }
  | { readonly kind: 'list'; readonly items: readonly Value[] }
  | VariableReference
  | { readonly kind: 'instance'; readonly instance: Instance }
  | { readonly kind: 'callable'; readonly declaration: CallableDeclaration; readonly globals: Globals }
  | { readonly kind: 'builtin'; readonly builtin: Builtin }
  | InitializerValue
  | StatisticValue
  | ErrorValue

/** Known when compiled. Whole numbers written without a point keep their integer nature. */
export interface NumberValue {
  readonly kind: 'number'
  readonly value: number
  readonly integer: boolean
  readonly origin?: Origin
}

/** A size that depends on run-time (or generic) dimensions. Sizes that do not are {@link NumberValue}s. */
export interface DimensionValue {
  readonly kind: 'dimension'
  readonly dim: SymbolicDim
  readonly origin?: Origin
}

export interface TensorValue {
  readonly kind: 'tensor'
  readonly entry: Entry
  /** Position in the entry's values. */
  readonly id: number
  readonly type: TensorType
  /** Where each axis got its size; shorter than the shape where unknown. */
  readonly origins: readonly (Origin | undefined)[]
}

/** Only a type: the parameter an initializer fills, or a tensor of another entry seen from `init`. */
export interface PrototypeValue {
  readonly kind: 'prototype'
  readonly type: TensorType
}

/** One element inside index notation. */
export interface ElementValue {
  readonly kind: 'element'
  readonly context: IndexContext
  readonly expression: IndexedExpression
  readonly dtype: DType
  /** Operations in the expression, repeated parts counted each time; 1 where absent. */
  readonly size?: number
}

/** An index, or an affine combination of indices. */
export interface AffineValue {
  readonly kind: 'affine'
  readonly context: IndexContext
  readonly subscript: AffineSubscript
}

/** A name that reads a param, a state, or an optimizer's `p`; reading sees earlier updates. */
export interface VariableReference {
  readonly kind: 'variable'
  readonly name: string
  readonly type: TensorType
  readonly updatable: boolean
  readonly origins: readonly (Origin | undefined)[]
}

/** `uniform(-1.0, 1.0)`: an initializer with its settings, waiting for the parameter. */
export interface InitializerValue {
  readonly kind: 'initializer'
  readonly declaration: CallableDeclaration
  readonly globals: Globals
  readonly config: ReadonlyMap<string, Value>
}

/** The value of a metric that needs all values of an epoch. */
export interface StatisticValue {
  readonly kind: 'statistic'
  readonly statistic: EpochStatistic
  readonly columns: readonly TensorValue[]
}

/** The result of something already reported; everything made from it stays silent. */
export interface ErrorValue {
  readonly kind: 'error'
}

export const errorValue: ErrorValue = { kind: 'error' }

export function integer(value: number, origin?: Origin): NumberValue {
  return { kind: 'number', value, integer: true, ...(origin && { origin }) }
}

export function float(value: number): NumberValue {
  return { kind: 'number', value, integer: false }
}

export function dimension(dim: Dim, origin?: Origin): NumberValue | DimensionValue {
  return isConstant(dim) ? integer(dim, origin) : { kind: 'dimension', dim, ...(origin && { origin }) }
}

/** The size a value stands for, if it is one. */
export function dimOf(value: Value): Dim | undefined {
  if (value.kind === 'dimension') return value.dim
  return value.kind === 'number' && Number.isInteger(value.value) ? value.value : undefined
}

export function isStatic(value: Value): boolean {
  return value.kind === 'number' || value.kind === 'boolean' || value.kind === 'dimension' || value.kind === 'string'
}

/** A noun phrase for messages: "a tensor f32[Batch, 10]". */
export function describe(value: Value): string {
  switch (value.kind) {
    case 'number':
      return `the number ${value.value}`
    case 'dimension':
      return `the dimension ${displayDim(value.dim)}`
    case 'boolean':
      return String(value.value)
    case 'string':
      return 'a string'
    case 'tensor':
    case 'variable':
    case 'prototype':
      return `a tensor ${displayType(value.type)}`
    case 'element':
      return `an element of type ${value.dtype}`
    case 'affine':
      return 'an index'
    case 'tuple':
      return `a tuple of ${value.items.length} values`
    case 'list':
      return 'a list'
    case 'instance':
      return `the layer ${value.instance.declaration?.name.text ?? ''}`
    case 'callable':
      return `${article(value.declaration.kind)} ${value.declaration.kind}`
    case 'builtin':
      return 'a function'
    case 'initializer':
      return 'an initializer'
    case 'statistic':
      return 'a statistic of a whole epoch'
    case 'error':
      return 'an error'
  }
}

export function displayType(type: TensorType): string {
  return type.shape.length === 0 ? type.dtype : `${type.dtype}${displayShape(type.shape)}`
}

export function displayShape(shape: readonly Dim[]): string {
  return `[${shape.map(displayDim).join(', ')}]`
}

/** Unknown generic names carry a mark inside the checker that users never see. */
export function displayDim(dim: Dim): string {
  return isConstant(dim) ? String(dim) : dim.key.replaceAll('?', '')
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? 'an' : 'a'
}
