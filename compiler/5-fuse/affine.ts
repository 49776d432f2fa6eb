/**
 * Affine maps from a kernel's loop axes to an element offset or an index: constant + Σ coefficient · axis.
 * Axes are numbers, unique within one graph; coefficients may depend on run-time dimensions.
 */
import { add, type Dim, dimEqual, dimKey, multiply } from '../dimensions/dimension.ts'

export interface AffineTerm {
  readonly axis: number
  readonly coefficient: Dim
}

export interface Affine {
  readonly constant: Dim
  /** Sorted by axis, no coefficient zero. */
  readonly terms: readonly AffineTerm[]
}

export function fixed(constant: Dim): Affine {
  return { constant, terms: [] }
}

export function along(axis: number): Affine {
  return { constant: 0, terms: [{ axis, coefficient: 1 }] }
}

export function sum(left: Affine, right: Affine): Affine {
  if (right.terms.length === 0 && right.constant === 0) return left
  if (left.terms.length === 0 && left.constant === 0) return right
  return affine(add(left.constant, right.constant), [...left.terms, ...right.terms])
}

export function scale(map: Affine, factor: Dim): Affine {
  if (factor === 1) return map
  return affine(
    multiply(map.constant, factor),
    map.terms.map(({ axis, coefficient }) => ({ axis, coefficient: multiply(coefficient, factor) })),
  )
}

/** Replaces axes by other axes; an axis without a replacement stays. */
export function renameAxes(map: Affine, names: ReadonlyMap<number, number>): Affine {
  if (!map.terms.some(({ axis }) => names.has(axis))) return map
  return affine(
    map.constant,
    map.terms.map(({ axis, coefficient }) => ({ axis: names.get(axis) ?? axis, coefficient })),
  )
}

export function coefficientOf(map: Affine, axis: number): Dim {
  return map.terms.find((term) => term.axis === axis)?.coefficient ?? 0
}

export function withoutAxis(map: Affine, axis: number): Affine {
  return { constant: map.constant, terms: map.terms.filter((term) => term.axis !== axis) }
}

export function affineKey({ constant, terms }: Affine): string {
  let key = dimKey(constant)
  for (const { axis, coefficient } of terms) key += `+${axis}*(${dimKey(coefficient)})`
  return key
}

export function affineEqual(left: Affine, right: Affine): boolean {
  return (
    left.terms.length === right.terms.length &&
    dimEqual(left.constant, right.constant) &&
    left.terms.every(
      (term, at) => term.axis === right.terms[at]!.axis && dimEqual(term.coefficient, right.terms[at]!.coefficient),
    )
  )
}

/** Row-major strides of a shape, in elements; where there are none, as if empty axes had one. */
export function stridesOf(shape: readonly Dim[]): Dim[] {
  const strides: Dim[] = []
  let stride: Dim = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    if (shape[axis] !== 0) stride = multiply(stride, shape[axis]!)
  }
  return strides
}

/** Row-major offset of an index in a contiguous tensor. */
export function offsetOf(index: readonly Affine[], shape: readonly Dim[]): Affine {
  const strides = stridesOf(shape)
  let constant: Dim = 0
  const terms: AffineTerm[] = []
  index.forEach((map, axis) => {
    const scaled = scale(map, strides[axis]!)
    constant = add(constant, scaled.constant)
    terms.push(...scaled.terms)
  })
  return affine(constant, terms)
}

/** A map of terms in any order, an axis possibly several times. */
function affine(constant: Dim, terms: readonly AffineTerm[]): Affine {
  if (isCanonical(terms)) return { constant, terms }
  const merged = new Map<number, Dim>()
  for (const { axis, coefficient } of terms) merged.set(axis, add(merged.get(axis) ?? 0, coefficient))
  const kept = [...merged].filter(([, coefficient]) => coefficient !== 0).sort(([a], [b]) => a - b)
  return { constant, terms: kept.map(([axis, coefficient]) => ({ axis, coefficient })) }
}

/** Most lists of terms are, and then nothing needs to be merged. */
function isCanonical(terms: readonly AffineTerm[]): boolean {
  let last = -1
  for (const { axis, coefficient } of terms) {
    if (axis <= last || coefficient === 0) return false
    last = axis
  }
  return true
}
