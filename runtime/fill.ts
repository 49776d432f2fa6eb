import type { TensorData } from './api.ts'
import { ModelError } from './error.ts'
import { described, type FlatInput } from './flatten.ts'
import type { ManifestTensor } from './manifest.ts'
import { typeText } from './size.ts'

/** How elements lie in memory: floats as they are, i32 and bool as 32-bit integers. */
export type Stored = Float32Array | Int32Array

/**
 * Checks every element of an input against its dtype and limit and stores it. `shape` is the input's, resolved, for the
 * position in messages; `limit` is the number of classes where elements are labels or indices.
 */
export function fill(
  tensor: Pick<ManifestTensor, 'name' | 'dtype' | 'shape'>,
  flat: FlatInput,
  shape: readonly number[],
  limit: number | undefined,
  target: Stored,
  what: string,
): void {
  const { data } = flat
  const count = data.length
  if (data instanceof Float32Array && target instanceof Float32Array) {
    // A difference with itself is 0 exactly when the number is finite.
    for (let i = 0; i < count; i++) if (data[i]! - data[i]! !== 0) throw fault(tensor, data[i], i, shape, limit, what)
    if (data !== target) target.set(data)
    return
  }
  const boolean = tensor.dtype === 'bool'
  const float = tensor.dtype === 'f32'
  const high = limit === undefined ? 2 ** 31 - 1 : limit - 1
  const low = limit === undefined ? -(2 ** 31) : 0
  for (let i = 0; i < count; i++) {
    const value = data[i]
    let good: boolean
    if (boolean) good = value === true || value === false || value === 0 || value === 1
    else if (typeof value !== 'number') good = false
    else if (float) good = Number.isFinite(Math.fround(value))
    else good = Number.isInteger(value) && value >= low && value <= high
    if (!good) throw fault(tensor, value, i, shape, limit, what)
    target[i] = Number(value)
  }
}

function fault(
  tensor: Pick<ManifestTensor, 'name' | 'dtype' | 'shape'>,
  value: unknown,
  index: number,
  shape: readonly number[],
  limit: number | undefined,
  what: string,
): ModelError {
  const place = `${what} \`${tensor.name}\`${position(index, shape)} is ${described(value)}, expected ${typeText(tensor)}`
  if (typeof value !== 'number')
    return new ModelError('wrong-dtype', `${place}: ${tensor.dtype === 'bool' ? 'true, false, 1 or 0' : 'a number'}`)
  if (tensor.dtype === 'bool') return new ModelError('wrong-dtype', `${place}: true, false, 1 or 0`)
  if (tensor.dtype === 'f32' || !Number.isFinite(value)) {
    const large = Number.isFinite(value) ? ' (largest 3.4e38)' : ''
    return new ModelError('not-finite', `${place}: a finite number${large}; remove or replace missing values first`)
  }
  if (!Number.isInteger(value)) return new ModelError('not-an-integer', `${place}: a whole number`)
  if (limit === undefined) return new ModelError('label-range', `${place}: a 32-bit integer`)
  return new ModelError('label-range', `${place} from 0 to ${limit - 1}`)
}

/** ` at [3, 17]`, C order. */
function position(index: number, shape: readonly number[]): string {
  const place: number[] = []
  let rest = index
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place.unshift(rest % shape[axis]!)
    rest = Math.floor(rest / shape[axis]!)
  }
  return place.length === 0 ? '' : ` at [${place.join(', ')}]`
}

/** A copy of stored elements in the form handed out. */
export function taken(dtype: ManifestTensor['dtype'], stored: Stored): TensorData {
  return dtype === 'bool' ? Uint8Array.from(stored) : stored.slice()
}
