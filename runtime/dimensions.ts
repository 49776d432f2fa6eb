import { ModelError } from './error.ts'
import type { FlatInput } from './flatten.ts'
import type { Manifest, ManifestSize, ManifestTensor } from './manifest.ts'
import { type DimensionValues, elementCount, namesIn, sizeText, sizeValue, typeText } from './size.ts'

/** One thing known about the sizes: `size`, on this axis (or the element count of the whole), is `actual`. */
interface Constraint {
  readonly tensor: ManifestTensor
  readonly flat: FlatInput
  readonly size: ManifestSize
  readonly actual: number
  readonly axis?: number
}

/**
 * The run-time dimensions that fit all inputs of an entry. Refuses inputs that disagree with their types, with each
 * other or with a dimension's range; `rows` names a dimension whose maximum does not count, for whole datasets.
 */
export function inferDimensions(
  manifest: Manifest,
  inputs: readonly { readonly tensor: ManifestTensor; readonly flat: FlatInput }[],
  rows?: string,
): DimensionValues {
  const dims: DimensionValues = {}
  const origin: Record<string, string> = {}
  let pending = inputs.flatMap(({ tensor, flat }) => constraintsOf(tensor, flat))
  while (pending.length > 0) {
    const next = pending.find((constraint) => decides(constraint, dims))
    if (next === undefined) throw undetermined(pending[0]!, unknownsOf(pending[0]!, dims))
    pending = pending.filter((constraint) => constraint !== next)
    const unknown = unknownsOf(next, dims)[0]
    if (unknown === undefined) {
      if (sizeValue(next.size, dims) !== next.actual) throw disagreement(next, dims, origin)
      continue
    }
    const range = manifest.dims.find((dim) => dim.name === unknown)!
    const maximum = unknown === rows ? Number.MAX_SAFE_INTEGER : range.maximum
    const value = solve(next, unknown, dims)
    if (value === undefined) throw disagreement(next, dims, origin)
    if (value < range.minimum || value > maximum) {
      const limits = unknown === rows ? `at least ${range.minimum}` : `${range.minimum} to ${range.maximum}`
      throw new ModelError(
        'dimension-range',
        `input \`${next.tensor.name}\` makes ${unknown} = ${value}, but the module takes ${limits}${value > maximum ? '; feed smaller batches (fit, evaluateAll and predictAll do so by themselves), or raise the range and build again' : ''}`,
      )
    }
    dims[unknown] = value
    origin[unknown] = next.tensor.name
  }
  return dims
}

function constraintsOf(tensor: ManifestTensor, flat: FlatInput): Constraint[] {
  if (flat.shape === undefined) {
    const size = tensor.shape.reduce<ManifestSize>((product, axis) => ['*', product, axis], 1)
    return [{ tensor, flat, size, actual: flat.data.length }]
  }
  if (flat.shape.length !== tensor.shape.length) {
    throw new ModelError(
      'wrong-shape',
      `input \`${tensor.name}\` has shape [${flat.shape.join(', ')}], expected ${typeText(tensor)}: it has ${flat.shape.length} instead of ${tensor.shape.length} axes`,
    )
  }
  return tensor.shape.map((size, axis) => ({ tensor, flat, size, actual: flat.shape![axis]!, axis }))
}

function unknownsOf(constraint: Constraint, dims: DimensionValues): string[] {
  return [...new Set(namesIn(constraint.size))].filter((name) => !(name in dims))
}

/** Whether nothing is unknown, or one size that the constraint tells: not if another, being 0, leaves no element either way. */
function decides(constraint: Constraint, dims: DimensionValues): boolean {
  const [unknown, another] = unknownsOf(constraint, dims)
  if (unknown === undefined) return true
  if (another !== undefined) return false
  const at = (value: number): number => sizeValue(constraint.size, { ...dims, [unknown]: value })
  return at(0) !== at(2 ** 31)
}

/** The value of the one unknown that makes the size right, undefined if none does. Sizes grow with their dimensions. */
function solve(constraint: Constraint, unknown: string, dims: DimensionValues): number | undefined {
  if (constraint.size === unknown) return constraint.actual
  const at = (value: number): number => sizeValue(constraint.size, { ...dims, [unknown]: value })
  let low = 0
  let high = 1
  while (at(high) < constraint.actual && high < 2 ** 31) high *= 2
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (at(middle) < constraint.actual) low = middle + 1
    else high = middle
  }
  return at(low) === constraint.actual ? low : undefined
}

function undetermined(constraint: Constraint, unknowns: readonly string[]): ModelError {
  const { tensor } = constraint
  return new ModelError(
    'wrong-shape',
    `input \`${tensor.name}\` is ${typeText(tensor)}, and its ${constraint.actual} elements do not say what ${unknowns.join(' and ')} are; give { data, shape } or nested arrays`,
  )
}

function disagreement(constraint: Constraint, dims: DimensionValues, origin: Record<string, string>): ModelError {
  const { tensor, flat, axis, actual } = constraint
  const type = typeText(tensor)
  const other = namesIn(constraint.size).find((name) => name in dims && origin[name] !== tensor.name)
  const expected = sizeValue(constraint.size, dims)
  if (other !== undefined) {
    const found = axis === undefined ? `${actual} elements` : `shape [${flat.shape!.join(', ')}]`
    const needed = tensor.shape.map((size) => sizeText(knownSize(size, dims))).join(', ')
    return new ModelError(
      'dimension-mismatch',
      `input \`${tensor.name}\` has ${found}, but input \`${origin[other]}\` makes ${other} = ${dims[other]}, so ${type} must be [${needed}]`,
    )
  }
  if (axis !== undefined) {
    const need = Number.isNaN(expected) ? `of the form ${sizeText(constraint.size)}` : String(expected)
    return new ModelError(
      'wrong-shape',
      `input \`${tensor.name}\` has shape [${flat.shape!.join(', ')}], expected ${type}: axis ${axis} is ${actual}, must be ${need}`,
    )
  }
  const fixed = tensor.shape.map((size) => sizeValue(size, dims)).filter((size) => !Number.isNaN(size))
  const need = Number.isNaN(expected) ? `a multiple of ${elementCount(fixed)}` : `${expected} elements`
  return new ModelError('wrong-shape', `input \`${tensor.name}\` has ${actual} elements, expected ${type}: ${need}`)
}

/** The value of a size, or the size itself while it is not known. */
function knownSize(size: ManifestSize, dims: DimensionValues): ManifestSize {
  const value = sizeValue(size, dims)
  return Number.isNaN(value) ? size : value
}
