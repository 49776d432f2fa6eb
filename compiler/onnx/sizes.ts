import {
  add,
  type Dim,
  dimEqual,
  isConstant,
  multiply,
  type SymbolicDim,
  substitute,
  subtract,
  symbol,
  symbolsOf,
} from '../dimensions/dimension.ts'
import type { Tensor } from './onnx-graph.ts'
import type { OnnxWriter } from './writer.ts'

const one = { dtype: 'i64', shape: [1] } as const

/** Sizes at run time, as ONNX tensors of int64 computed from the shapes of the inputs. */
export interface Sizes {
  /** i64[1] */
  size(dim: Dim): Tensor
  /** i64[rank]; constant if the shape is. */
  shape(dims: readonly Dim[]): Tensor
}

/** A run-time dimension that does not follow from the shapes of the inputs. */
export class UnknownSizeError extends Error {}

export function sizesOf(writer: OnnxWriter, inputs: readonly Tensor[]): Sizes {
  const sources = sizeSources(inputs)
  const known = new Map<string, Tensor>()

  const named = (name: string): Tensor => {
    const existing = known.get(name)
    if (existing) return existing
    const source = sources.get(name)
    if (!source) throw new UnknownSizeError(name)
    const { tensor, axis, rest, factor } = source
    let value = writer.emit('Shape', [tensor], { start: axis, end: axis + 1 }, one)
    if (!dimEqual(rest, 0)) value = writer.emit('Sub', [value, size(rest)], {}, one)
    if (factor !== 1) value = writer.emit('Div', [value, writer.integers([factor])], {}, one)
    known.set(name, value)
    return value
  }

  const sizeOfTerm = (dim: SymbolicDim): Tensor => {
    const [term] = dim.terms
    const factors = term!.factors.map((atom) =>
      atom.kind === 'symbol'
        ? named(atom.name)
        : writer.emit('Div', [size(atom.numerator), size(atom.denominator)], {}, one),
    )
    if (term!.coefficient !== 1) factors.push(writer.integers([term!.coefficient]))
    return factors.reduce((left, right) => writer.emit('Mul', [left, right], {}, one))
  }

  const size = (dim: Dim): Tensor => {
    if (isConstant(dim)) return writer.integers([dim])
    const parts = dim.terms.map((term) => sizeOfTerm({ ...dim, terms: [term], constant: 0 }))
    if (dim.constant !== 0) parts.push(writer.integers([dim.constant]))
    return parts.reduce((left, right) => writer.emit('Add', [left, right], {}, one))
  }

  const shape = (dims: readonly Dim[]): Tensor => {
    if (dims.every(isConstant)) return writer.integers(dims)
    const parts: Tensor[] = []
    let constants: number[] = []
    const flush = (): void => {
      if (constants.length > 0) parts.push(writer.integers(constants))
      constants = []
    }
    for (const dim of dims) {
      if (isConstant(dim)) constants.push(dim)
      else {
        flush()
        parts.push(size(dim))
      }
    }
    flush()
    if (parts.length === 1) return parts[0]!
    return writer.emit('Concat', parts, { axis: 0 }, { dtype: 'i64', shape: [dims.length] })
  }

  return { size, shape }
}

/** An axis of an input that is factor·name + rest long. */
interface SizeSource {
  readonly tensor: Tensor
  readonly axis: number
  readonly factor: number
  readonly rest: Dim
}

/** For each name an axis that gives it, those that need no arithmetic first. */
function sizeSources(inputs: readonly Tensor[]): ReadonlyMap<string, SizeSource> {
  const axes = inputs.flatMap((tensor) => tensor.shape.map((dim, axis) => ({ tensor, axis, dim })))
  const found = new Map<string, SizeSource>()
  for (const { tensor, axis, dim } of axes) {
    const [name] = symbolsOf(dim)
    if (name !== undefined && dimEqual(dim, symbol(name)) && !found.has(name))
      found.set(name, { tensor, axis, factor: 1, rest: 0 })
  }
  for (let before = -1; before < found.size; ) {
    before = found.size
    for (const { tensor, axis, dim } of axes) {
      const unknown = symbolsOf(dim).filter((name) => !found.has(name))
      const linear = unknown.length === 1 ? linearIn(dim, unknown[0]!) : undefined
      if (linear) found.set(unknown[0]!, { tensor, axis, ...linear })
    }
  }
  return found
}

/** dim = factor·name + rest, if it is that with a positive number as the factor. */
function linearIn(dim: Dim, name: string): { readonly factor: number; readonly rest: Dim } | undefined {
  const at = (value: Dim): Dim => substitute(dim, new Map([[name, value]]))
  const rest = at(0)
  const factor = subtract(at(1), rest)
  if (!isConstant(factor) || factor < 1) return undefined
  return dimEqual(add(multiply(factor, symbol(name)), rest), dim) ? { factor, rest } : undefined
}
