import type { Input, ShapedInput } from './api.ts'
import { ModelError } from './error.ts'
import type { ManifestTensor } from './manifest.ts'
import { elementCount, typeText } from './size.ts'

/** A fed value in one row, before its numbers are looked at; without `shape`, only the number of elements is known. */
export interface FlatInput {
  readonly data: ArrayLike<unknown>
  readonly shape?: readonly number[]
  /** Where each row begins in `data`; absent: one after the other. */
  readonly starts?: ArrayLike<number>
}

type FlatTensor = Pick<ManifestTensor, 'name' | 'dtype' | 'shape'>

/** Brings every accepted form of an input into one row. `what` says what it is in messages: input, parameter. */
export function flatten(tensor: FlatTensor, value: Input, what: string): FlatInput {
  if (typeof value === 'number' || typeof value === 'boolean') return { data: [value], shape: [] }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return { data: checked(tensor, value, what) }
  if (Array.isArray(value)) return Array.isArray(value[0]) ? nested(tensor, value, what) : { data: value }
  const { data, shape, starts } = (value ?? {}) as Partial<ShapedInput>
  if (!(Array.isArray(data) || (ArrayBuffer.isView(data) && !(data instanceof DataView)))) {
    throw new ModelError(
      'wrong-dtype',
      `${what} \`${tensor.name}\` is ${described(value)}; give ${typeText(tensor)} as a typed array, an array of numbers, nested arrays, or { data, shape }`,
    )
  }
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new ModelError(
      'wrong-shape',
      `${what} \`${tensor.name}\` has no usable shape (${JSON.stringify(shape)}); give { data, shape } with a list of whole numbers, for ${typeText(tensor)}`,
    )
  }
  if (starts !== undefined) {
    checkStarts(tensor, starts, shape, data.length, what)
    return { data: checked(tensor, data, what), shape, starts }
  }
  if (elementCount(shape) !== data.length) {
    throw new ModelError(
      'wrong-shape',
      `${what} \`${tensor.name}\` has ${data.length} elements, but its shape [${shape.join(', ')}] needs ${elementCount(shape)}`,
    )
  }
  return { data: checked(tensor, data, what), shape }
}

function checkStarts(
  tensor: FlatTensor,
  starts: ArrayLike<number>,
  shape: readonly number[],
  elements: number,
  what: string,
): void {
  const rowSize = elementCount(shape.slice(1))
  const list = Array.isArray(starts) || ArrayBuffer.isView(starts)
  if (!list || shape.length === 0 || starts.length !== shape[0])
    throw new ModelError(
      'wrong-shape',
      `${what} \`${tensor.name}\` needs one start for each of its ${shape[0] ?? 0} rows, in a list of whole numbers`,
    )
  for (let row = 0; row < starts.length; row++) {
    const start = starts[row]!
    if (!Number.isInteger(start) || start < 0 || start + rowSize > elements)
      throw new ModelError(
        'wrong-shape',
        `${what} \`${tensor.name}\`: row ${row} begins at ${start} and has ${rowSize} elements, but the data has ${elements}`,
      )
  }
}

/** The rows one after the other. */
export function gathered(flat: FlatInput): FlatInput {
  const { data, shape, starts } = flat
  if (starts === undefined || shape === undefined) return flat
  const rowSize = elementCount(shape.slice(1))
  const rows = new Array<unknown>(starts.length * rowSize)
  for (let row = 0; row < starts.length; row++)
    for (let i = 0; i < rowSize; i++) rows[row * rowSize + i] = data[starts[row]! + i]
  return { data: rows, shape }
}

function checked(tensor: FlatTensor, data: ArrayLike<unknown>, what: string): ArrayLike<unknown> {
  if (tensor.dtype === 'f32' ? data instanceof Float32Array : data instanceof Int32Array) return data
  const kind = described(data)
  if (kind.startsWith('a Big') || (tensor.dtype !== 'f32' && kind.startsWith('a Float'))) {
    throw new ModelError(
      'wrong-dtype',
      `${what} \`${tensor.name}\` is ${kind}, expected ${typeText(tensor)}: convert it to ${tensor.dtype === 'f32' ? 'a Float32Array' : 'an Int32Array'}`,
    )
  }
  return data
}

function nested(tensor: FlatTensor, value: readonly unknown[], what: string): FlatInput {
  const shape: number[] = []
  for (let level: unknown = value; Array.isArray(level); level = level[0]) shape.push(level.length)
  // Below an empty list nothing says how the axes go on; they are those of the type.
  const rest = shape.at(-1) === 0 ? tensor.shape.slice(shape.length) : []
  const data: unknown[] = []
  const walk = (level: unknown, axis: number, path: readonly number[]): void => {
    if (axis === shape.length && !Array.isArray(level)) {
      data.push(level)
    } else if (Array.isArray(level) && level.length === shape[axis]) {
      for (const [index, inner] of level.entries()) walk(inner, axis + 1, [...path, index])
    } else {
      throw new ModelError(
        'wrong-shape',
        `${what} \`${tensor.name}\` is ragged: at [${path.join(', ')}] there is ${Array.isArray(level) ? `a list of ${level.length}` : described(level)}, elsewhere ${axis < shape.length ? `lists of ${shape[axis]}` : 'single values'}`,
      )
    }
  }
  walk(value, 0, [])
  return { data, shape: [...shape, ...rest.map((size) => (typeof size === 'number' ? size : 0))] }
}

/** What a value is, in words: `a Uint8Array`, `the string "7"`, `nothing`. */
export function described(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (typeof value === 'string') return `the string ${JSON.stringify(value.slice(0, 40))}`
  if (typeof value === 'object') {
    const name = Object.prototype.toString.call(value).slice(8, -1)
    return `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${ArrayBuffer.isView(value) || Array.isArray(value) ? name : name.toLowerCase()}`
  }
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : `a ${typeof value}`
}
