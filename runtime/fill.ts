import type { TensorData } from './api.ts'
import { ModelError } from './error.ts'
import type { FiniteCheck } from './finite.ts'
import { described, type FlatInput } from './flatten.ts'
import type { ManifestTensor } from './manifest.ts'
import { typeText } from './size.ts'

/** How elements lie in memory: floats as they are, i32 and bool as 32-bit integers. */
export type Stored = Float32Array | Int32Array

/** So few floats are looked at sooner than a function of WebAssembly is called. */
const FEW = 128

/**
 * Checks every element of an input against its dtype and limit and stores it. `shape` is the input's, resolved, for the
 * position in messages; `limit` is the number of classes where elements are labels or indices. The first goes to `start`. With
 * `finite` the target is a module's memory, where floats are looked at once they are there.
 */
export function fill(
  tensor: Pick<ManifestTensor, 'name' | 'dtype' | 'shape'>,
  flat: FlatInput,
  shape: readonly number[],
  limit: number | undefined,
  target: Stored,
  what: string,
  start = 0,
  finite?: FiniteCheck,
): void {
  const { data } = flat
  const count = data.length
  if (data instanceof Float32Array && target instanceof Float32Array) {
    const inPlace = count < FEW ? undefined : finite
    if (inPlace) target.set(data, start)
    if (!(inPlace ? inPlace(start, count) : allFinite(data))) {
      const index = data.findIndex((value) => !Number.isFinite(value))
      throw fault(tensor, data[index], index, shape, limit, what)
    }
    if (!inPlace && data !== target) target.set(data, start)
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
    target[start + i] = Number(value)
  }
}

/** 0 times a number is 0 exactly when the number is finite, and a sum with NaN is NaN; four sums, so that no addition waits for the last. */
function allFinite(data: Float32Array): boolean {
  const whole = data.length & ~3
  let [a, b, c, d] = [0, 0, 0, 0]
  for (let i = 0; i < whole; i += 4) {
    a += 0 * data[i]!
    b += 0 * data[i + 1]!
    c += 0 * data[i + 2]!
    d += 0 * data[i + 3]!
  }
  for (let i = whole; i < data.length; i++) a += 0 * data[i]!
  return a + b + c + d === 0
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

/** A copy of `count` stored elements in the form handed out. */
export function taken(dtype: ManifestTensor['dtype'], stored: Stored, start: number, count: number): TensorData {
  const copy = stored.slice(start, start + count)
  return dtype === 'bool' ? Uint8Array.from(copy) : copy
}
